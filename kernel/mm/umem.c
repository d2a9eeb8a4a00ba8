/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User memory: free ranges, and which of them firmware or a loader may have left
 * something in. Ranges are cleared when freed, and firmware's leftovers when first
 * given out, always outside the lock.
 */
#include "kernel/mm/umem.h"

#include "kernel/arch/cpu.h"
#include "kernel/mm/extent.h"
#include "kernel/mm/kspace.h"
#include "kernel/mm/pmm_init.h"

#define EXTENTS  1024u

static struct extent free_array[EXTENTS], dirty_array[EXTENTS];
static struct extent_set free_set, dirty_set;   /* lock. dirty: superset of what was never cleared */
static struct spinlock lock;
static uint32_t slack;                          /* lock: allocations that freeing could still need rows for */
static uint64_t total;                          /* const after init */

struct extent_set *umem_set(void)
{
    extent_init(&free_set, free_array, EXTENTS);
    return &free_set;
}

void umem_init(void)
{
    extent_init(&dirty_set, dirty_array, EXTENTS);
    for (uint32_t i = 0; i < free_set.count; i++)
        dirty_array[i] = free_array[i];
    dirty_set.count = free_set.count;
    dirty_set.total = free_set.total;
    total = free_set.total;
    slack = EXTENTS - free_set.count - 1;
}

static void clear_large(uint64_t pa) { clear_bytes(kspace_window_large((hpa_t){ pa }), PAGE_2M); }

static void clear_page(uint64_t pa) { clear_bytes(kspace_window_page((hpa_t){ pa }), PAGE_SIZE); }

/* Other threads may run between chunks and use this CPU's windows: each chunk maps its own. */
static void clear(uint64_t base, uint64_t len)
{
    uint64_t end = base + len;
    while (base < end) {
        if ((base & (PAGE_2M - 1)) == 0 && end - base >= PAGE_2M) {
            clear_large(base);
            base += PAGE_2M;
            if (percpu()->current)              /* not while booting */
                upcall_preempt_point();
        } else {
            clear_page(base);
            base += PAGE_SIZE;
        }
    }
}

/* Clears what of a range that the caller owns may hold leftovers. A full table only makes
 * the same memory be cleared again later. */
static void clear_leftovers(uint64_t base, uint64_t len)
{
    uint64_t end = base + len;
    struct extent part = { base, 0 };
    for (;;) {
        spin_lock(&lock);
        bool more = extent_next(&dirty_set, part.base + part.len, end, &part);
        spin_unlock(&lock);
        if (!more)
            break;
        clear(part.base, part.len);
    }
    spin_lock(&lock);
    status_t st = extent_remove(&dirty_set, base, len);
    spin_unlock(&lock);
    KASSERT(st == ST_OK || st == ST_NOSPACE);   /* no room for the split: it stays listed */
}

status_t umem_alloc(uint64_t size, uint64_t align, hpa_t *out)
{
    uint64_t base = 0;
    if (size == 0 || align < PAGE_SIZE || (align & (align - 1)) != 0 || (size & (PAGE_SIZE - 1)) != 0)
        return ST_INVAL;
    spin_lock(&lock);
    status_t st = slack != 0 ? extent_fit(&free_set, size, align, &base) : ST_NOSPACE;
    if (st == ST_OK)
        st = extent_remove(&free_set, base, size);
    if (st == ST_OK)
        slack--;
    spin_unlock(&lock);
    if (st != ST_OK)
        return st;
    clear_leftovers(base, size);
    *out = (hpa_t){ base };
    return ST_OK;
}

void umem_free(hpa_t base, uint64_t size)
{
    KASSERT(((base.v | size) & (PAGE_SIZE - 1)) == 0);
    clear(base.v, size);
    spin_lock(&lock);
    status_t st = extent_add(&free_set, base.v, size);
    slack++;
    spin_unlock(&lock);
    KASSERT(st == ST_OK);                       /* slack kept a row for it */
}

uint64_t umem_total(void) { return total; }

uint64_t umem_free_bytes(void) { return __atomic_load_n(&free_set.total, __ATOMIC_RELAXED); }

uint64_t umem_largest(void)
{
    spin_lock(&lock);
    uint64_t best = extent_largest(&free_set);
    spin_unlock(&lock);
    return best;
}
