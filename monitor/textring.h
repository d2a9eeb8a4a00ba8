/* SPDX-License-Identifier: BSD-2-Clause */
/* The newest bytes of a stream. Pure. */
#pragma once

#include "kernel/lib/base.h"

struct textring {
    uint8_t *data;               /* size bytes, a power of 2 */
    uint32_t size;
    uint64_t total;              /* bytes ever added */
};

static inline void textring_put(struct textring *r, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        r->data[r->total++ & (r->size - 1)] = from[i];
}

/* Position of the oldest byte kept. */
static inline uint64_t textring_first(const struct textring *r) { return r->total > r->size ? r->total - r->size : 0; }

static inline uint8_t textring_at(const struct textring *r, uint64_t pos) { return r->data[pos & (r->size - 1)]; }

