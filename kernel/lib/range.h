/* SPDX-License-Identifier: BSD-2-Clause */
/* The only place where base + length of an untrusted range is judged. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* [base, base+len) is not empty and lies in [0, limit). */
static inline bool range_ok(uint64_t base, uint64_t len, uint64_t limit)
{
    return len != 0 && len <= limit && base <= limit - len;
}

/* Both ranges are already known not to wrap. */
static inline bool range_overlaps(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
    return a < b + blen && b < a + alen;
}

static inline bool range_contains(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
    return b >= a && blen <= alen && b - a <= alen - blen;
}

