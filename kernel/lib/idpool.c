/* SPDX-License-Identifier: BSD-2-Clause */
/* Identifiers that never wrap. */
#include "kernel/lib/idpool.h"

void idpool_init(struct idpool *pool, uint64_t *words, uint32_t first, uint32_t limit)
{
    KASSERT(first <= limit);
    *pool = (struct idpool){ words, first, limit, 0 };
    memset(words, 0, IDPOOL_WORDS(limit) * sizeof *words);
}

bool idpool_is_taken(const struct idpool *pool, uint32_t id)
{
    KASSERT(id >= pool->first && id < pool->limit);
    return (pool->words[id / 64] & BIT64(id % 64)) != 0;
}

status_t idpool_alloc(struct idpool *pool, uint32_t count, uint32_t align, uint32_t *id)
{
    uint32_t run = 0, at = pool->first;
    KASSERT(count > 0 && align > 0);
    for (; at < pool->limit && run < count; at++) {
        bool full = pool->words[at / 64] == ~UINT64_C(0);
        if (full)
            at |= 63;
        if (full || run > 0 || at % align == 0)
            run = full || idpool_is_taken(pool, at) ? 0 : run + 1;
    }
    if (run < count)
        return ST_NOSPACE;
    *id = at - count;
    for (uint32_t i = *id; i < at; i++)
        pool->words[i / 64] |= BIT64(i % 64);
    pool->used += count;
    return ST_OK;
}

void idpool_free(struct idpool *pool, uint32_t id)
{
    KASSERT(idpool_is_taken(pool, id));
    pool->words[id / 64] &= ~BIT64(id % 64);
    pool->used--;
}
