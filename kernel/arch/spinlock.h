/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket lock. The kernel runs with interrupts off, so a lock is never taken by
 * an interrupt handler on the same CPU while held. Order, outermost first:
 *   obj > dev > iommu unit > pmm > event > runqueue > console
 */
#pragma once

#include "kernel/arch/hw.h"

struct spinlock { uint32_t next, serving; };

static inline void spin_lock(struct spinlock *l)
{
    uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket)
        hw_pause();
}

static inline void spin_unlock(struct spinlock *l) { __atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE); }

