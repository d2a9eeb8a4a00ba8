/* SPDX-License-Identifier: BSD-2-Clause */
/* Identifiers that never wrap. */
#include "kernel/lib/idpool.h"

void idpool_init(struct idpool *pool, uint64_t *words, uint32_t first, uint32_t limit)
{
    KASSERT(first <= limit);
    *pool = (struct idpool){ .words = words, .first = first, .limit = limit };
    for (uint32_t i = 0; i < IDPOOL_WORDS(limit); i++)
        words[i] = 0;
}

bool idpool_is_taken(const struct idpool *pool, uint32_t id)
{
    KASSERT(id >= pool->first && id < pool->limit);
    return (pool->words[id / 64] & BIT64(id % 64)) != 0;
}

static bool run_is_free(const struct idpool *pool, uint32_t id, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (idpool_is_taken(pool, id + i))
            return false;
    return true;
}

status_t idpool_alloc_run(struct idpool *pool, uint32_t count, uint32_t align, uint32_t *id)
{
    KASSERT(count > 0 && align > 0 && (align & (align - 1)) == 0);
    uint64_t at = ((uint64_t)pool->first + align - 1) & ~(uint64_t)(align - 1);
    while (range_ok(at, count, pool->limit)) {
        bool full = pool->words[at / 64] == ~UINT64_C(0);
        if (!full && run_is_free(pool, (uint32_t)at, count)) {
            for (uint32_t i = 0; i < count; i++)
                pool->words[(at + i) / 64] |= BIT64((at + i) % 64);
            pool->used += count;
            *id = (uint32_t)at;
            return ST_OK;
        }
        at = full ? MAX(at + align, (at | 63) + 1) : at + align;
    }
    return ST_NOSPACE;
}

status_t idpool_alloc(struct idpool *pool, uint32_t *id) { return idpool_alloc_run(pool, 1, 1, id); }

void idpool_free(struct idpool *pool, uint32_t id)
{
    KASSERT(idpool_is_taken(pool, id));
    pool->words[id / 64] &= ~BIT64(id % 64);
    pool->used--;
}
