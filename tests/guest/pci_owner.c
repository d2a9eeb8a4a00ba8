/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Config space of an assigned function as its owner may use it: capability walk, write masks that
 * do not depend on the width, BAR sizing, BARs that move, the MSI-X table. For e1000e, NVMe and edu.
 */
#include "tests/guest/lib/rt.h"

#include "vmm/guest_hw.h"
#include "vmm/start_page.h"

#define E1000E       0x10d38086u
#define NVME         0x00101b36u
#define EDU          0x11e81234u
#define CAP_PM       0x01u
#define CAP_MSI      0x05u
#define CAP_PCIE     0x10u
#define CAP_MSIX     0x11u
#define COMMAND_IO   0x0001u             /* where it has an I/O BAR */
#define COMMAND_RW   0x0546u             /* memory, bus master, parity, SERR, INTx disable */
#define BAR_SPARE    0xd0000000u
#define BAR_NOWHERE  0xf0000000u         /* outside the guest's windows */

static unsigned devfn, cap_at[32], cap_id[32], caps;

static uint16_t select(unsigned off)
{
    outl(GHW_CF8, 0x80000000u | devfn << 8 | (off & 0xfcu));
    return (uint16_t)(GHW_CF8 + 4 + (off & 3u));
}

static uintptr_t ecam(unsigned off) { return GUEST_ECAM_BASE + (uintptr_t)devfn * 4096 + off; }
static uint32_t rd(unsigned off) { return inl(select(off)); }
static void wr(unsigned off, uint32_t v) { outl(select(off), v); }

/* One dword written in one of six ways. */
static void write_as(unsigned way, unsigned off, uint32_t v)
{
    unsigned size = 1u << way % 3;
    for (unsigned i = 0; i < 4; i += size) {
        uint32_t part = v >> 8 * i;
        uintptr_t at = ecam(off + i);
        uint16_t port = select(off + i);
        if (way >= 3 && size == 1)
            *(volatile uint8_t *)at = (uint8_t)part;
        else if (way >= 3 && size == 2)
            *(volatile uint16_t *)at = (uint16_t)part;
        else if (way >= 3)
            *(volatile uint32_t *)at = part;
        else if (size == 1)
            outb(port, (uint8_t)part);
        else if (size == 2)
            outw(port, (uint16_t)part);
        else
            outl(port, part);
    }
}

static bool find(void)
{
    for (devfn = 8; devfn < 0xf8; devfn++)
        if (rd(0) == E1000E || rd(0) == NVME || rd(0) == EDU)
            return true;
    return false;
}

static unsigned cap(unsigned id)
{
    for (unsigned i = 0; i < caps; i++)
        if (cap_id[i] == id)
            return cap_at[i];
    return 0;
}

static void walk(void)
{
    bool sane = true, known = true;
    unsigned last = 0;
    rt_equal("capability-list-bit", rd(4) >> 20 & 1, 1);
    for (unsigned at = rd(0x34) & 0xff; at && caps < 32; at = rd(at) >> 8 & 0xff) {
        sane = sane && at >= 0x40 && !(at & 3) && at > last;
        last = at;
        cap_id[caps] = rd(at) & 0xff;
        known = known && (cap_id[caps] == CAP_PM || cap_id[caps] == CAP_MSI || cap_id[caps] == CAP_PCIE ||
                          cap_id[caps] == CAP_MSIX);
        cap_at[caps++] = at;
        if (!sane)
            break;
    }
    rt_check(caps > 0 && caps < 32 && sane, "capability-chain");
    rt_check(known, "only-known-capabilities");
    rt_check((cap(CAP_MSI) != 0) != (cap(CAP_MSIX) != 0), "one-kind-of-message-interrupts");
    unsigned wrong = 0;
    for (unsigned off = 0x100; off < 0x1000; off += 4)
        wrong += mmio_rd32(ecam(off)) != 0;
    rt_equal("extended-space-reads-zero", wrong, 0);
}

/* What must not be set for the fun of it: a function level reset starts, power goes off. */
static uint32_t harmless(unsigned off)
{
    if (cap(CAP_PCIE) && off == cap(CAP_PCIE) + 8)
        return 0xffff7fffu;
    if (cap(CAP_PM) && off == cap(CAP_PM) + 4)
        return ~3u;
    return ~0u;
}

static void masks(void)
{
    unsigned differ = 0, first = 0;
    uint32_t before[64], seen[2][6];
    wr(4, 0);                                    /* BARs may say what they like */
    for (unsigned i = 0; i < 64; i++)
        before[i] = rd(4 * i);
    for (unsigned off = 0; off < 0x100; off += 4) {
        for (unsigned way = 0; way < 6; way++) {
            write_as(way, off, 0xa5a5a5a5u & harmless(off));
            seen[0][way] = rd(off);
            write_as(way, off, 0x5a5a5a5au & harmless(off));
            seen[1][way] = rd(off);
        }
        for (unsigned way = 1; way < 6; way++)
            if ((seen[0][way] != seen[0][0] || seen[1][way] != seen[1][0]) && !differ++)
                first = off << 4 | way;
        wr(off, before[off / 4]);
    }
    if (differ)
        rt_fail("writes-do-not-depend-on-width", "%u differ, first at %x way %u", differ, first >> 4, first & 15);
    else
        rt_pass("writes-do-not-depend-on-width");
}

static void fixed_parts(void)
{
    static const uint8_t fixed[] = { 0x00, 0x08, 0x28, 0x2c, 0x30, 0x34, 0x38 };
    unsigned wrong = 0;
    for (unsigned i = 0; i < sizeof fixed; i++) {
        uint32_t old = rd(fixed[i]);
        write_as(i % 6, fixed[i], ~old);
        wrong += rd(fixed[i]) != old;
    }
    rt_equal("fixed-registers", wrong, 0);
    uint32_t old = rd(4);
    wr(4, 0xffff);
    bool ports = false;
    for (unsigned bar = 0x10; bar < 0x28; bar += 4)
        ports = ports || (rd(bar) & 1);
    rt_equal("command-bits", rd(4) & 0xffff, COMMAND_RW | (ports ? COMMAND_IO : 0));
    wr(4, 0);
    rt_equal("command-clears", rd(4) & 0xffff, 0);
    wr(4, old & 0xffff);
    for (unsigned i = 0; i < caps; i++) {
        uint32_t head = rd(cap_at[i]);
        outw(select(cap_at[i]), (uint16_t)~head);
        rt_equal("capability-head-is-fixed", rd(cap_at[i]) & 0xffff, head & 0xffff);
    }
    mmio_wr32(ecam(0x100), ~0u);
    rt_equal("extended-space-takes-nothing", mmio_rd32(ecam(0x100)), 0);
    rt_equal("interrupt-pin", rd(0x3c) >> 8 & 0xff, 0);
}

/* The register that shows whether BAR 0 answers: edu's identification, e1000e's STATUS, NVMe's VS. */
static uint32_t probe(uint32_t base) { return rd(0) == EDU ? mmio_rd32(base) : mmio_rd32(base + 8); }

static void bar_0(void)
{
    uint32_t old = rd(0x10), flags = old & 15, base = old & ~15u, here;
    wr(4, 0x0402);
    here = probe(base);
    rt_check(here != 0 && here != ~0u, "bar-answers");
    wr(0x10, ~0u);
    uint32_t size = ~(rd(0x10) & ~15u) + 1;
    rt_check(size >= 0x1000 && !(size & (size - 1)), "bar-size-is-a-power-of-2");
    rt_equal("bar-flags-are-fixed", rd(0x10) & 15, flags);
    rt_equal("bar-at-its-mask-is-silent", probe(base), ~0u);
    wr(0x10, BAR_SPARE + 0x10);
    rt_equal("bar-is-aligned", rd(0x10) & ~15u, BAR_SPARE);
    rt_equal("bar-answers-where-it-went", probe(BAR_SPARE), here);
    rt_equal("bar-left-the-old-place", probe(base), ~0u);
    wr(0x10, BAR_NOWHERE);
    rt_equal("bar-outside-the-window-is-silent", probe(BAR_NOWHERE), ~0u);
    wr(0x10, old);
    rt_equal("bar-is-back", probe(base), here);
    wr(4, 0x0400);
    rt_equal("no-decode-no-answer", probe(base), ~0u);
    wr(4, 0x0402);
    rt_equal("decode-again", probe(base), here);
    wr(0x10, GUEST_ECAM_BASE - size / 2);
    rt_equal("ecam-stays-in-front", mmio_rd32(ecam(0)), rd(0));
    wr(0x10, 0);
    uint32_t at_0 = mmio_rd32(0x200000);
    wr(0x10, old);
    rt_equal("bar-cannot-cover-ram", mmio_rd32(0x200000), at_0);
}

static void power(void)
{
    unsigned at = cap(CAP_PM);
    uint32_t base = rd(0x10) & ~15u, here = probe(base);
    if (!at) {
        rt_print("note: no power management\n");
        return;
    }
    wr(at + 4, 3);
    rt_equal("d3", rd(at + 4) & 3, 3);
    rt_equal("d3-decodes-nothing", probe(base), ~0u);
    wr(at + 4, 1);
    rt_equal("d1-is-not-offered", rd(at + 4) & 3, 3);
    wr(at + 4, 0);
    rt_equal("d0-again", probe(base), here);
}

static void msix(void)
{
    unsigned at = cap(CAP_MSIX);
    if (!at)
        return;
    uint32_t where = rd(at + 4);
    unsigned count = (rd(at) >> 16 & 0x7ff) + 1;
    uintptr_t table = (rd(0x10 + 4 * (where & 7)) & ~15u) + (where & ~7u);
    rt_equal("entry-is-masked", mmio_rd32(table + 12), 1);
    mmio_wr64(table, 0xfee00000ull | 3);
    mmio_wr32(table + 8, 0x1234);
    mmio_wr32(table + 12, ~0u);
    rt_equal("entry-address", mmio_rd64(table) & ~3ull, 0xfee00000ull);
    rt_equal("entry-data", mmio_rd32(table + 8), 0x1234);
    rt_equal("entry-control-one-bit", mmio_rd32(table + 12), 1);
    rt_equal("entry-byte", *(volatile uint8_t *)(table + 9), 0x12);
    mmio_wr32(table + 16 * count - 16, 0xfee01000u);
    rt_equal("last-entry", mmio_rd32(table + 16 * count - 16), 0xfee01000u);
    rt_equal("entries-are-apart", mmio_rd32(table) & ~3u, 0xfee00000u);
    outw(select(at + 2), 0xffff);
    rt_equal("msix-control-bits", rd(at) >> 16, 0xc000u | (count - 1));
    outw(select(at + 2), 0);
    rt_equal("msix-off", rd(at) >> 30, 0);
}

static void reset(void)
{
    unsigned at = cap(CAP_PCIE);
    if (!at || !(rd(at + 4) & 1u << 28)) {
        rt_print("note: no function level reset\n");
        return;
    }
    uint32_t bar = rd(0x10);
    wr(4, 0x0406);
    outb(select(0x3c), 0x77);
    outw(select(at + 8), 0x8000);
    rt_equal("reset-clears-command", rd(4) & 0xffff, 0);
    rt_equal("reset-clears-line", rd(0x3c) & 0xff, 0);
    rt_equal("reset-bit-reads-zero", rd(at + 8) & 0x8000, 0);
    rt_print("note: bar 0 %08x before, %08x after the reset\n", bar, rd(0x10));
    wr(0x10, bar);
    wr(4, 0x0402);
    uint32_t here = probe(bar & ~15u);
    rt_check(here != 0 && here != ~0u, "bar-answers-after-reset");
}

void guest_main(void)
{
    if (!find()) {
        rt_fail("function", "no e1000e, NVMe or edu is here");
        return;
    }
    rt_print("note: %02x.%x is %08x\n", devfn >> 3, devfn & 7, rd(0));
    walk();
    masks();
    fixed_parts();
    bar_0();
    power();
    msix();
    reset();
}
