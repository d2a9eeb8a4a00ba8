/* SPDX-License-Identifier: BSD-2-Clause */
/* Index clamp that holds under misprediction. */
#pragma once

#include <stdint.h>

/* i if i < n, else 0; no branch. */
static inline uint64_t index_clamp(uint64_t i, uint64_t n)
{
    uint64_t m;
    __asm__ ("cmp %2, %1\n\tsbb %0, %0" : "=r"(m) : "r"(i), "r"(n) : "cc");
    return i & m;
}

