/* SPDX-License-Identifier: BSD-2-Clause */
/* link: vmm/state_check.c kernel/lib/str.c */
/* Each rule of VM entry broken once, in states that are right otherwise. */
#include "unit.h"

#include "kernel/lib/base.h"
#include "vmm/state_check.h"

#define BITS 40u
static struct vcpu_state vs;

static const struct vcpu_segment flat = { 0x10, 0xc93, 0xffffffff, 0 }, real_data = { 0, 0x93, 0xffff, 0 };

static void long_mode(void)
{
    memset(&vs, 0, sizeof vs);
    vs.exit.code = STATE_VMX_REFUSED;
    vs.cr0 = 0x80000033;
    vs.cr3 = 0x1000;
    vs.cr4 = 0x20;
    vs.efer = 0xd01;
    vs.rflags = 2;
    vs.rip = 0xffffffff81000000;
    vs.dr7 = 0x400;
    vs.pat = 0x0007040600070406;
    for (unsigned i = SEG_ES; i <= SEG_GS; i++)
        vs.seg[i] = flat;
    vs.seg[SEG_CS] = (struct vcpu_segment){ 8, 0xa9b, 0xffffffff, 0 };
    vs.seg[SEG_FS].base = 0xffff888000000000;
    vs.seg[SEG_TR] = (struct vcpu_segment){ 0x20, 0x8b, 0x67, 0xfffffe0000000000 };
    vs.seg[SEG_LDTR] = (struct vcpu_segment){ 0x28, 0x82, 0xffff, 0 };
    vs.seg[SEG_GDTR].limit = 0x7f;
    vs.seg[SEG_IDTR].limit = 0xfff;
}

static void real_mode(void)
{
    long_mode();
    vs.cr0 = 0x60000010;
    vs.cr4 = vs.efer = 0;
    vs.rip = 0xfff0;
    for (unsigned i = SEG_ES; i <= SEG_GS; i++)
        vs.seg[i] = real_data;
    vs.seg[SEG_CS] = (struct vcpu_segment){ 0xf000, 0x9b, 0xffff, 0xffff0000 };
}

static void pae(void)
{
    long_mode();
    vs.efer = 0x800;
    vs.rip = 0x1000;
    vs.seg[SEG_CS].attr = 0xc9b;
    vs.pdpte[0] = 0x2001;
    vs.pdpte[1] = ~UINT64_C(1);                                  /* not present: the rest does not count */
}

static void v86(void)
{
    pae();
    vs.rflags |= 1u << 17;
    for (unsigned i = SEG_ES; i <= SEG_GS; i++)
        vs.seg[i] = (struct vcpu_segment){ 0x1234, 0xf3, 0xffff, 0x12340 };
}

static bool says(const char *text)
{
    const char *why = state_check(&vs, BITS);
    if (why == NULL || strstr(why, text) == NULL)
        printf("    wanted \"%s\", got \"%s\"\n", text, why ? why : "nothing");
    return why != NULL && strstr(why, text) != NULL;
}

/* One field of a state made wrong. */
#define BROKEN(start, field, value, text) \
    do { start(); CHECK(state_check(&vs, BITS) == NULL); vs.field = (value); CHECK(says(text)); } while (0)

static void registers(void)
{
    BROKEN(long_mode, cr0, 0x80000032, "CR0.PG without CR0.PE");
    BROKEN(long_mode, cr0, 0x180000033, "high half of CR0");
    BROKEN(long_mode, cr4, 0, "without CR0.PG and CR4.PAE");
    BROKEN(real_mode, cr4, 1u << 17, "CR4.PCIDE");
    BROKEN(long_mode, cr3, UINT64_C(1) << BITS, "CR3");
    BROKEN(long_mode, dr7, UINT64_C(1) << 32, "DR7");
    BROKEN(long_mode, msr.sysenter_esp, 0x800000000000, "SYSENTER");
    BROKEN(long_mode, msr.sysenter_eip, 0x800000000000, "SYSENTER");
    BROKEN(long_mode, efer, 0x1d01, "reserved bits of IA32_EFER");
    BROKEN(long_mode, efer, 0xc01, "LMA differs");
    for (unsigned i = 0; i < 64; i += 8) {
        BROKEN(long_mode, pat, UINT64_C(2) << i, "IA32_PAT");
        BROKEN(long_mode, pat, UINT64_C(3) << i, "IA32_PAT");
        BROKEN(long_mode, pat, UINT64_C(8) << i, "IA32_PAT");
    }
    BROKEN(real_mode, rip, UINT64_C(1) << 32, "high half of RIP");
    BROKEN(long_mode, rip, 0x1000000000000, "63:48 of RIP");
    long_mode();
    vs.rip = 0x800000000000;                                     /* not canonical, and no check */
    CHECK(state_check(&vs, BITS) == NULL);
    BROKEN(long_mode, cr0, 0xa0000033, "CR0.NW");
    BROKEN(long_mode, msr.lstar, 0x800000000000, "LSTAR");
    BROKEN(long_mode, msr.cstar, 0x800000000000, "CSTAR");
    BROKEN(long_mode, msr.sfmask, UINT64_C(1) << 32, "SFMASK");
    BROKEN(long_mode, msr.kernel_gs_base, 0x800000000000, "KERNEL_GS_BASE");
    BROKEN(long_mode, rflags, 0, "RFLAGS");
    BROKEN(long_mode, rflags, 0x400002, "RFLAGS");
    BROKEN(v86, cr0, 0x32, "RFLAGS.VM");
    BROKEN(pae, pdpte[0], 0x2003, "PDPTE");
    BROKEN(pae, pdpte[3], UINT64_C(1) << BITS | 1, "PDPTE");
}

static void segments(void)
{
    BROKEN(v86, seg[SEG_DS].base, 0, "virtual-8086");
    BROKEN(v86, seg[SEG_GS].limit, 0xfffff, "virtual-8086");
    BROKEN(v86, seg[SEG_CS].attr, 0x9b, "virtual-8086");
    BROKEN(long_mode, seg[SEG_CS].attr, 0xa91, "type of CS");
    BROKEN(real_mode, seg[SEG_CS].attr, 0xf3, "data segment with DPL");
    BROKEN(long_mode, seg[SEG_CS].attr, 0xafb, "DPL of CS differs");
    BROKEN(long_mode, seg[SEG_CS].attr, 0xaff, "conforming CS");
    BROKEN(long_mode, seg[SEG_CS].attr, 0xa1b, "CS is a system segment");
    BROKEN(long_mode, seg[SEG_CS].attr, 0xe9b, "L and D");
    BROKEN(long_mode, seg[SEG_CS].base, UINT64_C(1) << 32, "base of CS");
    BROKEN(long_mode, seg[SEG_CS].limit, 1, "granularity of CS");
    BROKEN(real_mode, seg[SEG_CS].limit, 0x100000, "granularity of CS");
    BROKEN(long_mode, seg[SEG_SS].attr, 0xc91, "type of SS");
    BROKEN(long_mode, seg[SEG_SS].attr, 0xc83, "SS is a system");
    BROKEN(long_mode, seg[SEG_SS].base, UINT64_C(1) << 32, "base of SS");
    BROKEN(long_mode, seg[SEG_SS].limit, 0, "granularity of SS");
    real_mode();
    vs.seg[SEG_CS].attr = 0xfb;
    vs.seg[SEG_SS].attr = 0xf3;
    CHECK(says("DPL of SS not 0"));
    BROKEN(long_mode, seg[SEG_ES].attr, 0xc92, "type of a data");
    BROKEN(long_mode, seg[SEG_GS].attr, 0xc99, "type of a data");
    BROKEN(long_mode, seg[SEG_DS].attr, 0xc83, "with a system segment");
    BROKEN(long_mode, seg[SEG_DS].base, UINT64_C(1) << 32, "base of ES or DS");
    BROKEN(long_mode, seg[SEG_FS].limit, 1, "granularity of a data");
    long_mode();
    vs.seg[SEG_DS] = (struct vcpu_segment){ 0, 0, 1, UINT64_C(1) << 40 };    /* null: nothing of it counts */
    vs.seg[SEG_SS] = (struct vcpu_segment){ 0, 0, 0, 0 };
    vs.seg[SEG_LDTR] = (struct vcpu_segment){ 4, 0, 0, UINT64_C(1) << 47 };
    CHECK(state_check(&vs, BITS) == NULL);
}

static void system_segments(void)
{
    BROKEN(long_mode, seg[SEG_GS].base, 0x800000000000, "FS or GS");
    BROKEN(long_mode, seg[SEG_TR].attr, 0x0b, "TR is not usable");
    BROKEN(long_mode, seg[SEG_TR].sel, 0x24, "TR selects");
    BROKEN(long_mode, seg[SEG_TR].attr, 0x83, "busy TSS");
    BROKEN(real_mode, seg[SEG_TR].attr, 0x89, "busy TSS");
    BROKEN(long_mode, seg[SEG_TR].attr, 0x9b, "rights of TR");
    BROKEN(long_mode, seg[SEG_TR].base, 0x800000000000, "base of TR");
    BROKEN(long_mode, seg[SEG_LDTR].sel, 4, "LDTR selects");
    BROKEN(long_mode, seg[SEG_LDTR].attr, 0x8b, "rights of LDTR");
    BROKEN(long_mode, seg[SEG_LDTR].base, 0x800000000000, "base of LDTR");
    BROKEN(long_mode, seg[SEG_GDTR].base, 0x800000000000, "base of GDTR");
    BROKEN(long_mode, seg[SEG_IDTR].base, 0x800000000000, "base of GDTR or IDTR");
    BROKEN(long_mode, seg[SEG_GDTR].limit, 0x10000, "limit of GDTR");
    BROKEN(long_mode, seg[SEG_IDTR].limit, 0x10000, "limit of GDTR or IDTR");
}

/* The event that was to be injected, and what the CPU says without our checks. */
static void refusals(void)
{
    BROKEN(long_mode, exit.info2, EVENT(EVENT_TYPE_EXTINT, 0x30), "RFLAGS.IF = 0");
    long_mode();
    vs.int_shadow = 1;
    vs.rflags |= 0x200;
    vs.exit.info2 = EVENT(EVENT_TYPE_EXCEPTION, 13);
    CHECK(state_check(&vs, BITS) == NULL);
    vs.exit.info2 = EVENT(EVENT_TYPE_EXTINT, 0x30);
    CHECK(says("interrupt shadow"));
    vs.exit.info2 = EVENT(EVENT_TYPE_NMI, 2);
    CHECK(says("interrupt shadow"));
    static const struct { uint32_t code, info; const char *text; } rows[] = {
        { STATE_VMX_FAILED, 4, "VMLAUNCH" }, { STATE_VMX_FAILED, 5, "VMRESUME" }, { STATE_VMX_FAILED, 7, "control" },
        { STATE_VMX_FAILED, 8, "host" }, { STATE_VMX_FAILED, 26, "MOV SS" }, { STATE_VMX_REFUSED, 2, "PDPTE" },
        { STATE_VMX_REFUSED, 3, "NMI" }, { STATE_VMX_REFUSED, 4, "link pointer" }, { STATE_VMX_MSR, 1, "MSR" },
        { STATE_VMX_MC, 0, "machine check" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        long_mode();
        vs.exit.code = rows[i].code;
        vs.exit.info1 = rows[i].info;
        CHECK(says(rows[i].text));
    }
    long_mode();
    vs.efer = 0x1d01;
    vs.exit.code = STATE_KERNEL;                                 /* the kernel judges the page before the CPU does */
    CHECK(says("IA32_EFER"));
    vs.exit.code = STATE_VMX_FAILED;
    CHECK(state_check(&vs, BITS) == NULL);
}

int main(void)
{
    refusals();
    registers();
    segments();
    system_segments();
    return unit_done();
}
