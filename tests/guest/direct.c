/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest with dma = unprotected: what its memory map offers above the first MiB is at its
 * host-physical address, so that QEMU's `edu` device finds it without an IOMMU.
 */
#include "tests/guest/lib/rt.h"

#define EDU_ID      0x11e81234u
#define DMA_BUFFER  0x40000u
#define DMA_LEN     2048u       /* the whole buffer makes QEMU stop: its bound is off by one */
#define MIB         0x100000u

extern uint64_t rt_mb_info;

static uintptr_t bar;
static unsigned devfn;

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

/* The largest range of RAM that a device may reach. */
static uint64_t memory(uint64_t *len)
{
    const uint32_t *info = (const uint32_t *)(uintptr_t)rt_mb_info;
    uint64_t at = 0;
    *len = 0;
    for (uint32_t off = 0; off < info[11]; off += *(const uint32_t *)(uintptr_t)(info[12] + off) + 4) {
        const uint32_t *e = (const uint32_t *)(uintptr_t)(info[12] + off);
        uint64_t base = e[1] | (uint64_t)e[2] << 32, size = e[3] | (uint64_t)e[4] << 32;
        rt_print("note: %lx+%lx type %u\n", base, size, e[5]);
        if (e[5] == 1 && base >= MIB && size > *len) {
            at = base;
            *len = size;
        }
    }
    rt_equal("no-memory-upper", info[2], 0);
    return at;
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

static unsigned differing(const volatile uint8_t *a, const volatile uint8_t *b)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < DMA_LEN; i++)
        wrong += a[i] != b[i];
    return wrong;
}

void guest_main(void)
{
    uint64_t len, at = memory(&len);
    rt_check(at >= 16 * MIB && at % (16 * MIB) == 0, "memory-is-above-the-boot-image");
    rt_equal("memory-size", len, 48 * MIB);
    for (devfn = 8; devfn < 0xf8 && cfg_rd(0) != EDU_ID; devfn++) { }
    if (devfn == 0xf8) {
        rt_fail("edu", "no such function");
        return;
    }
    rt_equal("interrupt-pin", cfg_rd(0x3c) >> 8 & 0xff, 0);
    rt_equal("no-capabilities", cfg_rd(4) >> 20 & 1, 0);         /* irq=none */
    cfg_wr(4, 0x0406);
    bar = cfg_rd(0x10) & ~15u;
    rt_equal("edu-id", mmio_rd32(bar) & 0xffff, 0xed);
    mmio_wr32(bar + 4, 0x12345678);
    rt_equal("edu-inverts", mmio_rd32(bar + 4), ~0x12345678u);
    volatile uint8_t *out = (volatile uint8_t *)(uintptr_t)at, *in = (volatile uint8_t *)(uintptr_t)(at + len - 4096);
    for (unsigned i = 0; i < DMA_LEN; i++)
        out[i] = (uint8_t)(i * 7 + 3);
    rt_equal("memory-is-clear", 0u + in[0] + in[DMA_LEN - 1], 0);
    rt_check(dma(at, DMA_BUFFER, DMA_LEN, 0), "dma-from-memory");
    rt_check(dma(DMA_BUFFER, at + len - 4096, DMA_LEN, 2), "dma-to-memory");
    rt_equal("dma-data", differing(in, out), 0);
    cfg_wr(4, 0x0402);                                            /* bus mastering is the guest's to switch */
    for (unsigned i = 0; i < DMA_LEN; i++)
        in[i] = 0;
    (void)dma(DMA_BUFFER, at + len - 4096, DMA_LEN, 2);
    rt_equal("no-bus-master-no-dma", in[0] | in[1] | in[DMA_LEN - 1], 0);
}
