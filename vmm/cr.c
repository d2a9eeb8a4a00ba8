/* SPDX-License-Identifier: BSD-2-Clause */
/* Control register instructions [SDM2 MOV CR, SDM3 2.5]. */
#include "vmm/cr.h"

#include "vmm/host_vcpu.h"

#define CR0_PE      BIT64(0)          /* [SDM3 2.5] */
#define CR0_TS      BIT64(3)
#define CR0_ET      BIT64(4)
#define CR0_NW      BIT64(29)
#define CR0_CD      BIT64(30)
#define CR0_PG      BIT64(31)
#define CR0_LMSW    MASK64(3, 0)      /* PE MP EM TS */
#define CR0_DEFINED (MASK64(5, 0) | BIT64(16) | BIT64(18) | MASK64(31, 29))

#define CR4_PAE     BIT64(5)
#define CR4_PCIDE   BIT64(17)

#define CR3_NOFLUSH BIT64(63)
#define CR3_DEFINED MASK64(39, 0)     /* CPUID_PHYS_BITS_MAX */

#define EFER_LME    BIT64(8)
#define EFER_LMA    BIT64(10)
#define ATTR_L      0x200u
#define LAPIC_TPR   0x80u

/* CR4 bit, and the CPUID register and bit that announce it [SDM3 2.5]. */
static const struct { uint8_t cr4, word, bit; } cr4_rows[] = {
    { 0, 1, 1 },  { 1, 1, 1 },        /* VME PVI: EDX.VME */
    { 2, 1, 4 },                      /* TSD: TSC */
    { 3, 1, 2 },                      /* DE */
    { 4, 1, 3 },                      /* PSE */
    { 5, 1, 6 },                      /* PAE */
    { 6, 1, 7 },                      /* MCE */
    { 7, 1, 13 },                     /* PGE */
    { 8, 1, 5 },                      /* PCE: with the MSRs; RDPMC itself is refused */
    { 9, 1, 24 },                     /* OSFXSR: FXSR */
    { 10, 1, 25 },                    /* OSXMMEXCPT: SSE */
    { 11, 3, 2 },                     /* UMIP */
    { 16, 2, 0 },                     /* FSGSBASE */
    { 17, 0, 17 },                    /* PCIDE: PCID */
    { 18, 0, 26 },                    /* OSXSAVE: XSAVE */
    { 20, 2, 7 },                     /* SMEP */
    { 21, 2, 20 },                    /* SMAP */
    { 22, 3, 3 },                     /* PKE: PKU */
};

uint64_t cr4_allowed(uint32_t leaf1_ecx, uint32_t leaf1_edx, uint32_t leaf7_ebx, uint32_t leaf7_ecx)
{
    const uint32_t word[4] = { leaf1_ecx, leaf1_edx, leaf7_ebx, leaf7_ecx };
    uint64_t allowed = 0;
    for (unsigned i = 0; i < ARRAY_LEN(cr4_rows); i++)
        if (word[cr4_rows[i].word] & BIT32(cr4_rows[i].bit))
            allowed |= BIT64(cr4_rows[i].cr4);
    return allowed;
}

bool cr_pdptes_in_use(const struct vcpu_state *vs)
{
    return (vs->cr0 & CR0_PG) && (vs->cr4 & CR4_PAE) && !(vs->efer & EFER_LMA);
}

static bool cr0_legal(const struct vcpu_state *vs, uint64_t v)
{
    bool on = (v & CR0_PG) != 0, was = (vs->cr0 & CR0_PG) != 0, code64 = (vs->seg[SEG_CS].attr & ATTR_L) != 0;
    if (v >> 32 != 0 || (on && !(v & CR0_PE)) || ((v & CR0_NW) && !(v & CR0_CD)))
        return false;
    if (on && !was && (vs->efer & EFER_LME))
        return (vs->cr4 & CR4_PAE) && !code64;
    if (!on && was)
        return !((vs->efer & EFER_LMA) && code64) && !(vs->cr4 & CR4_PCIDE);
    return true;
}

static bool cr0_write(struct vcpu_state *vs, uint64_t v)
{
    v = (v & (CR0_DEFINED | MASK64(63, 32))) | CR0_ET;
    if (!cr0_legal(vs, v))
        return false;
    if ((v & CR0_PG) && (vs->efer & EFER_LME))
        vs->efer |= EFER_LMA;
    else
        vs->efer &= ~EFER_LMA;
    vs->cr0 = v;
    return true;
}

static bool cr3_write(struct vcpu_state *vs, uint64_t v)
{
    if ((vs->cr4 & CR4_PCIDE) && (vs->efer & EFER_LMA))
        v &= ~CR3_NOFLUSH;
    if (v & ~CR3_DEFINED)
        return false;
    vs->cr3 = v;
    return true;
}

static bool cr4_write(struct vcpu_state *vs, uint64_t v, uint64_t allowed)
{
    if (v & ~allowed)
        return false;
    if ((vs->efer & EFER_LMA) && !(v & CR4_PAE))
        return false;
    if ((v & CR4_PCIDE) && !(vs->cr4 & CR4_PCIDE) && (!(vs->efer & EFER_LMA) || (vs->cr3 & 0xfff) != 0))
        return false;
    vs->cr4 = v;
    return true;
}

static bool cr8_write(unsigned vcpu, uint64_t v)
{
    if (v > 15)
        return false;
    host_lapic_write(vcpu, LAPIC_TPR, (uint32_t)v << 4);
    return true;
}

static bool cr_write(struct vcpu_state *vs, unsigned number, uint64_t v, uint64_t allowed, unsigned vcpu)
{
    vs->dirty |= VS_CR;
    switch (number) {
    case 0:  return cr0_write(vs, v);
    case 2:  vs->cr2 = v; return true;
    case 3:  return cr3_write(vs, v);
    case 4:  return cr4_write(vs, v, allowed);
    default: return cr8_write(vcpu, v);
    }
}

static uint64_t cr_read(const struct vcpu_state *vs, unsigned number, unsigned vcpu)
{
    switch (number) {
    case 0:  return vs->cr0;
    case 2:  return vs->cr2;
    case 3:  return vs->cr3;
    case 4:  return vs->cr4;
    default: return host_lapic_read(vcpu, LAPIC_TPR) >> 4 & 15;
    }
}

static bool number_ok(const struct insn *insn)
{
    return insn->reg == 0 || (insn->reg >= 2 && insn->reg <= 4) || (insn->reg == 8);
}

/* LMSW sets PE but cannot clear it [SDM2 LMSW]. */
static bool lmsw(struct vcpu_state *vs, const struct insn *insn, uint64_t allowed, unsigned vcpu)
{
    uint64_t v = insn_reg_get(insn, vs->gpr, insn->rm, 2) & CR0_LMSW;
    return cr_write(vs, 0, (vs->cr0 & ~CR0_LMSW) | v | (vs->cr0 & CR0_PE), allowed, vcpu);
}

/* false: #GP(0). */
static bool execute(struct vcpu_state *vs, const struct insn *insn, uint64_t allowed, unsigned vcpu)
{
    switch (insn->op) {
    case OP_MOV_TO_CR: return cr_write(vs, insn->reg, insn_reg_get(insn, vs->gpr, insn->rm, insn->size), allowed, vcpu);
    case OP_MOV_FROM_CR:
        insn_reg_set(insn, vs->gpr, insn->rm, insn->size, cr_read(vs, insn->reg, vcpu));
        return true;
    case OP_LMSW: return lmsw(vs, insn, allowed, vcpu);
    case OP_SMSW:
        insn_reg_set(insn, vs->gpr, insn->rm, insn->size, vs->cr0);
        return true;
    default: return cr_write(vs, 0, vs->cr0 & ~CR0_TS, allowed, vcpu);    /* CLTS */
    }
}

status_t cr_emulate(struct vcpu_state *vs, const struct insn *insn, uint64_t allowed, unsigned vcpu)
{
    if (insn->op < OP_MOV_TO_CR || insn->op > OP_CLTS || insn->is_mem)
        return ST_UNSUPP;
    if (insn->form == FORM_CR && !number_ok(insn)) {
        guest_inject(vs, EXC_UD);
        return ST_OK;
    }
    if (guest_cpl(vs) != 0 && insn->op != OP_SMSW) {
        guest_inject_error(vs, EXC_GP, 0);
        return ST_OK;
    }
    if (execute(vs, insn, allowed, vcpu))
        guest_advance(vs, insn->mode, insn->len);
    else
        guest_inject_error(vs, EXC_GP, 0);
    return ST_OK;
}
