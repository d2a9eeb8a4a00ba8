/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/mm/pmm.c kernel/lib/idpool.c tests/unit/fake/hw.c */
#include "kernel/mm/pmm.h"

#include <stdlib.h>

#include "tests/unit/unit.h"

#define POOL  (6u << 20)

static uint8_t *pool;

static bool is_zero(const void *p, size_t len)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < len; i++)
        if (b[i] != 0)
            return false;
    return true;
}

static void start(void)
{
    memset(pool, 0xa5, POOL);
    pmm_init(pool, (hpa_t){ (uintptr_t)pool }, POOL);
    CHECK_EQ(pmm_total(), POOL);
    CHECK_EQ(pmm_free_bytes(), POOL);
}

static void all_pages(void)
{
    static void *page[POOL / 4096];
    unsigned n = 0;
    start();
    while ((page[n] = pmm_alloc()) != NULL) {
        CHECK(is_zero(page[n], 4096));
        CHECK_EQ(pmm_pa(page[n]).v, (uintptr_t)page[n]);
        CHECK(pmm_va(pmm_pa(page[n])) == page[n]);
        memset(page[n], 0xff, 4096);
        if (++n == POOL / 4096)
            break;
    }
    CHECK_EQ(n, POOL / 4096);
    CHECK_EQ(pmm_free_bytes(), 0);
    CHECK(pmm_alloc() == NULL);
    CHECK(pmm_alloc_order(3) == NULL);
    for (unsigned i = 0; i < n; i += 2)
        pmm_free(page[i]);
    CHECK(pmm_alloc_order(1) == NULL);               /* only single pages are free */
    CHECK_EQ(pmm_free_bytes(), POOL / 2);
    for (unsigned i = 1; i < n; i += 2)
        pmm_free(page[i]);
    for (unsigned i = 0; i < POOL / 0x200000; i++) { /* all joined again, all zero */
        void *p = pmm_alloc_order(9);
        CHECK(p != NULL && ((uintptr_t)p & 0x1fffff) == 0);
        CHECK(p == NULL || is_zero(p, 0x200000));
    }
    CHECK(pmm_alloc() == NULL);
}

static uint32_t seed = 3;
static uint32_t rnd(uint32_t n) { seed = seed * 1664525u + 1013904223u; return (seed >> 8) % n; }

/* Random sizes: blocks are aligned, zero, do not overlap, and all comes back. */
static void random_orders(void)
{
    static struct { uint8_t *p; unsigned order; } held[64];
    start();
    for (unsigned step = 0; step < 4000; step++) {
        unsigned i = rnd(64);
        if (held[i].p) {
            CHECK(held[i].p[0] == (uint8_t)i && held[i].p[(4096u << held[i].order) - 1] == (uint8_t)i);
            pmm_free_order(held[i].p, held[i].order);
            held[i].p = NULL;
            continue;
        }
        held[i].order = rnd(6);
        held[i].p = pmm_alloc_order(held[i].order);
        if (!held[i].p)
            continue;
        CHECK_EQ((uintptr_t)held[i].p & ((4096u << held[i].order) - 1), 0);
        CHECK(is_zero(held[i].p, 4096u << held[i].order));
        memset(held[i].p, (int)i, 4096u << held[i].order);
    }
    for (unsigned i = 0; i < 64; i++)
        if (held[i].p)
            pmm_free_order(held[i].p, held[i].order);
    CHECK_EQ(pmm_free_bytes(), POOL);
}

/* Nothing is nothing; a pool that ends inside a block gives its last pages one by one. */
static void edges(void)
{
    memset(pool, 0xa5, POOL);
    pmm_init(pool, (hpa_t){ 0x40000000 }, 5 * 4096);
    pmm_free(NULL);
    void *block = pmm_alloc_order(2), *last = pmm_alloc();
    CHECK(block == pool && last == pool + 4 * 4096 && pmm_alloc() == NULL);
    CHECK_EQ(pmm_pa(last).v, 0x40004000);
    CHECK(pmm_va((hpa_t){ 0x40004000 }) == last);
    CHECK(pool[5 * 4096] == 0xa5);
    pmm_free_order(block, 2);
    pmm_free(last);
    CHECK_EQ(pmm_free_bytes(), 5 * 4096);
}

int main(void)
{
    pool = aligned_alloc(0x200000, POOL);
    CHECK(pool != NULL);
    if (pool) {
        all_pages();
        random_orders();
        edges();
    }
    free(pool);
    return unit_done();
}
