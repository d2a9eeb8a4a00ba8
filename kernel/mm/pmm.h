/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical memory. Two parts, split at boot: the kernel pool, mapped in the
 * kernel for ever, from which tables, stacks and objects come; and user memory,
 * which the kernel never maps except to clear it, from which guests and tasks
 * get contiguous ranges. Own locks; not from interrupt handlers.
 */
#pragma once

#include "kernel/lib/base.h"

/* One zeroed page of the kernel pool, or NULL. */
MUST_USE void *pmm_alloc(void);
/* 2^order pages, aligned to their size, zeroed, or NULL. order <= 9. */
MUST_USE void *pmm_alloc_order(unsigned order);
void pmm_free(void *page);                       /* clears it */
void pmm_free_order(void *pages, unsigned order);
/* Between kernel pool pointers and physical addresses; anything else asserts. */
hpa_t pmm_pa(const void *page);
void *pmm_va(hpa_t pa);

uint64_t pmm_total(void);                        /* bytes */
uint64_t pmm_free_bytes(void);

