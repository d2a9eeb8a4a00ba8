/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's registers: after INIT, and in groups between the shared page and the VMCB.
 * Into the VMCB's save area go only values that were masked or checked; its control
 * area is never written with a value from the page, the interrupt shadow's bit apart.
 */
#include "kernel/virt/svm/svm.h"

/* What is not in the page's groups. */
void svm_reset(struct vcpu *v)
{
    struct svm_vcpu *s = v->svm;
    struct vmcb *b = &s->vmcb;
    svm_switch_out(v);
    memset(&s->shadow_rip, 0, offsetof(struct svm_vcpu, kick) - offsetof(struct svm_vcpu, shadow_rip));
    b->int_ctl = V_INTR_MASKING;
    b->event_inj = b->exit_int_info = 0;
    vmcb_intercept(b, SVM_EXIT_CR_WRITE + 8, false);
    vmcb_intercept(b, SVM_EXIT_VINTR, false);
    vmcb_intercept(b, SVM_EXIT_IRET, false);
}

void svm_state_get(struct vcpu *v, uint32_t groups)
{
    struct svm_vcpu *s = v->svm;
    struct vcpu_state *st = v->state;
    const struct vmcb *b = &s->vmcb;
    if (groups & VS_RIP) {
        st->rip = b->rip;
        st->rflags = b->rflags;
        st->gpr[GPR_RSP] = b->rsp;
        st->int_shadow = b->int_state & INT_SHADOW;
    }
    if (groups & VS_CR) {
        st->cr0 = b->cr0;
        st->cr2 = b->cr2;
        st->cr3 = b->cr3;
        st->cr4 = b->cr4;
        st->efer = b->efer & ~EFER_SVME;
    }
    for (unsigned i = 0; i < SEG_COUNT && (groups & VS_SEG); i++)
        st->seg[i] = b->seg[i];
    if (groups & VS_MSR) {
        st->msr = b->msr;
        st->pat = b->g_pat;
        st->xcr0 = v->xcr0;
    }
    if (groups & VS_DR) {
        svm_switch_out(v);
        memcpy(st->dr, v->dr, sizeof st->dr);
        st->dr6 = b->dr6;
        st->dr7 = b->dr7;
        if (v->thread)                    /* else this may be a foreign CPU */
            svm_switch_in(v);
    }
    st->valid = groups;
}

static bool cr_in(struct vmcb *b, const struct vcpu_state *st)
{
    struct vcpu_crs c;
    if (!vcpu_crs_in(st, &c))
        return false;
    b->cr0 = c.cr0;
    b->cr2 = c.cr2;
    b->cr3 = c.cr3;
    b->cr4 = c.cr4;
    b->efer = c.efer | EFER_SVME;
    return true;
}

bool svm_state_set(struct vcpu *v, uint32_t groups)
{
    struct svm_vcpu *s = v->svm;
    struct vmcb *b = &s->vmcb;
    const struct vcpu_state *st = v->state;
    if ((groups & VS_CR) && !cr_in(b, st))
        return false;
    if (groups & VS_MSR) {
        uint64_t pat = once(&st->pat), xcr0 = once(&st->xcr0);
        if (!vcpu_pat_ok(pat) || !vcpu_xcr0_ok(xcr0))
            return false;
        b->msr = st->msr;
        b->g_pat = pat;
        v->xcr0 = xcr0;
    }
    if (groups & VS_RIP) {
        b->rip = once(&st->rip);
        b->rflags = (once(&st->rflags) & RFLAGS_DEFINED) | RFLAGS_FIXED;
        b->rsp = once(&st->gpr[GPR_RSP]);
        b->int_state = once(&st->int_shadow) & INT_SHADOW;
    }
    if (groups & VS_SEG) {
        for (unsigned i = 0; i < SEG_COUNT; i++) {
            b->seg[i] = st->seg[i];
            b->seg[i].attr &= ATTR_BITS;
        }
        b->cpl = (uint8_t)(b->seg[SEG_SS].attr >> 5 & 3);
    }
    if (groups & VS_DR) {
        svm_switch_out(v);
        memcpy(v->dr, st->dr, sizeof v->dr);
        b->dr6 = (once(&st->dr6) & DR6_SETTABLE) | DR6_FIXED;
        b->dr7 = (once(&st->dr7) & DR7_SETTABLE) | DR7_FIXED;
        if (v->thread)                    /* else this may be a foreign CPU */
            svm_switch_in(v);
    }
    return !(groups & VS_EVENT) || vcpu_event_in(v, once(&st->pending_event));
}
