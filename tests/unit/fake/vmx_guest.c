/* SPDX-License-Identifier: BSD-2-Clause */
/* A CPU with VT-x: VMCS fields exist, have a width and may be read-only as the manual says [SDM3 B]. */
#include "tests/unit/fake/vmx_guest.h"

#include <stdarg.h>

#include "kernel/arch/boot.h"
#include "kernel/lib/fmt.h"
#include "kernel/mm/pmm.h"

struct cpu_features cpu_features;
struct percpu fake_percpu ALIGNED(64);
struct percpu *cpu_block[MAX_CPUS];
uint32_t cpu_count = 1;
struct fake_vmx fake_vmx;
struct fake_caps caps;
struct vcpu cpu;
struct vm vm;
struct thread thread;
struct task task;
static struct cpu_area area;
static uint64_t msrs[8];         /* STAR to SFMASK, KERNEL_GS_BASE, EFER, PAT */
const char vmx_exit_point[1];
extern const char vmx_exit_point[];

static const struct { uint32_t field; unsigned width; } rows[] = {
#define X(n, w, e) { (e), VMCS_W_##w },
    VMCS_FIELDS(X)
#undef X
};

/* Word 0 of a region is the revision; word 1 its launch state; then one for each field. */
static uint64_t *slot(uint32_t field, unsigned *width)
{
    if (fake_vmx.current == 0)
        fake_die("no current VMCS for field", field);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].field == field) {
            *width = rows[i].width;
            return (uint64_t *)fake_vmx.current + 2 + i;
        }
    }
    /* Segments, PDPTEs: rows of their own in the table, so this is a bug. */
    vmcs_failed(field);
}

uint64_t vmcs_read(uint32_t field)
{
    unsigned width;
    fake_vmx.reads++;
    return *slot(field, &width);
}

void exit_field(uint32_t field, uint64_t value)
{
    unsigned width;
    *slot(field, &width) = value;
}

void vmcs_write(uint32_t field, uint64_t v)
{
    unsigned width;
    uint64_t *word = slot(field, &width);
    fake_vmx.writes++;
    if ((field >> 10 & 3) == 1)
        fake_die("VMWRITE to a read-only field", field);
    if ((width == VMCS_W_16 && v >> 16) || (width == VMCS_W_32 && v >> 32))
        fake_die("a value too wide for field", field);
    *word = v;
}

bool vmx_on(uint64_t pa)
{
    if (!(fake_hw.cr[4] & CR4_VMXE) || *(uint32_t *)pa != (uint32_t)(caps.basic & 0x7fffffff))
        fake_die("VMXON on", pa);
    fake_vmx.on = !fake_vmx.refuse_on;
    return fake_vmx.on;
}

/* What the first VMCLEAR leaves in a region's fields is nobody's. */
bool vmcs_clear(uint64_t pa)
{
    static const uint64_t junk[] = { [VMCS_W_16] = 0xdead, [VMCS_W_32] = FAKE_VMX_JUNK & 0xffffffff,
                                     [VMCS_W_64] = FAKE_VMX_JUNK, [VMCS_W_NAT] = FAKE_VMX_JUNK };
    uint64_t *region = (uint64_t *)pa;
    fake_vmx.clears++;
    region[1] = 0;
    for (unsigned i = 0; region[0] >> 32 == 0 && i < sizeof rows / sizeof rows[0]; i++)
        region[2 + i] = junk[rows[i].width];
    region[0] |= UINT64_C(1) << 32;
    if (fake_vmx.current == pa)
        fake_vmx.current = 0;
    return fake_vmx.on;
}

bool vmcs_load(uint64_t pa)
{
    fake_vmx.loads++;
    if (*(uint32_t *)pa != (uint32_t)(caps.basic & 0x7fffffff))
        return false;
    fake_vmx.current = pa;
    return fake_vmx.on;
}

bool vmx_invept(uint64_t type, uint64_t eptp)
{
    fake_vmx.invepts++;
    fake_vmx.invept_type = type;
    fake_vmx.eptp = eptp;
    return type == 1 ? caps.ept_vpid >> 25 & 1 : caps.ept_vpid >> 26 & 1;
}

bool vmx_invvpid(uint64_t type, uint16_t vpid)
{
    fake_vmx.invvpids++;
    fake_vmx.invvpid_type = type;
    fake_vmx.vpid = vpid;
    return type == 1 ? caps.ept_vpid >> 41 & 1 : caps.ept_vpid >> 42 & 1;
}

uint32_t vmx_enter(struct vmx_vcpu *x)
{
    uint64_t *region = (uint64_t *)fake_vmx.current;
    fake_vmx.enters++;
    if (x->vmcs_pa != fake_vmx.current || region[1] != x->launched)
        fake_die("VM entry with another VMCS, or launched wrongly", x->vmcs_pa);
    region[1] = 1;
    fake_vmx.wide_gdt = true;
    if (fake_vmx.enter)
        return fake_vmx.enter(x);
    x->reason = VMX_EXTINT;
    return FAST_EXIT;
}

void trap_irq(unsigned vector) { fake_vmx.vector = vector; }
void hw_take_irqs(void) { fake_vmx.irqs++; }
void hw_take_nmi(void) { fake_vmx.nmis++; }
uint64_t tables_idt(void) { return 0x1d7; }
void hw_gdt_narrow(const struct table_ptr *gdtr)
{ fake_vmx.wide_gdt &= (uintptr_t)gdtr != (uintptr_t)percpu() + offsetof(struct cpu_area, gdtr); }
uint64_t tsc_hz(void) { return 1000000000u; }
void ktimer_set(struct ktimer *timer, uint64_t deadline) { (void)timer, (void)deadline; }
void ktimer_cancel(struct ktimer *timer) { (void)timer; }
void vcpu_notify(struct vcpu *v) { (void)v; attention = 1; }
bool vcpu_posted(const struct vcpu *v) { return virt_post(v); }
void lapic_ipi(uint32_t cpu_index, uint8_t vector)
{
    CHECK_EQ(cpu_index, cpu.cpu);
    CHECK_EQ(vector, VEC_POSTED);
    fake_vmx.notices++;
}
bool vcpu_attend(struct vcpu *v) { (void)v; attention = 0; return true; }
hpa_t boot_image_pa(const void *in_image) { return (hpa_t){ (uintptr_t)in_image }; }
jmp_buf fake_vmx_panic;
char fake_vmx_said[96];
void panic(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fmt_v(fake_vmx_said, sizeof fake_vmx_said, format, ap);
    va_end(ap);
    if (fake_vmx.catch)
        longjmp(fake_vmx_panic, 1);
    printf("panic: %s\n", fake_vmx_said);
    fake_die("panic", 0);
}

/* ---- MSRs ---- */

static int own(uint32_t msr)
{
    if (msr >= MSR_STAR && msr <= MSR_SFMASK)
        return (int)(msr - MSR_STAR);
    return msr == MSR_KERNEL_GS_BASE ? 4 : msr == MSR_EFER ? 5 : msr == MSR_PAT ? 6 : -1;
}

static uint64_t read_msr(uint32_t msr)
{
    static const uint16_t ctl[2][VMX_WORDS] = { { 0x481, 0x482, 0x48b, 0x483, 0x484 }, { 0x48d, 0x48e, 0x48b, 0x48f, 0x490 } };
    const bool exact = caps.basic >> 55 & 1;
    for (unsigned i = 0; i < VMX_WORDS; i++)
        if (ctl[exact][i] == msr) {
            if (msr == 0x48b && !(caps.ctl[VMX_PROC] >> 63))
                fake_die("this CPU has no MSR", msr);
            return caps.ctl[i];
        }
    switch (msr) {
    case 0x3a:  return caps.feature_control;
    case 0x480: return caps.basic;
    case 0x485: return caps.misc;
    case 0x48c:
        if (!(caps.ctl[VMX_PROC2] >> 32 & (PROC2_EPT | PROC2_VPID)))
            fake_die("this CPU has no MSR", msr);
        return caps.ept_vpid;
    }
    if (own(msr) < 0)
        fake_die("read of MSR", msr);
    return msrs[own(msr)];
}

static void write_msr(uint32_t msr, uint64_t v)
{
    if (msr == 0x3a && !(caps.feature_control & 1)) {
        caps.feature_control = v;
        return;
    }
    if (msr == MSR_TSC_AUX)
        return;
    if (own(msr) < 0 || ((msr == MSR_LSTAR || msr == MSR_CSTAR || msr == MSR_KERNEL_GS_BASE) && !is_canonical(v)))
        fake_die("write of MSR", msr);
    msrs[own(msr)] = v;
}

void caps_skylake(void)
{
    caps = (struct fake_caps){
        .feature_control = 5, .basic = 0x00d810000000002b, .misc = 0x600401e0, .ept_vpid = 0xf0106334141,
        .ctl = { 0x0000007f00000016, 0xf7f9fffe04006172, 0x02177fff00000000, 0x007fffff00036dfb, 0x0000ffff000011fb },
    };
}

void caps_without_apicv(void)
{
    caps_skylake();
    caps.ctl[VMX_PROC2] &= ~((uint64_t)PROC2_APIC << 32);
}

/* ---- the guest ---- */

static struct cpuid_regs host_cpuid(uint32_t leaf, uint32_t sub)
{
    (void)leaf, (void)sub;
    return (struct cpuid_regs){ 0, 0, 0, 0 };
}

static const struct vm_cpuid leaves[] = {
    { 0, 0, 0xd, 0x11, 0x22, 0x33, 0, 0 },
    { 1, 0, 0x506e3, 0x00000800, 0x04000000, 0x00000201, 0, 0 },
    { 4, 0, 1, 2, 3, 4, CPUID_SUBLEAF, 0 },
    { 4, 1, 5, 6, 7, 8, CPUID_SUBLEAF, 0 },
};

void vmx_world(void)
{
    fake_hw_reset();
    fake_pmm_reset();
    fake_hw.cpuid = host_cpuid;
    fake_hw.rdmsr = read_msr;
    fake_hw.wrmsr = write_msr;
    fake_hw.cr[0] = CR0_PE | CR0_NE | CR0_WP | CR0_PG | CR0_TS;
    fake_hw.cr[4] = CR4_PAE | CR4_MCE;
    cpu_features = (struct cpu_features){ .vmx = true, .intel = true, .phys_bits = 40, .host_xcr0 = 7, .xsave = true,
                                          .cr4_known = 0x7ff | CR4_OSXSAVE | CR4_SMEP };
    memset(&fake_vmx, 0, sizeof fake_vmx);
    memset(&vmx_caps, 0, sizeof vmx_caps);
    memset(&cpu, 0, sizeof cpu);
    memset(&vm, 0, sizeof vm);
    vm.tsc_ratio = TSC_SAME;
    memset(&thread, 0, sizeof thread);
    memset(&fake_percpu, 0, sizeof fake_percpu);
    for (unsigned i = 0; i < 7; i++)
        msrs[i] = 0xffffffff80000000 + i;
    msrs[3] = 0x47700;
    msrs[4] = 0;
    cpu_block[0] = &area.pc;
}

void vmx_start(void)
{
    char reason[96] = "";
    if (caps.basic == 0)
        caps_skylake();
    vmx_world();
    CHECK_EQ(vmx_init_cpu(reason), ST_OK);
    vm.vcpu[0] = &cpu;
    vm.vcpus = 1;
    vm.asid = 3;
    vm.tlb_gen = 1;
    CHECK_EQ(vmx_npt_init(&vm.npt), ST_OK);
    CHECK_EQ(vm_set_cpuid(&vm, leaves, sizeof leaves / sizeof leaves[0]), ST_OK);
    cpu.vm = &vm;
    cpu.serial = 77;
    cpu.state = pmm_alloc();
    vlapic_init(&cpu.lapic, pmm_alloc_order(VLAPIC_ORDER), 0, true);
    CHECK_EQ(vmx_vcpu_init(&cpu), ST_OK);
    CHECK(fake_vmx.current == 0 && cpu.vmx->launched == 0);      /* on no CPU until its thread runs */
    thread.task = &task;
    task.space.cr3 = 0x123000;
    cpu.thread = &thread;
    vmx_switch_in(&cpu);
    exit_field(VMCS_IDT_INFO, 0);
}

void vmx_long_mode(uint64_t rip)
{
    vmx_start();
    vmx_state_get(&cpu, VS_ALL);
    vs->cr0 = CR0_PG | CR0_PE | CR0_NE | 0x10;
    vs->cr3 = 0x5000;
    vs->cr4 = CR4_PAE;
    vs->efer = 0xd01;
    vs->seg[SEG_CS] = (struct vcpu_segment){ 8, 0xa9b, 0xffffffff, 0 };
    vs->rflags = RFLAGS_FIXED | RFLAGS_IF;
    vs->rip = rip;
    CHECK(vmx_state_set(&cpu, VS_RIP | VS_CR | VS_SEG));
    cpu.lapic.base |= APIC_BASE_EXTD;
    vlapic_reset(&cpu.lapic);
    apic.svr.v = 0x1ff;
    attention = 0;
}

enum virt_next vmx_exits(uint32_t reason, uint64_t qualification)
{
    exit_field(VMCS_EXIT_REASON, reason);
    exit_field(VMCS_QUALIFICATION, qualification);
    exit_field(VMCS_INSN_LEN, 2);
    exit_field(VMCS_ENTRY_INTR, 0);
    cpu.vmx->msrs_loaded = 1;
    return vmx_fast(cpu.vmx, cpu.state, vs->gpr[GPR_RDX], vs->gpr[GPR_RCX]) == FAST_EXIT ? vmx_exit(cpu.vmx) : VIRT_RESUME;
}

uint64_t vmx_injected(void)
{
    vmx_inject(cpu.vmx);
    uint64_t info = vmcs_read(VMCS_ENTRY_INTR);
    vmcs_write(VMCS_ENTRY_INTR, 0);
    if (!(info & EVENT_VALID))
        return 0;
    return info | (info & EVENT_HAS_ERROR ? vmcs_read(VMCS_ENTRY_ERROR) << 32 : 0);
}
