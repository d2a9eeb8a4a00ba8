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
    if (unlikely(now != s->xcr0))
        s->xcr0 = now & (cpu_features.host_xcr0 | 1);
    return now;
}

/* ---- debug registers ---- */

void svm_dr_load(struct svm_vcpu *s)
{
    __asm__ volatile ("mov %0, %%dr0\n\tmov %1, %%dr1\n\tmov %2, %%dr2\n\tmov %3, %%dr3"
                      : : "r"(s->dr[0]), "r"(s->dr[1]), "r"(s->dr[2]), "r"(s->dr[3]));
    s->vmcb.icpt[ICPT_DR] = 0;
    s->dr_loaded = 1;
}

void svm_switch_out(struct vcpu *v)
{
    struct svm_vcpu *s = v->svm;
    if (!s->dr_loaded)
        return;
    __asm__ volatile ("mov %%dr0, %0\n\tmov %%dr1, %1\n\tmov %%dr2, %2\n\tmov %%dr3, %3"
                      : "=r"(s->dr[0]), "=r"(s->dr[1]), "=r"(s->dr[2]), "=r"(s->dr[3]));
    s->vmcb.icpt[ICPT_DR] = ICPT_DR_ALL;
    s->dr_loaded = 0;
}

void svm_switch_in(struct vcpu *v)
{
    struct svm_cpu *cpu = this_cpu();
    if (cpu_features.rdtscp && cpu->tsc_aux != v->tsc_aux) {
        hw_wrmsr(MSR_TSC_AUX, v->tsc_aux);
        cpu->tsc_aux = v->tsc_aux;
    }
    if (v->svm->vmcb.dr7 & DR7_BREAKPOINTS)
        svm_dr_load(v->svm);
}

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
static enum svm_next resume(struct svm_vcpu *s)
{
    struct vcpu_state *st = s->state;
    uint32_t dirty = __atomic_load_n(&st->dirty, __ATOMIC_RELAXED) & VS_ALL, want = s->want_len;
    if (likely((dirty | want) == 0))
        return SVM_RESUME;
    s->want_len = 0;
    st->dirty = 0;
    if (dirty && !svm_state_set(s->vcpu, dirty)) {
        s->vmcb.exit_code = SVM_EXIT_INVALID;
        return svm_to_user(s, EXIT_INVALID);
    }
    if (dirty & VS_EVENT && s->vcpu->phase == VCPU_PHASE_HALT)
        svm_attend(s->vcpu);
    uint32_t len = __atomic_load_n(&st->exit.insn_len, __ATOMIC_RELAXED);
    if (!want || (dirty & (VS_RIP | VS_EVENT)) || len == 0 || len > 15)
        return SVM_RESUME;
    return svm_complete(s, len);
}

/* The TLB may hold an older user of the ASID, or translations that were taken away. Partner of
 * the order in_guest, tlb_gen: vm.c shoot. */
static void flush_if_stale(struct svm_vcpu *s)
{
    struct vcpu *v = s->vcpu;
    uint64_t *owner = &this_cpu()->owner[s->vmcb.asid];
    uint32_t gen = __atomic_load_n(&v->vm->tlb_gen, __ATOMIC_SEQ_CST);
    if (likely(v->tlb_seen == gen && *owner == v->serial))
        return;
    s->vmcb.tlb_control = cpu_features.flush_by_asid ? TLB_FLUSH_ASID : TLB_FLUSH_ALL;
    *owner = v->serial;
    __atomic_store_n(&v->tlb_seen, gen, __ATOMIC_SEQ_CST);
}

static uint32_t enter_guest(struct svm_vcpu *s)
{
    struct vcpu *v = s->vcpu;
    (void)__atomic_exchange_n(&v->in_guest, 1, __ATOMIC_SEQ_CST);
    flush_if_stale(s);
    svm_inject(s);
    /* Without CR4.OSXSAVE nothing in the guest depends on XCR0, nor can it change it. */
    if ((s->vmcb.cr4 & CR4_OSXSAVE) && unlikely(s->xcr0 != cpu_features.host_xcr0))
        hw_xsetbv(s->xcr0);
    s->vmcb.rax = s->state->gpr[GPR_RAX];
    uint64_t start = hw_rdtsc();
    uint32_t result = unlikely(spec_actions & SPEC_AT_EXIT) ? svm_enter_guarded(s) : svm_enter(s);
    uint64_t spent = hw_rdtsc() - start;
    v->stats.guest_tsc += spent;
    percpu()->guest_tsc += spent;
    if ((s->vmcb.cr4 & CR4_OSXSAVE) && unlikely(svm_xcr0_sync(s) != cpu_features.host_xcr0))
        hw_xsetbv(cpu_features.host_xcr0);
    __atomic_store_n(&v->in_guest, 0, __ATOMIC_RELEASE);
    return result;
}

status_t svm_run(struct vcpu *v)
{
    struct svm_vcpu *s = v->svm;
    uint32_t *attention = &v->thread->attention;
    if (unlikely(resume(s) == SVM_USER))
        return ST_OK;
    for (;;) {
        if (unlikely(__atomic_load_n(attention, __ATOMIC_ACQUIRE)) && vcpu_attend(v))
            return ST_OK;
        if (enter_guest(s) != FAST_EXIT)
            s->state->gpr[GPR_RAX] = s->vmcb.rax;
        else if (svm_exit(s) == SVM_USER)
            return ST_OK;
        if (unlikely(s->look_again || __atomic_load_n(&percpu()->need_resched, __ATOMIC_RELAXED)))
            svm_attend(v);
    }
}
