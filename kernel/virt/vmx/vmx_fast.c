/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exits that are handled with the guest's callee-saved registers still in the CPU: CPUID, and the hot x2APIC writes.
 * What comes from the shared page is read once. The common CPUID is the whole budget of docs/performance.md: it calls
 * nothing, so that no register is saved for it.
 */
#include "kernel/virt/vmx/vmx.h"

#define NOINLINE __attribute__((noinline))

static NOINLINE uint32_t odd_end(struct vmx_vcpu *x)
{
    vmx_insn_over(x);
    vmx_inject(x);
    return vcpu_fast_done(x->vcpu);
}

static NOINLINE uint32_t hot_msr(struct vmx_vcpu *x, uint32_t reason, uint32_t msr, uint64_t value)
{
    struct vcpu *v = x->vcpu;
    if (reason != VMX_WRMSR || !vcpu_msr_hot(v, msr, value)) {
        x->reason = reason;
        return FAST_EXIT;
    }
    v->stats.exits++;
    vmx_advance(x);
    if (unlikely(vmx_update(v)))
        vcpu_attend_soon(v);                         /* the virtual PIC's turn */
    vmx_inject(x);
    return vcpu_fast_done(v);
}

uint32_t vmx_fast(struct vmx_vcpu *x, struct vcpu_state *st, uint64_t rdx, uint64_t rcx)
{
    struct vcpu *v = x->vcpu;
    const uint32_t reason = (uint32_t)vmcs_read(VMCS_EXIT_REASON), leaf = (uint32_t)once(&st->gpr[GPR_RAX]);
    if (reason != VMX_CPUID)
        return hot_msr(x, reason, (uint32_t)rcx, rdx << 32 | leaf);
    const uint64_t cr4 = unlikely(leaf == 1) ? vmcs_read(VMCS_CR4) : 0;        /* OSXSAVE */
    const struct vm_cpuid *row = vcpu_cpuid_ready(v, leaf, cr4);
    if (unlikely(!row)) {
        x->reason = reason;
        return FAST_EXIT;
    }
    st->gpr[GPR_RAX] = row->eax;
    st->gpr[GPR_RBX] = row->ebx;
    st->gpr[GPR_RCX] = row->ecx;
    st->gpr[GPR_RDX] = row->edx;
    v->stats.cpuid++;
    v->stats.exits++;
    return unlikely(vmx_move_rip()) ? odd_end(x) : vcpu_fast_done(v);
}
