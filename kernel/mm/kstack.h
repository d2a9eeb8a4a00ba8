/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel stacks of KSTACK_PAGES over an unmapped guard page. */
#pragma once

#include "kernel/lib/base.h"

/* Lowest address, zeroed, aligned to its size; NULL = no memory. */
MUST_USE void *kstack_alloc(void);
/* Nothing runs on it. Cleared and kept mapped for the next: no other CPU needs a TLB flush. */
void kstack_free(void *stack);

