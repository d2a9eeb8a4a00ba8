/* SPDX-License-Identifier: BSD-2-Clause */
/* Exit records, checks of the page, reset, debug registers: the same on both back ends. */
#include "kernel/virt/backend.h"

#include "kernel/virt/virt.h"

#define ATTR_CODE    0x9bu               /* P, S, type; D and G where wanted */
#define ATTR_DATA    0x93u
#define ATTR_LDT     0x82u
#define ATTR_TSS     0x8bu
#define CR0_RESET    (CR0_CD | CR0_NW | 0x10ull)
#define CPU_FAMILY   0x00000600u         /* rdx after reset; the VMM's CPUID has the real one */
#define EXC_LAST     30u                 /* 31 is reserved, and VMRUN refuses it here and there */

/* ---- checks ---- */

/* Each byte is one of 0, 1, 4 to 7 [APM2 7.8.2]. */
bool vcpu_pat_ok(uint64_t pat)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    return (pat & ~(ones * 7)) == 0 && (pat >> 1 & ~(pat >> 2) & ones) == 0;
}

/* [SDM3 2.6]: bit 0 set, AVX needs SSE, nothing that the host does not save. */
bool vcpu_xcr0_ok(uint64_t xcr0)
{
    uint64_t avx512 = xcr0 & 0xe0;
    return (xcr0 & 1) && !(xcr0 & ~cpu_features.host_xcr0 & ~UINT64_C(1)) && (!(xcr0 & 4) || (xcr0 & 2)) &&
           (avx512 == 0 || (avx512 == 0xe0 && (xcr0 & 4)));
}

bool vcpu_crs_in(const struct vcpu_state *st, struct vcpu_crs *c)
{
    *c = (struct vcpu_crs){ once(&st->cr0), once(&st->cr2), once(&st->cr3), once(&st->cr4), once(&st->efer) };
    const uint64_t lma = (c->cr0 & CR0_PG) && (c->efer & EFER_LME) ? EFER_LMA : 0;
    if (c->cr0 >> 32 != 0 || ((c->cr0 & CR0_NW) && !(c->cr0 & CR0_CD)) || ((c->cr0 & CR0_PG) && !(c->cr0 & CR0_PE)))
        return false;
    if (c->cr3 >> cpu_features.phys_bits != 0 || (c->cr4 & ~cpu_features.cr4_known) || (c->efer & ~EFER_GUEST))
        return false;
    c->efer = (c->efer & ~EFER_LMA) | lma;
    return !lma || (c->cr4 & CR4_PAE);
}

bool vcpu_event_in(struct vcpu *v, uint64_t event)
{
    const uint64_t type = FIELD_GET(EVENT_TYPE, event), vector = event & EVENT_VECTOR;
    if (!(event & EVENT_VALID))
        return true;
    if ((event & ~EVENT_BITS) || event >> 48 != 0 || (!(event & EVENT_HAS_ERROR) && event >> 32 != 0))
        return false;
    if (type == EVENT_TYPE_EXTINT && !(event & EVENT_HAS_ERROR))
        return virt_extint(v, (uint8_t)vector);
    if (type != EVENT_TYPE_EXCEPTION || vector == EXC_NMI || vector > EXC_LAST)
        return false;
    if (vector == EXC_DB || v->event == EVENT(EVENT_TYPE_EXCEPTION, EXC_DB))
        virt_step(v, vector == EXC_DB);  /* over what the VMM emulated; else the one that did not happen after all */
    v->event = event;
    return true;
}

/* ---- the page between VMM and back end ---- */

bool vcpu_take_dirty(struct vcpu *v)
{
    struct vcpu_state *st = v->state;
    const uint32_t dirty = __atomic_load_n(&st->dirty, __ATOMIC_RELAXED) & VS_ALL;
    if (likely(dirty == 0))
        return true;
    st->dirty = 0;
    if (!virt_state_set(v, dirty))
        return false;
    if (dirty & VS_EVENT && v->phase == VCPU_PHASE_HALT)
        vcpu_attend_soon(v);
    return true;
}

void vcpu_reset(struct vcpu *v, uint16_t cs, uint64_t cs_base, uint64_t rip)
{
    static const struct vcpu_segment data = { 0, ATTR_DATA, 0xffff, 0 }, table = { 0, 0, 0xffff, 0 };
    struct vcpu_state *st = v->state;
    v->event = 0;
    virt_reset(v);
    memset(st->gpr, 0, sizeof st->gpr);
    st->gpr[GPR_RDX] = CPU_FAMILY;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        st->seg[i] = i < SEG_GDTR ? data : table;
    st->seg[SEG_CS] = (struct vcpu_segment){ cs, ATTR_CODE, 0xffff, cs_base };
    st->seg[SEG_LDTR].attr = ATTR_LDT;
    st->seg[SEG_TR].attr = ATTR_TSS;
    st->rip = rip;
    st->rflags = st->int_shadow = st->cr2 = st->cr3 = st->cr4 = st->efer = 0;
    st->cr0 = CR0_RESET;
    memset(st->dr, 0, sizeof st->dr);
    st->dr6 = DR6_FIXED;
    st->dr7 = DR7_FIXED;
    if (!virt_state_set(v, VS_RIP | VS_CR | VS_SEG | VS_DR))
        v->stop = 1;                     /* the VMM wrote into the page meanwhile */
}

static const uint8_t exit_groups[EXIT_REASON_COUNT] = {
#define X(n, v, g, s) [v] = (g),
    VCPU_EXITS(X)
#undef X
};

enum virt_next vcpu_to_user(struct vcpu *v, enum vcpu_exit_reason reason, uint32_t code, uint64_t info1, uint64_t info2)
{
    struct vcpu_state *st = v->state;
    st->exit.reason = reason;
    st->exit.code = code;
    st->exit.info1 = info1;
    st->exit.info2 = info2;
    st->valid = 0;
    if (exit_groups[reason])
        virt_state_get(v, exit_groups[reason]);
    v->stats.by_exit[reason]++;
    return VIRT_USER;
}

void vcpu_halt(struct vcpu *v)
{
    v->stats.hlt++;
    v->phase = VCPU_PHASE_HALT;
    vcpu_attend_soon(v);
}

/* ---- registers that neither VMCB nor VMCS holds ---- */

void vcpu_dr_load(struct vcpu *v)
{
    hw_write_dr0(v->dr[0]);
    hw_write_dr1(v->dr[1]);
    hw_write_dr2(v->dr[2]);
    hw_write_dr3(v->dr[3]);
    v->dr_loaded = 1;
}

void vcpu_dr_unload(struct vcpu *v)
{
    v->dr[0] = hw_read_dr0();
    v->dr[1] = hw_read_dr1();
    v->dr[2] = hw_read_dr2();
    v->dr[3] = hw_read_dr3();
    v->dr_loaded = 0;
}

/* ---- CPUID ---- */

void vcpu_cpuid(struct vcpu *v, uint32_t leaf, uint32_t sub, uint64_t cr4)
{
    uint64_t *gpr = v->state->gpr;
    struct vm_cpuid row;
    vm_cpuid_get(v, leaf, sub, cr4, v->xcr0, &row);
    if (leaf == 1)
        v->leaf1 = (struct vcpu_cpuid){ row, cr4, v->lapic.base };
    v->stats.cpuid++;
    gpr[GPR_RAX] = row.eax;
    gpr[GPR_RBX] = row.ebx;
    gpr[GPR_RCX] = row.ecx;
    gpr[GPR_RDX] = row.edx;
}
