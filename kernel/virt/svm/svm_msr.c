/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs: EFER and PAT are in the VMCB, others as on both back ends, the rest is the VMM's. */
#include "kernel/virt/svm/svm.h"

static enum msr_result efer(struct vmcb *b, bool is_write, uint64_t *value)
{
    if (!is_write) {
        *value = b->efer & ~EFER_SVME;
        return MSR_DONE;
    }
    /* [APM2 3.1.7] SVME is ours and reads 0; LMA is the CPU's; LME does not change under paging. */
    if ((*value & ~EFER_GUEST) || ((b->cr0 & CR0_PG) && ((*value ^ b->efer) & EFER_LME)))
        return MSR_GP;
    b->efer = (*value & ~EFER_LMA) | (b->efer & EFER_LMA) | EFER_SVME;
    return MSR_DONE;
}

static enum msr_result pat(struct vmcb *b, bool is_write, uint64_t *value)
{
    if (is_write && !vcpu_pat_ok(*value))
        return MSR_GP;
    *(is_write ? &b->g_pat : value) = is_write ? *value : b->g_pat;
    return MSR_DONE;
}

enum virt_next svm_msr(struct svm_vcpu *s, uint32_t len)
{
    const uint32_t msr = svm_ecx(s);
    const bool is_write = s->vmcb.exit_info1 != 0;
    uint64_t value = vcpu_msr_value(s->vcpu);
    enum msr_result r = vcpu_msr(s->vcpu, msr, is_write, &value);
    if (msr == MSR_EFER)
        r = efer(&s->vmcb, is_write, &value);
    else if (msr == MSR_PAT)
        r = pat(&s->vmcb, is_write, &value);
    if (r == MSR_GP) {
        svm_raise(s, EXC_GP);
        return VIRT_RESUME;
    }
    svm_advance(s, len);
    return vcpu_msr_done(s->vcpu, r, msr, is_write, value, len);
}
