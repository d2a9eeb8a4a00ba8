/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of VCPU_RUN on SVM: complete what the VMM answered, enter, handle, repeat. */
#include "kernel/abi/spec.h"
#include "kernel/mm/pmm.h"
#include "kernel/virt/svm/svm.h"

#define SVM_VCPU_ORDER 1u

static struct svm_cpu *this_cpu(void) { return percpu()->virt; }

/* QEMU 7.2 never exits on XSETBV: what the guest set is read back. */
uint64_t svm_xcr0_sync(struct svm_vcpu *s)
{
    uint64_t now = hw_xgetbv();
    if (unlikely(now != s->vcpu->xcr0))
        s->vcpu->xcr0 = now & (cpu_features.host_xcr0 | 1);
    return now;
}

/* ---- debug registers ---- */

void svm_dr_load(struct svm_vcpu *s)
{
    vcpu_dr_load(s->vcpu);
    s->vmcb.icpt[ICPT_DR] = 0;
}

void svm_switch_out(struct vcpu *v)
{
    if (!v->dr_loaded)
        return;
    vcpu_dr_unload(v);
    v->svm->vmcb.icpt[ICPT_DR] = ICPT_DR_ALL;
}

void svm_switch_in(struct vcpu *v)
{
    if (v->svm->vmcb.dr7 & DR7_BREAKPOINTS)
        svm_dr_load(v->svm);
}

void svm_tsc_moved(struct vcpu *v) { v->svm->vmcb.tsc_offset = v->tsc_offset; }

/* ---- life ---- */

status_t svm_vcpu_init(struct vcpu *v)
{
    struct svm_vcpu *s = pmm_alloc_order(SVM_VCPU_ORDER);
    if (!s)
        return ST_NOSPACE;
    v->svm = s;
    s->vcpu = v;
    s->state = v->state;
    s->vmcb_pa = pmm_pa(&s->vmcb).v;
    s->host_pa = pmm_pa(cpu_block[v->cpu]->virt).v;
    s->kick.kind = KTIMER_KICK;
    s->kick.cpu = v->cpu;
    s->vmcb.asid = v->vm->asid;
    s->vmcb.ncr3 = pmm_pa(v->vm->npt.root).v;
    svm_init(s);
    return ST_OK;
}

void svm_vcpu_free(struct vcpu *v)
{
    ktimer_cancel(&v->svm->kick);
    pmm_free_order(v->svm, SVM_VCPU_ORDER);
}

/* ---- the loop ---- */

/* What the VMM wrote into the page since the last exit. */
static enum virt_next resume(struct svm_vcpu *s)
{
    struct vcpu_state *st = s->state;
    const uint32_t want = s->want_len, len = st->exit.insn_len;
    const bool moved = st->dirty & (VS_RIP | VS_EVENT);
    s->want_len = 0;
    if (!vcpu_take_dirty(s->vcpu))
        return vcpu_to_user(s->vcpu, EXIT_INVALID, ~0u, 0, 0);
    return likely(!want) || moved || len == 0 || len > 15 ? VIRT_RESUME : svm_complete(s, len);
}

static uint32_t enter_guest(struct svm_vcpu *s)
{
    struct vcpu *v = s->vcpu;
    if (unlikely(vcpu_enters(v, &this_cpu()->owner[s->vmcb.asid])))
        s->vmcb.tlb_control = cpu_features.flush_by_asid ? TLB_FLUSH_ASID : TLB_FLUSH_ALL;
    svm_inject(s);
    /* Without CR4.OSXSAVE nothing in the guest depends on XCR0, nor can it change it. */
    if ((s->vmcb.cr4 & CR4_OSXSAVE) && unlikely(v->xcr0 != cpu_features.host_xcr0))
        hw_xsetbv(v->xcr0);
    s->vmcb.rax = s->state->gpr[GPR_RAX];
    uint64_t start = hw_rdtsc();
    uint32_t result = unlikely(spec_actions & SPEC_AT_EXIT) ? svm_enter_guarded(s) : svm_enter(s);
    uint64_t spent = hw_rdtsc() - start;
    if ((s->vmcb.cr4 & CR4_OSXSAVE) && unlikely(svm_xcr0_sync(s) != cpu_features.host_xcr0))
        hw_xsetbv(cpu_features.host_xcr0);
    vcpu_left(v, spent);
    return result;
}

status_t svm_run(struct vcpu *v)
{
    struct svm_vcpu *s = v->svm;
    uint32_t *attention = &v->thread->attention;
    if (unlikely(resume(s) == VIRT_USER))
        return ST_OK;
    for (;;) {
        if (unlikely(__atomic_load_n(attention, __ATOMIC_ACQUIRE)) && vcpu_attend(v))
            return ST_OK;
        if (enter_guest(s) != FAST_EXIT)
            s->state->gpr[GPR_RAX] = s->vmcb.rax;
        else if (svm_exit(s) == VIRT_USER)
            return ST_OK;
        if (unlikely(s->look_again || __atomic_load_n(&percpu()->need_resched, __ATOMIC_RELAXED)))
            vcpu_attend_soon(v);
    }
}
