/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory set-up, once, on the boot CPU: how RAM is split into kernel pool, user memory and one low page. */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/mm/extent.h"

#define PLAN_POOL_MIN   (16u << 20)

extern struct mm_plan {
    uint64_t ram;                       /* all RAM of the map */
    uint64_t pool_base, pool_len;       /* 2 MiB aligned, below 4 GiB */
    uint64_t low_page;                  /* below 1 MiB, to start CPUs from; 0 = none */
} mm_plan;                              /* const after mm_init */

/* Fills mm_plan, builds and loads the kernel's own page tables (the loader's low mappings are
 * gone afterwards). "Too little memory" ends the boot. */
void mm_init(const struct bootinfo *bi);
/* Pure. user (empty, caller's array) gets what is left: RAM above 1 MiB without image,
 * modules and pool. ST_NOSPACE: no room for the smallest pool, or the array is too small. */
MUST_USE status_t plan_make(const struct bootinfo *bi, struct extent_set *user, struct mm_plan *out);
