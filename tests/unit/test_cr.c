/* link: vmm/cr.c vmm/guest.c vmm/insn.c vmm/insn_table.c vmm/mem.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Control register writes: what is legal changes state, what is not is #GP. */
#include "unit.h"

#include "vmm/cr.h"
#include "vmm/host_vcpu.h"

static struct vcpu_state vs;
static uint32_t tpr;

uint32_t host_lapic_read(unsigned vcpu, unsigned offset) { return vcpu == 3 && offset == 0x80 ? tpr : 0; }
void host_lapic_write(unsigned vcpu, unsigned offset, uint32_t value)
{
    if (vcpu == 3 && offset == 0x80)
        tpr = value;
}

#define ALLOWED 0x1ffull

static void reset(bool long_mode)
{
    memset(&vs, 0, sizeof vs);
    vs.cr0 = long_mode ? 0x80000011 : 0x11;
    vs.cr4 = long_mode ? 0x20 : 0;
    vs.efer = long_mode ? 0x500 : 0;
    vs.seg[SEG_CS].attr = long_mode ? 0xa9b : 0xc9b;
    vs.seg[SEG_SS].attr = 0xc93;
    vs.rip = 0x1000;
}

/* mov crN, rbx */
static bool write_cr(unsigned n, uint64_t v)
{
    const uint8_t bytes[] = { 0x0f, 0x22, (uint8_t)(0xc3 | n << 3) }, wide[] = { 0x44, 0x0f, 0x22, 0xc3 };
    struct insn insn;
    vs.pending_event = 0;
    vs.gpr[GPR_RBX] = v;
    CHECK_EQ(n == 8 ? insn_decode(wide, 4, 64, &insn) : insn_decode(bytes, 3, guest_mode(&vs), &insn), ST_OK);
    uint64_t rip = vs.rip;
    CHECK_EQ(cr_emulate(&vs, &insn, ALLOWED, 3), ST_OK);
    if (vs.pending_event != 0) {
        CHECK_EQ(vs.pending_event, EVENT_ERR(13, 0));
        CHECK_EQ(vs.rip, rip);
        return false;
    }
    CHECK_EQ(vs.rip, rip + insn.len);
    CHECK(vs.dirty & VS_CR);
    return true;
}

static void single_step(void)
{
    const uint8_t bytes[] = { 0x0f, 0x22, 0xc3 };
    struct insn insn;
    reset(true);
    vs.rflags = 0x10102;                         /* RF, TF */
    vs.gpr[GPR_RBX] = vs.cr0;
    CHECK_EQ(insn_decode(bytes, 3, 64, &insn), ST_OK);
    CHECK_EQ(cr_emulate(&vs, &insn, ALLOWED, 3), ST_OK);
    CHECK(vs.pending_event == EVENT(EVENT_TYPE_EXCEPTION, 1) && vs.rip == 0x1003 && vs.rflags == 0x102);
    CHECK_EQ(vs.dirty, VS_CR | VS_RIP | VS_EVENT);
    vs.gpr[GPR_RBX] = 1ull << 32;                /* it faults: no step */
    CHECK_EQ(cr_emulate(&vs, &insn, ALLOWED, 3), ST_OK);
    CHECK(vs.pending_event == EVENT_ERR(13, 0) && vs.rip == 0x1003);
}

static void cr0(void)
{
    reset(false);
    CHECK(write_cr(0, 0x10010011));              /* reserved bits are ignored, WP kept */
    CHECK_EQ(vs.cr0, 0x10011);
    CHECK(!write_cr(0, 0x80000000));             /* PG without PE */
    CHECK(!write_cr(0, 0x20000011));             /* NW without CD */
    CHECK(write_cr(0, 0x60000011));
    CHECK(write_cr(0, 0x80000011));              /* legacy paging */
    CHECK_EQ(vs.efer, 0);
    reset(false);
    vs.efer = 0x100;
    CHECK(!write_cr(0, 0x80000011));             /* LME without PAE */
    vs.cr4 = 0x20;
    CHECK(write_cr(0, 0x80000011));
    CHECK_EQ(vs.efer, 0x500);
    CHECK(write_cr(0, 0x11));                    /* compatibility code may leave */
    CHECK_EQ(vs.efer, 0x100);
    reset(true);
    CHECK(!write_cr(0, 0x11));                   /* 64-bit code may not */
    CHECK(!write_cr(0, 0x180000011ull));
    reset(false);
    CHECK(write_cr(0, 0));                       /* ET is fixed */
    CHECK_EQ(vs.cr0, 0x10);
}

static void others(void)
{
    reset(true);
    CHECK(write_cr(4, 0xa0));
    CHECK_EQ(vs.cr4, 0xa0);
    CHECK(!write_cr(4, 0x2020));                 /* VMXE is not there */
    CHECK(!write_cr(4, 0x80));                   /* PAE stays in long mode */
    CHECK(!write_cr(4, 1ull << 40));
    CHECK_EQ(vs.cr4, 0xa0);
    CHECK(write_cr(3, 0x12345000));
    CHECK_EQ(vs.cr3, 0x12345000);
    CHECK(!write_cr(3, 1ull << 63 | 0x1000));
    CHECK(!write_cr(3, 1ull << 40));
    vs.cr4 |= 1 << 17;
    CHECK(write_cr(3, 1ull << 63 | 0x1001));     /* no-flush hint */
    CHECK_EQ(vs.cr3, 0x1001);
    CHECK(write_cr(2, ~0ull));
    CHECK(write_cr(8, 0xb));
    CHECK_EQ(tpr, 0xb0);
    CHECK(!write_cr(8, 16));
}

static void run(const uint8_t *bytes, unsigned len)
{
    struct insn insn;
    CHECK_EQ(insn_decode(bytes, len, guest_mode(&vs), &insn), ST_OK);
    CHECK_EQ(cr_emulate(&vs, &insn, ALLOWED, 3), ST_OK);
}

static void odd_ones(void)
{
    static const uint8_t clts[] = { 0x0f, 0x06 }, lmsw[] = { 0x0f, 0x01, 0xf0 }, smsw[] = { 0x0f, 0x01, 0xe1 };
    static const uint8_t read4[] = { 0x0f, 0x20, 0xe2 }, cr5[] = { 0x0f, 0x22, 0xe8 };
    reset(true);
    vs.cr0 |= 8;
    run(clts, 2);
    CHECK_EQ(vs.cr0, 0x80000011);
    vs.gpr[GPR_RAX] = 0xfffffff0000e;            /* PE cannot be cleared */
    run(lmsw, 3);
    CHECK_EQ(vs.cr0, 0x8000001f);
    run(smsw, 3);
    CHECK_EQ(vs.gpr[GPR_RCX], 0x8000001f);
    run(read4, 3);
    CHECK_EQ(vs.gpr[GPR_RDX], 0x20);
    CHECK_EQ(vs.pending_event, 0);
    run(cr5, 3);
    CHECK_EQ(vs.pending_event, EVENT(3, 6));
    reset(true);
    vs.seg[SEG_SS].attr |= 0x60;                 /* ring 3 */
    run(clts, 2);
    CHECK_EQ(vs.pending_event, EVENT_ERR(13, 0));
    struct insn cpuid;
    CHECK_EQ(insn_decode((const uint8_t[]){ 0x0f, 0xa2 }, 2, 64, &cpuid), ST_OK);
    CHECK_EQ(cr_emulate(&vs, &cpuid, ALLOWED, 3), ST_UNSUPP);
}

static void allowed(void)
{
    CHECK_EQ(cr4_allowed(0, 0, 0, 0), 0);
    CHECK_EQ(cr4_allowed(1u << 17 | 1u << 26, 0, 0, 0), 1ull << 17 | 1ull << 18);
    CHECK_EQ(cr4_allowed(0, ~0u, 0, 0), 0x7ff);
    CHECK_EQ(cr4_allowed(0, 0, 1u | 1u << 7 | 1u << 20, 4), 1ull << 16 | 1ull << 20 | 1ull << 21 | 1ull << 11);
    CHECK_EQ(cr4_allowed(~0u, ~0u, ~0u, ~0u) & (1ull << 13 | 1ull << 14 | 1ull << 12), 0);   /* VMXE SMXE LA57 */
}

int main(void)
{
    single_step();
    cr0();
    others();
    odd_ones();
    allowed();
    return unit_done();
}
