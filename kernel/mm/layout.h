/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel half of every address space: one top-level slot for each use, all made at boot. */
#pragma once

#include "kernel/lib/base.h"

#define VA_BITS48      0x0000ffffffffffffull
#define VA_SLOT(n)     (0xffff000000000000ull | (uint64_t)(n) << 39)
#define SLOT_STACK     508u
#define SLOT_KMAP      509u
#define SLOT_POOL      510u
#define SLOT_IMAGE     511u

#define STACK_VA       VA_SLOT(SLOT_STACK)      /* stacks with guards, from below */
#define WINDOW_VA      (STACK_VA + 256 * PAGE_1G) /* clearing windows, per CPU */
#define KMAP_VA        VA_SLOT(SLOT_KMAP)
#define KMAP_SIZE      (256 * PAGE_1G)
#define POOL_VA        VA_SLOT(SLOT_POOL)

