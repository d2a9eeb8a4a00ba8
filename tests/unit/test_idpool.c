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
        CHECK_EQ(idpool_alloc(&pool, 1, 1, &id), ST_OK);
        CHECK_EQ(id, want);
    }
    CHECK_EQ(idpool_alloc(&pool, 1, 1, &id), ST_NOSPACE);
    CHECK_EQ(pool.used, limit - first);
    if (first == limit)
        return;
    uint32_t mid = first + (limit - first) / 2;
    idpool_free(&pool, mid);
    CHECK(!idpool_is_taken(&pool, mid));
    CHECK_EQ(idpool_alloc(&pool, 1, 1, &id), ST_OK);
    CHECK_EQ(id, mid);
    CHECK_EQ(idpool_alloc(&pool, 1, 1, &id), ST_NOSPACE);
}

static void take(struct idpool *pool, uint32_t count, uint32_t align, uint32_t want)
{
    uint32_t id;
    CHECK_EQ(idpool_alloc(pool, count, align, &id), ST_OK);
    CHECK_EQ(id, want);
}

static void runs(void)
{
    struct idpool pool;
    uint32_t id;
    idpool_init(&pool, words, 1, 132);
    take(&pool, 60, 1, 1);
    take(&pool, 8, 1, 61);                  /* over the end of a word */
    take(&pool, 1, 1, 69);
    CHECK_EQ(idpool_alloc(&pool, 63, 1, &id), ST_NOSPACE);
    take(&pool, 62, 1, 70);                 /* to the last one */
    CHECK_EQ(idpool_alloc(&pool, 1, 1, &id), ST_NOSPACE);
    for (uint32_t i = 61; i < 69; i++)
        idpool_free(&pool, i);
    idpool_free(&pool, 3);
    CHECK_EQ(idpool_alloc(&pool, 9, 1, &id), ST_NOSPACE);   /* nine are free, not side by side */
    take(&pool, 2, 1, 61);
    take(&pool, 6, 1, 63);
    take(&pool, 1, 1, 3);
}

static void aligned(void)
{
    struct idpool pool;
    uint32_t id;
    idpool_init(&pool, words, 1, 132);
    take(&pool, 8, 8, 8);
    take(&pool, 1, 1, 1);
    take(&pool, 4, 4, 4);
    take(&pool, 48, 16, 16);             /* the rest of this word */
    take(&pool, 64, 64, 64);
    CHECK_EQ(idpool_alloc(&pool, 8, 8, &id), ST_NOSPACE);
    take(&pool, 4, 4, 128);
    CHECK_EQ(idpool_alloc(&pool, 2, 4, &id), ST_NOSPACE);
    take(&pool, 2, 2, 2);
    CHECK_EQ(idpool_alloc(&pool, 1, 1, &id), ST_NOSPACE);
    for (id = 64; id < 128; id++)
        idpool_free(&pool, id);
    take(&pool, 33, 32, 64);             /* a multiple of align, whatever the count */
    CHECK_EQ(idpool_alloc(&pool, 1, 32, &id), ST_NOSPACE);
    take(&pool, 31, 1, 97);
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
    aligned();
    return unit_done();
}
