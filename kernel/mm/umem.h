/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User memory: contiguous physical ranges for guests and tasks. The kernel does
 * not map it, but for a window while it clears. A range is zero when given out;
 * it is cleared when freed, so nothing of an owner outlives it. Root thread only.
 */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/lib/base.h"

/* Boot: what the loader says is free, nothing of it cleared yet. */
void umem_init(const struct bootinfo *bi);
/* size and align: multiples of 4096, align a power of 2. ST_NOSPACE, ST_INVAL. */
MUST_USE status_t umem_alloc(uint64_t size, uint64_t align, hpa_t *base);
/* Clears in chunks with preemption points, then gives back. */
void umem_free(hpa_t base, uint64_t size);
uint64_t umem_total(void);
uint64_t umem_free_bytes(void);
uint64_t umem_largest(void);

