/* SPDX-License-Identifier: BSD-2-Clause */
/* How RAM is split at boot: kernel pool, user memory, one low page to start CPUs from. Pure. */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/mm/extent.h"

#define PLAN_POOL_MIN   (16u << 20)
#define PLAN_POOL_MAX   (1u << 30)      /* one page directory maps it */

struct plan {
    uint64_t ram;                       /* all RAM of the map */
    uint64_t pool_base, pool_len;       /* 2 MiB aligned, below 4 GiB */
    uint64_t low_page;                  /* below 1 MiB, 0 = none */
};

/* bi is repaired. user (empty, caller's array) gets what is left: RAM above 1 MiB without
 * image, modules and pool. ST_NOSPACE: no room for the smallest pool, or the array is too small. */
MUST_USE status_t plan_make(const struct bootinfo *bi, struct extent_set *user, struct plan *out);

