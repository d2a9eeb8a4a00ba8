/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel pool: physical memory below 4 GiB, mapped in the kernel for ever, from
 * which tables, stacks and objects come, each a power of two of pages. What is free is
 * all zero. Any thread, not interrupt handlers. The rest of RAM is umem's.
 */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/lib/base.h"

/* [base, base+len) lies at pool; both 2 MiB aligned. Clears it. */
void pmm_init(void *pool, hpa_t base, uint64_t len);
/* One page, or 2^order pages aligned to their size. NULL = no memory. */
MUST_USE void *pmm_alloc(void);
MUST_USE void *pmm_alloc_order(unsigned order);
void pmm_free(void *page);                       /* clears it; NULL is nothing */
void pmm_free_order(void *pages, unsigned order);
/* Between kernel pool pointers and physical addresses; anything else asserts. */
hpa_t pmm_pa(const void *page);
void *pmm_va(hpa_t pa);

uint64_t pmm_total(void);                        /* bytes */
uint64_t pmm_free_bytes(void);

