/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-CPU deadlines. The handler is named by an enum; no function pointers. */
#pragma once

#include "kernel/lib/base.h"

enum ktimer_kind { KTIMER_EVENT, KTIMER_VLAPIC, KTIMER_WAIT, KTIMER_KICK };

struct ktimer {
    struct ktimer *next;     /* list of the CPU, by deadline */
    uint64_t deadline;       /* TSC */
    uint32_t cpu;            /* where it is armed */
    uint8_t kind, armed;
};

/* Arms (or re-arms) on the calling CPU. */
void ktimer_set(struct ktimer *timer, uint64_t deadline_tsc);
/* From any CPU; afterwards the handler does not run. */
void ktimer_cancel(struct ktimer *timer);
/* The timer interrupt: runs what is due, programs the next. */
void ktimer_irq(void);
