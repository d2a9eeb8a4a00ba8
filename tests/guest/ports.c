/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BARs of conventional cards as assigned functions. Ports: every width at every register, against the same
 * registers in memory where the function has them; decode, sizing, moving. For RTL8139 and NE2000 cards; memory of an e1000.
 */
#include "tests/guest/lib/rt.h"

#include "vmm/guest_hw.h"

#define RTL8139   0x813910ecu
#define NE2000    0x802910ecu
#define E1000     0x100e8086u
#define   STATUS    0x0008u
#define   RAL       0x5400u      /* receive address: keeps what is written */
#define MAR       8u             /* RTL8139: multicast filter, 8 bytes that keep what is written */
#define SPARE     0x2000u        /* a free place in the guest's window */

static unsigned devfn;
static uint16_t base;            /* where the ports are */
static uint32_t id;

static uint16_t select(unsigned off)
{
    outl(GHW_CF8, 0x80000000u | devfn << 8 | (off & 0xfcu));
    return (uint16_t)(GHW_CF8 + 4 + (off & 3u));
}

static uint32_t rd(unsigned off) { return inl(select(off)); }
static void wr(unsigned off, uint32_t v) { outl(select(off), v); }

static bool find(void)
{
    for (devfn = 8; devfn < 0xf8; devfn++) {
        id = rd(0);
        if (id == RTL8139 || id == NE2000 || id == E1000)
            return true;
    }
    return false;
}

static uint32_t in(unsigned port, unsigned size)
{
    return size == 1 ? inb((uint16_t)port) : size == 2 ? inw((uint16_t)port) : inl((uint16_t)port);
}

static void out(unsigned port, unsigned size, uint32_t v)
{
    if (size == 1)
        outb((uint16_t)port, (uint8_t)v);
    else if (size == 2)
        outw((uint16_t)port, (uint16_t)v);
    else
        outl((uint16_t)port, v);
}

/* What shows that the function answers: the card's address, or the command register after a stop. */
static uint32_t probe(uint16_t at) { return id == RTL8139 ? inl(at) : inb(at); }

/* ---- RTL8139: the filter by each width, the same bits in memory ---- */
static void filter(uintptr_t mmio)
{
    unsigned wrong = 0, apart = 0;
    for (unsigned size = 1; size <= 4; size *= 2)
        for (unsigned off = 0; off < 8; off += size) {
            outl((uint16_t)(base + MAR), 0x03020100);
            outl((uint16_t)(base + MAR + 4), 0x07060504);
            out(base + MAR + off, size, 0xa3a2a1a0u);
            for (unsigned i = 0; i < 8; i++) {
                uint8_t want = (uint8_t)(i >= off && i < off + size ? 0xa0 + i - off : i);
                wrong += inb((uint16_t)(base + MAR + i)) != want;
                apart += *(volatile uint8_t *)(mmio + MAR + i) != want;
            }
            for (unsigned i = 1; i < size; i++)
                wrong += (in(base + MAR + off, size) >> 8 * i & 0xff) != 0xa0 + i;
        }
    rt_equal("ports-by-width", wrong, 0);
    rt_equal("ports-and-memory-agree", apart, 0);
    unsigned differ = 0;
    for (unsigned size = 2; size <= 4; size *= 2)        /* the address; QEMU's card answers aligned accesses only */
        for (unsigned off = 0; off + size <= 6; off += size)
            for (unsigned i = 0; i < size; i++)
                differ += (in(base + off, size) >> 8 * i & 0xff) != inb((uint16_t)(base + off + i));
    rt_equal("ports-read-by-width", differ, 0);
}

static void rtl8139(void)
{
    uint32_t bar = rd(0x14);
    uintptr_t mmio = bar & ~15u;
    wr(4, 0x0403);
    rt_print("note: memory at %08x\n", bar);     /* 256 bytes: mapped, or through the kernel where the page is shared */
    rt_equal("memory-answers", mmio_rd32(mmio), inl(base));
    rt_check(inl(base) != 0 && inl(base) != ~0u, "ports-answer");
    filter(mmio);
}

/* ---- NE2000: the pages of its registers ---- */
static void ne2000(void)
{
    unsigned wrong = 0;
    wr(4, 0x0401);
    outb(base, 0x21);
    rt_equal("ports-answer", inb(base), 0x21);
    outb(base, 0x61);                            /* page 1: address and filter */
    for (unsigned i = 1; i < 16; i++)
        if (i != 7)
            outb((uint16_t)(base + i), (uint8_t)(0x50 + i));
    for (unsigned i = 1; i < 16; i++)
        wrong += i != 7 && inb((uint16_t)(base + i)) != 0x50 + i;
    rt_equal("registers-keep", wrong, 0);
    outb(base, 0x21);
}

/* ---- e1000: registers in memory ---- */
static void e1000(void)
{
    uintptr_t at = rd(0x10) & ~15u, spare = 0xd0000000u;
    wr(4, 0x0402);
    uint32_t status = mmio_rd32(at + STATUS);
    rt_check(status != 0 && status != ~0u, "memory-answers");
    mmio_wr32(at + RAL, 0x12345678);
    rt_equal("registers-keep", mmio_rd32(at + RAL), 0x12345678);
    wr(4, 0x0400);
    rt_equal("no-decode-no-answer", mmio_rd32(at + STATUS), ~0u);
    wr(4, 0x0402);
    wr(0x10, (uint32_t)spare);
    rt_equal("bar-answers-where-it-went", mmio_rd32(spare + RAL), 0x12345678);
    rt_equal("bar-left-the-old-place", mmio_rd32(at + STATUS), ~0u);
    wr(0x10, (uint32_t)at);
    rt_equal("bar-is-back", mmio_rd32(at + RAL), 0x12345678);
    rt_equal("interrupt-pin", rd(0x3c) >> 8 & 0xff, 0);
    rt_equal("bar-1-is-ports", rd(0x14) & 3, 1);
}

/* ---- the BAR ---- */
static void decode(void)
{
    uint32_t here = probe(base), ones = id == RTL8139 ? ~0u : 0xffu, on = rd(4) & 0xffff;
    wr(4, on & ~1u);
    rt_equal("no-decode-no-answer", probe(base), ones);
    outl(base, 0);
    wr(4, on);
    rt_equal("decode-again", probe(base), here);
    rt_equal("interrupt-pin", rd(0x3c) >> 8 & 0xff, 0);
    wr(0x10, ~0u);
    uint32_t size = ~(rd(0x10) & ~3u) + 1;
    rt_check(size >= 4 && size <= 256 && !(size & (size - 1)) && (rd(0x10) & 3) == 1, "bar-size");
    rt_equal("bar-at-its-mask-is-silent", probe(base), ones);
    wr(0x10, SPARE | 2);
    rt_equal("bar-reads-aligned", rd(0x10), SPARE | 1);
    rt_equal("bar-answers-where-it-went", probe(SPARE), here);
    rt_equal("bar-left-the-old-place", probe(base), ones);
    wr(0x10, GHW_COM1 & ~(size - 1));            /* the board's own ports stay in front */
    rt_check((inb(GHW_COM1 + 5) & 0x20) != 0, "com1-stays");
    wr(0x10, base);
    rt_equal("bar-is-back", probe(base), here);
    unsigned outside = 0;
    for (unsigned i = 0; i < 16; i++)
        outside += inb((uint16_t)(base + size + i)) != 0xff;
    rt_equal("nothing-behind-the-bar", outside, 0);
    rt_equal("across-the-end", inl((uint16_t)(base + size - 2)) >> 16, 0xffff);
}

void guest_main(void)
{
    if (!find()) {
        rt_fail("function", "no RTL8139, NE2000 or e1000 is here");
        return;
    }
    if (id == E1000) {
        e1000();
        return;
    }
    uint32_t bar = rd(0x10);
    rt_print("note: %02x.%x is %08x, ports at %x\n", devfn >> 3, devfn & 7, id, bar & ~3u);
    rt_equal("bar-is-ports", bar & 3, 1);
    base = (uint16_t)(bar & ~3u);
    rt_equal("command-has-ports", (wr(4, 1), rd(4) & 1), 1);
    if (id == RTL8139)
        rtl8139();
    else
        ne2000();
    decode();
}
