/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits that left the fast path: handled here, or a record for the VMM. */
#include "kernel/virt/vmx/vmx.h"

/* What an exit leads to. From SKIP on the instruction counts as executed. STOP: this guest ends. */
enum action {
    STOP, EXCEPTION, IRQ, TIMER, HOST, APIC_WRITE, INTR_WINDOW, NMI_WINDOW, CR, DR, EPT, MSR, XSETBV, SHUTDOWN,
    SKIP, CPUID, HALT, HYPERCALL
};
#define RAISE(vector)  (0x80u | (vector))

/* Task switches stop the guest: no 64-bit system uses them, and the VMM does not emulate them. */
static const uint8_t actions[] = {
    [VMX_EXC_NMI] = EXCEPTION, [VMX_EPT_VIOLATION] = EPT, [VMX_TRIPLE_FAULT] = SHUTDOWN,
    /* Physical events. The timer is there for interrupts that Bochs 2.7 does not let exit. INIT reaches the host after
     * VMXOFF, if ever. */
    [VMX_EXTINT] = IRQ, [VMX_PREEMPT_TIMER] = TIMER, [VMX_INIT] = HOST, [VMX_SIPI] = HOST,
    [VMX_INTR_WINDOW] = INTR_WINDOW, [VMX_NMI_WINDOW] = NMI_WINDOW,
    [VMX_CPUID] = CPUID, [VMX_HLT] = HALT, [VMX_VMCALL] = HYPERCALL, [VMX_IO] = STOP /* vmx_exit */,
    [VMX_APIC_WRITE] = APIC_WRITE,
    [VMX_CR] = CR, [VMX_DR] = DR, [VMX_RDMSR] = MSR, [VMX_WRMSR] = MSR, [VMX_XSETBV] = XSETBV,
    /* Caches are coherent; INVD would drop the host's dirty lines, a flush is not the guest's to order. */
    [VMX_INVD] = SKIP, [VMX_WBINVD] = SKIP,
    /* Not offered. MONITOR and MWAIT would sleep on the host's terms. */
    [VMX_RDPMC] = RAISE(EXC_GP), [VMX_MONITOR] = RAISE(EXC_UD), [VMX_MWAIT] = RAISE(EXC_UD),
    [VMX_GETSEC] = RAISE(EXC_UD), [VMX_VMCLEAR] = RAISE(EXC_UD), [VMX_VMLAUNCH] = RAISE(EXC_UD),
    [VMX_VMPTRLD] = RAISE(EXC_UD), [VMX_VMPTRST] = RAISE(EXC_UD), [VMX_VMREAD] = RAISE(EXC_UD),
    [VMX_VMRESUME] = RAISE(EXC_UD), [VMX_VMWRITE] = RAISE(EXC_UD), [VMX_VMXOFF] = RAISE(EXC_UD),
    [VMX_VMXON] = RAISE(EXC_UD),
    [VMX_INVEPT] = RAISE(EXC_UD), [VMX_INVVPID] = RAISE(EXC_UD), [VMX_ENCLS] = RAISE(EXC_UD),
};

static enum virt_next to_user(struct vmx_vcpu *x, enum vcpu_exit_reason reason)
{
    return vcpu_to_user(x->vcpu, reason, x->reason, 0, 0);
}

/* The state that was refused goes to the VMM, which knows the checks, with the event. The vCPU never runs again. */
enum virt_next vmx_refused(struct vmx_vcpu *x, uint32_t reason, uint64_t info)
{
    x->vcpu->stop = 1;
    vmx_state_get(x->vcpu, VS_ALL);
    return vcpu_to_user(x->vcpu, EXIT_INVALID, reason, info, vmcs_read(VMCS_ENTRY_INTR));
}

static enum virt_next stop(struct vmx_vcpu *x)
{
    return vcpu_to_user(x->vcpu, EXIT_UNHANDLED, x->reason, vmcs_read(VMCS_QUALIFICATION), vmcs_read(VMCS_GPA));
}

/* An IRET that faulted had already unblocked NMIs [SDM3 28.2.3]. */
static void nmi_unblocked(bool by_iret)
{
    if (by_iret && !(vmcs_read(VMCS_IDT_INFO) & EVENT_VALID))
        vmcs_write(VMCS_INTERRUPTIBILITY, vmcs_read(VMCS_INTERRUPTIBILITY) | BLOCK_NMI);
}

static enum virt_next exception(struct vmx_vcpu *x)
{
    const uint32_t info = (uint32_t)vmcs_read(VMCS_EXIT_INTR), vector = info & EVENT_VECTOR;
    if (vector == EXC_NMI) {
        x->vcpu->stats.nmi++;
        hw_take_nmi();
        return VIRT_RESUME;
    }
    nmi_unblocked(info & INTR_NMI_UNBLOCK);
    vmx_delivery_cut_short(x, true);
    if (vector != EXC_DB && vector != EXC_AC)        /* #MC is the machine's */
        return stop(x);
    if (vector == EXC_DB) {
        if (FIELD_GET(EVENT_TYPE, info) == INTR_PRIV_EXC)
            vmx_advance(x);                          /* INT1: a trap */
        vmx_dr6(x, vmcs_read(VMCS_QUALIFICATION) & DR6_SETTABLE, 0);
    }
    vmx_raise(x, vector);
    return VIRT_RESUME;
}

static enum virt_next port(struct vmx_vcpu *x)
{
    struct vcpu_exit *e = &x->state->exit;
    const uint64_t q = vmcs_read(VMCS_QUALIFICATION);
    e->port = (uint16_t)FIELD_GET(IOQ_PORT, q);
    e->size = (uint8_t)(FIELD_GET(IOQ_SIZE, q) + 1);
    e->in = (q & IOQ_IN) != 0;
    if (unlikely(q & IOQ_STRING)) {
        e->insn_len = (uint8_t)vmcs_read(VMCS_INSN_LEN);
        return to_user(x, EXIT_IO_STRING);
    }
    vmx_advance(x);
    return to_user(x, EXIT_IO);
}

static enum virt_next ept_violation(struct vmx_vcpu *x)
{
    struct vcpu_exit *e = &x->state->exit;
    const uint64_t q = vmcs_read(VMCS_QUALIFICATION);
    nmi_unblocked(q & EPTQ_NMI_UNBLOCK);
    vmx_delivery_cut_short(x, false);
    e->gpa = vmcs_read(VMCS_GPA);
    e->access = (q & EPTQ_FETCH ? ACCESS_FETCH : 0) | (q & EPTQ_LINEAR && !(q & EPTQ_FINAL) ? ACCESS_PT_WALK : 0);
    e->bytes_len = 0;
    return to_user(x, EXIT_MMIO);
}

/* Those of SYSCALL, which are the host's too. CSTAR is one that no Intel CPU uses: it is kept, and not loaded. */
static enum msr_result syscall_msr(struct vmx_vcpu *x, uint32_t msr, bool write, uint64_t *value)
{
    const uint32_t i = msr - MSR_STAR;
    uint64_t *kept = &x->syscall[index_clamp(i, ARRAY_LEN(x->syscall))];
    if (i >= ARRAY_LEN(x->syscall))
        return MSR_USER;
    if (!write)
        *value = *kept;
    else if (!vmx_syscall_msr_ok(i, *value))
        return MSR_GP;
    else if (msr != MSR_CSTAR)
        hw_wrmsr(msr, *value);                       /* the guest's are loaded: it has just run */
    *kept = *value;
    return MSR_DONE;
}

static enum virt_next msr(struct vmx_vcpu *x, bool write)
{
    const uint32_t number = (uint32_t)once(&x->state->gpr[GPR_RCX]);
    uint64_t value = vcpu_msr_value(x->vcpu);
    enum msr_result r = vcpu_msr(x->vcpu, number, write, &value);
    if (r == MSR_USER)
        r = syscall_msr(x, number, write, &value);
    if (r == MSR_GP) {
        vmx_raise(x, EXC_GP);
        return VIRT_RESUME;
    }
    vmx_advance(x);
    return vcpu_msr_done(x->vcpu, r, number, write, value, (uint32_t)vmcs_read(VMCS_INSN_LEN));
}

/* Leaves that the fast path does not know. */
static void cpuid(struct vcpu *v)
{
    const uint64_t *gpr = v->state->gpr;
    vcpu_cpuid(v, (uint32_t)once(&gpr[GPR_RAX]), (uint32_t)once(&gpr[GPR_RCX]), vmcs_read(VMCS_CR4));
}

/* The CPU has checked CR4.OSXSAVE and CPL [SDM3 26.1.1]. */
static void xsetbv(struct vmx_vcpu *x)
{
    const uint64_t value = vcpu_msr_value(x->vcpu);
    if ((uint32_t)once(&x->state->gpr[GPR_RCX]) != 0 || !vcpu_xcr0_ok(value)) {
        vmx_raise(x, EXC_GP);
        return;
    }
    x->vcpu->xcr0 = value;
    vmx_advance(x);
}

enum virt_next vmx_exit(struct vmx_vcpu *x)
{
    struct vcpu *v = x->vcpu;
    const uint32_t reason = x->reason;
    const unsigned action = reason < ARRAY_LEN(actions) ? actions[reason] : STOP;
    v->stats.exits++;
    if (likely(reason == VMX_IO))
        return port(x);
    if (unlikely(reason & REASON_ENTRY_FAILED))
        return vmx_refused(x, reason, vmcs_read(VMCS_QUALIFICATION));
    if (action & RAISE(0)) {
        vmx_raise(x, action & ~RAISE(0));
        return VIRT_RESUME;
    }
    if (action >= SKIP)
        vmx_advance(x);
    switch ((enum action)action) {
    case EPT:         return ept_violation(x);
    case MSR:         return msr(x, reason == VMX_WRMSR);
    case CR:
        v->stats.cr++;
        x->state->exit.insn = INSN_CR;
        return to_user(x, EXIT_INSN);
    case EXCEPTION:   return exception(x);
    case SHUTDOWN:    return to_user(x, EXIT_SHUTDOWN);
    case HYPERCALL:   return to_user(x, EXIT_HYPERCALL);
    case STOP:        return stop(x);
    case IRQ:
        v->stats.intr++;
        trap_irq((uint32_t)vmcs_read(VMCS_EXIT_INTR) & EVENT_VECTOR);
        break;
    case TIMER:
        v->stats.intr++;
        hw_take_irqs();
        break;
    case APIC_WRITE:                                 /* SELF_IPI, a vector below 16; behind the instruction */
        vlapic_send(v, v->lapic.page->self_ipi.v | FIELD_PREP(ICR_SHORTHAND, ICR_TO_SELF));
        vcpu_attend_soon(v);
        break;
    case INTR_WINDOW: vcpu_attend_soon(v); break;
    case NMI_WINDOW:  break;                         /* vmx_inject */
    case DR:          vmx_dr_load(x); break;         /* the access executes again, on the real ones */
    case XSETBV:      xsetbv(x); break;
    case CPUID:       cpuid(v); break;
    case HALT:        vcpu_halt(v); break;
    case HOST:
    case SKIP:        break;
    }
    return VIRT_RESUME;
}
