/* SPDX-License-Identifier: BSD-2-Clause */
/* Set-up calls of user memory; mm.c's. */
#pragma once

#include "kernel/mm/extent.h"

/* The set that the plan fills with free user memory, empty. */
struct extent_set *umem_set(void);
/* The set is filled: nothing of it has been cleared yet. */
void umem_init(void);

