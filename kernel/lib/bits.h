/* SPDX-License-Identifier: BSD-2-Clause */
/* Bit fields by one mask; the shift is derived. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BIT64(n)          (UINT64_C(1) << (n))
#define MASK64(hi, lo)    ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))
#define BIT32(n)          (UINT32_C(1) << (n))
#define MASK32(hi, lo)    ((~UINT32_C(0) >> (31 - (hi))) & (~UINT32_C(0) << (lo)))

/* The mask is a constant that is not zero. */
#define FIELD_SHIFT(mask)   ((unsigned)__builtin_ctzll(mask))
#define FIELD_GET(mask, v)  (((uint64_t)(v) & (mask)) >> FIELD_SHIFT(mask))
#define FIELD_PREP(mask, v) (((uint64_t)(v) << FIELD_SHIFT(mask)) & (mask))
#define FIELD_FITS(mask, v) (((uint64_t)(v) & ~((mask) >> FIELD_SHIFT(mask))) == 0)

