/* SPDX-License-Identifier: BSD-2-Clause */
/* The hot x2APIC registers on the fast path; its rules are svm_fast.c's. */
#include "kernel/virt/svm/svm_insn.h"

#define X2(reg)  (MSR_X2APIC_FIRST + (uint32_t)(reg))

/* A fixed, edge-triggered vector to itself: ICR shorthand or SELF_IPI. */
static uint32_t self_ipi(struct svm_vcpu *s, uint8_t vector, uint32_t len)
{
    struct vcpu *v = s->vcpu;
    svm_sync_hw(s);
    (void)vlapic_post(&v->lapic, vector, false);
    svm_move_rip(s->vmcb, s->vmcb->rip + len);
    svm_arm_apic(s);
    v->stats.ipis++;
    return FAST_RESUME;
}

static uint32_t eoi(struct svm_vcpu *s, uint32_t len)
{
    svm_sync_hw(s);
    if (unlikely(vlapic_eoi(&s->vcpu->lapic)))
        __atomic_store_n(s->attention, 1, __ATOMIC_RELAXED);       /* level-triggered: the VMM is told */
    svm_move_rip(s->vmcb, s->vmcb->rip + len);
    svm_arm_apic(s);
    return FAST_RESUME;
}

static uint32_t set_tpr(struct svm_vcpu *s, uint32_t tpr, uint32_t len)
{
    svm_sync_hw(s);
    s->vcpu->lapic.tpr = tpr;
    svm_move_rip(s->vmcb, s->vmcb->rip + len);
    svm_arm_apic(s);
    return FAST_RESUME;
}

/* FAST_EXIT: nothing was done. */
static uint32_t write_x2(struct svm_vcpu *s, uint32_t msr, uint64_t value, uint32_t len)
{
    const uint64_t self = FIELD_PREP(ICR_SHORTHAND, ICR_TO_SELF);
    if (msr == X2(VLR_EOI) && value == 0)
        return eoi(s, len);
    if (msr == X2(VLR_SELF_IPI) && value >= 16 && value <= 255)
        return self_ipi(s, (uint8_t)value, len);
    if (msr == X2(VLR_TPR) && value <= 255)
        return set_tpr(s, (uint32_t)value, len);
    if (msr == X2(VLR_ICR) && (value & ~ICR_VECTOR & ~ICR_LEVEL) == self && (value & ICR_VECTOR) >= 16) {
        s->vcpu->lapic.icr = value;
        return self_ipi(s, (uint8_t)value, len);
    }
    return FAST_EXIT;
}

uint32_t svm_fast_msr(struct svm_vcpu *s, struct vcpu_state *st, uint64_t rdx, uint32_t msr, uint32_t len)
{
    struct vmcb *b = s->vmcb;
    struct vcpu *v = s->vcpu;
    if (msr - MSR_X2APIC_FIRST > MSR_X2APIC_LAST - MSR_X2APIC_FIRST || !vlapic_is_x2(&v->lapic) ||
        s->virq > VIRQ_APIC)
        return FAST_EXIT;
    if (b->exit_info1 == 0) {
        if (msr != X2(VLR_ID))
            return FAST_EXIT;
        b->rax = v->lapic.id;
        st->gpr[GPR_RDX] = 0;
        svm_move_rip(b, b->rip + len);
    } else if (write_x2(s, msr, rdx << 32 | (uint32_t)b->rax, len) == FAST_EXIT) {
        return FAST_EXIT;
    }
    v->stats.msr++;
    v->stats.exits++;
    return svm_fast_done(s);
}
