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
#include "kernel/arch/cpu.h"
#include "kernel/virt/svm/svm.h"

#define KICK_US        50u
#define SHADOW_TRIES    3u
#define NO_SHADOW      (~UINT64_C(0))

static bool in_shadow(const struct svm_vcpu *s)
{
    return (s->vmcb->int_state & INT_SHADOW) || s->shadow_rip == s->vmcb->rip;
}

/* Interrupts are looked at again after the next exit, which the timer brings. */
static void look_again(struct svm_vcpu *s, bool kick)
{
    s->look_again = 1;
    if (kick)
        ktimer_set(&s->kick, hw_rdtsc() + tsc_from_us(KICK_US));
}

void svm_raise(struct svm_vcpu *s, unsigned vector) { s->event = INJ(INJ_TYPE_EXC, vector); }
void svm_raise_gp(struct svm_vcpu *s) { s->event = INJ(INJ_TYPE_EXC, EXC_GP) | INJ_HAS_ERROR; }

static void open_nmi(struct svm_vcpu *s)
{
    s->nmi = NMI_OPEN;
    s->vmcb->icpt_misc1 &= ~ICPT1_IRET;
}

/* ---- after an exit ---- */

/* The delivery of an event was cut short by the exit: it comes again. */
static void interrupted_delivery(struct svm_vcpu *s, uint64_t info)
{
    struct vmcb *b = s->vmcb;
    unsigned type = (unsigned)FIELD_GET(INJ_TYPE, info), vector = (unsigned)(info & INJ_VECTOR);
    uint32_t code = (uint32_t)b->exit_code;
    /* QEMU reports V_IRQ as type 3 and leaves V_IRQ set; a CPU says type 0 and clears it. */
    bool virq = s->virq != VIRQ_NONE && vector == s->virq_vector;
    if (virq && (type == INJ_TYPE_INTR || (type == INJ_TYPE_EXC && (vector >= 32 || (b->int_ctl & V_IRQ))))) {
        b->int_ctl |= V_IRQ;
    } else if (type == INJ_TYPE_NMI) {
        __atomic_store_n(&s->vcpu->nmi_pending, 1, __ATOMIC_SEQ_CST);
        open_nmi(s);
    } else if (type == INJ_TYPE_EXC && vector != EXC_BP && vector != EXC_OF && code != SVM_EXIT_SHUTDOWN &&
               code - SVM_EXIT_EXC >= 32) {
        s->event = info & (INJ_VECTOR | INJ_TYPE | INJ_HAS_ERROR | INJ_VALID | MASK64(63, 32));
    }
    /* INT n, INT3, INTO: rip is at the instruction, which executes again. An exception behind
     * an exception: the first occurs again after the second was handled. */
}

void svm_after_exit(struct svm_vcpu *s)
{
    struct vmcb *b = s->vmcb;
    if (unlikely(b->exit_int_info & INJ_VALID))
        interrupted_delivery(s, b->exit_int_info);
    if (unlikely(b->int_state & INT_SHADOW)) {
        s->shadow_rip = b->rip;
        s->shadow_tries = 0;
    } else if (unlikely(s->shadow_rip != NO_SHADOW) && (b->rip != s->shadow_rip || ++s->shadow_tries > SHADOW_TRIES)) {
        s->shadow_rip = NO_SHADOW;
    }
    if (unlikely(s->nmi == NMI_IRET) && b->rip != s->iret_rip)
        open_nmi(s);
}

void svm_sync_hw(struct svm_vcpu *s)
{
    struct vmcb *b = s->vmcb;
    struct vlapic *l = &s->vcpu->lapic;
    uint32_t class = b->int_ctl & V_TPR_CLASS;
    if ((s->virq == VIRQ_APIC || s->virq == VIRQ_EXTINT) && !(b->int_ctl & V_IRQ)) {
        if (s->virq == VIRQ_APIC)
            vlapic_accept(l, (uint8_t)s->virq_vector);
        s->virq = VIRQ_NONE;
        s->vcpu->stats.injected++;
    }
    if (class != l->tpr >> 4)
        l->tpr = class << 4;              /* MOV CR8 */
}

void svm_sync(struct vcpu *v) { svm_sync_hw(v->svm); }

void svm_push_tpr(struct vcpu *v)
{
    struct vmcb *b = v->svm->vmcb;
    b->int_ctl = (b->int_ctl & ~V_TPR) | v->lapic.tpr >> 4;
}

/* ---- what comes next ---- */

void svm_arm_apic(struct svm_vcpu *s)
{
    struct vmcb *b = s->vmcb;
    struct vlapic *l = &s->vcpu->lapic;
    int vector = vlapic_next(l);
    uint32_t ctl = (b->int_ctl & ~(V_IRQ | V_INTR_PRIO | V_IGN_TPR | V_TPR)) | l->tpr >> 4;
    if (vector < 0) {
        b->int_ctl = ctl;
        b->icpt_cr = SVM_ICPT_CR;
        s->virq = VIRQ_NONE;
        return;
    }
    b->icpt_cr = SVM_ICPT_CR | ICPT_CR_WRITE(8);
    b->int_vector = (uint32_t)vector;
    b->int_ctl = ctl | V_IRQ | (uint32_t)FIELD_PREP(V_INTR_PRIO, vector >> 4);
    s->virq = VIRQ_APIC;
    s->virq_vector = (uint32_t)vector;
}

static void disarm(struct svm_vcpu *s)
{
    struct vmcb *b = s->vmcb;
    b->int_ctl &= ~(V_IRQ | V_INTR_PRIO | V_IGN_TPR);
    b->icpt_misc1 &= ~ICPT1_VINTR;
    b->icpt_cr = SVM_ICPT_CR;
    s->virq = VIRQ_NONE;
}

/* An exit as soon as the guest can be interrupted. */
static void arm_window(struct svm_vcpu *s)
{
    struct vmcb *b = s->vmcb;
    b->int_vector = 0;
    b->int_ctl |= V_IRQ | V_IGN_TPR;
    b->icpt_misc1 |= ICPT1_VINTR;
    b->icpt_cr = SVM_ICPT_CR | ICPT_CR_WRITE(8);
    s->virq = VIRQ_WINDOW;
}

void svm_arm_extint(struct svm_vcpu *s, uint8_t vector)
{
    struct vmcb *b = s->vmcb;
    svm_sync_hw(s);
    disarm(s);
    b->int_vector = vector;
    b->int_ctl |= V_IRQ | V_IGN_TPR;
    b->icpt_cr = SVM_ICPT_CR | ICPT_CR_WRITE(8);
    s->virq = VIRQ_EXTINT;
    s->virq_vector = vector;
    look_again(s, false);
}

bool svm_update(struct vcpu *v)
{
    struct svm_vcpu *s = v->svm;
    s->look_again = 0;
    svm_sync_hw(s);
    if (s->virq == VIRQ_EXTINT) {          /* acknowledged at the PIC: goes first */
        look_again(s, vlapic_next(&v->lapic) >= 0);
        return false;
    }
    bool ext = __atomic_load_n(&v->extint_line, __ATOMIC_SEQ_CST) && vlapic_takes_extint(&v->lapic);
    disarm(s);
    if (!ext && vlapic_next(&v->lapic) < 0)
        return false;
    if (in_shadow(s)) {
        look_again(s, true);
        return false;
    }
    if (!ext) {
        svm_arm_apic(s);
        return false;
    }
    if ((s->vmcb->rflags & RFLAGS_IF) && !s->event)
        return true;
    arm_window(s);
    return false;
}

bool svm_wakes(const struct vcpu *v)
{
    const struct svm_vcpu *s = v->svm;
    if (s->event || (s->nmi == NMI_OPEN && __atomic_load_n(&v->nmi_pending, __ATOMIC_SEQ_CST)))
        return true;
    if (!(s->vmcb->rflags & RFLAGS_IF))
        return false;
    return s->virq == VIRQ_EXTINT || (s->virq == VIRQ_APIC && s->virq_vector >> 4 > v->lapic.tpr >> 4);
}

/* ---- entry ---- */

static void inject_nmi(struct svm_vcpu *s)
{
    if (s->nmi != NMI_OPEN) {
        look_again(s, s->nmi == NMI_IRET);   /* blocked: the IRET exit comes */
        return;
    }
    if (in_shadow(s)) {
        look_again(s, true);
        return;
    }
    __atomic_store_n(&s->vcpu->nmi_pending, 0, __ATOMIC_SEQ_CST);
    s->vmcb->event_inj = INJ(INJ_TYPE_NMI, 2);
    s->nmi = NMI_BLOCKED;
    s->vmcb->icpt_misc1 |= ICPT1_IRET;
}

void svm_inject(struct svm_vcpu *s)
{
    bool nmi = __atomic_load_n(&s->vcpu->nmi_pending, __ATOMIC_RELAXED) != 0;
    if (unlikely(s->event != 0)) {
        s->vmcb->event_inj = s->event;
        s->event = 0;
        if (nmi)
            look_again(s, true);
    } else if (unlikely(nmi)) {
        inject_nmi(s);
    }
}
