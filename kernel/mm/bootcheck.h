/* SPDX-License-Identifier: BSD-2-Clause */
/* Judges and repairs what a loader handed over. Pure. */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/lib/base.h"

/*
 * ST_CORRUPT: not usable at all. Else every string ends, the manifest index is right or
 * ~0, modules are page-aligned and do not wrap, and ranges are sorted, page-aligned
 * and disjoint: where two overlap, the one that is not RAM wins. RAM for
 * which the array has no room is left out.
 */
MUST_USE status_t bootcheck_repair(struct bootinfo *bi);

