/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups of registers between the shared page and the VMCB. Into the VMCB's save
 * area go only values that were masked or checked; its control area is never
 * written with a value from the page.
 */
#include "kernel/arch/cpu.h"
#include "kernel/virt/svm/svm.h"

#define ATTR_BITS   0x0fffu
#define DR6_SETTABLE (MASK64(3, 0) | MASK64(15, 13))
#define DR7_SETTABLE (MASK64(31, 16) | MASK64(13, 13) | MASK64(9, 0))
#define EVENT_BITS  (INJ_VECTOR | INJ_TYPE | INJ_HAS_ERROR | INJ_VALID | MASK64(63, 32))
#define EXC_LAST    30u             /* 31 is reserved, and VMRUN refuses it here and there */

_Static_assert(sizeof(struct vmcb_seg) == sizeof(struct vcpu_segment), "segments have one form");
AT(struct vcpu_segment, attr, offsetof(struct vmcb_seg, attr));
AT(struct vcpu_segment, base, offsetof(struct vmcb_seg, base));

/* ---- out ---- */

static void seg_out(struct vcpu_segment *to, const struct vmcb_seg *from)
{
    *to = (struct vcpu_segment){ from->sel, from->attr, from->limit, from->base };
}

static void segs_out(struct vcpu_state *st, const struct vmcb *b)
{
    seg_out(&st->seg[SEG_ES], &b->es);
    seg_out(&st->seg[SEG_CS], &b->cs);
    seg_out(&st->seg[SEG_SS], &b->ss);
    seg_out(&st->seg[SEG_DS], &b->ds);
    seg_out(&st->seg[SEG_FS], &b->fs);
    seg_out(&st->seg[SEG_GS], &b->gs);
    seg_out(&st->seg[SEG_LDTR], &b->ldtr);
    seg_out(&st->seg[SEG_TR], &b->tr);
    seg_out(&st->seg[SEG_GDTR], &b->gdtr);
    seg_out(&st->seg[SEG_IDTR], &b->idtr);
}

static void rip_out(struct vcpu_state *st, const struct vmcb *b)
{
    st->rip = b->rip;
    st->rflags = b->rflags;
    st->gpr[GPR_RSP] = b->rsp;
    st->int_shadow = b->int_state & INT_SHADOW ? 1 : 0;
}

static void cr_out(struct vcpu_state *st, struct svm_vcpu *s)
{
    const struct vmcb *b = s->vmcb;
    st->cr0 = b->cr0;
    st->cr2 = b->cr2;
    st->cr3 = b->cr3;
    st->cr4 = b->cr4;
    st->cr8 = s->cr8_given = b->int_ctl & V_TPR_CLASS;
    st->efer = b->efer & ~EFER_SVME;
}

static void msr_out(struct vcpu_state *st, const struct svm_vcpu *s)
{
    const struct vmcb *b = s->vmcb;
    st->star = b->star;
    st->lstar = b->lstar;
    st->cstar = b->cstar;
    st->sfmask = b->sfmask;
    st->kernel_gs_base = b->kernel_gs_base;
    st->sysenter_cs = b->sysenter_cs;
    st->sysenter_esp = b->sysenter_esp;
    st->sysenter_eip = b->sysenter_eip;
    st->pat = s->pat;
    st->xcr0 = s->xcr0;
}

static void lapic_out(struct vcpu_state *st, const struct vcpu *v)
{
    st->lapic_base = v->lapic.base;
    st->lapic_id = v->lapic.id;
    st->lapic_tpr = v->lapic.tpr;
    st->lapic_ppr = vlapic_ppr(&v->lapic);
    st->lapic_svr = v->lapic.svr;
    st->tsc_offset = v->tsc_offset;
}

void svm_state_get(struct vcpu *v, uint32_t groups)
{
    struct svm_vcpu *s = v->svm;
    struct vcpu_state *st = v->state;
    const struct vmcb *b = s->vmcb;
    if (groups & VS_RIP)
        rip_out(st, b);
    if (groups & VS_CR)
        cr_out(st, s);
    if (groups & VS_SEG)
        segs_out(st, b);
    if (groups & VS_MSR)
        msr_out(st, s);
    if (groups & VS_DR) {
        if (s->dr_loaded)
            svm_dr_read(s);
        for (unsigned i = 0; i < 4; i++)
            st->dr[i] = s->dr[i];
        st->dr6 = b->dr6;
        st->dr7 = b->dr7;
    }
    if (groups & VS_EVENT)
        st->pending_event = s->event;
    if (groups & VS_LAPIC) {
        svm_sync_hw(s);
        lapic_out(st, v);
    }
    st->halted = v->phase != VCPU_PHASE_RUN;
    st->valid = groups;
}

/* ---- in: each word of the page is read once ---- */

static uint64_t once(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }

static void seg_in(struct vmcb_seg *to, const struct vcpu_segment *from)
{
    *to = (struct vmcb_seg){ from->sel, from->attr & ATTR_BITS, from->limit, from->base };
}

static void segs_in(struct vmcb *b, const struct vcpu_state *st)
{
    seg_in(&b->es, &st->seg[SEG_ES]);
    seg_in(&b->cs, &st->seg[SEG_CS]);
    seg_in(&b->ss, &st->seg[SEG_SS]);
    seg_in(&b->ds, &st->seg[SEG_DS]);
    seg_in(&b->fs, &st->seg[SEG_FS]);
    seg_in(&b->gs, &st->seg[SEG_GS]);
    seg_in(&b->ldtr, &st->seg[SEG_LDTR]);
    seg_in(&b->tr, &st->seg[SEG_TR]);
    seg_in(&b->gdtr, &st->seg[SEG_GDTR]);
    seg_in(&b->idtr, &st->seg[SEG_IDTR]);
    b->cpl = (uint8_t)(b->ss.attr >> 5 & 3);
}

static void rip_in(struct vmcb *b, const struct vcpu_state *st)
{
    b->rip = once(&st->rip);
    b->rflags = (once(&st->rflags) & RFLAGS_DEFINED) | RFLAGS_FIXED;
    b->rsp = once(&st->gpr[GPR_RSP]);
    b->int_state = __atomic_load_n(&st->int_shadow, __ATOMIC_RELAXED) ? INT_SHADOW : 0;
}

/* LMA is the CPU's to compute, but VMRUN takes it from here. */
static uint64_t efer_of(uint64_t efer, uint64_t cr0)
{
    efer &= EFER_GUEST & ~EFER_LMA;
    return efer | EFER_SVME | ((efer & EFER_LME) && (cr0 & CR0_PG) ? EFER_LMA : 0);
}

static bool cr_in(struct vcpu *v, const struct vcpu_state *st)
{
    struct vmcb *b = v->svm->vmcb;
    uint64_t cr0 = once(&st->cr0), cr3 = once(&st->cr3), cr4 = once(&st->cr4), efer = once(&st->efer);
    uint64_t cr8 = once(&st->cr8);
    if (cr0 >> 32 != 0 || ((cr0 & CR0_NW) && !(cr0 & CR0_CD)) || ((cr0 & CR0_PG) && !(cr0 & CR0_PE)))
        return false;
    if (cr3 >> cpu_features.phys_bits != 0 || (cr4 & ~svm_cr4_mask) || (efer & ~EFER_GUEST) || cr8 > 15)
        return false;
    if ((cr0 & CR0_PG) && (efer & EFER_LME) && !(cr4 & CR4_PAE))
        return false;
    b->cr0 = cr0;
    b->cr2 = once(&st->cr2);
    b->cr3 = cr3;
    b->cr4 = cr4;
    b->efer = efer_of(efer, cr0);
    if (cr8 != v->svm->cr8_given) {
        svm_sync_hw(v->svm);
        v->lapic.tpr = (uint32_t)cr8 << 4;
        svm_push_tpr(v);
        v->svm->cr8_given = cr8;
    }
    return true;
}

static void dr_in(struct svm_vcpu *s, const struct vcpu_state *st)
{
    svm_dr_unload(s);
    for (unsigned i = 0; i < 4; i++)
        s->dr[i] = once(&st->dr[i]);
    s->vmcb->dr6 = (once(&st->dr6) & DR6_SETTABLE) | DR6_FIXED;
    s->vmcb->dr7 = (once(&st->dr7) & DR7_SETTABLE) | DR7_FIXED;
    if (s->vmcb->dr7 & DR7_BREAKPOINTS)
        svm_dr_load(s);
}

static bool msr_in(struct svm_vcpu *s, const struct vcpu_state *st)
{
    struct vmcb *b = s->vmcb;
    uint64_t pat = once(&st->pat), xcr0 = once(&st->xcr0);
    if (!svm_pat_ok(pat) || !svm_xcr0_ok(xcr0))
        return false;
    b->star = once(&st->star);
    b->lstar = once(&st->lstar);
    b->cstar = once(&st->cstar);
    b->sfmask = once(&st->sfmask);
    b->kernel_gs_base = once(&st->kernel_gs_base);
    b->sysenter_cs = once(&st->sysenter_cs);
    b->sysenter_esp = once(&st->sysenter_esp);
    b->sysenter_eip = once(&st->sysenter_eip);
    b->g_pat = s->pat = pat;
    s->xcr0 = xcr0;
    return true;
}

static bool event_in(struct vcpu *v, uint64_t event)
{
    struct svm_vcpu *s = v->svm;
    unsigned type = (unsigned)FIELD_GET(INJ_TYPE, event), vector = (unsigned)(event & INJ_VECTOR);
    if (!(event & EVENT_VALID))
        return true;
    if ((event & ~EVENT_BITS) || ((event & EVENT_HAS_ERROR) && type != EVENT_TYPE_EXCEPTION) ||
        (!(event & EVENT_HAS_ERROR) && event >> 32 != 0))
        return false;
    switch (type) {
    case EVENT_TYPE_EXTINT:
        svm_arm_extint(s, (uint8_t)vector);
        return true;
    case EVENT_TYPE_NMI:
        __atomic_store_n(&v->nmi_pending, 1, __ATOMIC_SEQ_CST);
        return true;
    case EVENT_TYPE_EXCEPTION:
        if (vector == 2 || vector > EXC_LAST)
            return false;
        break;
    case EVENT_TYPE_SOFTINT:
        break;
    default: return false;
    }
    if (s->event == INJ(INJ_TYPE_EXC, EXC_DB))
        s->vmcb->dr6 &= ~DR6_BS;          /* the step that did not happen after all */
    s->event = event;
    return true;
}

bool svm_state_set(struct vcpu *v, uint32_t groups)
{
    struct svm_vcpu *s = v->svm;
    const struct vcpu_state *st = v->state;
    if ((groups & VS_CR) && !cr_in(v, st))
        return false;
    if ((groups & VS_MSR) && !msr_in(s, st))
        return false;
    if (groups & VS_RIP)
        rip_in(s->vmcb, st);
    if (groups & VS_SEG)
        segs_in(s->vmcb, st);
    if (groups & VS_DR)
        dr_in(s, st);
    if ((groups & VS_EVENT) && !event_in(v, once(&st->pending_event)))
        return false;
    return true;
}
