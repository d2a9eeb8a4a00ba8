/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 64-bit BAR of 4 GiB as an assigned function's: it fits nowhere below 4 GiB, neither in the machine nor here. For
 * QEMU's ivshmem, whose BAR 2 is memory: each end and the middle keep what is written, it moves, and decode closes it.
 */
#include "tests/guest/lib/rt.h"

#include "vmm/guest_hw.h"
#include "vmm/start_page.h"

#define IVSHMEM   0x11101af4u
#define BAR       0x18u
#define SIZE      0x100000000ull
#define PIECE     0x200000ull
#define SPARE     (GUEST_MMIO64_BASE + 0x1000000000ull)

static unsigned devfn;

static void at(unsigned off) { outl(GHW_CF8, 0x80000000u | devfn << 8 | off); }

static uint32_t rd(unsigned off)
{
    at(off);
    return inl(GHW_CF8 + 4);
}

static void wr(unsigned off, uint32_t v)
{
    at(off);
    outl(GHW_CF8 + 4, v);
}

static uint64_t bar(void) { return (rd(BAR) & ~15u) | (uint64_t)rd(BAR + 4) << 32; }

static void move(uint64_t to)
{
    wr(BAR, (uint32_t)to);
    wr(BAR + 4, (uint32_t)(to >> 32));
}

static bool find(void)
{
    for (devfn = 8; devfn < 0xf8; devfn++)
        if (rd(0) == IVSHMEM)
            return true;
    return false;
}

static const uint64_t places[] = { 0, SIZE / 2, SIZE - 8 };

static void map(uint64_t base)
{
    for (unsigned i = 0; i < 3; i++)
        rt_map(base + places[i] / PIECE * PIECE, PIECE);
}

/* How many of the places hold what keep() wrote. */
static unsigned held(uint64_t base)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 3; i++)
        n += mmio_rd64(base + places[i]) == 0x1122334455667700ull + i;
    return n;
}

void guest_main(void)
{
    if (!find()) {
        rt_fail("function", "no ivshmem is here");
        return;
    }
    const uint64_t home = bar();
    rt_equal("bar-is-64-bit-and-prefetchable", rd(BAR) & 15, 0xc);
    rt_check(home >= 0x100000000ull && home >= GUEST_MMIO64_BASE && home + SIZE <= GUEST_MMIO64_END, "bar-is-above-4-gib");
    move(~0ull);
    rt_equal("bar-size", ~bar() + 1, SIZE);
    move(home);
    wr(4, 2);
    map(home);
    map(SPARE);
    for (unsigned i = 0; i < 3; i++)
        mmio_wr64(home + places[i], 0x1122334455667700ull + i);
    rt_equal("memory-keeps-what-is-written", held(home), 3);
    wr(4, 0);
    rt_equal("no-decode-no-answer", mmio_rd64(home), ~0ull);
    wr(4, 2);
    rt_equal("decode-again", held(home), 3);
    move(SPARE);
    rt_equal("bar-answers-where-it-went", held(SPARE), 3);
    rt_equal("bar-left-the-old-place", mmio_rd64(home + SIZE / 2), ~0ull);
    move(home);
    rt_equal("bar-is-back", held(home), 3);
    rt_equal("rom-bar-reads-zero", rd(0x30), 0);
    wr(0x30, ~0u);
    rt_equal("rom-bar-takes-nothing", rd(0x30), 0);
}
