/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/virt/vmx/vmx_caps.c kernel/virt/vmx/vmx_state.c kernel/virt/vmx/vmx_event.c kernel/virt/vmx/vmx_exit.c
   kernel/virt/vmx/vmx_fast.c kernel/virt/vmx/vmx_run.c kernel/virt/backend.c kernel/virt/vcpu_msr.c
   kernel/virt/vm_cpuid.c kernel/virt/vlapic.c kernel/virt/vlapic_reg.c kernel/virt/vlapic_icr.c
   kernel/virt/vlapic_timer.c kernel/mm/ptab.c kernel/mm/fmt_x86.c kernel/lib/fmt.c kernel/lib/str.c
   tests/unit/fake/hw.c tests/unit/fake/pmm.c tests/unit/fake/vmx_guest.c tests/unit/fake/no_svm.c
   tests/unit/fake/log.c */
/* VT-x without VT-x: every exit reason, events in all their states, MSRs. */
#include "tests/unit/fake/vmx_guest.h"

#define EXT(v)  EVENT(EVENT_TYPE_EXTINT, v)
#define EXC(v)  EVENT(EVENT_TYPE_EXCEPTION, v)
#define NMI     EVENT(EVENT_TYPE_NMI, EXC_NMI)

static bool window(uint32_t bit) { return (vmcs_read(VMCS_PROC) & bit) != 0; }
static void flags(uint64_t f) { exit_field(VMCS_RFLAGS, f); }
static void blocking(uint32_t b) { exit_field(VMCS_INTERRUPTIBILITY, b); }

/* ---- interrupts ---- */

static void apic_vectors(void)
{
    vmx_long_mode(0x1000);
    CHECK(!vmx_update(&cpu) && cpu.event == 0 && !window(PROC_INTR_WINDOW));
    CHECK(vlapic_post(&cpu.lapic, 0x41, false));
    flags(2);                                                      /* IF = 0: wait for the window */
    CHECK(!vmx_update(&cpu) && cpu.event == 0 && window(PROC_INTR_WINDOW) && !vmx_wakes(&cpu));
    flags(RFLAGS_IF | 2);
    blocking(BLOCK_STI);
    CHECK(!vmx_update(&cpu) && cpu.event == 0 && window(PROC_INTR_WINDOW));
    blocking(BLOCK_MOV_SS);
    CHECK(!vmx_update(&cpu) && cpu.event == 0);
    blocking(0);
    cpu.event = GP;                                                /* an exception goes first */
    CHECK(!vmx_update(&cpu) && cpu.event == GP && window(PROC_INTR_WINDOW));
    CHECK_EQ(vmx_injected(), GP);
    CHECK_EQ(vmx_exits(VMX_INTR_WINDOW, 0), VIRT_RESUME);
    CHECK(attention);
    CHECK(!vmx_update(&cpu) && cpu.event == EXT(0x41) && vmx_wakes(&cpu) && !window(PROC_INTR_WINDOW));
    CHECK(cpu.lapic.page->isr[2].v == BIT32(1) && cpu.lapic.page->irr[2].v == 0);
    CHECK_EQ(vmx_injected(), EXT(0x41));
    CHECK(cpu.event == 0 && cpu.stats.injected == 1);
    CHECK(vlapic_post(&cpu.lapic, 0x35, false));                   /* a lower one waits for the EOI, without a window */
    CHECK(!vmx_update(&cpu) && cpu.event == 0 && !window(PROC_INTR_WINDOW));
    CHECK(vlapic_post(&cpu.lapic, 0x55, false));
    cpu.lapic.page->tpr.v = 0x50;                                          /* masked by the TPR */
    CHECK(!vmx_update(&cpu) && cpu.event == 0 && !window(PROC_INTR_WINDOW));
    cpu.lapic.page->tpr.v = 0x4f;
    CHECK(!vmx_update(&cpu) && cpu.event == EXT(0x55));
}

static void pic(void)
{
    vmx_long_mode(0x1000);
    cpu.extint_line = 1;
    cpu.lapic.page->lvt[LVT_LINT0].v = 0x700;
    flags(2);
    CHECK(!vmx_update(&cpu) && window(PROC_INTR_WINDOW));
    flags(RFLAGS_IF | 2);
    CHECK(vmx_update(&cpu) && !window(PROC_INTR_WINDOW));
    vs->pending_event = EXT(0x20);
    CHECK(vmx_state_set(&cpu, VS_EVENT));
    CHECK_EQ(vmx_injected(), EXT(0x20));
    CHECK(cpu.lapic.page->isr[1].v == 0);
    CHECK(vlapic_post(&cpu.lapic, 0x41, false));
    cpu.extint_line = 0;
    CHECK(!vmx_update(&cpu) && cpu.event == EXT(0x41));
}

static void nmis(void)
{
    vmx_long_mode(0x1000);
    cpu.nmi_pending = 1;
    CHECK(vmx_wakes(&cpu));
    static const uint32_t blocks[] = { BLOCK_NMI, BLOCK_MOV_SS, BLOCK_STI, BLOCK_STI | BLOCK_NMI };
    for (unsigned i = 0; i < 4; i++) {                             /* the NMI window may exit behind STI: no progress */
        blocking(blocks[i]);
        CHECK(vmx_injected() == 0 && cpu.nmi_pending);
        CHECK(window(PROC_NMI_WINDOW) == (i < 2) && window(PROC_INTR_WINDOW) == (i >= 2));
    }
    CHECK(!vmx_update(&cpu) && !window(PROC_INTR_WINDOW));
    blocking(BLOCK_NMI);
    CHECK(!vmx_wakes(&cpu));
    CHECK_EQ(vmx_exits(VMX_NMI_WINDOW, 0), VIRT_RESUME);
    blocking(0);
    CHECK_EQ(vmx_injected(), NMI);
    CHECK(!cpu.nmi_pending && !window(PROC_NMI_WINDOW));
    cpu.nmi_pending = 1;
    cpu.event = GP;                                                /* both: the NMI right behind it */
    CHECK_EQ(vmx_injected(), GP);
    CHECK(cpu.nmi_pending && window(PROC_NMI_WINDOW));
    CHECK_EQ(vmx_injected(), NMI);
}

/* The error code goes with the exceptions that have one, and not in real mode. */
static void error_codes(void)
{
    vmx_long_mode(0x1000);
    for (unsigned v = 0; v < 32; v++) {
        const bool has = v == 8 || (v >= 10 && v <= 14) || v == 17;
        if (v == EXC_NMI)
            continue;
        cpu.event = EXC(v) | EVENT_HAS_ERROR | 5ull << 32;
        CHECK_EQ(vmx_injected(), EXC(v) | (has ? EVENT_HAS_ERROR | 5ull << 32 : 0));
        cpu.event = EXC(v);
        CHECK_EQ(vmx_injected(), EXC(v) | (has ? EVENT_HAS_ERROR : 0));
        exit_field(VMCS_CR0, CR0_NE);
        cpu.event = EXC(v) | EVENT_HAS_ERROR;
        CHECK_EQ(vmx_injected(), EXC(v));
        exit_field(VMCS_CR0, CR0_NE | CR0_PE);
    }
}

/* The delivery of any event ends an interrupt shadow, which entry would check against TF. #DB ends general detect. */
static void delivery_ends(void)
{
    static const uint64_t events[] = { EXT(0x41), EXC(EXC_UD), EXC(EXC_DB) };
    for (unsigned i = 0; i < 3; i++) {
        vmx_long_mode(0x1000);
        flags(RFLAGS_IF | RFLAGS_TF | 2);
        blocking(BLOCK_NMI | (i == 0 ? BLOCK_MOV_SS : BLOCK_STI));
        exit_field(VMCS_DR7, DR7_FIXED | DR7_GD | 1);
        cpu.event = events[i];
        CHECK_EQ(vmx_injected(), events[i]);
        CHECK_EQ(vmcs_read(VMCS_INTERRUPTIBILITY), BLOCK_NMI);
        CHECK_EQ(vmcs_read(VMCS_DR7), DR7_FIXED | 1 | (i < 2 ? DR7_GD : 0));
    }
}

/* What an exit does while an event is being delivered: each type, by an EPT violation and by an exception. */
static void cut_short(void)
{
    static const struct { uint64_t info, error, by_ept, by_exception; bool nmi; } rows[] = {
        { EXT(0x41), 0, EXT(0x41), EXC(EXC_DB), false },
        { NMI, 0, 0, EXC(EXC_DB), true },
        { EXC(14) | EVENT_HAS_ERROR, 6, EXC(14) | EVENT_HAS_ERROR | 6ull << 32, EXC(EXC_DB), false },
        { EXC(6), 0, EXC(6), EXC(EXC_DB), false },
        { EVENT(4, 0x80), 0, 0, EXC(EXC_DB), false },              /* INT n, INT1, INT3: executes again */
        { EVENT(5, 1), 0, 0, EXC(EXC_DB), false },
        { EVENT(6, 3), 0, 0, EXC(EXC_DB), false },
        { EXT(0x41) & ~EVENT_VALID, 0, 0, EXC(EXC_DB), false },    /* stale */
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned exception = 0; exception < 2; exception++) {
            vmx_long_mode(0x1000);
            exit_field(VMCS_IDT_INFO, rows[i].info);
            exit_field(VMCS_IDT_ERROR, rows[i].error);
            exit_field(VMCS_EXIT_INTR, EXC(EXC_DB));
            blocking(rows[i].nmi ? BLOCK_NMI : 0);
            CHECK_EQ(vmx_exits(exception ? VMX_EXC_NMI : VMX_EPT_VIOLATION, 0x182), exception ? VIRT_RESUME : VIRT_USER);
            CHECK_EQ(cpu.event, exception ? rows[i].by_exception : rows[i].by_ept);
            CHECK(cpu.nmi_pending == rows[i].nmi && vmcs_read(VMCS_INTERRUPTIBILITY) == 0);
        }
    }
}

/* ---- exits ---- */

static void instruction_ends(void)
{
    vmx_long_mode(0x1000);
    blocking(BLOCK_STI | BLOCK_NMI);
    flags(RFLAGS_IF | RFLAGS_RF | 2);
    CHECK_EQ(vmx_exits(VMX_CPUID, 0), VIRT_RESUME);
    CHECK(vmcs_read(VMCS_RIP) == 0x1002 && vmcs_read(VMCS_INTERRUPTIBILITY) == BLOCK_NMI);
    CHECK_EQ(vmcs_read(VMCS_RFLAGS), RFLAGS_IF | 2);
    CHECK(vs->gpr[GPR_RAX] == 0xd && vs->gpr[GPR_RDX] == 0x33 && cpu.stats.cpuid == 1 && cpu.stats.exits == 1);
    flags(RFLAGS_IF | RFLAGS_TF | 2);                              /* a single step over it */
    vs->gpr[GPR_RAX] = 0;
    CHECK_EQ(vmx_exits(VMX_CPUID, 0), VIRT_RESUME);
    CHECK_EQ(vmcs_read(VMCS_ENTRY_INTR), EXC(EXC_DB));
    CHECK_EQ(cpu.vmx->dr6, DR6_FIXED | DR6_BS);
    CHECK_EQ(vmx_exits(VMX_INVD, 0), VIRT_RESUME);
    CHECK_EQ(cpu.event, EXC(EXC_DB));
    vs->pending_event = GP;                                        /* the VMM says that it faults instead */
    CHECK(vmx_state_set(&cpu, VS_EVENT));
    CHECK(cpu.event == GP && cpu.vmx->dr6 == DR6_FIXED);
    vs->pending_event = EXC(EXC_DB);                               /* it emulated the instruction that was stepped over */
    CHECK(vmx_state_set(&cpu, VS_EVENT));
    CHECK(cpu.event == EXC(EXC_DB) && cpu.vmx->dr6 == (DR6_FIXED | DR6_BS));
}

static void cpuid_leaves(void)
{
    vmx_long_mode(0x1000);
    vs->gpr[GPR_RAX] = 1;
    for (unsigned round = 0; round < 3; round++) {
        exit_field(VMCS_CR4, CR4_PAE | CR4_VMXE | (round == 2 ? CR4_OSXSAVE : 0));
        vs->gpr[GPR_RAX] = 1;
        CHECK_EQ(vmx_exits(VMX_CPUID, 0), VIRT_RESUME);
        CHECK_EQ(vs->gpr[GPR_RCX], round == 2 ? 0x0c000000 : 0x04000000);
    }
    vs->gpr[GPR_RAX] = 4;
    vs->gpr[GPR_RCX] = 1;
    CHECK_EQ(vmx_exits(VMX_CPUID, 0), VIRT_RESUME);
    CHECK(vs->gpr[GPR_RAX] == 5 && vmcs_read(VMCS_RIP) == 0x1008);
    /* The VMREADs and VMWRITEs of the common leaf: reason, rip twice, length, interruptibility, flags. */
    unsigned before = fake_vmx.reads, writes = fake_vmx.writes;
    vs->gpr[GPR_RAX] = 0;
    CHECK_EQ(vmx_fast(cpu.vmx, cpu.state, 0, 0), FAST_RESUME);
    CHECK(fake_vmx.reads - before == 5 && fake_vmx.writes - writes == 1);
}

static void every_reason(void)
{
    static const uint8_t resumed[] = { VMX_EXTINT, VMX_INIT, VMX_SIPI, VMX_INTR_WINDOW, VMX_NMI_WINDOW, VMX_CPUID, VMX_HLT,
                                       VMX_INVD, VMX_DR, VMX_PREEMPT_TIMER, VMX_WBINVD, VMX_APIC_WRITE };
    static const uint8_t undefined[] = { VMX_GETSEC, VMX_VMCLEAR, VMX_VMLAUNCH, VMX_VMPTRLD, VMX_VMPTRST, VMX_VMREAD,
                                         VMX_VMRESUME, VMX_VMWRITE, VMX_VMXOFF, VMX_VMXON, VMX_MWAIT, VMX_MONITOR,
                                         VMX_INVEPT, VMX_INVVPID, VMX_ENCLS };
    static const struct { uint8_t reason, exit; } user[] = {
        { VMX_TRIPLE_FAULT, EXIT_SHUTDOWN }, { VMX_VMCALL, EXIT_HYPERCALL }, { VMX_CR, EXIT_INSN }, { VMX_IO, EXIT_IO },
        { VMX_EPT_VIOLATION, EXIT_MMIO },
    };
    static const uint8_t own_tests[] = { VMX_EXC_NMI, VMX_RDPMC, VMX_RDMSR, VMX_WRMSR, VMX_XSETBV };
    for (unsigned reason = 0; reason < 80; reason++) {
        vmx_long_mode(0x1000);
        uint32_t exit = EXIT_UNHANDLED;
        for (unsigned i = 0; i < sizeof resumed; i++)
            exit = resumed[i] == reason ? EXIT_NONE : exit;
        for (unsigned i = 0; i < sizeof undefined; i++)
            exit = undefined[i] == reason ? EXIT_NONE : exit;
        for (unsigned i = 0; i < sizeof user / sizeof user[0]; i++)
            exit = user[i].reason == reason ? user[i].exit : exit;
        if (memchr(own_tests, (int)reason, sizeof own_tests))
            continue;
        CHECK_EQ(vmx_exits(reason, 0), exit == EXIT_NONE ? VIRT_RESUME : VIRT_USER);
        CHECK_EQ(vs->exit.reason, exit);
        CHECK_EQ(cpu.event, memchr(undefined, (int)reason, sizeof undefined) ? EXC(EXC_UD) : 0);
        CHECK(exit == EXIT_NONE || vs->exit.code == reason);
        CHECK_EQ(cpu.stop, 0);
        const bool skips = reason == VMX_CPUID || reason == VMX_HLT || reason == VMX_INVD || reason == VMX_WBINVD ||
                           reason == VMX_VMCALL || reason == VMX_IO;
        CHECK_EQ(vmcs_read(VMCS_RIP), skips ? 0x1002 : 0x1000);
    }
    vmx_long_mode(0x1000);
    exit_field(VMCS_GPA, 0x123456789000);                          /* EPT misconfiguration: a fault of ours, with its place */
    CHECK(vmx_exits(49, 0) == VIRT_USER && vs->exit.info2 == 0x123456789000 && vs->exit.code == 49);
    CHECK(vmx_exits(VMX_HLT, 0) == VIRT_RESUME && cpu.phase == VCPU_PHASE_HALT && attention);
    CHECK(vmx_exits(VMX_RDPMC, 0) == VIRT_RESUME && cpu.event == GP);
    CHECK(vmx_exits(VMX_DR, 0) == VIRT_RESUME && cpu.dr_loaded && !window(PROC_MOV_DR));
    exit_field(VMCS_EXIT_INTR, EXT(0x71));                         /* acknowledged by the exit */
    CHECK(vmx_exits(VMX_EXTINT, 0) == VIRT_RESUME && fake_vmx.vector == 0x71 && fake_vmx.irqs == 0);
    CHECK(vmx_exits(VMX_PREEMPT_TIMER, 0) == VIRT_RESUME && fake_vmx.irqs == 1);
}

static void refused_entries(void)
{
    vmx_long_mode(0x1000);
    exit_field(VMCS_EXIT_REASON, REASON_ENTRY_FAILED | VMX_BAD_STATE);
    exit_field(VMCS_QUALIFICATION, 4);
    exit_field(VMCS_ENTRY_INTR, NMI);                              /* a failed entry leaves it [SDM3 27.8] */
    CHECK_EQ(vmx_fast(cpu.vmx, cpu.state, 0, 0), FAST_EXIT);
    CHECK_EQ(vmx_exit(cpu.vmx), VIRT_USER);
    CHECK_EQ(vs->exit.info2, NMI);
    CHECK(vs->exit.reason == EXIT_INVALID && vs->exit.code == 0x80000021 && vs->exit.info1 == 4 && cpu.stop == 1);
    CHECK(vs->rip == 0x1000 && vs->cr3 == 0x5000);                 /* what was refused, for the VMM to judge */
    vmx_long_mode(0x1000);
    CHECK_EQ(vmx_exits(REASON_ENTRY_FAILED | VMX_MACHINE_CHECK, 0), VIRT_USER);
    CHECK(vs->exit.reason == EXIT_INVALID && cpu.stop == 1);
}

static void exceptions(void)
{
    vmx_long_mode(0x1000);
    exit_field(VMCS_EXIT_INTR, NMI);
    CHECK_EQ(vmx_exits(VMX_EXC_NMI, 0), VIRT_RESUME);
    CHECK(fake_vmx.nmis == 1 && cpu.event == 0);
    exit_field(VMCS_EXIT_INTR, EXC(EXC_AC) | EVENT_HAS_ERROR);
    CHECK_EQ(vmx_exits(VMX_EXC_NMI, 0), VIRT_RESUME);
    CHECK_EQ(cpu.event, EXC(EXC_AC) | EVENT_HAS_ERROR);
    exit_field(VMCS_EXIT_INTR, EXC(EXC_DB));
    CHECK_EQ(vmx_exits(VMX_EXC_NMI, DR6_BS | 1), VIRT_RESUME);
    CHECK(cpu.event == EXC(EXC_DB) && cpu.vmx->dr6 == (DR6_FIXED | DR6_BS | 1));
    vmx_dr_load(cpu.vmx);
    CHECK_EQ(vmx_exits(VMX_EXC_NMI, 2), VIRT_RESUME);
    CHECK_EQ(fake_hw.dr[6], DR6_FIXED | DR6_BS | 3);
    exit_field(VMCS_EXIT_INTR, EVENT(INTR_PRIV_EXC, EXC_DB));      /* INT1: behind it */
    CHECK_EQ(vmx_exits(VMX_EXC_NMI, 0), VIRT_RESUME);
    CHECK_EQ(vmcs_read(VMCS_RIP), 0x1002);
    exit_field(VMCS_EXIT_INTR, EXC(EXC_DB) | INTR_NMI_UNBLOCK);    /* an IRET that faulted: NMIs stay blocked */
    CHECK_EQ(vmx_exits(VMX_EXC_NMI, 0), VIRT_RESUME);
    CHECK_EQ(vmcs_read(VMCS_INTERRUPTIBILITY), BLOCK_NMI);
    exit_field(VMCS_EXIT_INTR, EXC(EXC_MC));
    CHECK_EQ(vmx_exits(VMX_EXC_NMI, 0), VIRT_USER);
    CHECK_EQ(vs->exit.reason, EXIT_UNHANDLED);
}

static void ports_and_memory(void)
{
    vmx_long_mode(0x1000);
    CHECK_EQ(vmx_exits(VMX_IO, 0x03f80000 | IOQ_IN | 0), VIRT_USER);
    CHECK(vs->exit.reason == EXIT_IO && vs->exit.port == 0x3f8 && vs->exit.size == 1 && vs->exit.in == 1);
    CHECK_EQ(vmx_exits(VMX_IO, 0x0cf80000 | 3), VIRT_USER);
    CHECK(vs->exit.port == 0xcf8 && vs->exit.size == 4 && vs->exit.in == 0 && vmcs_read(VMCS_RIP) == 0x1004);
    CHECK_EQ(vmx_exits(VMX_IO, 0x01f00000 | IOQ_STRING | 1), VIRT_USER);
    CHECK(vs->exit.reason == EXIT_IO_STRING && vs->exit.insn_len == 2 && vmcs_read(VMCS_RIP) == 0x1004);
    CHECK_EQ(vs->rip, 0x1004);
    exit_field(VMCS_GPA, 0xfec00010);
    CHECK_EQ(vmx_exits(VMX_EPT_VIOLATION, 0x182), VIRT_USER);
    CHECK(vs->exit.reason == EXIT_MMIO && vs->exit.gpa == 0xfec00010 && vs->exit.access == 0 && vs->exit.bytes_len == 0);
    CHECK_EQ(vmx_exits(VMX_EPT_VIOLATION, 0x184), VIRT_USER);
    CHECK_EQ(vs->exit.access, ACCESS_FETCH);
    CHECK_EQ(vmx_exits(VMX_EPT_VIOLATION, 0x081), VIRT_USER);
    CHECK_EQ(vs->exit.access, ACCESS_PT_WALK);
    CHECK_EQ(vmx_exits(VMX_EPT_VIOLATION, 0x001), VIRT_USER);      /* no valid linear address: PDPTE load, trace */
    CHECK_EQ(vs->exit.access, 0);
    CHECK_EQ(vmx_exits(VMX_EPT_VIOLATION, 0x181 | EPTQ_NMI_UNBLOCK), VIRT_USER);
    CHECK_EQ(vmcs_read(VMCS_INTERRUPTIBILITY), BLOCK_NMI);
    CHECK_EQ(vmx_exits(VMX_CR, 0x14), VIRT_USER);
    CHECK(vs->exit.reason == EXIT_INSN && vs->exit.insn == INSN_CR && vmcs_read(VMCS_RIP) == 0x1004);
}

static enum virt_next msr(bool write, uint32_t number, uint64_t value)
{
    cpu.event = 0;
    vs->gpr[GPR_RCX] = number;
    vs->gpr[GPR_RAX] = (uint32_t)value;
    vs->gpr[GPR_RDX] = value >> 32;
    return vmx_exits(write ? VMX_WRMSR : VMX_RDMSR, 0);
}

static void msrs(void)
{
    vmx_long_mode(0x1000);
    CHECK(msr(true, MSR_LSTAR, 0xffffffff81234567) == VIRT_RESUME && cpu.event == 0);
    CHECK(hw_rdmsr(MSR_LSTAR) == 0xffffffff81234567 && cpu.vmx->syscall[1] == 0xffffffff81234567);
    CHECK(msr(true, MSR_LSTAR, 1ull << 47) == VIRT_RESUME && cpu.event == GP);
    CHECK(msr(true, MSR_SFMASK, 1ull << 32) == VIRT_RESUME && cpu.event == GP);
    CHECK(msr(true, MSR_CSTAR, 0xffffffff81000000) == VIRT_RESUME && hw_rdmsr(MSR_CSTAR) != 0xffffffff81000000);
    CHECK(msr(false, MSR_CSTAR, 0) == VIRT_RESUME && vs->gpr[GPR_RDX] == 0xffffffff && vs->gpr[GPR_RAX] == 0x81000000);
    CHECK(msr(true, MSR_STAR, ~0ull) == VIRT_RESUME && cpu.event == 0 && vmcs_read(VMCS_RIP) == 0x1008);
    CHECK(msr(false, 0x12345, 0) == VIRT_USER && vs->exit.reason == EXIT_RDMSR && vs->exit.msr == 0x12345);
    CHECK(vs->exit.insn_len == 2 && vs->rip == 0x100a);
    CHECK(msr(true, 0x12345, 7) == VIRT_USER && vs->exit.reason == EXIT_WRMSR && vs->gpr[GPR_RAX] == 7);
    vm.tsc_ratio = TSC_SAME / 4;                       /* a slow TSC: the offset is in its ticks */
    const uint64_t host = hw_rdtsc();
    CHECK(msr(true, 0x10, 500000) == VIRT_RESUME && vmcs_read(VMCS_TSC_OFFSET) + host / 4 <= 500000);
    CHECK(vmcs_read(VMCS_TSC_OFFSET) + host / 4 > 500000 - 10000 && cpu.tsc_adjust == vmcs_read(VMCS_TSC_OFFSET));
    CHECK(msr(false, 0x10, 0) == VIRT_RESUME && vs->gpr[GPR_RAX] >= 500000 && vs->gpr[GPR_RAX] < 510000);
    CHECK(msr(true, 0x3b, 0) == VIRT_RESUME && vmcs_read(VMCS_TSC_OFFSET) == 0);
    vm.tsc_ratio = TSC_SAME;
    CHECK(msr(true, 0x3b, 1000) == VIRT_RESUME && vmcs_read(VMCS_TSC_OFFSET) == 1000 && cpu.tsc_adjust == 1000);
    CHECK(msr(false, MSR_APIC_BASE, 0) == VIRT_RESUME && vs->gpr[GPR_RAX] == (uint32_t)cpu.lapic.base);
    CHECK(msr(true, MSR_APIC_BASE, 1) == VIRT_RESUME && cpu.event == GP);
    CHECK(msr(false, 0x802, 0) == VIRT_RESUME && vs->gpr[GPR_RAX] == 0 && vs->gpr[GPR_RDX] == 0);
    vs->gpr[GPR_RCX] = 0;
    vs->gpr[GPR_RAX] = 3;
    vs->gpr[GPR_RDX] = 0;
    CHECK(vmx_exits(VMX_XSETBV, 0) == VIRT_RESUME && cpu.xcr0 == 3 && cpu.event == 0);
    CHECK_EQ(vmcs_read(VMCS_RIP), 0x101a);
    vs->gpr[GPR_RAX] = 2;
    CHECK(vmx_exits(VMX_XSETBV, 0) == VIRT_RESUME && cpu.event == GP && cpu.xcr0 == 3);
}

/* The hot x2APIC writes end in vmx_fast, with the interrupt injected at once. */
static void fast_apic(void)
{
    vmx_long_mode(0x1000);
    CHECK_EQ(msr(true, 0x83f, 0x51), VIRT_RESUME);
    CHECK(vmcs_read(VMCS_ENTRY_INTR) == EXT(0x51) && cpu.event == 0 && cpu.lapic.page->isr[2].v == BIT32(0x11));
    CHECK_EQ(msr(true, 0x80b, 0), VIRT_RESUME);
    CHECK(cpu.lapic.page->isr[2].v == 0 && vmcs_read(VMCS_ENTRY_INTR) == 0);
    flags(2);
    CHECK_EQ(msr(true, 0x830, 0x40061), VIRT_RESUME);
    CHECK(vmcs_read(VMCS_ENTRY_INTR) == 0 && window(PROC_INTR_WINDOW));
    CHECK_EQ(msr(true, 0x808, 0x70), VIRT_RESUME);
    CHECK(cpu.lapic.page->tpr.v == 0x70 && !window(PROC_INTR_WINDOW));
    flags(RFLAGS_IF | 2);
    CHECK_EQ(msr(true, 0x808, 0), VIRT_RESUME);
    CHECK_EQ(vmcs_read(VMCS_ENTRY_INTR), EXT(0x61));
    blocking(BLOCK_STI);                                           /* STI; WRMSR: the shadow ends with it */
    CHECK_EQ(msr(true, 0x83f, 0x71), VIRT_RESUME);
    CHECK_EQ(vmcs_read(VMCS_ENTRY_INTR), EXT(0x71));
    cpu.extint_line = 1;                                           /* the virtual PIC waits meanwhile */
    cpu.lapic.page->lvt[LVT_LINT0].v = 0x700;
    flags(2);
    CHECK(!vmx_update(&cpu) && window(PROC_INTR_WINDOW));
    CHECK_EQ(msr(true, 0x80b, 0), VIRT_RESUME);
    CHECK(window(PROC_INTR_WINDOW) && !attention);
    flags(RFLAGS_IF | 2);
    CHECK_EQ(msr(true, 0x80b, 0), VIRT_RESUME);
    CHECK(attention);
}

int main(void)
{
    caps_without_apicv();
    apic_vectors();
    pic();
    nmis();
    error_codes();
    delivery_ends();
    cut_short();
    instruction_ends();
    cpuid_leaves();
    every_reason();
    refused_entries();
    exceptions();
    ports_and_memory();
    msrs();
    fast_apic();
    return unit_done();
}
