/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts and exceptions into the guest [SDM3 27.6, 28.2.4]. What the next entry injects is vcpu->event; an
 * interrupt is put there, and taken from the local APIC, only when the guest can take it at that entry. Until then a
 * window exit is armed.
 *
 * INT n, INT3, INTO and INT1 whose delivery an exit cut short are not injected again: rip is still at the instruction,
 * which executes again.
 */
#include "kernel/virt/vmx/vmx.h"

void vmx_window(struct vmx_vcpu *x, uint32_t bit, bool on)
{
    const uint32_t proc = on ? x->proc | bit : x->proc & ~bit;
    if (proc == x->proc)
        return;
    x->proc = proc;
    vmcs_write(VMCS_PROC, proc);
}

void vmx_raise(struct vmx_vcpu *x, unsigned vector)
{
    x->vcpu->event = EVENT(EVENT_TYPE_EXCEPTION, vector) | (EXC_HAS_ERROR(vector) ? EVENT_HAS_ERROR : 0);
}

void vmx_insn_over(struct vmx_vcpu *x)
{
    const uint64_t flags = vmcs_read(VMCS_RFLAGS);
    vmcs_write(VMCS_INTERRUPTIBILITY, vmcs_read(VMCS_INTERRUPTIBILITY) & ~(uint64_t)BLOCK_SHADOW);
    vmcs_write(VMCS_RFLAGS, flags & ~RFLAGS_RF);
    if (flags & RFLAGS_TF) {                         /* the trap that the CPU would have taken */
        vmx_dr6(x, DR6_BS, 0);
        vmx_raise(x, EXC_DB);
    }
}

void vmx_delivery_cut_short(struct vmx_vcpu *x, bool by_exception)
{
    struct vcpu *v = x->vcpu;
    const uint64_t info = vmcs_read(VMCS_IDT_INFO), type = FIELD_GET(EVENT_TYPE, info);
    if (!(info & EVENT_VALID))
        return;
    if (type == EVENT_TYPE_NMI) {
        vmcs_write(VMCS_INTERRUPTIBILITY, vmcs_read(VMCS_INTERRUPTIBILITY) & ~(uint64_t)BLOCK_NMI);
        __atomic_store_n(&v->nmi_pending, 1, __ATOMIC_SEQ_CST);
    } else if (type == EVENT_TYPE_EXTINT) {
        v->event = EVENT(EVENT_TYPE_EXTINT, info & EVENT_VECTOR);
    } else if (type == EVENT_TYPE_EXCEPTION && !by_exception) {     /* else it occurs again behind the second */
        v->event = EVENT(EVENT_TYPE_EXCEPTION, info & EVENT_VECTOR);
        if (info & EVENT_HAS_ERROR)
            v->event |= EVENT_HAS_ERROR | vmcs_read(VMCS_IDT_ERROR) << 32;
    }
}

/* ---- what comes next ---- */

/* The next entry can inject an external interrupt. */
bool vmx_is_open(const struct vmx_vcpu *x)
{
    return x->vcpu->event == 0 && (vmcs_read(VMCS_RFLAGS) & RFLAGS_IF) &&
           !(vmcs_read(VMCS_INTERRUPTIBILITY) & BLOCK_SHADOW);
}

/* The vector that interrupts the guest as soon as it can be interrupted, or -1. */
static int wanted(const struct vcpu *v)
{
    const int vector = vlapic_next(&v->lapic);
    return vector >> 4 > (int)v->lapic.page->tpr.v >> 4 ? vector : -1;
}

/* The CPU works on the page itself [SDM3 30] in x2APIC mode, unless the VMM has to hear of an EOI. */
static void choose_apic(struct vmx_vcpu *x)
{
    struct vlapic *l = &x->vcpu->lapic;
    vlapic_take(l);
    const bool on = vmx_caps.apicv && vlapic_is_x2(l) && vlapic_is_enabled(l) && !vlapic_has_level(l);
    if (likely(on == x->apicv))
        return;
    __atomic_store_n(&x->apicv, on, __ATOMIC_RELAXED);
    vmcs_write(VMCS_PIN, vmx_caps.ctl[VMX_PIN] | (on ? vmx_caps.later[VMX_PIN] : 0));
    vmcs_write(VMCS_PROC2, vmx_caps.ctl[VMX_PROC2] | (on ? PROC2_APIC : 0));
    vmcs_write(VMCS_MSR_BITMAP, vmx_caps.msr_bitmap_pa[on]);
    vmx_window(x, PROC_TPR_SHADOW, on);
    vmx_window(x, PROC_CR8, !on);
}

void vmx_arm_apic(struct vmx_vcpu *x)
{
    struct vcpu *v = x->vcpu;
    if (x->apicv) {
        vmcs_write(VMCS_INTR_STATUS, vlapic_status(&v->lapic));
        return;
    }
    const int vector = wanted(v);
    const bool now = vector >= 0 && vmx_is_open(x);
    vmx_window(x, PROC_INTR_WINDOW, vector >= 0 && !now);
    if (!now)
        return;
    vlapic_accept(&v->lapic, (uint8_t)vector);
    v->event = EVENT(EVENT_TYPE_EXTINT, (unsigned)vector);
    v->stats.injected++;
}

bool vmx_update(struct vcpu *v)
{
    struct vmx_vcpu *x = v->vmx;
    const bool pic = __atomic_load_n(&v->extint_line, __ATOMIC_SEQ_CST) && vlapic_takes_extint(&v->lapic);
    const bool now = pic && vmx_is_open(x);
    choose_apic(x);
    if (x->apicv || !pic)
        vmx_arm_apic(x);
    if (x->apicv || pic)
        vmx_window(x, PROC_INTR_WINDOW, pic && !now);
    return now;
}

bool vmx_wakes(const struct vcpu *v)
{
    return v->event || (__atomic_load_n(&v->nmi_pending, __ATOMIC_SEQ_CST) &&
                        !(vmcs_read(VMCS_INTERRUPTIBILITY) & BLOCK_NMI)) ||
           (v->vmx->apicv && wanted(v) >= 0 && vmx_is_open(v->vmx));
}

/* Partner: enter_guest sets in_guest, then looks at what is posted. When the guest was just left, or the interrupt
 * comes before it is entered, the next entry finds it there. */
bool vmx_post(const struct vcpu *v)
{
    if (!vmx_caps.posted || !__atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST) ||
        !__atomic_load_n(&v->vmx->apicv, __ATOMIC_RELAXED))
        return false;
    lapic_ipi(v->cpu, VEC_POSTED);
    return true;
}

/* From the virtual PIC, acknowledged there, after EXIT_EXTINT. */
bool vmx_extint(struct vcpu *v, uint8_t vector)
{
    if (!vmx_is_open(v->vmx))
        return false;
    v->event = EVENT(EVENT_TYPE_EXTINT, (unsigned)vector);
    v->stats.injected++;
    return true;
}

/* ---- entry ---- */

/* The CPU wants the error code exactly where the exception has one, which it never has in real mode [SDM3 27.2.1.3].
 * Delivery ends an interrupt shadow [27.7.1]; it ends before, since entry checks it against TF and event [27.3.1.5].
 * DR7.GD is cleared by a #DB, but not by an injected one. */
static void inject(uint64_t event)
{
    const uint64_t blocking = vmcs_read(VMCS_INTERRUPTIBILITY);
    if (blocking & BLOCK_SHADOW)
        vmcs_write(VMCS_INTERRUPTIBILITY, blocking & ~(uint64_t)BLOCK_SHADOW);
    if (event == EVENT(EVENT_TYPE_EXCEPTION, EXC_DB))
        vmcs_write(VMCS_DR7, vmcs_read(VMCS_DR7) & ~DR7_GD);
    if (FIELD_GET(EVENT_TYPE, event) == EVENT_TYPE_EXCEPTION) {
        const bool error = EXC_HAS_ERROR(event & EVENT_VECTOR) && (vmcs_read(VMCS_CR0) & CR0_PE);
        event = (event & ~EVENT_HAS_ERROR) | (error ? EVENT_HAS_ERROR : 0);
        if (error)
            vmcs_write(VMCS_ENTRY_ERROR, event >> 32);
    }
    vmcs_write(VMCS_ENTRY_INTR, (uint32_t)event);
}

void vmx_inject(struct vmx_vcpu *x)
{
    struct vcpu *v = x->vcpu;
    bool nmi = __atomic_load_n(&v->nmi_pending, __ATOMIC_RELAXED) != 0;
    if (unlikely(v->event != 0)) {
        inject(v->event);
        v->event = 0;
    } else if (unlikely(nmi) && !(vmcs_read(VMCS_INTERRUPTIBILITY) & (BLOCK_SHADOW | BLOCK_NMI))) {
        __atomic_store_n(&v->nmi_pending, 0, __ATOMIC_SEQ_CST);
        inject(EVENT(EVENT_TYPE_NMI, EXC_NMI));
        nmi = false;
    }
    /* In the shadow of STI the NMI window may exit, an NMI may not be injected; IF is 1 there [SDM3 26.2, 27.3.1.5]. */
    const bool sti = nmi && (vmcs_read(VMCS_INTERRUPTIBILITY) & BLOCK_STI);
    vmx_window(x, PROC_NMI_WINDOW, nmi && !sti);
    if (unlikely(sti))
        vmx_window(x, PROC_INTR_WINDOW, true);
}
