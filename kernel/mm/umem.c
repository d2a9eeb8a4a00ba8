/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User memory: free ranges, and which of them firmware or a loader may have left
 * something in. Ranges are cleared when freed, and leftovers when first given out.
 */
#include "kernel/mm/umem.h"

#include "kernel/arch/cpu.h"
#include "kernel/mm/extent.h"
#include "kernel/mm/space.h"

#define EXTENTS  1024u

static struct extent rows[2][EXTENTS];
static struct extent_set free_set, dirty_set;   /* dirty: superset of what was never cleared */
static uint32_t slack;                          /* allocations that freeing could still need rows for */
static uint64_t total;                          /* const after init */

void umem_init(const struct bootinfo *bi)
{
    free_set = (struct extent_set){ .at = rows[0], .max = EXTENTS };
    for (const struct boot_range *r = bi->range; r < bi->range + bi->ranges; r++) {
        status_t st = r->type == BOOT_RAM ? extent_add(&free_set, r->base, r->len) : ST_OK;
        KASSERT(st == ST_OK);
    }
    dirty_set = free_set;
    dirty_set.at = memcpy(rows[1], rows[0], sizeof rows[0]);
    total = free_set.total;
    slack = EXTENTS - free_set.count - 1;
}

/* Other threads may run between chunks and use this CPU's windows: each chunk maps its own. */
static void clear(uint64_t base, uint64_t len)
{
    for (uint64_t end = base + len, step; base < end; base += step) {
        step = (base & (PAGE_2M - 1)) == 0 && end - base >= PAGE_2M ? PAGE_2M : PAGE_SIZE;
        clear_bytes(space_window((hpa_t){ base }, step), step);
        if (step == PAGE_2M && percpu()->current)       /* not while booting */
            upcall_preempt_point();
    }
}

status_t umem_alloc(uint64_t size, uint64_t align, hpa_t *out)
{
    struct extent part = { 0 };
    if (size == 0 || align < PAGE_SIZE || (align & (align - 1)) != 0 || (size & (PAGE_SIZE - 1)) != 0)
        return ST_INVAL;
    if (slack == 0)
        return ST_NOSPACE;
    TRY(extent_fit(&free_set, size, align, &part.base));
    TRY(extent_remove(&free_set, part.base, size));
    slack--;
    *out = (hpa_t){ part.base };
    while (extent_next(&dirty_set, part.base + part.len, out->v + size, &part))
        clear(part.base, part.len);
    status_t st = extent_remove(&dirty_set, out->v, size);
    KASSERT(st == ST_OK || st == ST_NOSPACE);   /* no room for the split: it stays listed, and is cleared again */
    return ST_OK;
}

void umem_free(hpa_t base, uint64_t size)
{
    KASSERT(((base.v | size) & (PAGE_SIZE - 1)) == 0);
    clear(base.v, size);
    status_t st = extent_add(&free_set, base.v, size);
    KASSERT(st == ST_OK);                       /* slack kept a row for it */
    slack++;
}

uint64_t umem_total(void) { return total; }
uint64_t umem_free_bytes(void) { return free_set.total; }
uint64_t umem_largest(void) { return extent_largest(&free_set); }
