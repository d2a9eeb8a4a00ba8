/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts and exceptions into the guest [APM2 15.20, 15.21].
 *
 * External interrupts go by V_IRQ, never by EVENTINJ: V_IRQ waits for the guest's IF
 * and TPR by itself, and QEMU delivers an injected type 0 twice now and then. That
 * the vector was taken shows as V_IRQ clear after an exit.
 *
 * While V_IRQ is set, MOV to CR8 exits: QEMU 7.2 ends itself with an assertion when a
 * guest's CR8 write meets a pending V_IRQ under thread=multi.
 *
 * QEMU 7.2 forgets an interrupt shadow at VMRUN. So nothing is armed while the guest
 * is in one; a timer brings it out again. rip tells when the shadow is over; a guest
 * that stays at one rip (a jump to itself) gets its interrupt after a few tries.
 */
#include "kernel/virt/svm/svm.h"

#define KICK_US        50u
#define SHADOW_TRIES    4u

static bool in_shadow(const struct svm_vcpu *s)
{
    return (s->vmcb.int_state & INT_SHADOW) || (s->shadow_left && s->shadow_rip == s->vmcb.rip);
}

/* Interrupts are looked at again after the next exit, which the timer brings. */
static void look_again(struct svm_vcpu *s, bool kick)
{
    s->look_again = 1;
    if (kick)
        ktimer_set(&s->kick, hw_rdtsc() + tsc_from_us(KICK_US));
}

void svm_raise(struct svm_vcpu *s, unsigned vector)
{
    s->vcpu->event = EVENT(EVENT_TYPE_EXCEPTION, vector) | (EXC_HAS_ERROR(vector) ? EVENT_HAS_ERROR : 0);
}

static void open_nmi(struct svm_vcpu *s)
{
    s->nmi = NMI_OPEN;
    vmcb_intercept(&s->vmcb, SVM_EXIT_IRET, false);
}

/* ---- after an exit ---- */

/* The delivery of an event was cut short by the exit: it comes again. */
static void interrupted_delivery(struct svm_vcpu *s, uint64_t info)
{
    struct vmcb *b = &s->vmcb;
    unsigned type = (unsigned)FIELD_GET(EVENT_TYPE, info), vector = (unsigned)(info & EVENT_VECTOR);
    uint32_t code = (uint32_t)b->exit_code;
    /* QEMU reports V_IRQ as type 3 and leaves V_IRQ set; a CPU says type 0 and clears it. */
    bool virq = s->virq >= VIRQ_APIC && vector == b->int_vector;
    if (virq && (type == EVENT_TYPE_EXTINT ||
                 (type == EVENT_TYPE_EXCEPTION && (vector >= 32 || (b->int_ctl & V_IRQ))))) {
        b->int_ctl |= V_IRQ;
    } else if (type == EVENT_TYPE_NMI) {
        __atomic_store_n(&s->vcpu->nmi_pending, 1, __ATOMIC_SEQ_CST);
        open_nmi(s);
    } else if (type == EVENT_TYPE_EXCEPTION && vector != EXC_BP && vector != EXC_OF && code != SVM_EXIT_SHUTDOWN &&
               code - SVM_EXIT_EXC >= 32) {
        s->vcpu->event = info & EVENT_BITS;
    }
    /* INT n, INT3, INTO: rip is at the instruction, which executes again. An exception behind
     * an exception: the first occurs again after the second was handled. */
}

void svm_after_exit(struct svm_vcpu *s)
{
    struct vmcb *b = &s->vmcb;
    if (unlikely(b->exit_int_info & EVENT_VALID))
        interrupted_delivery(s, b->exit_int_info);
    if (unlikely(b->int_state & INT_SHADOW)) {
        s->shadow_rip = b->rip;
        s->shadow_left = SHADOW_TRIES;
    } else if (unlikely(s->shadow_left)) {
        s->shadow_left = b->rip == s->shadow_rip ? s->shadow_left - 1 : 0;
    }
    if (unlikely(s->nmi == NMI_IRET) && b->rip != s->iret_rip)
        open_nmi(s);
}

void svm_sync(struct vcpu *v)
{
    struct svm_vcpu *s = v->svm;
    uint32_t class = s->vmcb.int_ctl & V_TPR;
    vlapic_take(&v->lapic);
    if (s->virq >= VIRQ_APIC && !(s->vmcb.int_ctl & V_IRQ)) {
        if (s->virq == VIRQ_APIC)
            vlapic_accept(&v->lapic, (uint8_t)s->vmcb.int_vector);
        s->virq = VIRQ_NONE;
        v->stats.injected++;
    }
    if (class != v->lapic.page->tpr.v >> 4)
        v->lapic.page->tpr.v = class << 4;        /* MOV CR8 */
}

void svm_push_tpr(struct vcpu *v)
{
    struct vmcb *b = &v->svm->vmcb;
    b->int_ctl = (b->int_ctl & ~V_TPR) | v->lapic.page->tpr.v >> 4;
}

/* ---- what comes next ---- */

/* V_IRQ for `who` with these bits of the interrupt control; nobody: none. The window's vector exits. */
static void arm(struct svm_vcpu *s, enum svm_virq who, uint32_t vector, uint32_t control)
{
    struct vmcb *b = &s->vmcb;
    s->virq = who;
    b->int_vector = vector;
    b->int_ctl = (b->int_ctl & ~(V_IRQ | V_INTR_PRIO | V_IGN_TPR)) | control;
    vmcb_intercept(b, SVM_EXIT_VINTR, who == VIRQ_WINDOW);
    vmcb_intercept(b, SVM_EXIT_CR_WRITE + 8, who != VIRQ_NONE);
}

void svm_arm_apic(struct vcpu *v)
{
    int vector = vlapic_next(&v->lapic);
    svm_push_tpr(v);
    if (vector < 0)
        arm(v->svm, VIRQ_NONE, 0, 0);
    else
        arm(v->svm, VIRQ_APIC, (uint32_t)vector, V_IRQ | (uint32_t)FIELD_PREP(V_INTR_PRIO, vector >> 4));
}

bool svm_extint(struct vcpu *v, uint8_t vector)
{
    svm_sync(v);
    arm(v->svm, VIRQ_EXTINT, vector, V_IRQ | V_IGN_TPR);
    look_again(v->svm, false);
    return true;
}

void svm_step(struct vcpu *v, bool on) { v->svm->vmcb.dr6 = (v->svm->vmcb.dr6 & ~DR6_BS) | (on ? DR6_BS : 0); }

bool svm_update(struct vcpu *v)
{
    struct svm_vcpu *s = v->svm;
    s->look_again = 0;
    svm_sync(v);
    bool apic = vlapic_next(&v->lapic) >= 0;
    if (s->virq == VIRQ_EXTINT) {          /* acknowledged at the PIC: goes first */
        look_again(s, apic);
        return false;
    }
    bool ext = __atomic_load_n(&v->extint_line, __ATOMIC_SEQ_CST) && vlapic_takes_extint(&v->lapic);
    arm(s, VIRQ_NONE, 0, 0);
    if (!ext && !apic)
        return false;
    if (in_shadow(s))
        look_again(s, true);
    else if (!ext)
        svm_arm_apic(v);
    else if ((s->vmcb.rflags & RFLAGS_IF) && !s->vcpu->event)
        return true;
    else                                   /* an exit as soon as the guest can be interrupted */
        arm(s, VIRQ_WINDOW, 0, V_IRQ | V_IGN_TPR);
    return false;
}

bool svm_wakes(const struct vcpu *v)
{
    const struct svm_vcpu *s = v->svm;
    bool irq = s->virq == VIRQ_EXTINT || (s->virq == VIRQ_APIC && s->vmcb.int_vector >> 4 > v->lapic.page->tpr.v >> 4);
    return s->vcpu->event || (s->nmi == NMI_OPEN && __atomic_load_n(&v->nmi_pending, __ATOMIC_SEQ_CST)) ||
           (irq && (s->vmcb.rflags & RFLAGS_IF));
}

/* ---- entry ---- */

void svm_inject(struct svm_vcpu *s)
{
    struct vmcb *b = &s->vmcb;
    bool nmi = __atomic_load_n(&s->vcpu->nmi_pending, __ATOMIC_RELAXED) != 0;
    if (unlikely(s->vcpu->event != 0)) {
        b->event_inj = s->vcpu->event;
        s->vcpu->event = 0;
        if (nmi)
            look_again(s, true);
    } else if (unlikely(nmi) && (s->nmi != NMI_OPEN || in_shadow(s))) {
        look_again(s, s->nmi != NMI_BLOCKED);        /* blocked: the IRET exit comes */
    } else if (unlikely(nmi)) {
        __atomic_store_n(&s->vcpu->nmi_pending, 0, __ATOMIC_SEQ_CST);
        b->event_inj = EVENT(EVENT_TYPE_NMI, EXC_NMI);
        s->nmi = NMI_BLOCKED;
        vmcb_intercept(b, SVM_EXIT_IRET, true);
    }
}
