/* SPDX-License-Identifier: BSD-2-Clause */
/* The world around one SVM vCPU in a host test. */
#include "tests/unit/fake/svm_guest.h"

#include "unit.h"

struct cpu_features cpu_features;
struct percpu fake_percpu;
uint64_t svm_iopm_pa = 0x10000, svm_msrpm_pa = 0x20000;
struct svm_vcpu svm;
struct vcpu cpu;
struct vm vm;
struct vcpu_state state;
struct thread thread;
unsigned kicks, loads;

uint64_t tsc_hz(void) { return 1000000000u; }
void ktimer_set(struct ktimer *timer, uint64_t deadline) { kicks += timer == &svm.kick; (void)deadline; }
void ktimer_cancel(struct ktimer *timer) { (void)timer; }
bool vcpu_posted(const struct vcpu *v) { (void)v; return false; }
static struct vlapic_page apic;
void vcpu_notify(struct vcpu *v) { (void)v; attention = 1; }
uint64_t svm_xcr0_sync(struct svm_vcpu *s) { return s->vcpu->xcr0; }
void svm_dr_load(struct svm_vcpu *s) { s->vcpu->dr_loaded = 1; s->vmcb.icpt[ICPT_DR] = 0; loads++; }
void svm_switch_in(struct vcpu *v)
{
    if (v->svm->vmcb.dr7 & DR7_BREAKPOINTS)
        svm_dr_load(v->svm);
}
void svm_switch_out(struct vcpu *v) { v->dr_loaded = 0; v->svm->vmcb.icpt[ICPT_DR] = ICPT_DR_ALL; }
void svm_tsc_moved(struct vcpu *v) { block.tsc_offset = v->tsc_offset; }

static const struct vm_cpuid rows[] = {
    { 0, 0, 0xd, 0x11, 0x22, 0x33, 0, 0 },
    { 1, 0, 0x800f12, 0x00000800, 0x04000000, 0x00000201, 0, 0 },
    { 4, 0, 1, 2, 3, 4, CPUID_SUBLEAF, 0 },
    { 4, 1, 5, 6, 7, 8, CPUID_SUBLEAF, 0 },
    { 0xd, 0, 0xe7, 0, 2688, 0, CPUID_SUBLEAF, 0 },
    { 0xd, 1, 0xf, 0xa80, 0, 0, CPUID_SUBLEAF, 0 },
    { 0x40000000, 0, 0x40000010, 9, 9, 9, 0, 0 },
    { 0x40000100, 0, 0x40000101, 8, 8, 8, 0, 0 },
    { 0x80000000, 0, 0x80000008, 1, 1, 1, 0, 0 },
};

static struct cpuid_regs host_cpuid(uint32_t leaf, uint32_t sub)
{
    if (leaf == 0)
        return (struct cpuid_regs){ 0xd, 0, 0, 0 };
    static const struct cpuid_regs d[8] = {      /* AVX, AVX-512; the standard format has a hole where MPX would be */
        [2] = { 256, 576, 0, 0 }, [5] = { 64, 1088, 0, 0 }, [6] = { 512, 1152, 0, 0 }, [7] = { 1000, 1664, 2, 0 },
    };
    return leaf == 0xd && sub < 8 ? d[sub] : (struct cpuid_regs){ 0, 0, 0, 0 };
}

void guest_start(void)
{
    fake_hw_reset();
    fake_hw.cpuid = host_cpuid;
    cpu_features = (struct cpu_features){ .phys_bits = 40, .cr4_known = 0x7ff | BIT64(18) | BIT64(20), .host_xcr0 = 7,
                                          .xsave = true };
    memset(&svm, 0, sizeof svm);
    memset(&cpu, 0, sizeof cpu);
    memset(&vm, 0, sizeof vm);
    vm.tsc_ratio = TSC_SAME;
    memset(&state, 0, sizeof state);
    memset(&thread, 0, sizeof thread);
    kicks = loads = 0;
    vm.vcpu[0] = &cpu;
    vm.vcpus = 1;
    cpu.vm = &vm;
    cpu.state = &state;
    cpu.svm = &svm;
    cpu.thread = &thread;
    memset(&apic, 0, sizeof apic);
    vlapic_init(&cpu.lapic, &apic, 0, true);
    svm.vcpu = &cpu;
    svm.state = &state;
    CHECK_EQ(vm_set_cpuid(&vm, rows, sizeof rows / sizeof rows[0]), ST_OK);
    svm_init(&svm);
}

/* A guest in flat 64-bit mode at rip, interrupts on, x2APIC on. */
void guest_long_mode(uint64_t rip)
{
    guest_start();
    block.cr0 = CR0_PG | CR0_PE | 0x10;
    block.cr4 = CR4_PAE;
    block.cr3 = 0x5000;
    block.efer = EFER_SVME | 0xd00;
    block.seg[SEG_CS] = (struct vcpu_segment){ 8, 0x29b, 0xffffffff, 0 };
    block.rflags = RFLAGS_FIXED | RFLAGS_IF;
    block.rip = rip;
    cpu.lapic.base |= APIC_BASE_EXTD;
    vlapic_reset(&cpu.lapic);
    cpu.lapic.page->svr.v = 0x1ff;
}

void guest_insn_len(uint32_t code, uint32_t len)
{
    block.exit_code = code;
    *svm_insn_slot(&svm, block.rip) = (struct svm_insn){ block.rip, block.cr3, code, len };
}

uint32_t guest_fast(uint32_t code, uint64_t rdx, uint64_t rcx)
{
    block.exit_code = code;
    state.gpr[GPR_RCX] = rcx;
    state.gpr[GPR_RDX] = rdx;
    return svm_fast(&svm, &state, rdx, rcx);
}

uint32_t guest_fast_wrmsr(uint32_t msr, uint64_t value)
{
    guest_insn_len(SVM_EXIT_MSR, 2);
    block.exit_info1 = 1;
    block.rax = (uint32_t)value;
    return guest_fast(SVM_EXIT_MSR, value >> 32, msr);
}

/* The CPU takes the armed vector: V_IRQ clears. */
void guest_take_interrupt(void) { block.int_ctl &= ~V_IRQ; }
