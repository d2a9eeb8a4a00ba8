/* SPDX-License-Identifier: BSD-2-Clause */
/* Address space of a task: own user half, shared kernel half. */
#pragma once

#include "kernel/mm/ptab.h"

struct space {
    struct ptab pt;
    uint64_t cr3;
};

MUST_USE status_t space_create(struct space *space);
/* User half only; page-aligned; PT_R with PT_W or PT_X, never both. ST_OVERLAP, ST_RANGE, ST_NOSPACE. */
MUST_USE status_t space_map(struct space *space, uint64_t va, hpa_t pa, uint64_t len, unsigned prot);
/* No CPU runs in it: idle CPUs use the kernel's own space. */
void space_destroy(struct space *space);

