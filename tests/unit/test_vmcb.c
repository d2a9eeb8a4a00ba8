/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/virt/svm/svm_state.c kernel/virt/svm/svm_event.c kernel/virt/svm/svm_exit.c kernel/virt/svm/svm_msr.c
   kernel/virt/svm/svm_fast.c kernel/virt/backend.c kernel/virt/vcpu_msr.c kernel/virt/vm_cpuid.c
   kernel/virt/vlapic.c kernel/virt/vlapic_reg.c
   kernel/virt/vlapic_icr.c kernel/virt/vlapic_timer.c tests/unit/fake/hw.c
   tests/unit/fake/svm_guest.c tests/unit/fake/no_vmx.c */
/* SVM without an SVM: CPUID and APIC on the fast path, the state page, refused states. */
#include "tests/unit/fake/svm_guest.h"
#include "unit.h"

static void reset_state(void)
{
    guest_start();
    CHECK_EQ(block.seg[SEG_CS].base, 0xffff0000);
    CHECK_EQ(block.rip, 0xfff0);
    CHECK_EQ(block.efer, EFER_SVME);
    CHECK_EQ(block.dr6, 0xffff0ff0);
    CHECK_EQ(block.dr7, 0x400);
    CHECK_EQ(block.g_pat, PAT_RESET);
    CHECK(exits(SVM_EXIT_VMRUN));
    CHECK(exits(SVM_EXIT_INTR));
    CHECK(exits(SVM_EXIT_MSR));
    CHECK(exits(SVM_EXIT_IOIO));
    static const uint32_t want[6] = { 0x00100000, 0x00ff00ff, 0x00060002, 0xdd4c800f, 0x00007e7f, 0x00000019 };
    for (unsigned i = 0; i < 6; i++)
        CHECK_EQ(block.icpt[i], want[i]);
    CHECK_EQ(block.np_enable, 1);
    CHECK_EQ(block.int_ctl, V_INTR_MASKING);
}

static void cpuid_fast(void)
{
    guest_long_mode(0x1000);
    block.rax = 0;
    CHECK_EQ(guest_fast(SVM_EXIT_CPUID, 0, 0), FAST_EXIT);            /* length not known */
    CHECK_EQ(block.rip, 0x1000);
    guest_insn_len(SVM_EXIT_CPUID, 3);
    block.int_state = INT_SHADOW;
    block.event_inj = EVENT(3, 14);
    block.tlb_control = TLB_FLUSH_ALL;
    CHECK_EQ(guest_fast(SVM_EXIT_CPUID, 0, 0), FAST_RESUME);
    CHECK_EQ(block.rip, 0x1003);
    CHECK_EQ(block.rax, 0xd);
    CHECK_EQ(state.gpr[GPR_RBX], 0x11);
    CHECK_EQ(state.gpr[GPR_RDX], 0x33);
    CHECK_EQ(block.int_state | block.event_inj | block.tlb_control, 0);
    CHECK_EQ(guest_fast(SVM_EXIT_CPUID, 0, 0), FAST_EXIT);            /* another rip */
    block.rip = 0x1000;
    block.cr3 = 0x6000;
    CHECK_EQ(guest_fast(SVM_EXIT_CPUID, 0, 0), FAST_EXIT);            /* another address space */
    block.cr3 = 0x5000;
    CHECK_EQ(guest_fast(SVM_EXIT_MSR, 0, 0x802), FAST_EXIT);          /* another exit */
    block.next_rip = 0x1002;                                    /* a CPU with next-RIP */
    block.cr3 = 0x6000;
    CHECK_EQ(guest_fast(SVM_EXIT_CPUID, 0, 0), FAST_RESUME);
    CHECK_EQ(block.rip, 0x1002);
    block.rip = 0x1000;
    attention = 1;
    CHECK_EQ(guest_fast(SVM_EXIT_CPUID, 0, 0), FAST_ATTENTION);
    block.rip = 0x1000;
    block.rflags |= RFLAGS_TF;
    CHECK_EQ(guest_fast(SVM_EXIT_CPUID, 0, 0), FAST_EXIT);
    block.rflags &= ~RFLAGS_TF;
    block.exit_int_info = EVENT(3, 14);
    CHECK_EQ(guest_fast(SVM_EXIT_CPUID, 0, 0), FAST_EXIT);
}

static uint64_t leaf(uint32_t n, uint32_t sub)
{
    block.rip = 0x1000;
    block.rax = n;
    CHECK_EQ(guest_fast(SVM_EXIT_CPUID, 0, sub), FAST_RESUME);
    return block.rax;
}

static void cpuid_values(void)
{
    guest_long_mode(0x1000);
    guest_insn_len(SVM_EXIT_CPUID, 2);
    CHECK_EQ(leaf(4, 0), 1);
    CHECK_EQ(leaf(4, 1), 5);
    CHECK_EQ(leaf(4, 2), 0);
    CHECK_EQ(leaf(0x40000000, 5), 0x40000010);
    CHECK_EQ(leaf(0x40000100, 0), 0x40000101);
    CHECK_EQ(leaf(0x40000101, 0), 0);
    CHECK_EQ(leaf(0x80000000, 0), 0x80000008);
    CHECK_EQ(leaf(0xc0000000, 0), 0);
    CHECK_EQ(leaf(0x1f, 0), 0);
    CHECK_EQ(leaf(0xffffffff, 0), 0);
    cpu.lapic.page->id.v = 3;
    for (unsigned i = 0; i < 2; i++) {                          /* computed, then from the cache */
        CHECK_EQ(leaf(1, 0), 0x800f12);
        CHECK_EQ(state.gpr[GPR_RBX], 0x03000800);
        CHECK_EQ(state.gpr[GPR_RCX], 0x04000000);
        CHECK_EQ(state.gpr[GPR_RDX], 0x201);
    }
    block.cr4 |= CR4_OSXSAVE;
    (void)leaf(1, 0);
    CHECK_EQ(state.gpr[GPR_RCX], 0x0c000000);
    cpu.lapic.base &= ~(uint64_t)APIC_BASE_EN;
    (void)leaf(1, 0);
    CHECK_EQ(state.gpr[GPR_RDX], 0x001);
    cpu.xcr0 = 3;
    (void)leaf(0xd, 0);
    CHECK_EQ(state.gpr[GPR_RBX], 576);
    cpu.xcr0 = 7;
    (void)leaf(0xd, 0);
    CHECK_EQ(state.gpr[GPR_RBX], 832);
    cpu.xcr0 = 0xe7;
    (void)leaf(0xd, 0);
    CHECK_EQ(state.gpr[GPR_RBX], 2664);
    cpu_features.xsaves = false;
    CHECK_EQ(leaf(0xd, 1), 7);
    CHECK_EQ(state.gpr[GPR_RBX], 2408);                        /* by the components, not as the row says */
    cpu_features.xsaves = true;
    CHECK_EQ(leaf(0xd, 1), 15);
}

static void cpuid_tables(void)
{
    struct vm_cpuid r[2] = { { .leaf = 2 }, { .leaf = 1 } };
    memset(&vm, 0, sizeof vm);
    CHECK_EQ(vm_set_cpuid(&vm, r, 2), ST_INVAL);                /* not ascending */
    r[1].leaf = 2;
    CHECK_EQ(vm_set_cpuid(&vm, r, 2), ST_INVAL);                /* twice */
    r[0].flags = CPUID_SUBLEAF;
    r[1].subleaf = 1;
    CHECK_EQ(vm_set_cpuid(&vm, r, 2), ST_INVAL);                /* subleaf without the flag */
    r[1].flags = 0x80;
    CHECK_EQ(vm_set_cpuid(&vm, r, 2), ST_INVAL);
    CHECK_EQ(vm_set_cpuid(&vm, r, 0), ST_INVAL);
    CHECK_EQ(vm_set_cpuid(&vm, r, VM_CPUID_MAX + 1), ST_INVAL);
    r[1].flags = CPUID_SUBLEAF;
    vm.started = 1;
    CHECK_EQ(vm_set_cpuid(&vm, r, 2), ST_STATE);
    vm.started = 0;
    CHECK_EQ(vm_set_cpuid(&vm, r, 2), ST_OK);
    CHECK_EQ(vm_set_cpuid(&vm, r, 2), ST_STATE);
}

static void apic_fast(void)
{
    guest_long_mode(0x2000);
    CHECK_EQ(guest_fast_wrmsr(0x83f, 0x51), FAST_RESUME);
    CHECK(block.int_ctl & V_IRQ);
    CHECK_EQ(block.int_vector, 0x51);
    CHECK_EQ(FIELD_GET(V_INTR_PRIO, block.int_ctl), 5);
    CHECK(exits(SVM_EXIT_CR_WRITE + 8));
    CHECK_EQ(block.rip, 0x2002);
    guest_take_interrupt();
    CHECK_EQ(guest_fast_wrmsr(0x83f, 0x52), FAST_RESUME);             /* same class: waits */
    CHECK(!(block.int_ctl & V_IRQ));
    CHECK(!(exits(SVM_EXIT_CR_WRITE + 8)));
    CHECK_EQ(cpu.lapic.page->isr[2].v, BIT32(0x11));
    CHECK_EQ(guest_fast_wrmsr(0x80b, 0), FAST_RESUME);
    CHECK_EQ(block.int_vector, 0x52);
    CHECK(block.int_ctl & V_IRQ);
    CHECK_EQ(guest_fast_wrmsr(0x808, 0x60), FAST_RESUME);
    CHECK_EQ(block.int_ctl & V_TPR, 6);
    CHECK(block.int_ctl & V_IRQ);                               /* the CPU compares */
    CHECK_EQ(guest_fast_wrmsr(0x830, 0x40071), FAST_RESUME);
    CHECK_EQ(block.int_vector, 0x71);                           /* the higher one goes first */
    CHECK_EQ(cpu.lapic.page->icr.v, 0x40071);
    CHECK_EQ(guest_fast_wrmsr(0x83f, 0x05), FAST_EXIT);               /* errors are the slow path's */
    CHECK_EQ(guest_fast_wrmsr(0x80b, 1), FAST_EXIT);
    CHECK_EQ(guest_fast_wrmsr(0x830, 1ull << 32 | 0x71), FAST_EXIT);
    CHECK_EQ(guest_fast_wrmsr(0x838, 100), FAST_EXIT);
    CHECK_EQ(guest_fast_wrmsr(0x840, 0), FAST_EXIT);
    CHECK_EQ(guest_fast_wrmsr(0x7ff, 0), FAST_EXIT);
    svm.virq = VIRQ_EXTINT;
    CHECK_EQ(guest_fast_wrmsr(0x83f, 0x51), FAST_EXIT);
    svm.virq = VIRQ_APIC;
    cpu.lapic.base &= ~(uint64_t)APIC_BASE_EXTD;
    CHECK_EQ(guest_fast_wrmsr(0x83f, 0x51), FAST_EXIT);
}

static void level_eoi(void)
{
    guest_long_mode(0x2000);
    CHECK(vlapic_post(&cpu.lapic, 0x39, true));
    CHECK(!svm_update(&cpu));
    guest_take_interrupt();
    CHECK_EQ(guest_fast_wrmsr(0x80b, 0), FAST_ATTENTION);
    CHECK_EQ(vlapic_eoi_take(&cpu.lapic), 0x39);
}

static void refused_state(void)
{
    guest_long_mode(0xc000);
    svm_state_get(&cpu, VS_ALL);
    struct vcpu_state before = state;
    block.rip = 0xffffffff80123456ull;                          /* QEMU: the host's registers */
    block.cr3 = 0xdeadb000;
    block.msr.lstar = 0xffffffff80100000ull;
    block.exit_code = 0xffffffffull;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK_EQ(state.exit.reason, EXIT_INVALID);
    CHECK_EQ(state.exit.code, SVM_EXIT_INVALID);
    CHECK_EQ(state.valid, 0);
    CHECK(memcmp(&before, &state, offsetof(struct vcpu_state, valid)) == 0);      /* what was shown before */
    for (size_t i = offsetof(struct vmcb, seg); i < sizeof block; i++)
        if (((const uint8_t *)&block)[i] != 0)
            CHECK_EQ(i, 0);                                     /* nothing is left of it */
    CHECK_EQ(cpu.stop, 1);
    guest_long_mode(0xc000);
    block.exit_code = ~0ull;                                    /* and as QEMU 10 writes it */
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK_EQ(state.exit.reason, EXIT_INVALID);
}

static void hostile_page(void)
{
    guest_long_mode(0xd000);
    svm_state_get(&cpu, VS_ALL);
    CHECK(svm_state_set(&cpu, VS_ALL & ~VS_EVENT));
    CHECK_EQ(block.efer, EFER_SVME | 0xd00);
    uint32_t icpt[6];
    memcpy(icpt, block.icpt, sizeof icpt);
    icpt[ICPT_DR] = 0;                                          /* the page turns breakpoints on */
    memset(&state, 0xff, sizeof state);
    CHECK(!svm_state_set(&cpu, VS_CR));
    CHECK(!svm_state_set(&cpu, VS_MSR));
    CHECK(!svm_state_set(&cpu, VS_EVENT));
    CHECK(svm_state_set(&cpu, VS_RIP | VS_SEG | VS_DR));
    CHECK_EQ(block.seg[SEG_CS].attr, 0xfff);
    CHECK_EQ(block.rflags, RFLAGS_DEFINED | RFLAGS_FIXED);
    CHECK_EQ(block.dr7 >> 32 | block.dr6 >> 32, 0);
    CHECK_EQ(block.int_state, INT_SHADOW);
    CHECK(memcmp(icpt, block.icpt, sizeof icpt) == 0 && block.np_enable == 1);
    guest_long_mode(0xd000);
    svm_state_get(&cpu, VS_ALL);
    state.efer = 0x1d00;
    CHECK(!svm_state_set(&cpu, VS_CR));
    state.efer = 0xd00;
    state.cr0 |= CR0_NW;
    CHECK(!svm_state_set(&cpu, VS_CR));
    state.cr0 |= CR0_CD;
    CHECK(svm_state_set(&cpu, VS_CR));
    state.cr3 = 1ull << 40;
    CHECK(!svm_state_set(&cpu, VS_CR));
    state.cr3 = 0;
    state.cr4 |= 1ull << 12;
    CHECK(!svm_state_set(&cpu, VS_CR));
    state.cr4 = 0;                                              /* long mode without PAE */
    CHECK(!svm_state_set(&cpu, VS_CR));
    static const uint64_t bad[] = { EVENT(3, 2), EVENT(3, 31), EVENT(3, 32), EVENT(1, 5), EVENT(5, 5), EVENT(4, 3) | EVENT_HAS_ERROR,
                                    EVENT(3, 6) | 1ull << 32, EVENT(3, 6) | 1ull << 30, EVENT(2, 2), EVENT(4, 3),
                                    EVENT(0, 8) | EVENT_HAS_ERROR };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        state.pending_event = bad[i];
        CHECK(!svm_state_set(&cpu, VS_EVENT));
        CHECK_EQ(cpu.event, 0);
    }
    state.pending_event = 0;
    CHECK(svm_state_set(&cpu, VS_EVENT));
}

/* DR0-3 go into the CPU only where the vCPU is at home: elsewhere they would come back as another guest's. */
static void debug_registers(void)
{
    guest_long_mode(0xd000);
    state.dr[1] = 0x1234;
    state.dr7 = 0x401;
    cpu.thread = NULL;                                          /* before its first run, from any CPU */
    CHECK(svm_state_set(&cpu, VS_DR));
    CHECK(loads == 0 && !cpu.dr_loaded && block.icpt[ICPT_DR] == ICPT_DR_ALL && cpu.dr[1] == 0x1234);
    cpu.thread = &thread;
    CHECK(svm_state_set(&cpu, VS_DR));
    CHECK(loads == 1 && cpu.dr_loaded && block.icpt[ICPT_DR] == 0);
    state.dr[1] = 0;
    svm_state_get(&cpu, VS_DR);
    CHECK(state.dr[1] == 0x1234 && cpu.dr_loaded);              /* the breakpoints stay on */
}

static void cr8(void)
{
    guest_long_mode(0xe000);
    svm_state_get(&cpu, VS_ALL);
    cpu.lapic.page->tpr.v = 0x90;                                       /* the VMM wrote TPR by VCPU_LAPIC */
    svm_push_tpr(&cpu);
    CHECK(svm_state_set(&cpu, VS_ALL & ~VS_EVENT));
    CHECK_EQ(cpu.lapic.page->tpr.v, 0x90);                              /* no group of the page touches it */
    CHECK_EQ(block.int_ctl & V_TPR, 9);
}

int main(void)
{
    reset_state();
    cpuid_fast();
    cpuid_values();
    cpuid_tables();
    apic_fast();
    level_eoi();
    refused_state();
    hostile_page();
    debug_registers();
    cr8();
    return unit_done();
}
