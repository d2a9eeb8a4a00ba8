/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an assigned edu device can reach by DMA: every part of its guest's memory, and nothing else.
 * A place is behind the wall when what is written there does not come back and what is read from
 * there is never data. Each transfer takes edu 100 ms.
 */
#include "tests/guest/lib/rt.h"

#include "vmm/guest_hw.h"

#define EDU_ID      0x11e81234u
#define BUFFER      0x40000u
#define BYTES       256u
#define FIRST       0xc3u
#define FORGED      0xd7u           /* no vector of this guest, none that the host uses otherwise */

static uintptr_t bar;
static unsigned devfn;
static uint8_t page[4096] __attribute__((aligned(4096)));
static volatile unsigned forged;

extern uint64_t rt_mb_info;

static uint32_t cfg_rd(unsigned off)
{
    outl(GHW_CF8, 0x80000000u | devfn << 8 | (off & 0xfcu));
    return inl(GHW_CF8 + 4);
}

static void cfg_wr(unsigned off, uint32_t v)
{
    outl(GHW_CF8, 0x80000000u | devfn << 8 | (off & 0xfcu));
    outl(GHW_CF8 + 4, v);
}

static bool find(void)
{
    for (devfn = 8; devfn < 0xf8; devfn++)
        if (cfg_rd(0) == EDU_ID)
            return true;
    return false;
}

static void move(uint64_t src, uint64_t dst, unsigned n, unsigned to_memory)
{
    mmio_wr64(bar + 0x80, src);
    mmio_wr64(bar + 0x88, dst);
    mmio_wr64(bar + 0x90, n);
    mmio_wr64(bar + 0x98, 1u | to_memory << 1);
    uint64_t end = rdtsc() + 40000000000ull;
    while ((mmio_rd64(bar + 0x98) & 1) && rdtsc() < end)
        for (uint64_t look = rdtsc() + 1000000; rdtsc() < look;)   /* each look is an exit */
            pause();
}

/* Device buffer <- pattern, by way of this guest's own page. */
static void load(unsigned seed)
{
    for (unsigned i = 0; i < BYTES; i++)
        page[i] = (uint8_t)(seed + 3 * i);
    move((uintptr_t)page, BUFFER, BYTES, 0);
}

/* Own page <- device buffer; how many bytes are the pattern, how many are not zero. */
static void store(unsigned seed, unsigned *same, unsigned *data)
{
    for (unsigned i = 0; i < BYTES; i++)
        page[i] = 0xee;
    move(BUFFER, (uintptr_t)page, BYTES, 1);
    *same = *data = 0;
    for (unsigned i = 0; i < BYTES; i++) {
        *same += page[i] == (uint8_t)(seed + 3 * i);
        *data += page[i] != 0 && page[i] != 0xff;
    }
}

static void own(uint64_t at, const char *name)
{
    unsigned wrong = 0;
    volatile uint8_t *memory = (volatile uint8_t *)(uintptr_t)at;
    load(FIRST);
    move(BUFFER, at, BYTES, 1);
    for (unsigned i = 0; i < BYTES; i++)
        wrong += memory[i] != (uint8_t)(FIRST + 3 * i);
    rt_equal(name, wrong, 0);
}

/* Written and read back: only a place that DMA reaches gives the pattern again. */
static void behind_wall(uint64_t at, unsigned seed)
{
    unsigned same, data;
    load(seed);
    move(BUFFER, at, BYTES, 1);
    load(0);                                     /* other bytes: a read that is stopped leaves them */
    move(at, BUFFER, BYTES, 0);
    store(seed, &same, &data);
    if (same > BYTES / 8) {
        rt_fail("behind-the-wall", "%lx came back", at);
        return;
    }
    store(0, &same, &data);
    if (data != 0 && same != BYTES)
        rt_fail("behind-the-wall", "%lx gave %u bytes of data, not the device's own", at, data);
    else
        rt_pass("behind-the-wall");
}

static void on_forged(struct rt_frame *f)
{
    (void)f;
    forged++;
    lapic_eoi();
}

/* A four-byte write to the interrupt range looks like a message on the bus. */
static void forge(void)
{
    rt_on(FORGED, on_forged);
    lapic_wr(0xf, 0x1ff);
    for (unsigned i = 0; i < 4; i++)
        page[i] = i == 0 ? FORGED : 0;
    move((uintptr_t)page, BUFFER, 4, 0);
    sti();
    move(BUFFER, 0xfee00000u, 4, 1);
    move(BUFFER, 0xfee00010u, 4, 1);
    for (unsigned i = 0; i < 1000; i++)
        pause();
    cli();
    rt_equal("forged-message-reaches-nobody-here", forged, 0);
}

void guest_main(void)
{
    uint64_t top;
    if (!find()) {
        rt_fail("edu", "no such function");
        return;
    }
    cfg_wr(4, cfg_rd(4) | 6);
    bar = cfg_rd(0x10) & ~15u;
    top = 0x100000ull + 1024ull * ((const uint32_t *)(uintptr_t)rt_mb_info)[2];
    rt_print("note: memory ends at %lx\n", top);
    own(0x500, "own-first-page");
    own(0x90000, "own-below-640k");
    own(0x2000000, "own-32m");
    own(top - 4096, "own-last-page");
    const uint64_t elsewhere[] = {
        top, top + 0x200000, 0x20000000, 0x3f000000,                 /* the host has memory there */
        bar, 0xe0000000u, GHW_IOAPIC_BASE, 0xfed90000u,              /* devices, ECAM, the IOMMU itself */
        0x100000000ull, 0x8000000000ull, 0xfffffffff000ull,
    };
    for (unsigned i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        behind_wall(elsewhere[i], 0x11 * (i + 1) | 1);
    forge();
    cfg_wr(4, cfg_rd(4) & ~4u);
    for (unsigned i = 0; i < BYTES; i++)
        page[i] = 0xee;
    move(BUFFER, (uintptr_t)page, BYTES, 1);
    rt_equal("no-bus-master-no-dma", page[0], 0xee);
}
