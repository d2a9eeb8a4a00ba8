/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fake of kernel/mm/pmm.h. Physical address = pointer. Pages come from an
 * arena that is mapped twice: once for the code under test, where free pages are
 * out of reach and pages can be write-protected (storelog), once for the test
 * and its models, always writable. A third copy is what memory holds when a
 * device does not snoop: only hw_flush moves lines there, and a page starts as
 * junk with every bit set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_PMM_PAGES 8192u

struct fake_pmm {
    uint64_t budget;         /* allocations of pages still granted; ~0 = no limit */
    uint64_t in_use;         /* pages out: 0 at the end or it leaks */
    uint64_t allocs, frees;
    unsigned char *base;     /* view of the code under test */
};
extern struct fake_pmm fake_pmm;

/* Gives every page back, no budget, hooks hw_flush. Call after fake_hw_reset. */
void fake_pmm_reset(void);
bool fake_pmm_owns(uint64_t pa);                 /* allocated page */
/* The test's own view of an arena address; never protected. Dies when the page is free. */
void *fake_pmm_alias(uint64_t pa);
/* Memory as a device sees it: snooping, or what was flushed. Dies on free pages. */
uint64_t fake_mem_read(uint64_t pa, bool snoop);
/* A device writes: reaches cache and memory. size 4 or 8. */
void fake_mem_write(uint64_t pa, uint64_t value, unsigned size);
/* All of memory becomes what the caches hold: a write-buffer flush. */
void fake_pmm_sync(void);
bool fake_pmm_in_arena(const void *p);

/* Zeroed memory of a model's own. What comes back is kept for the next of that size: fresh pages cost more than clearing. */
void *fake_table(size_t bytes);
void fake_table_back(void *table);
