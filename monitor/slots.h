/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor's own capability slots, and calls that many files make. */
#pragma once

#include "kernel/abi/rights.h"
#include "kernel/abi/rt/sys.h"
#include "kernel/lib/base.h"

#define SLOTS_FIRST 8u
#define SLOT_NONE   0u

/* A free slot, or SLOT_NONE. It stays taken until slots_drop. */
uint32_t slots_take(void);
/* Gives a slot back that holds nothing. */
void slots_release(uint32_t slot);
/* CAP_DROP and release; SLOT_NONE is fine. What the kernel will not drop stays taken. */
MUST_USE status_t slots_drop(uint32_t *slot);
uint32_t slots_used(void);

/* Where the monitor maps what it looks at. */
#define MON_MODULE_VA  0x0000200000000000ull   /* + 64 GiB * module, read-only */
#define MON_GUEST_VA   0x0000300000000000ull   /* + 1 GiB * guest: its image object */
#define MON_MODULE_STEP (64ull << 30)
#define MON_GUEST_STEP  (1ull << 30)

/* Time stamp counter. */
uint64_t slots_now(void);

