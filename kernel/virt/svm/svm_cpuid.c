/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID in full: subleaves, leaves outside the index, rows that depend on the vCPU's state. */
#include "kernel/virt/svm/svm.h"

/* Called from the fast path too: no per-CPU data. */
void svm_cpuid(struct svm_vcpu *s, struct vcpu_state *st, uint32_t sub)
{
    struct vmcb *b = s->vmcb;
    struct vcpu *v = s->vcpu;
    struct vm_cpuid r;
    vm_cpuid_get(v, (uint32_t)b->rax, sub, b->cr4, s->xcr0, &r);
    if ((uint32_t)b->rax == 1) {
        s->leaf1 = r;
        s->leaf1_cr4 = b->cr4;
        s->leaf1_base = v->lapic.base;
    }
    b->rax = r.eax;
    st->gpr[GPR_RBX] = r.ebx;
    st->gpr[GPR_RCX] = r.ecx;
    st->gpr[GPR_RDX] = r.edx;
}
