/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sees every store that the code under test makes to pages of the fake pool, one
 * instruction at a time, in unmodified code: the pages are write-protected, a
 * store traps, is let through alone, and then the test's check runs on memory
 * exactly as it is between two stores.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* addr = first byte the instruction wrote, as a physical address of the fake pool. */
typedef void storelog_fn(void *ctx, uint64_t addr);

/* From here on check runs after every store to any page of the pool, also to pages
 * allocated later. check may read all, write only through fake_pmm_alias. */
void storelog_start(storelog_fn *check, void *ctx);
/* Ends it; the number of stores seen. */
uint64_t storelog_stop(void);

