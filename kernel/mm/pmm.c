/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buddy allocator over the kernel pool. A free block is all zero but for its list
 * links in the first 16 bytes, so giving out costs nothing. One byte a page says
 * what starts there.
 */
#include "kernel/mm/pmm.h"

#include "kernel/arch/cpu.h"
#include "kernel/mm/layout.h"
#include "kernel/mm/plan.h"
#include "kernel/mm/pmm_init.h"

#define MAX_ORDER   9u
#define MAX_PAGES   (PLAN_POOL_MAX / PAGE_SIZE)
#define TAG_INSIDE  0x00u            /* not the start of a block */
#define TAG_FREE    0x40u            /* | order */
#define TAG_TAKEN   0x80u            /* | order */

struct block { struct block *next, *prev; };

static struct spinlock lock;
static struct block *heads[MAX_ORDER + 1];   /* lock */
static uint8_t tags[MAX_PAGES];              /* lock */
static uint64_t pool_base;                   /* const after init */
static uint32_t pages;                       /* const after init */
static uint64_t free_pages;                  /* lock */
static uint8_t *pool;                        /* const: POOL_VA; a test's buffer on a host */

static struct block *block_at(uint32_t page) { return (struct block *)(void *)(pool + (uint64_t)page * PAGE_SIZE); }
static uint32_t page_of(const void *p) { return (uint32_t)((uint64_t)((uintptr_t)p - (uintptr_t)pool) / PAGE_SIZE); }

static void list_add(uint32_t page, unsigned order)
{
    struct block *b = block_at(page);
    b->next = heads[order];
    b->prev = NULL;
    if (b->next)
        b->next->prev = b;
    heads[order] = b;
    tags[page] = (uint8_t)(TAG_FREE | order);
}

static void list_remove(struct block *b, unsigned order)
{
    if (b->next)
        b->next->prev = b->prev;
    if (b->prev)
        b->prev->next = b->next;
    else
        heads[order] = b->next;
    b->next = NULL;                          /* all zero again */
    b->prev = NULL;
    tags[page_of(b)] = TAG_INSIDE;
}

#ifdef CORDON_HOST
#define POOL_AT(base)  ((uint8_t *)(uintptr_t)(base))
#else
#define POOL_AT(base)  ((uint8_t *)POOL_VA)
#endif

void pmm_init(uint64_t base, uint64_t len)
{
    KASSERT((base & (PAGE_2M - 1)) == 0 && len <= PLAN_POOL_MAX);
    pool_base = base;
    pool = POOL_AT(base);
    pages = (uint32_t)(len / PAGE_SIZE);
    free_pages = pages;
    for (unsigned i = 0; i <= MAX_ORDER; i++)
        heads[i] = NULL;
    clear_bytes(pool, len);
    for (uint32_t i = 0; i < pages; i++)
        tags[i] = TAG_INSIDE;
    for (uint32_t i = 0; i + (1u << MAX_ORDER) <= pages; i += 1u << MAX_ORDER)
        list_add(i, MAX_ORDER);
}

/* Lock held. */
static struct block *take(unsigned order)
{
    unsigned have = order;
    while (have <= MAX_ORDER && !heads[have])
        have++;
    if (have > MAX_ORDER)
        return NULL;
    struct block *b = heads[have];
    list_remove(b, have);
    while (have > order) {
        have--;
        list_add(page_of(b) + (1u << have), have);
    }
    tags[page_of(b)] = (uint8_t)(TAG_TAKEN | order);
    free_pages -= 1u << order;
    return b;
}

void *pmm_alloc_order(unsigned order)
{
    KASSERT(order <= MAX_ORDER);
    spin_lock(&lock);
    struct block *b = take(order);
    spin_unlock(&lock);
    return b;
}

void *pmm_alloc(void) { return pmm_alloc_order(0); }

void pmm_free_order(void *p, unsigned order)
{
    uint32_t page = page_of(p);
    KASSERT((uintptr_t)p >= (uintptr_t)pool && page < pages && ((uintptr_t)p & (PAGE_SIZE - 1)) == 0);
    KASSERT(order <= MAX_ORDER && tags[page] == (TAG_TAKEN | order));
    clear_bytes(p, (uint64_t)PAGE_SIZE << order);
    spin_lock(&lock);
    free_pages += 1u << order;
    tags[page] = TAG_INSIDE;
    while (order < MAX_ORDER) {
        uint32_t buddy = page ^ (1u << order);
        if (buddy >= pages || tags[buddy] != (TAG_FREE | order))
            break;
        list_remove(block_at(buddy), order);
        page &= ~(1u << order);
        order++;
    }
    list_add(page, order);
    spin_unlock(&lock);
}

void pmm_free(void *page) { pmm_free_order(page, 0); }

hpa_t pmm_pa(const void *p)
{
    uint64_t off = (uintptr_t)p - (uintptr_t)pool;
    KASSERT(off < (uint64_t)pages * PAGE_SIZE);
    return (hpa_t){ pool_base + off };
}

void *pmm_va(hpa_t pa)
{
    uint64_t off = pa.v - pool_base;
    KASSERT(off < (uint64_t)pages * PAGE_SIZE);
    return pool + off;
}

uint64_t pmm_total(void) { return (uint64_t)pages * PAGE_SIZE; }

uint64_t pmm_free_bytes(void) { return __atomic_load_n(&free_pages, __ATOMIC_RELAXED) * PAGE_SIZE; }
