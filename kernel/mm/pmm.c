/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel pool: a bit per page. */
#include "kernel/mm/pmm.h"

#include "kernel/arch/cpu.h"
#include "kernel/lib/idpool.h"

static uint8_t *pool;                        /* const after init, as pool_pa */
static uint64_t pool_pa;
static uint64_t taken[IDPOOL_WORDS(BOOT_POOL_MAX / PAGE_SIZE)];
static struct idpool pages;                  /* lock; limit is const after init */
static struct spinlock lock;

void pmm_init(void *at, hpa_t base, uint64_t len)
{
    KASSERT(len <= BOOT_POOL_MAX && ((base.v | (uintptr_t)at) & (PAGE_2M - 1)) == 0);
    pool = at;
    pool_pa = base.v;
    clear_bytes(at, len);
    idpool_init(&pages, taken, 0, (uint32_t)(len / PAGE_SIZE));
}

void *pmm_alloc_order(unsigned order)
{
    uint32_t page;
    spin_lock(&lock);
    status_t st = idpool_alloc(&pages, 1u << order, 1u << order, &page);
    spin_unlock(&lock);
    return st == ST_OK ? pool + (uint64_t)page * PAGE_SIZE : NULL;
}

void *pmm_alloc(void) { return pmm_alloc_order(0); }

void pmm_free_order(void *p, unsigned order)
{
    if (!p)
        return;
    uint64_t off = pmm_pa(p).v - pool_pa, len = (uint64_t)PAGE_SIZE << order;
    KASSERT((off & (len - 1)) == 0);
    clear_bytes(p, len);
    spin_lock(&lock);
    for (uint64_t end = off + len; off < end; off += PAGE_SIZE)
        idpool_free(&pages, (uint32_t)(off / PAGE_SIZE));
    spin_unlock(&lock);
}

void pmm_free(void *page) { pmm_free_order(page, 0); }

hpa_t pmm_pa(const void *p)
{
    uint64_t off = (uintptr_t)p - (uintptr_t)pool;
    KASSERT(off < pmm_total());
    return (hpa_t){ pool_pa + off };
}

void *pmm_va(hpa_t pa)
{
    KASSERT(pa.v - pool_pa < pmm_total());
    return pool + (pa.v - pool_pa);
}

uint64_t pmm_total(void) { return (uint64_t)pages.limit * PAGE_SIZE; }
uint64_t pmm_free_bytes(void) { return pmm_total() - (uint64_t)__atomic_load_n(&pages.used, __ATOMIC_RELAXED) * PAGE_SIZE; }
