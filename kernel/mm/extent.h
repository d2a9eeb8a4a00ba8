/* SPDX-License-Identifier: BSD-2-Clause */
/* Sorted sets of disjoint address ranges in a fixed array. Pure; callers lock. */
#pragma once

#include "kernel/lib/base.h"

struct extent { uint64_t base, len; };       /* not empty, does not wrap */
struct extent_set {
    struct extent *at;                       /* the caller's array of max */
    uint32_t max, count;
    uint64_t total;
};

/* [base, base+len) must not overlap the set. Joins neighbours. ST_NOSPACE: array full. */
MUST_USE status_t extent_add(struct extent_set *set, uint64_t base, uint64_t len);
/* Takes what the set has of the range out. ST_NOSPACE: a split has no room, nothing changed. */
MUST_USE status_t extent_remove(struct extent_set *set, uint64_t base, uint64_t len);
/* Lowest aligned place for len, or ST_NOSPACE. align is a power of 2. */
MUST_USE status_t extent_fit(const struct extent_set *set, uint64_t len, uint64_t align, uint64_t *base);
/* First part of the set in [from, end); false when there is none. */
bool extent_next(const struct extent_set *set, uint64_t from, uint64_t end, struct extent *part);
uint64_t extent_largest(const struct extent_set *set);

