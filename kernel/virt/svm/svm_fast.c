/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exits that are handled without leaving the guest's context: CPUID here, the hot
 * x2APIC registers in svm_msr.c. GIF = 0, FS, GS and TR are the guest's: no
 * per-CPU data, no locks, no assertions. What comes from the shared page is read
 * once. The common CPUID is the whole budget of docs/performance.md, so what is
 * rare lives in functions of other files.
 */
#include "kernel/virt/svm/svm.h"

uint32_t svm_fast(struct svm_vcpu *s, struct vcpu_state *st, uint64_t rdx, uint64_t rcx)
{
    struct vmcb *b = &s->vmcb;
    struct vcpu *v = s->vcpu;
    uint32_t code = (uint32_t)b->exit_code;
    b->event_inj = 0;                     /* once is enough, whether the CPU clears it or not */
    b->tlb_control = 0;                   /* the flush too */
    if (code != SVM_EXIT_CPUID && code != SVM_EXIT_MSR)
        return FAST_EXIT;
    if (unlikely((b->exit_int_info & EVENT_VALID) || (b->rflags & RFLAGS_TF)))
        return FAST_EXIT;
    uint32_t len = svm_insn_len(s, code);
    if (unlikely(len == 0))
        return FAST_EXIT;
    if (code == SVM_EXIT_MSR)
        return svm_fast_msr(s, st, rdx, (uint32_t)rcx, len);
    const struct vm_cpuid *row = vm_cpuid_row(v->vm, (uint32_t)b->rax);
    bool ready = row && row->rsvd == VM_CPUID_FIXED;
    if (!ready && row && row->rsvd == VM_CPUID_LEAF_1 && s->leaf1_cr4 == b->cr4 && s->leaf1_base == v->lapic.base) {
        row = &s->leaf1;
        ready = true;
    }
    if (likely(ready)) {
        b->rax = row->eax;
        st->gpr[GPR_RBX] = row->ebx;
        st->gpr[GPR_RCX] = row->ecx;
        st->gpr[GPR_RDX] = row->edx;
        v->stats.cpuid++;
    } else {
        if (b->cr4 & CR4_OSXSAVE)
            (void)svm_xcr0_sync(s);       /* leaf Dh depends on it */
        svm_cpuid(s, st, (uint32_t)rcx);
    }
    return svm_fast_done(s, len);
}
