/* SPDX-License-Identifier: BSD-2-Clause */
/* Sorted sets of disjoint address ranges. */
#include "kernel/mm/extent.h"

static void insert(struct extent_set *set, uint32_t i, struct extent e)
{
    for (uint32_t j = set->count++; j > i; j--)
        set->at[j] = set->at[j - 1];
    set->at[i] = e;
}

static void delete(struct extent_set *set, uint32_t i)
{
    set->count--;
    for (; i < set->count; i++)
        set->at[i] = set->at[i + 1];
}

static uint64_t end_of(const struct extent_set *set, uint32_t i) { return set->at[i].base + set->at[i].len; }

/* Index of the first extent that ends behind `base`. */
static uint32_t find(const struct extent_set *set, uint64_t base)
{
    uint32_t i = 0;
    while (i < set->count && end_of(set, i) <= base)
        i++;
    return i;
}

status_t extent_add(struct extent_set *set, uint64_t base, uint64_t len)
{
    struct extent e = { base, len };
    uint32_t i = find(set, base);
    KASSERT(len != 0 && base + len > base);
    KASSERT(i == set->count || set->at[i].base >= base + len);
    if (i < set->count && set->at[i].base == base + len) {
        e.len += set->at[i].len;
        delete(set, i);
    }
    if (i > 0 && end_of(set, i - 1) == base) {
        e = (struct extent){ set->at[i - 1].base, set->at[i - 1].len + e.len };
        delete(set, --i);
    }
    if (set->count == set->max)
        return ST_NOSPACE;                    /* then nothing was joined */
    insert(set, i, e);
    set->total += len;
    return ST_OK;
}

status_t extent_remove(struct extent_set *set, uint64_t base, uint64_t len)
{
    uint64_t end = base + len;
    KASSERT(len != 0 && end > base);
    uint32_t i = find(set, base);
    while (i < set->count && set->at[i].base < end) {
        struct extent e = set->at[i];
        uint64_t from = MAX(e.base, base), to = MIN(end_of(set, i), end);
        bool head = from > e.base, tail = to < end_of(set, i);
        if (head && tail && set->count == set->max)
            return ST_NOSPACE;                /* the only extent that the range touches */
        delete(set, i);
        if (tail)
            insert(set, i, (struct extent){ to, e.base + e.len - to });
        if (head)
            insert(set, i++, (struct extent){ e.base, from - e.base });
        set->total -= to - from;
    }
    return ST_OK;
}

status_t extent_fit(const struct extent_set *set, uint64_t len, uint64_t align, uint64_t *base)
{
    for (uint32_t i = 0; i < set->count; i++) {
        uint64_t skip = (0 - set->at[i].base) & (align - 1);
        if (len <= set->at[i].len && skip <= set->at[i].len - len) {
            *base = set->at[i].base + skip;
            return ST_OK;
        }
    }
    return ST_NOSPACE;
}

bool extent_next(const struct extent_set *set, uint64_t from, uint64_t end, struct extent *part)
{
    uint32_t i = find(set, from);
    if (from >= end || i == set->count || set->at[i].base >= end)
        return false;
    part->base = MAX(set->at[i].base, from);
    part->len = MIN(end_of(set, i), end) - part->base;
    return true;
}

uint64_t extent_largest(const struct extent_set *set)
{
    uint64_t best = 0;
    for (uint32_t i = 0; i < set->count; i++)
        best = MAX(best, set->at[i].len);
    return best;
}
