/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Identifiers that never wrap: VPID, ASID, PCID, domain id, interrupt index,
 * vectors. The caller owns the words and locks around it. Freeing is legal only
 * after the flush that belongs to the identifier was confirmed.
 */
#pragma once

#include "kernel/lib/base.h"

struct idpool {
    uint64_t *words;       /* bit set = taken */
    uint32_t first, limit; /* ids are first .. limit-1 */
    uint32_t used;
};

#define IDPOOL_WORDS(n) (((n) + 63u) / 64u)

/* words holds IDPOOL_WORDS(limit); first <= limit. */
void idpool_init(struct idpool *pool, uint64_t *words, uint32_t first, uint32_t limit);
/* The lowest `count` adjacent free ids, the first of them a multiple of align and in *id, or ST_NOSPACE. */
MUST_USE status_t idpool_alloc(struct idpool *pool, uint32_t count, uint32_t align, uint32_t *id);
/* The id must be taken: freeing twice is a bug. */
void idpool_free(struct idpool *pool, uint32_t id);
bool idpool_is_taken(const struct idpool *pool, uint32_t id);
