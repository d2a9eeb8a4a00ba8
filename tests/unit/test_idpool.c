/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/lib/idpool.c */
#include "kernel/lib/idpool.h"

#include "tests/unit/unit.h"

static uint64_t words[IDPOOL_WORDS(200)];

/* To exhaustion: every id once, none outside, then ST_NOSPACE; after freeing one, just that one. */
static void exhaust(uint32_t first, uint32_t limit)
{
    struct idpool pool;
    uint32_t id;
    idpool_init(&pool, words, first, limit);
    for (uint32_t want = first; want < limit; want++) {
        CHECK_EQ(idpool_alloc(&pool, &id), ST_OK);
        CHECK_EQ(id, want);
    }
    CHECK_EQ(idpool_alloc(&pool, &id), ST_NOSPACE);
    CHECK_EQ(pool.used, limit - first);
    if (first == limit)
        return;
    uint32_t mid = first + (limit - first) / 2;
    idpool_free(&pool, mid);
    CHECK(!idpool_is_taken(&pool, mid));
    CHECK_EQ(idpool_alloc(&pool, &id), ST_OK);
    CHECK_EQ(id, mid);
    CHECK_EQ(idpool_alloc(&pool, &id), ST_NOSPACE);
}

static void runs(void)
{
    struct idpool pool;
    uint32_t id;
    idpool_init(&pool, words, 1, 32);
    CHECK_EQ(idpool_alloc_run(&pool, 8, 8, &id), ST_OK);
    CHECK_EQ(id, 8);
    CHECK_EQ(idpool_alloc(&pool, &id), ST_OK);
    CHECK_EQ(id, 1);
    CHECK_EQ(idpool_alloc_run(&pool, 4, 4, &id), ST_OK);
    CHECK_EQ(id, 4);
    CHECK_EQ(idpool_alloc_run(&pool, 16, 16, &id), ST_OK);
    CHECK_EQ(id, 16);
    CHECK_EQ(idpool_alloc_run(&pool, 4, 4, &id), ST_NOSPACE);
    CHECK_EQ(idpool_alloc_run(&pool, 2, 1, &id), ST_OK);
    CHECK_EQ(id, 2);
    CHECK_EQ(idpool_alloc(&pool, &id), ST_NOSPACE);
    for (uint32_t i = 16; i < 32; i++)
        idpool_free(&pool, i);
    CHECK_EQ(idpool_alloc_run(&pool, 17, 1, &id), ST_NOSPACE);
    CHECK_EQ(idpool_alloc_run(&pool, 16, 16, &id), ST_OK);
    CHECK_EQ(id, 16);
}

int main(void)
{
    exhaust(0, 1);
    exhaust(1, 64);
    exhaust(0, 65);
    exhaust(63, 128);
    exhaust(64, 200);
    exhaust(5, 5);
    runs();
    return unit_done();
}
