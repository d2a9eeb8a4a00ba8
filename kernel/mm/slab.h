/* SPDX-License-Identifier: BSD-2-Clause */
/* Small kernel objects of 64, 128, 256, 512 or 1024 bytes, zeroed. Own lock. */
#pragma once

#include "kernel/lib/base.h"

MUST_USE void *slab_alloc(size_t size);      /* size <= 1024; NULL = no memory */
void slab_free(void *object, size_t size);

