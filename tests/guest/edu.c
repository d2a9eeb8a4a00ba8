/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * QEMU's `edu` device as an assigned function: registers, MSI, DMA to and from the
 * guest's own memory, and, with `foreign` on the command line, DMA to memory that is
 * not its own.
 */
#include "tests/guest/lib/rt.h"

#define EDU_ID      0x11e81234u
#define DMA_BUFFER  0x40000u
#define DMA_LEN     2048u       /* the whole buffer makes QEMU stop: its bound is off by one */
#define PATTERN     0x5a

static uintptr_t bar;
static unsigned devfn;
static uint8_t out[4096] __attribute__((aligned(4096))), in[4096] __attribute__((aligned(4096)));
static volatile unsigned interrupts;

static uint32_t cfg_rd(unsigned off)
{
    outl(0xcf8, 0x80000000u | devfn << 8 | (off & 0xfc));
    return inl(0xcfc);
}

static void cfg_wr(unsigned off, uint32_t v)
{
    outl(0xcf8, 0x80000000u | devfn << 8 | (off & 0xfc));
    outl(0xcfc, v);
}

static bool find(void)
{
    for (devfn = 0; devfn < 256; devfn++)
        if (cfg_rd(0) == EDU_ID)
            return true;
    return false;
}

static bool dma(uint64_t src, uint64_t dst, uint64_t count, uint32_t command)
{
    mmio_wr64(bar + 0x80, src);
    mmio_wr64(bar + 0x88, dst);
    mmio_wr64(bar + 0x90, count);
    mmio_wr64(bar + 0x98, command | 1);
    uint64_t end = rdtsc() + 40000000000ull;
    while ((mmio_rd64(bar + 0x98) & 1) && rdtsc() < end)
        pause();
    return !(mmio_rd64(bar + 0x98) & 1);
}

static void on(struct rt_frame *f)
{
    (void)f;
    interrupts++;
    mmio_wr32(bar + 0x64, mmio_rd32(bar + 0x24));
    lapic_eoi();
}

static void msi(void)
{
    unsigned cap = cfg_rd(0x34) & 0xfc;
    while (cap && (cfg_rd(cap) & 0xff) != 5)
        cap = cfg_rd(cap) >> 8 & 0xfc;
    if (!cap) {
        rt_fail("msi", "no capability");
        return;
    }
    bool wide = (cfg_rd(cap) >> 16 & 0x80) != 0;
    rt_on(0x70, on);
    lapic_wr(0xf, 0x1ff);
    cfg_wr(cap + 4, 0xfee00000u);
    if (wide)
        cfg_wr(cap + 8, 0);
    cfg_wr(cap + (wide ? 12 : 8), 0x70);
    cfg_wr(cap, (cfg_rd(cap) & ~0x700000u) | 0x10000u);
    mmio_wr32(bar + 0x20, 0x80);
    mmio_wr32(bar + 0x60, 1);
    uint64_t end = rdtsc() + 10000000000ull;
    while (interrupts == 0 && rdtsc() < end)
        sti_nop_cli();
    rt_equal("msi-arrives-once", interrupts, 1);
}

static void own_memory(void)
{
    for (unsigned i = 0; i < sizeof out; i++)
        out[i] = (uint8_t)(i * 7 + 3);
    rt_check(dma((uintptr_t)out, DMA_BUFFER, DMA_LEN, 0), "dma-from-memory");
    rt_check(dma(DMA_BUFFER, (uintptr_t)in, DMA_LEN, 2), "dma-to-memory");
    unsigned wrong = 0, leaked = 0;
    for (unsigned i = 0; i < DMA_LEN; i++)
        wrong += in[i] != out[i];
    cfg_wr(4, cfg_rd(4) & ~4u);                  /* the bit reaches the device: without it nothing arrives */
    for (unsigned i = 0; i < sizeof in; i++)
        in[i] = 0;
    (void)dma(DMA_BUFFER, (uintptr_t)in, DMA_LEN, 2);
    for (unsigned i = 0; i < sizeof in; i++)
        leaked += in[i] != 0;
    rt_equal("no-dma-without-bus-master", leaked, 0);
    cfg_wr(4, cfg_rd(4) | 4);
    rt_check(dma(DMA_BUFFER, (uintptr_t)in, DMA_LEN, 2), "dma-with-it-again");
    for (unsigned i = 0; i < DMA_LEN; i++)
        wrong += in[i] != out[i];
    rt_equal("dma-data", wrong, 0);
}

/* Nothing of it may show here; what must not change is elsewhere, and others look. */
static void foreign_memory(void)
{
    static const uint64_t where[] = { 0x40000000ull, 0x100000000ull, 0xfee00000ull, 0xe0000000ull };
    for (unsigned i = 0; i < sizeof out; i++)
        out[i] = PATTERN;
    (void)dma((uintptr_t)out, DMA_BUFFER, DMA_LEN, 0);
    for (unsigned i = 0; i < sizeof where / sizeof where[0]; i++) {
        rt_print("note: edu dma write to %lx\n", where[i]);
        (void)dma(DMA_BUFFER, where[i], 256, 2);
    }
    for (unsigned i = 0; i < sizeof in; i++)
        in[i] = 0;
    (void)dma(where[0], DMA_BUFFER, 256, 0);
    (void)dma(DMA_BUFFER, (uintptr_t)in, 256, 2);
    rt_print("note: edu dma read of %lx gave %02x %02x %02x %02x\n", where[0], in[0], in[1], in[2], in[3]);
    rt_check(true, "edu-foreign-dma-issued");
}

void guest_main(void)
{
    if (!find()) {
        rt_fail("edu", "no such function");
        return;
    }
    cfg_wr(4, cfg_rd(4) | 6);
    bar = cfg_rd(0x10) & ~15u;
    rt_equal("edu-id", mmio_rd32(bar) & 0xffff, 0xed);
    mmio_wr32(bar + 4, 0x12345678);
    rt_equal("edu-inverts", mmio_rd32(bar + 4), ~0x12345678u);
    mmio_wr32(bar + 8, 6);
    uint64_t end = rdtsc() + 10000000000ull;
    while ((mmio_rd32(bar + 0x20) & 1) && rdtsc() < end)
        pause();
    rt_equal("edu-factorial", mmio_rd32(bar + 8), 720);
    if (lapic_x2_on())
        msi();
    own_memory();
    if (rt_option("foreign"))
        foreign_memory();
}
