/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's registers: after INIT, and in groups between the shared page and the VMCB.
 * Into the VMCB's save area go only values that were masked or checked; its control
 * area is never written with a value from the page, the interrupt shadow's bit apart.
 */
#include "kernel/virt/svm/svm.h"

#define ATTR_BITS    0x0fffu
#define ATTR_CODE    0x9bu               /* P, S, type; D and G where wanted */
#define ATTR_DATA    0x93u
#define ATTR_LDT     0x82u
#define ATTR_TSS     0x8bu
#define CR0_RESET    (CR0_CD | CR0_NW | 0x10ull)
#define CPU_FAMILY   0x00000600u         /* rdx after reset; the VMM's CPUID has the real one */
#define DR6_SETTABLE (MASK64(3, 0) | MASK64(15, 13))
#define DR7_SETTABLE (MASK64(31, 16) | MASK64(13, 13) | MASK64(9, 0))
#define EXC_LAST     30u                 /* 31 is reserved, and VMRUN refuses it here and there */

/* INIT and power-on [SDM3 table 9-1], [APM2 table 14-1]. PAT, TSC and XCR0 keep their values. */
void svm_reset(struct vcpu *v)
{
    static const struct vcpu_segment data = { 0, ATTR_DATA, 0xffff, 0 }, table = { 0, 0, 0xffff, 0 };
    struct svm_vcpu *s = v->svm;
    struct vmcb *b = &s->vmcb;
    uint64_t pat = b->g_pat;
    svm_switch_out(v);
    memset(&s->event, 0, offsetof(struct svm_vcpu, kick) - offsetof(struct svm_vcpu, event));
    memset(b->seg, 0, sizeof *b - offsetof(struct vmcb, seg));
    memset(v->state->gpr, 0, sizeof v->state->gpr);
    v->state->gpr[GPR_RDX] = CPU_FAMILY;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        b->seg[i] = i < SEG_GDTR ? data : table;
    b->seg[SEG_CS] = (struct vcpu_segment){ 0xf000, ATTR_CODE, 0xffff, 0xffff0000 };
    b->seg[SEG_LDTR].attr = ATTR_LDT;
    b->seg[SEG_TR].attr = ATTR_TSS;
    b->rip = 0xfff0;
    b->rflags = RFLAGS_FIXED;
    b->cr0 = CR0_RESET;
    b->efer = EFER_SVME;
    b->dr6 = DR6_FIXED;
    b->dr7 = DR7_FIXED;
    b->g_pat = pat;
    b->int_ctl = V_INTR_MASKING;
    b->int_state = b->event_inj = b->exit_int_info = 0;
    vmcb_intercept(b, SVM_EXIT_CR_WRITE + 8, false);
    vmcb_intercept(b, SVM_EXIT_VINTR, false);
    vmcb_intercept(b, SVM_EXIT_IRET, false);
}

void svm_start_at(struct vcpu *v, uint8_t vector)
{
    struct vmcb *b = &v->svm->vmcb;
    b->seg[SEG_CS].sel = (uint16_t)(vector << 8);
    b->seg[SEG_CS].base = (uint64_t)vector << 12;
    b->rip = 0;
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
        st->xcr0 = s->xcr0;
    }
    if (groups & VS_DR) {
        svm_switch_out(v);
        memcpy(st->dr, s->dr, sizeof st->dr);
        st->dr6 = b->dr6;
        st->dr7 = b->dr7;
        if (v->thread)                    /* else this may be a foreign CPU */
            svm_switch_in(v);
    }
    st->valid = groups;
}

/* ---- in: each word of the page that is judged is read once ---- */

static uint64_t once(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }

static bool cr_in(struct vmcb *b, const struct vcpu_state *st)
{
    uint64_t cr0 = once(&st->cr0), cr3 = once(&st->cr3), cr4 = once(&st->cr4);
    uint64_t efer = once(&st->efer), lma = (cr0 & CR0_PG) && (efer & EFER_LME) ? EFER_LMA : 0;
    if (cr0 >> 32 != 0 || ((cr0 & CR0_NW) && !(cr0 & CR0_CD)) || ((cr0 & CR0_PG) && !(cr0 & CR0_PE)))
        return false;
    if (cr3 >> cpu_features.phys_bits != 0 || (cr4 & ~svm_cr4_mask) || (efer & ~EFER_GUEST) ||
        (lma && !(cr4 & CR4_PAE)))
        return false;
    b->cr0 = cr0;
    b->cr2 = once(&st->cr2);
    b->cr3 = cr3;
    b->cr4 = cr4;
    b->efer = (efer & ~EFER_LMA) | lma | EFER_SVME;    /* LMA is the CPU's to compute, but VMRUN takes it from here */
    return true;
}

static bool event_in(struct vcpu *v, uint64_t event)
{
    struct svm_vcpu *s = v->svm;
    uint64_t type = FIELD_GET(EVENT_TYPE, event), vector = event & EVENT_VECTOR;
    if (!(event & EVENT_VALID))
        return true;
    if ((event & ~EVENT_BITS) || (!(event & EVENT_HAS_ERROR) && event >> 32 != 0))
        return false;
    if (type == EVENT_TYPE_EXTINT && !(event & EVENT_HAS_ERROR)) {
        svm_arm_extint(v, (uint8_t)vector);
        return true;
    }
    if (type != EVENT_TYPE_EXCEPTION || vector == EXC_NMI || vector > EXC_LAST)
        return false;
    if (s->event == EVENT(EVENT_TYPE_EXCEPTION, EXC_DB))
        s->vmcb.dr6 &= ~DR6_BS;           /* the step that did not happen after all */
    s->event = event;
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
        if (!svm_pat_ok(pat) || !svm_xcr0_ok(xcr0))
            return false;
        b->msr = st->msr;
        b->g_pat = pat;
        s->xcr0 = xcr0;
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
        memcpy(s->dr, st->dr, sizeof s->dr);
        b->dr6 = (once(&st->dr6) & DR6_SETTABLE) | DR6_FIXED;
        b->dr7 = (once(&st->dr7) & DR7_SETTABLE) | DR7_FIXED;
        if (v->thread)                    /* else this may be a foreign CPU */
            svm_switch_in(v);
    }
    return !(groups & VS_EVENT) || event_in(v, once(&st->pending_event));
}
