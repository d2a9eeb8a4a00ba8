/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs that the kernel owns; all others are the VMM's. */
#include "kernel/virt/svm/svm.h"

#define MSR_TSC         0x010u
#define MSR_TSC_ADJUST  0x03bu
#define MSR_TSC_AUX     0xc0000103u

enum result { DONE, GP, USER };

bool svm_pat_ok(uint64_t pat)
{
    for (unsigned i = 0; i < 8; i++, pat >>= 8)
        if ((pat & 0xff) > 7 || (pat & 0xff) == 2 || (pat & 0xff) == 3)
            return false;
    return true;
}

static enum result from(bool ok) { return ok ? DONE : GP; }

static enum result read(struct svm_vcpu *s, uint32_t msr, uint64_t *value)
{
    struct vcpu *v = s->vcpu;
    if (msr - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST) {
        svm_sync_hw(s);
        return from(vlapic_access(v, msr - MSR_X2APIC_FIRST, VLAPIC_X2_READ, value));
    }
    switch (msr) {
    case MSR_TSC:          *value = hw_rdtsc() + v->tsc_offset; return DONE;
    case MSR_APIC_BASE:    *value = v->lapic.base; return DONE;
    case MSR_TSC_ADJUST:   *value = v->tsc_adjust; return DONE;
    case MSR_PAT:          *value = s->pat; return DONE;
    case MSR_TSC_DEADLINE: *value = v->lapic.tsc_deadline; return DONE;
    case MSR_EFER:         *value = s->vmcb->efer & ~EFER_SVME; return DONE;
    case MSR_TSC_AUX:
        *value = v->tsc_aux;
        return v->tsc_aux_on ? DONE : USER;
    default: return USER;
    }
}

/* [APM2 3.1.7] SVME is ours and reads 0; LMA is the CPU's; LME does not change under paging. */
static enum result write_efer(struct vmcb *b, uint64_t value)
{
    if ((value & ~EFER_GUEST) || ((b->cr0 & CR0_PG) && ((value ^ b->efer) & EFER_LME)))
        return GP;
    b->efer = (value & ~EFER_LMA) | (b->efer & EFER_LMA) | EFER_SVME;
    return DONE;
}

static void move_tsc(struct vcpu *v, uint64_t delta)
{
    v->tsc_offset += delta;
    v->tsc_adjust += delta;
    v->svm->vmcb->tsc_offset = v->tsc_offset;
    vlapic_timer_set_deadline(v, v->lapic.tsc_deadline);
}

static enum result write_tsc_aux(struct vcpu *v, uint64_t value)
{
    if (!v->tsc_aux_on)
        return USER;
    if (value >> 32 != 0)
        return GP;
    v->tsc_aux = (uint32_t)value;
    ((struct svm_cpu *)percpu()->virt)->tsc_aux = value;
    hw_wrmsr(MSR_TSC_AUX, value);
    return DONE;
}

static enum result write_lapic(struct svm_vcpu *s, uint32_t msr, uint64_t value)
{
    struct vcpu *v = s->vcpu;
    svm_sync_hw(s);
    bool ok = msr == MSR_APIC_BASE ? vlapic_base_write(v, value) :
              vlapic_access(v, msr - MSR_X2APIC_FIRST, VLAPIC_X2_WRITE, &value);
    svm_push_tpr(v);
    __atomic_store_n(s->attention, 1, __ATOMIC_RELAXED);
    return from(ok);
}

static enum result write(struct svm_vcpu *s, uint32_t msr, uint64_t value)
{
    struct vcpu *v = s->vcpu;
    if (msr - MSR_X2APIC_FIRST <= MSR_X2APIC_LAST - MSR_X2APIC_FIRST || msr == MSR_APIC_BASE)
        return write_lapic(s, msr, value);
    switch (msr) {
    case MSR_TSC:
        move_tsc(v, value - (hw_rdtsc() + v->tsc_offset));
        return DONE;
    case MSR_TSC_ADJUST:
        move_tsc(v, value - v->tsc_adjust);
        return DONE;
    case MSR_PAT:
        if (!svm_pat_ok(value))
            return GP;
        s->pat = s->vmcb->g_pat = value;
        return DONE;
    case MSR_TSC_DEADLINE:
        vlapic_timer_set_deadline(v, value);
        return DONE;
    case MSR_EFER: return write_efer(s->vmcb, value);
    case MSR_TSC_AUX: return write_tsc_aux(v, value);
    default: return USER;
    }
}

static enum svm_next to_user(struct svm_vcpu *s, bool is_write, uint32_t msr, uint32_t len)
{
    s->state->exit.msr = msr;
    svm_advance(s, len);
    enum svm_next next = svm_to_user(s, is_write ? EXIT_WRMSR : EXIT_RDMSR);
    s->state->exit.insn_len = (uint8_t)len;
    return next;
}

enum svm_next svm_msr(struct svm_vcpu *s, uint32_t len)
{
    struct vcpu_state *st = s->state;
    uint32_t msr = (uint32_t)__atomic_load_n(&st->gpr[GPR_RCX], __ATOMIC_RELAXED);
    bool is_write = s->vmcb->exit_info1 != 0;
    uint64_t value = st->gpr[GPR_RDX] << 32 | (uint32_t)s->vmcb->rax;
    enum result r = is_write ? write(s, msr, value) : read(s, msr, &value);
    if (r == USER)
        return to_user(s, is_write, msr, len);
    if (r == GP) {
        svm_raise_gp(s);
        return SVM_RESUME;
    }
    if (!is_write) {
        st->gpr[GPR_RAX] = (uint32_t)value;
        st->gpr[GPR_RDX] = value >> 32;
    }
    svm_advance(s, len);
    return SVM_RESUME;
}
