/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs that the kernel owns; all others are the VMM's. */
#include "kernel/virt/svm/svm.h"

#define MSR_TSC         0x010u
#define MSR_TSC_ADJUST  0x03bu

enum result { DONE, GP, USER };

/* Each byte is one of 0, 1, 4 to 7 [APM2 7.8.2]. */
bool svm_pat_ok(uint64_t pat)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    return (pat & ~(ones * 7)) == 0 && (pat >> 1 & ~(pat >> 2) & ones) == 0;
}

static enum result read(const struct svm_vcpu *s, uint32_t msr, uint64_t *value)
{
    const struct vcpu *v = s->vcpu;
    switch (msr) {
    case MSR_TSC:          *value = hw_rdtsc() + v->tsc_offset; break;
    case MSR_APIC_BASE:    *value = v->lapic.base; break;
    case MSR_TSC_ADJUST:   *value = v->tsc_adjust; break;
    case MSR_PAT:          *value = s->vmcb.g_pat; break;
    case MSR_TSC_DEADLINE: *value = v->lapic.tsc_deadline; break;
    case MSR_EFER:         *value = s->vmcb.efer & ~EFER_SVME; break;
    case MSR_TSC_AUX:      *value = v->tsc_aux; return cpu_features.rdtscp ? DONE : USER;
    default:               return USER;
    }
    return DONE;
}

static void move_tsc(struct vcpu *v, uint64_t delta)
{
    v->tsc_offset += delta;
    v->tsc_adjust += delta;
    v->svm->vmcb.tsc_offset = v->tsc_offset;
    vlapic_timer_set_deadline(v, v->lapic.tsc_deadline);
}

static enum result write(struct svm_vcpu *s, uint32_t msr, uint64_t value)
{
    struct vcpu *v = s->vcpu;
    struct vmcb *b = &s->vmcb;
    switch (msr) {
    case MSR_TSC:          move_tsc(v, value - (hw_rdtsc() + v->tsc_offset)); break;
    case MSR_TSC_ADJUST:   move_tsc(v, value - v->tsc_adjust); break;
    case MSR_TSC_DEADLINE: vlapic_timer_set_deadline(v, value); break;
    case MSR_EFER:     /* [APM2 3.1.7] SVME is ours and reads 0; LMA is the CPU's; LME does not change under paging */
        if ((value & ~EFER_GUEST) || ((b->cr0 & CR0_PG) && ((value ^ b->efer) & EFER_LME)))
            return GP;
        b->efer = (value & ~EFER_LMA) | (b->efer & EFER_LMA) | EFER_SVME;
        break;
    case MSR_PAT:
        if (!svm_pat_ok(value))
            return GP;
        b->g_pat = value;
        break;
    case MSR_TSC_AUX:
        if (!cpu_features.rdtscp)
            return USER;
        if (value >> 32 != 0)
            return GP;
        v->tsc_aux = (uint32_t)value;
        ((struct svm_cpu *)percpu()->virt)->tsc_aux = value;
        hw_wrmsr(MSR_TSC_AUX, value);
        break;
    default: return USER;
    }
    return DONE;
}

/* false: #GP. */
static bool lapic(struct vcpu *v, uint32_t msr, bool is_write, uint64_t *value)
{
    svm_sync(v);
    bool ok = msr == MSR_APIC_BASE ? vlapic_base_write(v, *value)
              : vlapic_access(v, msr - MSR_X2APIC_FIRST, is_write ? VLAPIC_X2_WRITE : VLAPIC_X2_READ, value);
    if (is_write) {
        svm_push_tpr(v);
        svm_attend(v);
    }
    return ok;
}

enum svm_next svm_msr(struct svm_vcpu *s, uint32_t len)
{
    struct vcpu_state *st = s->state;
    uint32_t msr = svm_ecx(s);
    uint64_t value = st->gpr[GPR_RDX] << 32 | (uint32_t)s->vmcb.rax;
    bool is_write = s->vmcb.exit_info1 != 0;
    enum result r;
    s->vcpu->stats.msr++;
    if (msr - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST || (msr == MSR_APIC_BASE && is_write))
        r = lapic(s->vcpu, msr, is_write, &value) ? DONE : GP;
    else
        r = is_write ? write(s, msr, value) : read(s, msr, &value);
    if (r == GP) {
        svm_raise(s, EXC_GP);
        return SVM_RESUME;
    }
    svm_advance(s, len);
    if (r == USER) {
        st->exit.msr = msr;
        st->exit.insn_len = (uint8_t)len;
        return svm_to_user(s, is_write ? EXIT_WRMSR : EXIT_RDMSR);
    }
    if (!is_write) {
        st->gpr[GPR_RAX] = (uint32_t)value;
        st->gpr[GPR_RDX] = value >> 32;
    }
    return SVM_RESUME;
}

/* The hot x2APIC registers. FAST_EXIT: nothing was done. The rules are svm_fast.c's. */
uint32_t svm_fast_msr(struct svm_vcpu *s, struct vcpu_state *st, uint64_t rdx, uint32_t msr, uint32_t len)
{
    const uint64_t self = FIELD_PREP(ICR_SHORTHAND, ICR_TO_SELF);
    struct vcpu *v = s->vcpu;
    struct vlapic *l = &v->lapic;
    uint32_t reg = msr - MSR_X2APIC_FIRST;
    uint64_t value = rdx << 32 | (uint32_t)s->vmcb.rax;
    if (reg > VLR_SELF_IPI || !vlapic_is_x2(l) || (s->virq != VIRQ_NONE && s->virq != VIRQ_APIC))
        return FAST_EXIT;
    if (s->vmcb.exit_info1 == 0) {
        if (reg != VLR_ID)
            return FAST_EXIT;
        s->vmcb.rax = l->id;
        st->gpr[GPR_RDX] = 0;
        v->stats.msr++;
        return svm_fast_done(s, len);
    }
    svm_sync(v);
    if (reg == VLR_EOI && value == 0) {
        if (unlikely(vlapic_eoi(l)))
            svm_attend(v);                 /* level-triggered: the VMM is told */
    } else if (reg == VLR_TPR && value <= 255) {
        l->tpr = (uint32_t)value;
    } else if ((value & ICR_VECTOR) >= 16 && ((reg == VLR_SELF_IPI && value <= 255) ||
               (reg == VLR_ICR && (value & ~ICR_VECTOR & ~ICR_LEVEL) == self))) {
        if (reg == VLR_ICR)
            l->icr = value;
        (void)vlapic_post(l, (uint8_t)value, false);     /* a fixed, edge-triggered vector to itself */
        v->stats.ipis++;
    } else {
        return FAST_EXIT;
    }
    svm_arm_apic(v);
    v->stats.msr++;
    return svm_fast_done(s, len);
}
