/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel mappings of physical memory that is not in the pool: MMIO, firmware tables. */
#pragma once

#include "kernel/lib/base.h"

/* Maps [pa, pa+len) uncached, read-write, no-execute; kept for ever. NULL when
 * the range is RAM that others use or the window is full. Any alignment. */
MUST_USE void *kmap_mmio(hpa_t pa, uint64_t len);
/* Same, cached and read-only: firmware tables. */
MUST_USE const void *kmap_ro(hpa_t pa, uint64_t len);

