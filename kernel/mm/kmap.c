/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings for ever in one window: a place is taken, never given back. */
#include "kernel/mm/kmap.h"

#include "kernel/arch/cpu.h"
#include "kernel/mm/bootmem.h"
#include "kernel/mm/kmap_rw.h"
#include "kernel/mm/kspace.h"
#include "kernel/mm/layout.h"

#define LOW_END  0x100000ull             /* below: firmware's data, which umem never gives out */

static struct spinlock lock;
static uint64_t next = KMAP_VA;          /* lock */

/* RAM of the firmware's map above 1 MiB is the pool's, the image's, a module's or umem's. */
static bool is_ram(uint64_t pa, uint64_t len)
{
    const struct bootinfo *bi = boot_info();
    for (uint32_t i = 0; i < bi->ranges; i++)
        if (bi->range[i].type == BOOT_RAM && bi->range[i].base + bi->range[i].len > LOW_END &&
            range_overlaps(pa, len, bi->range[i].base, bi->range[i].len))
            return true;
    return false;
}

/* Same offset in 2 MiB as the physical address when that makes large pages; a page is left between. */
static uint64_t take(uint64_t pa, uint64_t len)
{
    uint64_t va = 0;
    spin_lock(&lock);
    uint64_t at = next;
    if (len >= PAGE_2M)
        at += (pa - at) & (PAGE_2M - 1);
    if (range_ok(at - KMAP_VA, len + PAGE_SIZE, KMAP_SIZE)) {
        va = at;
        next = at + len + PAGE_SIZE;
    }
    spin_unlock(&lock);
    return va;
}

static void *map(hpa_t pa, uint64_t len, unsigned prot)
{
    uint64_t limit = UINT64_C(1) << (cpu_features.phys_bits ? cpu_features.phys_bits : 36);
    if (!range_ok(pa.v, len, limit))
        return NULL;
    uint64_t from = PAGE_DOWN(pa.v), size = PAGE_UP(pa.v + len) - from;
    uint64_t va = is_ram(from, size) ? 0 : take(from, size);
    if (va == 0 || kspace_map(va, (hpa_t){ from }, size, prot | PT_GLOBAL) != ST_OK)
        return NULL;
    return (void *)(va + (pa.v - from));
}

void *kmap_mmio(hpa_t pa, uint64_t len) { return map(pa, len, PT_R | PT_W | PT_UC); }
const void *kmap_ro(hpa_t pa, uint64_t len) { return map(pa, len, PT_R); }
void *kmap_rw(hpa_t pa, uint64_t len) { return map(pa, len, PT_R | PT_W); }
