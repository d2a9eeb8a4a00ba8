/* link: vmm/msr.c vmm/mtrr.c vmm/mem.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs of the VMM: the table, MTRR rules, the KVM clock's pages and its arithmetic. */
#include "unit.h"

#include "vmm/msr.h"

static uint8_t ram[0x4000] __attribute__((aligned(4096)));
static struct guest_mem mem;
static struct msr_vm vm;
static struct msr_vcpu vcpu;

static void fresh(bool intel)
{
    memset(&vm, 0, sizeof vm);
    memset(ram, 0, sizeof ram);
    mem_init(&mem, ram, sizeof ram, 0);
    vm.mem = &mem;
    vm.intel = intel;
    vm.phys_bits = 40;
    msr_clock_init(&vm.clock, 2500000000ull, 1000000, 1700000000, 0);
    msr_vcpu_init(&vcpu);
}

static bool rd(uint32_t index, uint64_t want)
{
    uint64_t v = ~want;
    return msr_read(&vm, &vcpu, index, &v) && v == want;
}
static bool wr(uint32_t index, uint64_t v) { return msr_write(&vm, &vcpu, index, v); }

static void table(void)
{
    uint64_t v;
    fresh(true);
    CHECK(rd(0x8b, 0x100000000ull));
    CHECK(wr(0x8b, 0));
    CHECK(rd(0x8b, 0x100000000ull));
    CHECK(rd(0x179, 0));
    CHECK(!wr(0x179, 0));
    CHECK(rd(0x3a, 1));
    CHECK(rd(0xda0, 0) && wr(0xda0, 0) && !wr(0xda0, 1 << 8) && !wr(0xda0, 1) && rd(0xda0, 0));
    CHECK(rd(0x1a0, 0x1801));
    CHECK(wr(0x1a0, 0x1800));
    CHECK(rd(0x1a0, 0x1800));
    CHECK(rd(0xc0011029, 2));
    CHECK(!msr_read(&vm, &vcpu, 0xc0010015, &v));
    CHECK_EQ(v, 0);
    fresh(false);
    CHECK(rd(0xc0010015, 1 << 24));
    CHECK(wr(0xc0010015, 0));
    CHECK(rd(0xc0010010, 0));
    CHECK(!msr_read(&vm, &vcpu, 0x3a, &v));
    CHECK(!msr_read(&vm, &vcpu, 0xc0010000, &v));    /* performance counters */
    CHECK(!msr_read(&vm, &vcpu, 0x400, &v));         /* MCA banks */
    CHECK(!wr(0x48, 1));
    CHECK(!wr(0xdead, 1));
    CHECK(msr_unknown_note(&vm, 0xdead));
    CHECK(!msr_unknown_note(&vm, 0xdead));
    for (uint32_t i = 1; i < MSR_UNKNOWN_MAX; i++)
        CHECK(msr_unknown_note(&vm, i));
    CHECK(!msr_unknown_note(&vm, 0x9999));           /* the list is full: silence */
}

static void mtrr(void)
{
    fresh(true);
    CHECK(rd(0xfe, 0x508));
    CHECK(!wr(0xfe, 0x508));
    CHECK(rd(0x2ff, 0xc06));
    CHECK(wr(0x2ff, 0x806));
    CHECK(rd(0x2ff, 0x806));
    CHECK(!wr(0x2ff, 0x802));
    CHECK(!wr(0x2ff, 0x1806));
    CHECK(wr(0x200, 0x80000006));
    CHECK(rd(0x200, 0x80000006));
    CHECK(!wr(0x200, 0x80000003));
    CHECK(!wr(0x200, 0x80000106));
    CHECK(!wr(0x200, 1ull << 40));
    CHECK(wr(0x201, 0xff80000800ull));
    CHECK(!wr(0x201, 0xff80000c00ull));
    CHECK(wr(0x20f, 0x800));
    CHECK(!wr(0x210, 0));                            /* only eight */
    CHECK(rd(0x250, 0x0606060606060606ull));
    CHECK(wr(0x26f, 0x0504010006060606ull));
    CHECK(rd(0x26f, 0x0504010006060606ull));
    CHECK(!wr(0x26f, 0x0704010006060606ull));
    CHECK(!wr(0x251, 0));
}

struct pv { uint32_t version, pad; uint64_t tsc, time; uint32_t mul; int8_t shift; uint8_t flags, rest[2]; };

/* Nanoseconds as the guest computes them. */
static uint64_t guest_ns(const struct pv *pv, uint64_t tsc)
{
    uint64_t delta = tsc - pv->tsc;
    delta = pv->shift >= 0 ? delta << pv->shift : delta >> -pv->shift;
    return pv->time + (uint64_t)((unsigned __int128)delta * pv->mul >> 32);
}

static void clock(void)
{
    struct pv pv;
    uint32_t wall[3];
    fresh(true);
    CHECK(wr(0x4b564d01, 0x1000 | 1));
    CHECK(rd(0x4b564d01, 0x1001));
    memcpy(&pv, ram + 0x1000, sizeof pv);
    CHECK(pv.version != 0 && pv.version % 2 == 0);
    CHECK_EQ(pv.flags, 1);
    CHECK_EQ(pv.tsc, 1000000);
    uint64_t ns = guest_ns(&pv, 1000000 + 2500000000ull * 3600);
    CHECK(ns > 3600ull * 1000000000 - 5000 && ns <= 3600ull * 1000000000);
    CHECK(wr(0x4b564d01, 0));                        /* off: nothing is written */
    CHECK(!wr(0x4b564d01, 0x4001));                  /* outside RAM */
    CHECK(!wr(0x4b564d01, 0x3ff1));                  /* across its end */
    CHECK(!wr(0x4b564d01, 0x1003));                  /* misaligned */
    CHECK(wr(0x12, 0x2001));
    CHECK(ram[0x2000] != 0);
    CHECK(wr(0x4b564d00, 0x3000));
    memcpy(wall, ram + 0x3000, sizeof wall);
    CHECK_EQ(wall[0] % 2, 0);
    CHECK_EQ(wall[1], 1700000000);
    CHECK_EQ(wall[2], 400000);                       /* 1000000 ticks of 0.4 ns */
    CHECK(!wr(0x4b564d00, ~0ull));
    CHECK(!wr(0x4b564d02, 1));                       /* async page faults: not offered */
    static const uint64_t rates[] = { 1000000, 100000000, 999999999, 1000000000, 1000000001, 2000000000, 3500000000,
                                      5800000000, 16999999999 };
    for (unsigned i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        msr_clock_init(&vm.clock, rates[i], 0, 0, 0);
        pv = (struct pv){ 0, 0, 0, 0, vm.clock.mul, vm.clock.shift, 0, { 0, 0 } };
        ns = guest_ns(&pv, rates[i] * 100);
        CHECK(ns + 500 > 100000000000ull && ns < 100000000000ull + 500);   /* 5 parts in 10^9 */
    }
}

int main(void)
{
    table();
    mtrr();
    clock();
    return unit_done();
}
