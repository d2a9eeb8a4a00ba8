/* SPDX-License-Identifier: BSD-2-Clause */
/* Sorted sets of disjoint address ranges. */
#include "kernel/mm/extent.h"

void extent_init(struct extent_set *set, struct extent *array, uint32_t max)
{
    *set = (struct extent_set){ .at = array, .max = max };
}

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

/* Index of the first extent that ends behind `base`. */
static uint32_t find(const struct extent_set *set, uint64_t base)
{
    uint32_t lo = 0, hi = set->count;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (set->at[mid].base + set->at[mid].len <= base)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

status_t extent_add(struct extent_set *set, uint64_t base, uint64_t len)
{
    uint32_t i = find(set, base);
    KASSERT(len != 0 && base + len > base);
    KASSERT(i == set->count || set->at[i].base >= base + len);
    bool joins_before = i > 0 && set->at[i - 1].base + set->at[i - 1].len == base;
    bool joins_after = i < set->count && set->at[i].base == base + len;
    if (joins_before) {
        set->at[i - 1].len += len;
        if (joins_after) {
            set->at[i - 1].len += set->at[i].len;
            delete(set, i);
        }
    } else if (joins_after) {
        set->at[i].base = base;
        set->at[i].len += len;
    } else if (set->count == set->max) {
        return ST_NOSPACE;
    } else {
        insert(set, i, (struct extent){ base, len });
    }
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
        uint64_t from = MAX(e.base, base), to = MIN(e.base + e.len, end);
        bool head = from > e.base, tail = to < e.base + e.len;
        if (head && tail) {
            if (set->count == set->max)
                return ST_NOSPACE;            /* the only extent that the range touches */
            set->at[i].len = from - e.base;
            insert(set, i + 1, (struct extent){ to, e.base + e.len - to });
        } else if (head) {
            set->at[i++].len = from - e.base;
        } else if (tail) {
            set->at[i] = (struct extent){ to, e.base + e.len - to };
        } else {
            delete(set, i);
        }
        set->total -= to - from;
        if (tail)
            break;
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
    part->len = MIN(set->at[i].base + set->at[i].len, end) - part->base;
    return true;
}

uint64_t extent_largest(const struct extent_set *set)
{
    uint64_t best = 0;
    for (uint32_t i = 0; i < set->count; i++)
        best = MAX(best, set->at[i].len);
    return best;
}
