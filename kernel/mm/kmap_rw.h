/* SPDX-License-Identifier: BSD-2-Clause */
/* Writable cached mapping of low memory, for the start page of other CPUs. */
#pragma once

#include "kernel/lib/base.h"

MUST_USE void *kmap_rw(hpa_t pa, uint64_t len);

