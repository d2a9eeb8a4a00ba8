/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/mm/extent.c */
#include "kernel/mm/extent.h"

#include "tests/unit/unit.h"

#define PAGES 128u
static struct extent rows[PAGES];
static struct extent_set set;
static bool model[PAGES];
static uint32_t seed = 7;
static uint32_t rnd(uint32_t n) { seed = seed * 1664525u + 1013904223u; return (seed >> 8) % n; }

static bool has(uint64_t pa)
{
    struct extent part;
    return extent_next(&set, pa, pa + 1, &part) && part.base == pa && part.len == 1;
}

static void agrees(void)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < PAGES; i++) {
        CHECK_EQ(has(i), model[i]);
        total += model[i];
    }
    CHECK_EQ(set.total, total);
    for (uint32_t i = 1; i < set.count; i++)        /* disjoint, joined */
        CHECK(set.at[i - 1].base + set.at[i - 1].len < set.at[i].base);
}

static void random_steps(void)
{
    set = (struct extent_set){ .at = rows, .max = PAGES };
    for (unsigned step = 0; step < 2000; step++) {
        uint64_t base = rnd(PAGES), len = 1 + rnd((uint32_t)MIN(PAGES - base, 20u));
        bool clash = false;
        for (uint64_t i = base; i < base + len; i++)
            clash |= model[i];
        bool add = !clash && rnd(2);
        CHECK_EQ(add ? extent_add(&set, base, len) : extent_remove(&set, base, len), ST_OK);
        for (uint64_t i = base; i < base + len; i++)
            model[i] = add;
        if (step % 20 == 0)
            agrees();
    }
    agrees();
}

static void fits(void)
{
    uint64_t base;
    set = (struct extent_set){ .at = rows, .max = 4 };
    CHECK_EQ(extent_add(&set, 0x1000, 0x3000), ST_OK);
    CHECK_EQ(extent_add(&set, 0x7000, 0x9000), ST_OK);
    CHECK_EQ(extent_fit(&set, 0x1000, 0x1000, &base), ST_OK);
    CHECK_EQ(base, 0x1000);
    CHECK_EQ(extent_fit(&set, 0x2000, 0x2000, &base), ST_OK);
    CHECK_EQ(base, 0x2000);
    CHECK_EQ(extent_fit(&set, 0x3000, 0x2000, &base), ST_OK);
    CHECK_EQ(base, 0x8000);
    CHECK_EQ(extent_fit(&set, 0x9000, 0x1000, &base), ST_OK);
    CHECK_EQ(extent_fit(&set, 0x9000, 0x2000, &base), ST_NOSPACE);
    CHECK_EQ(extent_fit(&set, ~0xfffull, 0x1000, &base), ST_NOSPACE);
    CHECK_EQ(extent_largest(&set), 0x9000);
}

static void full(void)
{
    struct extent part = { 0, 0 };
    set = (struct extent_set){ .at = rows, .max = 2 };
    CHECK_EQ(extent_add(&set, 10, 10), ST_OK);
    CHECK_EQ(extent_add(&set, 40, 10), ST_OK);
    CHECK_EQ(extent_add(&set, 60, 1), ST_NOSPACE);
    CHECK_EQ(extent_remove(&set, 12, 2), ST_NOSPACE);
    CHECK_EQ(set.total, 20);
    CHECK_EQ(extent_add(&set, 50, 5), ST_OK);       /* joins: needs no row */
    CHECK_EQ(extent_remove(&set, 15, 30), ST_OK);   /* tail of one, head of the other */
    CHECK_EQ(set.total, 15);
    CHECK(extent_next(&set, 0, 100, &part) && part.base == 10 && part.len == 5);
    CHECK(extent_next(&set, 15, 100, &part) && part.base == 45 && part.len == 10);
    CHECK(!extent_next(&set, 55, 100, &part));
    CHECK(!extent_next(&set, 47, 47, &part));       /* an empty question */
    CHECK_EQ(extent_remove(&set, 0, 1000), ST_OK);
    CHECK_EQ(set.count, 0);
}

int main(void)
{
    random_steps();
    fits();
    full();
    return unit_done();
}
