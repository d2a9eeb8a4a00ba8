/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks of VM entry on guest state, as far as they depend on what the page holds: controls are the kernel's, and
 * with them an unrestricted guest; what no control loads (CET, PKRS, BNDCFGS, performance counters, PT) is not checked.
 * With them the kernel's own checks of the page. Runs once, for a guest that has stopped: clarity before speed.
 */
#include "vmm/state_check.h"

#include "kernel/lib/base.h"

#define CR0_PE       BIT64(0)
#define CR0_PG       BIT64(31)
#define CR4_PAE      BIT64(5)
#define CR4_PCIDE    BIT64(17)
#define EFER_LME     BIT64(8)
#define EFER_LMA     BIT64(10)
#define EFER_DEFINED (BIT64(0) | EFER_LME | EFER_LMA | BIT64(11))
#define CR0_NW       BIT64(29)
#define CR0_CD       BIT64(30)
#define RFLAGS_FIXED BIT64(1)
#define RFLAGS_IF    BIT64(9)
#define RFLAGS_VM    BIT64(17)
#define RFLAGS_RSVD  (MASK64(63, 22) | BIT64(15) | BIT64(5) | BIT64(3))
#define ATTR_TYPE    MASK32(3, 0)        /* struct vcpu_segment.attr */
#define ATTR_S       BIT32(4)
#define ATTR_DPL     MASK32(6, 5)
#define ATTR_P       BIT32(7)
#define ATTR_L       BIT32(9)
#define ATTR_DB      BIT32(10)
#define ATTR_G       BIT32(11)
#define SEL_TI       4u

/* One row: what must hold. */
struct check { bool ok; const char *what; };

static const char *first_failed(const struct check *c, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!c[i].ok)
            return c[i].what;
    return NULL;
}

static bool canonical(uint64_t a) { return (uint64_t)((int64_t)(a << 16) >> 16) == a; }
static bool is_64(const struct vcpu_state *vs) { return (vs->efer & EFER_LMA) != 0; }
static unsigned type_of(const struct vcpu_segment *s) { return s->attr & ATTR_TYPE; }
static unsigned dpl_of(const struct vcpu_segment *s) { return (unsigned)FIELD_GET(ATTR_DPL, s->attr); }
static bool is_usable(const struct vcpu_segment *s) { return (s->attr & ATTR_P) != 0; }
static bool high_clear(uint64_t v) { return v >> 32 == 0; }

/* [SDM3 27.3.1.1] */
static const char *control_registers(const struct vcpu_state *vs, unsigned phys_bits)
{
    const bool pg = (vs->cr0 & CR0_PG) != 0, lma = is_64(vs);
    const struct check rows[] = {
        { !pg || (vs->cr0 & CR0_PE), "CR0.PG without CR0.PE" },
        { high_clear(vs->cr0), "high half of CR0" },
        { !lma || (pg && (vs->cr4 & CR4_PAE)), "IA-32e mode without CR0.PG and CR4.PAE" },
        { lma || !(vs->cr4 & CR4_PCIDE), "CR4.PCIDE outside of IA-32e mode" },
        { vs->cr3 >> phys_bits == 0, "CR3 beyond the physical-address width" },
        { high_clear(vs->dr7), "high half of DR7" },
        { canonical(vs->msr.sysenter_esp) && canonical(vs->msr.sysenter_eip), "SYSENTER_ESP or EIP is not canonical" },
        { !(vs->efer & ~EFER_DEFINED), "reserved bits of IA32_EFER" },
        { !pg || lma == ((vs->efer & EFER_LME) != 0), "IA32_EFER.LMA differs from LME while CR0.PG = 1" },
        { !(vs->cr0 & CR0_NW) || (vs->cr0 & CR0_CD), "CR0.NW without CR0.CD" },
        { canonical(vs->msr.lstar) && canonical(vs->msr.cstar), "LSTAR or CSTAR is not canonical" },
        { high_clear(vs->msr.sfmask), "high half of SFMASK" },
        { canonical(vs->msr.kernel_gs_base), "KERNEL_GS_BASE is not canonical" },
    };
    const char *why = first_failed(rows, ARRAY_LEN(rows));
    for (unsigned i = 0; i < 64 && !why; i += 8)
        if ((vs->pat >> i & 0xff) > 7 || (vs->pat >> i & 0xfe) == 2)
            why = "a memory type of IA32_PAT";
    return why;
}

static bool granularity_ok(const struct vcpu_segment *s)
{
    const bool g = (s->attr & ATTR_G) != 0;
    return !((s->limit & 0xfff) != 0xfff && g) && !((s->limit & 0xfff00000u) != 0 && !g);
}

/* [SDM3 27.3.1.2] Virtual-8086 mode: base = selector * 16, limit FFFF, rights F3. */
static const char *segments_v86(const struct vcpu_state *vs)
{
    for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
        const struct vcpu_segment *s = &vs->seg[i];
        if (s->base != (uint64_t)s->sel << 4 || s->limit != 0xffff || s->attr != 0xf3)
            return "a segment is not as virtual-8086 mode wants it";
    }
    return NULL;
}

static const char *code_and_stack(const struct vcpu_state *vs)
{
    const struct vcpu_segment *cs = &vs->seg[SEG_CS], *ss = &vs->seg[SEG_SS];
    const unsigned type = type_of(cs);
    const bool conforming = type == 13 || type == 15, data = type == 3, real = !(vs->cr0 & CR0_PE);
    const struct check rows[] = {
        { type == 9 || type == 11 || conforming || data, "type of CS" },
        { !data || dpl_of(cs) == 0, "CS is a data segment with DPL not 0" },
        { data || conforming || dpl_of(cs) == dpl_of(ss), "DPL of CS differs from SS" },
        { !conforming || dpl_of(cs) <= dpl_of(ss), "DPL of a conforming CS above SS" },
        { (cs->attr & ATTR_S) && is_usable(cs), "CS is a system segment or not present" },
        { !(is_64(vs) && (cs->attr & ATTR_L)) || !(cs->attr & ATTR_DB), "CS with L and D" },
        { high_clear(cs->base), "high half of the base of CS" },
        { granularity_ok(cs), "granularity of CS against its limit" },
        { !is_usable(ss) || type_of(ss) == 3 || type_of(ss) == 7, "type of SS" },
        { (!data && !real) || dpl_of(ss) == 0, "DPL of SS not 0 in real mode" },
        { !is_usable(ss) || (ss->attr & ATTR_S), "SS is a system segment" },
        { !is_usable(ss) || high_clear(ss->base), "high half of the base of SS" },
        { !is_usable(ss) || granularity_ok(ss), "granularity of SS against its limit" },
    };
    return first_failed(rows, ARRAY_LEN(rows));
}

static const char *data_segments(const struct vcpu_state *vs)
{
    static const uint8_t data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    const char *why = NULL;
    for (unsigned i = 0; i < ARRAY_LEN(data) && !why; i++) {
        const struct vcpu_segment *s = &vs->seg[data[i]];
        const unsigned type = type_of(s);
        const struct check rows[] = {
            { (type & 1) && (!(type & 8) || (type & 2)), "type of a data segment" },
            { (s->attr & ATTR_S) != 0, "a data segment register with a system segment" },
            { data[i] == SEG_FS || data[i] == SEG_GS || high_clear(s->base), "high half of the base of ES or DS" },
            { granularity_ok(s), "granularity of a data segment against its limit" },
        };
        why = is_usable(s) ? first_failed(rows, ARRAY_LEN(rows)) : NULL;
    }
    return why;
}

/* With the descriptor tables [SDM3 27.3.1.3]. */
static const char *system_segments(const struct vcpu_state *vs)
{
    const struct vcpu_segment *tr = &vs->seg[SEG_TR], *ldtr = &vs->seg[SEG_LDTR];
    const struct vcpu_segment *gdtr = &vs->seg[SEG_GDTR], *idtr = &vs->seg[SEG_IDTR];
    const bool ldt = is_usable(ldtr);
    const struct check rows[] = {
        { canonical(vs->seg[SEG_FS].base) && canonical(vs->seg[SEG_GS].base), "base of FS or GS is not canonical" },
        { is_usable(tr), "TR is not usable" },
        { !(tr->sel & SEL_TI), "TR selects the LDT" },
        { type_of(tr) == 11 || (type_of(tr) == 3 && !is_64(vs)), "TR is not a busy TSS" },
        { !(tr->attr & ATTR_S) && granularity_ok(tr), "rights of TR" },
        { canonical(tr->base), "base of TR is not canonical" },
        { !ldt || !(ldtr->sel & SEL_TI), "LDTR selects the LDT" },
        { !ldt || (type_of(ldtr) == 2 && !(ldtr->attr & ATTR_S) && granularity_ok(ldtr)), "rights of LDTR" },
        { !ldt || canonical(ldtr->base), "base of LDTR is not canonical" },
        { canonical(gdtr->base) && canonical(idtr->base), "base of GDTR or IDTR is not canonical" },
        { gdtr->limit <= 0xffff && idtr->limit <= 0xffff, "limit of GDTR or IDTR" },
    };
    return first_failed(rows, ARRAY_LEN(rows));
}

/* [SDM3 27.3.1.4] RIP need not be canonical: bits 63:48 are to be alike, bit 47 may differ. With the event that was to
 * be injected [27.3.1.5]. */
static const char *rip_and_flags(const struct vcpu_state *vs)
{
    const bool code64 = is_64(vs) && (vs->seg[SEG_CS].attr & ATTR_L);
    const uint64_t event = vs->exit.info2, type = FIELD_GET(EVENT_TYPE, event), high = vs->rip >> 48;
    const bool irq = (event & EVENT_VALID) && type == EVENT_TYPE_EXTINT;
    const bool nmi = (event & EVENT_VALID) && type == EVENT_TYPE_NMI;
    const struct check rows[] = {
        { code64 || high_clear(vs->rip), "high half of RIP outside of 64-bit mode" },
        { !code64 || high == 0 || high == 0xffff, "bits 63:48 of RIP differ" },
        { !(vs->rflags & RFLAGS_RSVD) && (vs->rflags & RFLAGS_FIXED), "reserved bits of RFLAGS" },
        { !(vs->rflags & RFLAGS_VM) || (!is_64(vs) && (vs->cr0 & CR0_PE)), "RFLAGS.VM in IA-32e or real mode" },
        { !irq || (vs->rflags & RFLAGS_IF), "an external interrupt while RFLAGS.IF = 0" },
        { !(irq || nmi) || !vs->int_shadow, "an external interrupt or NMI in an interrupt shadow" },
    };
    return first_failed(rows, ARRAY_LEN(rows));
}

/* [SDM3 27.3.1.6] */
static const char *pdptes(const struct vcpu_state *vs, unsigned phys_bits)
{
    const bool pae = (vs->cr0 & CR0_PG) && (vs->cr4 & CR4_PAE) && !is_64(vs);
    for (unsigned i = 0; i < 4 && pae; i++)
        if ((vs->pdpte[i] & 1) && ((vs->pdpte[i] & 0x1e6) || vs->pdpte[i] >> phys_bits != 0))
            return "reserved bits of a PDPTE";
    return NULL;
}

static const char *first_of_all(const struct vcpu_state *vs, unsigned phys_bits)
{
    const bool v86 = (vs->rflags & RFLAGS_VM) != 0;
    const char *why = control_registers(vs, phys_bits);
    why = why ? why : v86 ? segments_v86(vs) : code_and_stack(vs);
    why = why || v86 ? why : data_segments(vs);
    why = why ? why : system_segments(vs);
    why = why ? why : rip_and_flags(vs);
    return why ? why : pdptes(vs, phys_bits);
}

/* What the hardware itself says: exit reason and qualification [SDM3 27.8], or VM-instruction error [31.4]. */
static const struct { uint32_t code; uint64_t info; const char *what; } said[] = {
    { STATE_VMX_FAILED, 4, "VMLAUNCH of a VMCS that is not clear" },
    { STATE_VMX_FAILED, 5, "VMRESUME of a VMCS that was not launched" },
    { STATE_VMX_FAILED, 7, "control fields of the VMCS" },
    { STATE_VMX_FAILED, 8, "host state in the VMCS" },
    { STATE_VMX_FAILED, 26, "VM entry with events blocked by MOV SS" },
    { STATE_VMX_REFUSED, 2, "reserved bits of a PDPTE" },
    { STATE_VMX_REFUSED, 3, "an NMI into a shadow of MOV SS" },
    { STATE_VMX_REFUSED, 4, "VMCS link pointer" },
    { STATE_VMX_MSR, 1, "loading MSRs" },
    { STATE_VMX_MC, 0, "a machine check during VM entry: see the machine's error log" },
};

const char *state_check(const struct vcpu_state *vs, unsigned phys_bits)
{
    for (unsigned i = 0; i < ARRAY_LEN(said); i++)
        if (said[i].code == vs->exit.code && said[i].info == vs->exit.info1)
            return said[i].what;
    return vs->exit.code == STATE_VMX_REFUSED || vs->exit.code == STATE_KERNEL ? first_of_all(vs, phys_bits) : NULL;
}
