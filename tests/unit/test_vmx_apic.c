/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/virt/vmx/vmx_caps.c kernel/virt/vmx/vmx_state.c kernel/virt/vmx/vmx_event.c kernel/virt/vmx/vmx_exit.c
   kernel/virt/vmx/vmx_fast.c kernel/virt/vmx/vmx_run.c kernel/virt/backend.c kernel/virt/vcpu_msr.c
   kernel/virt/vm_cpuid.c kernel/virt/vlapic.c kernel/virt/vlapic_reg.c kernel/virt/vlapic_icr.c
   kernel/virt/vlapic_timer.c kernel/mm/ptab.c kernel/mm/fmt_x86.c kernel/lib/fmt.c kernel/lib/str.c
   tests/unit/fake/hw.c tests/unit/fake/pmm.c tests/unit/fake/vmx_guest.c tests/unit/fake/no_svm.c
   tests/unit/fake/log.c */
/* A CPU that virtualizes the local APIC: when it may, what it is told, and posted interrupts in every order. */
#include "tests/unit/fake/vmx_guest.h"

#define VECTOR 0x51u

static struct vcpu sender;
static struct vlapic_page sender_page;

static bool window(uint32_t bit) { return (vmcs_read(VMCS_PROC) & bit) != 0; }
static void flags(uint64_t f) { exit_field(VMCS_RFLAGS, f); }
static uint64_t status(void) { return vmcs_read(VMCS_INTR_STATUS); }

static void start(bool posted)
{
    caps_skylake();
    if (posted)
        caps.ctl[VMX_PIN] |= (uint64_t)PIN_POSTED << 32;
    vmx_long_mode(0x1000);
    memset(&sender, 0, sizeof sender);
    memset(&sender_page, 0, sizeof sender_page);
    sender.vm = &vm;
    vlapic_init(&sender.lapic, &sender_page, 1, false);
    sender.lapic.base |= APIC_BASE_EXTD;
    CHECK(!vmx_update(&cpu));
}

/* Another vCPU, on its own CPU, sends a vector. */
static void send(uint32_t vector) { vlapic_send(&sender, vector); }

/* All controls of the two ways are in step. */
static bool in_cpu(void)
{
    const bool on = cpu.vmx->apicv;
    CHECK(window(PROC_TPR_SHADOW) == on && window(PROC_CR8) == !on);
    CHECK_EQ(vmcs_read(VMCS_PROC2), vmx_caps.ctl[VMX_PROC2] | (on ? PROC2_APIC : 0));
    CHECK_EQ(vmcs_read(VMCS_PIN), vmx_caps.ctl[VMX_PIN] | (on && vmx_caps.posted ? PIN_POSTED : 0));
    CHECK_EQ(vmcs_read(VMCS_MSR_BITMAP), vmx_caps.msr_bitmap_pa[on]);
    return on;
}

/* The CPU in the guest delivers the highest vector, and completes it [SDM3 30.2.2, 30.1.4]. */
static uint32_t deliver(void)
{
    const uint32_t rvi = (uint32_t)status() & 0xff;
    vlapic_accept(&cpu.lapic, (uint8_t)rvi);
    exit_field(VMCS_INTR_STATUS, vlapic_status(&cpu.lapic));
    return rvi;
}

/* The notification arrives in the guest [SDM3 30.6]. */
static void notified(void)
{
    struct vlapic_posted *p = &apic.posted;
    p->on = 0;
    for (unsigned i = 0; i < 256; i++) {
        if (!(p->edge[i / 64] >> i % 64 & 1))
            continue;
        apic.irr[i / 32].v |= BIT32(i % 32);
        if ((status() & 0xff) < i)
            exit_field(VMCS_INTR_STATUS, (status() & 0xff00) | i);
    }
    memset(p->edge, 0, sizeof p->edge);
}

/* ---- without posted interrupts ---- */

static void modes(void)
{
    start(false);
    CHECK(in_cpu());
    CHECK(vmcs_read(VMCS_APIC_PAGE) == (uintptr_t)&apic && vmcs_read(VMCS_APIC_PAGE) % PAGE_SIZE == 0);
    CHECK(vmcs_read(VMCS_TPR_THRESHOLD) == 0 && vmcs_read(VMCS_EOI_EXIT0) == 0 && vmcs_read(VMCS_EOI_EXIT3) == 0);
    apic.svr.v = 0xff;                                             /* disabled by software */
    CHECK(!vmx_update(&cpu) && !in_cpu());
    apic.svr.v = 0x1ff;
    CHECK(!vmx_update(&cpu) && in_cpu());
    CHECK(vlapic_base_write(&cpu, (cpu.lapic.base | APIC_BASE_EN) & ~(APIC_BASE_EN | APIC_BASE_EXTD)));
    CHECK(!vmx_update(&cpu) && !in_cpu());                         /* off */
    CHECK(vlapic_base_write(&cpu, cpu.lapic.base | APIC_BASE_EN));
    apic.svr.v = 0x1ff;
    CHECK(!vmx_update(&cpu) && !in_cpu());                         /* xAPIC */
    CHECK(vlapic_base_write(&cpu, cpu.lapic.base | APIC_BASE_EXTD));
    CHECK(!vmx_update(&cpu) && in_cpu());
    caps_without_apicv();
    vmx_long_mode(0x1000);
    CHECK(!vmx_update(&cpu) && !in_cpu());
}

static void delivery(void)
{
    start(false);
    send(0x41);
    send(0x35);
    send(0x65);
    flags(2);                                                      /* neither IF nor a shadow is looked at, nothing injected */
    const unsigned reads = fake_vmx.reads, writes = fake_vmx.writes;
    CHECK(!vmx_update(&cpu) && cpu.event == 0);
    CHECK(fake_vmx.reads == reads && fake_vmx.writes == writes + 1);
    CHECK_EQ(status(), 0x65);
    CHECK(!vmx_wakes(&cpu));
    flags(RFLAGS_IF | 2);
    CHECK(vmx_wakes(&cpu));
    apic.tpr.v = 0x60;
    CHECK(!vmx_wakes(&cpu));
    apic.tpr.v = 0x50;
    CHECK_EQ(deliver(), 0x65);
    CHECK(status() == 0x6541 && !vmx_wakes(&cpu));
    send(0x71);
    CHECK(!vmx_update(&cpu) && status() == 0x6571 && vmx_wakes(&cpu));
    vs->gpr[GPR_RCX] = 0x830;                                      /* ICR to itself: an exit, and no more of the loop */
    vs->gpr[GPR_RAX] = 0x40081;
    vs->gpr[GPR_RDX] = 0;
    attention = 0;
    CHECK_EQ(vmx_exits(VMX_WRMSR, 0), VIRT_RESUME);
    CHECK(status() == 0x6581 && !attention && cpu.event == 0);
    exit_field(VMCS_IDT_INFO, EVENT(EVENT_TYPE_EXTINT, 0x81));     /* the CPU accepted it; an exit cut it short */
    CHECK_EQ(vmx_exits(VMX_EPT_VIOLATION, 0x182), VIRT_USER);
    CHECK_EQ(vmx_injected(), EVENT(EVENT_TYPE_EXTINT, 0x81));
}

/* The VMM has to hear of the EOI: the whole APIC is software until then. */
static void levels(void)
{
    start(false);
    send(0x41);
    upcall_vm_msi(&vm, 0xfee00000, 0xc039);
    CHECK(!vmx_update(&cpu) && !in_cpu());
    CHECK_EQ(vmx_injected(), EVENT(EVENT_TYPE_EXTINT, 0x41));
    CHECK(!vlapic_eoi(&cpu.lapic) && !vmx_update(&cpu) && !in_cpu());
    CHECK_EQ(vmx_injected(), EVENT(EVENT_TYPE_EXTINT, 0x39));
    send(0x55);
    flags(2);                                                      /* meanwhile others wait here, too */
    CHECK(!vmx_update(&cpu) && !in_cpu() && window(PROC_INTR_WINDOW));
    vs->gpr[GPR_RCX] = 0x80b;
    vs->gpr[GPR_RAX] = vs->gpr[GPR_RDX] = 0;
    attention = 0;
    CHECK_EQ(vmx_exits(VMX_WRMSR, 0), VIRT_RESUME);
    CHECK(attention && vlapic_eoi_take(&cpu.lapic) == 0x39);
    CHECK(!vmx_update(&cpu) && in_cpu() && status() == 0x55 && !window(PROC_INTR_WINDOW));
}

static void pic(void)
{
    start(false);
    cpu.extint_line = 1;
    apic.lvt[LVT_LINT0].v = 0x700;
    flags(2);
    send(0x41);
    CHECK(!vmx_update(&cpu) && window(PROC_INTR_WINDOW) && status() == 0x41);
    flags(RFLAGS_IF | 2);
    CHECK(vmx_update(&cpu) && !window(PROC_INTR_WINDOW));
    flags(2);
    CHECK(!vmx_update(&cpu) && window(PROC_INTR_WINDOW));
    cpu.extint_line = 0;
    CHECK(!vmx_update(&cpu) && !window(PROC_INTR_WINDOW) && status() == 0x41);
}

/* SELF_IPI with a vector below 16 exits behind the instruction. */
static void illegal_vector(void)
{
    uint64_t value = 0;
    start(false);
    apic.self_ipi.v = 0x0f;
    attention = 0;
    CHECK_EQ(vmx_exits(VMX_APIC_WRITE, 0x3f0), VIRT_RESUME);
    CHECK(attention && vmcs_read(VMCS_RIP) == 0x1000);
    CHECK(vlapic_access(&cpu, VLR_ESR, VLAPIC_X2_WRITE, &value) && apic.esr.v == ESR_SEND_ILLEGAL);
    CHECK(!vlapic_access(&cpu, VLR_SELF_IPI, VLAPIC_X2_READ, &value));
}

/* ---- posted interrupts ---- */

static unsigned when;            /* the sender comes: 1 in the guest, 2 when the guest was left and the interrupt is the host's */
static uint64_t at_entry;

static uint32_t run(struct vmx_vcpu *x)
{
    at_entry = status();
    if (when)
        send(VECTOR);
    if (when == 1)
        notified();
    x->reason = VMX_IO;
    return FAST_EXIT;
}

static void enter(unsigned send_when)
{
    when = send_when;
    attention = 0;
    fake_vmx.enter = run;
    exit_field(VMCS_QUALIFICATION, 0x00800000);
    exit_field(VMCS_INSN_LEN, 1);
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    CHECK_EQ(vs->exit.reason, EXIT_IO);
}

static void posted(void)
{
    start(true);
    CHECK(in_cpu() && vmcs_read(VMCS_POSTED) == (uintptr_t)&apic.posted && vmcs_read(VMCS_POSTED_VECTOR) == VEC_POSTED);
    enter(1);                                                      /* no exit, no attention */
    CHECK(fake_vmx.notices == 1 && !attention && at_entry == 0 && status() == VECTOR);
    CHECK_EQ(deliver(), VECTOR);
    enter(0);                                                      /* nothing posted: the status is the CPU's */
    CHECK_EQ(at_entry, VECTOR << 8);
    CHECK(!vlapic_eoi(&cpu.lapic));

    start(true);                                                   /* the guest was left before the notification came */
    enter(2);
    CHECK(fake_vmx.notices == 1 && !attention && apic.posted.on == 1);
    send(VECTOR + 1);                                              /* the flag is set: nobody is told again */
    CHECK(fake_vmx.notices == 1 && !attention);
    enter(0);
    CHECK(at_entry == VECTOR + 1 && apic.posted.on == 0);

    start(true);                                                   /* the same, and the guest halts */
    enter(2);
    CHECK(!vmx_update(&cpu) && vmx_wakes(&cpu) && status() == VECTOR);

    start(true);                                                   /* not in the guest: woken, as ever */
    send(VECTOR);
    CHECK(fake_vmx.notices == 0 && attention);
    CHECK(!vmx_update(&cpu) && status() == VECTOR);

    start(true);                                                   /* in_guest is set, the descriptor not looked at yet */
    cpu.in_guest = 1;
    send(VECTOR);
    CHECK(fake_vmx.notices == 1 && !attention);
    enter(0);
    CHECK_EQ(at_entry, VECTOR);
}

/* What is not for the CPU goes the long way although the guest runs. */
static void not_posted(void)
{
    start(true);
    cpu.in_guest = 1;
    attention = 0;
    upcall_vm_msi(&vm, 0xfee00000, 0xc039);
    CHECK(fake_vmx.notices == 0 && attention);
    attention = 0;
    send(0x400);                                                   /* NMI */
    CHECK(fake_vmx.notices == 0 && attention && cpu.nmi_pending);
    CHECK(!vmx_update(&cpu) && !in_cpu());
    attention = 0;
    send(0x41);                                                    /* the APIC is software now */
    CHECK(fake_vmx.notices == 0 && attention);
    start(false);                                                  /* a CPU without posted interrupts */
    cpu.in_guest = 1;
    attention = 0;
    send(0x41);
    CHECK(fake_vmx.notices == 0 && attention);
}

int main(void)
{
    modes();
    delivery();
    levels();
    pic();
    illegal_vector();
    posted();
    not_posted();
    return unit_done();
}
