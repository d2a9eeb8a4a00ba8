/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings for ever in one window: a place is taken, never given back. */
#include "kernel/mm/kmap.h"

#include "kernel/arch/cpu.h"
#include "kernel/mm/bootmem.h"
#include "kernel/mm/space.h"

/* Same offset in 2 MiB as the physical address when that makes large pages; a page is left between. */
static void *map(hpa_t pa, uint64_t len, unsigned prot)
{
    static struct spinlock lock;
    static uint64_t next = KMAP_VA;      /* lock */
    if (!range_ok(pa.v, len, UINT64_C(1) << (cpu_features.phys_bits ? cpu_features.phys_bits : 36)))
        return NULL;
    uint64_t from = PAGE_DOWN(pa.v), size = PAGE_UP(pa.v + len) - from;
    if (boot_touches(from, size, BOOT_USED))
        return NULL;
    spin_lock(&lock);
    uint64_t va = next + (size >= PAGE_2M ? (from - next) & (PAGE_2M - 1) : 0);
    bool ok = range_ok(va - KMAP_VA, size + PAGE_SIZE, KMAP_SIZE) &&
              space_map_kernel(va, (hpa_t){ from }, size, prot) == ST_OK;
    if (ok)
        next = va + size + PAGE_SIZE;
    spin_unlock(&lock);
    return ok ? (void *)(va + (pa.v - from)) : NULL;
}

void *kmap_mmio(hpa_t pa, uint64_t len) { return map(pa, len, PT_R | PT_W | PT_UC); }
const void *kmap_ro(hpa_t pa, uint64_t len) { return map(pa, len, PT_R); }
