/* SPDX-License-Identifier: BSD-2-Clause */
/* Set-up calls of the two memory allocators; mm.c's. */
#pragma once

#include "kernel/mm/extent.h"

/* [base, base+len) is mapped at POOL_VA; 2 MiB aligned. Clears it. */
void pmm_init(uint64_t base, uint64_t len);
/* The set that the plan fills with free user memory, empty. */
struct extent_set *umem_set(void);
/* The set is filled: nothing of it has been cleared yet. */
void umem_init(void);

