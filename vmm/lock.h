/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMM's locks: short sections, spun for, yielded when the owner may be off its CPU. */
#pragma once

#include "kernel/abi/rt/cpu.h"
#include "kernel/abi/rt/sys.h"

#define LOCK_SPINS  200u

struct lock { uint32_t held; };      /* any thread, atomic */

static inline void lock_take(struct lock *lock)
{
    unsigned spins = 0;
    while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0) {
        if (++spins % LOCK_SPINS == 0)
            (void)sys_call1(SYS_YIELD, 0);       /* cannot fail */
        rt_pause();
    }
}

static inline void lock_drop(struct lock *lock) { __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE); }

