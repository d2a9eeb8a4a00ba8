/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exits that are handled without leaving the guest's context: CPUID here, the hot
 * x2APIC registers in vcpu_msr.c. GIF = 0, FS, GS and TR are the guest's: no
 * per-CPU data, no locks, no assertions. What comes from the shared page is read
 * once. The common CPUID is the whole budget of docs/performance.md, so what is
 * rare lives in functions of other files.
 */
#include "kernel/virt/svm/svm.h"

/* A leaf whose row is not the answer as it stands; leaf Dh depends on XCR0. */
static __attribute__((noinline)) void changing_leaf(struct svm_vcpu *s, uint32_t leaf, uint32_t sub)
{
    if (s->vmcb.cr4 & CR4_OSXSAVE)
        (void)svm_xcr0_sync(s);
    vcpu_cpuid(s->vcpu, leaf, sub, s->vmcb.cr4);
    s->vmcb.rax = s->state->gpr[GPR_RAX];
}

static __attribute__((noinline)) bool hot_msr(struct svm_vcpu *s, uint32_t msr, uint64_t value)
{
    if (s->vmcb.exit_info1 == 0 || (s->virq != VIRQ_NONE && s->virq != VIRQ_APIC))
        return false;
    svm_sync(s->vcpu);
    if (!vcpu_msr_hot(s->vcpu, msr, value))
        return false;
    svm_arm_apic(s->vcpu);
    return true;
}

uint32_t svm_fast(struct svm_vcpu *s, struct vcpu_state *st, uint64_t rdx, uint64_t rcx)
{
    struct vmcb *b = &s->vmcb;
    struct vcpu *v = s->vcpu;
    uint32_t code = (uint32_t)b->exit_code, leaf = (uint32_t)b->rax;
    b->event_inj = 0;                     /* once is enough, whether the CPU clears it or not */
    b->tlb_control = 0;                   /* the flush too */
    if (code != SVM_EXIT_CPUID && code != SVM_EXIT_MSR)
        return FAST_EXIT;
    if (unlikely((b->exit_int_info & EVENT_VALID) || (b->rflags & RFLAGS_TF)))
        return FAST_EXIT;
    uint32_t len = svm_insn_len(s, code);
    if (unlikely(len == 0))
        return FAST_EXIT;
    if (code == SVM_EXIT_CPUID) {
        const struct vm_cpuid *row = vcpu_cpuid_ready(v, leaf, b->cr4);
        if (likely(row)) {
            b->rax = row->eax;
            st->gpr[GPR_RBX] = row->ebx;
            st->gpr[GPR_RCX] = row->ecx;
            st->gpr[GPR_RDX] = row->edx;
            v->stats.cpuid++;
        } else {
            changing_leaf(s, leaf, (uint32_t)rcx);
        }
    } else if (!hot_msr(s, (uint32_t)rcx, rdx << 32 | leaf)) {
        return FAST_EXIT;
    }
    svm_move_rip(b, len);
    v->stats.exits++;
    return vcpu_fast_done(v);
}
