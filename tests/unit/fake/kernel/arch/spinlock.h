/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake of kernel/arch/spinlock.h: one thread, so a lock taken twice is a deadlock. */
#pragma once

#include <stdint.h>

#include "kernel/arch/hw.h"

struct spinlock { uint32_t next, serving; };

static inline void spin_lock(struct spinlock *l)
{
    if (l->next != l->serving)
        fake_die("lock taken twice", (uintptr_t)l);
    l->next++;
}

static inline void spin_unlock(struct spinlock *l)
{
    if (l->next == l->serving)
        fake_die("lock released but not held", (uintptr_t)l);
    l->serving++;
}

