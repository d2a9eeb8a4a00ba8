/* SPDX-License-Identifier: BSD-2-Clause */
/* Device time from the TSC: exact conversion, no drift, no ticking. */
#pragma once

#include "vmm/host.h"

#define CLOCK_NEVER      (~UINT64_C(0))
#define CLOCK_PIT_HZ     1193182u
#define CLOCK_PM_HZ      3579545u
#define CLOCK_RTC_HZ     32768u

struct clock {               /* const after init */
    uint64_t tsc_hz;         /* 1 MHz .. 2^40, so that the products below fit 64 bits */
    uint64_t start;          /* TSC of tick 0 */
};

static inline void clock_init(struct clock *clock, uint64_t tsc_hz)
{
    clock->tsc_hz = MIN(MAX(tsc_hz, UINT64_C(1000000)), UINT64_C(1) << 40);
    clock->start = host_now_tsc();
}

/* Ticks of a device clock (hz < 2^22) since the start. */
static inline uint64_t clock_ticks_at(const struct clock *clock, uint32_t hz, uint64_t tsc)
{
    uint64_t gone = tsc > clock->start ? tsc - clock->start : 0;

    return scale(gone, clock->tsc_hz, hz);
}

static inline uint64_t clock_ticks(const struct clock *clock, uint32_t hz)
{
    return clock_ticks_at(clock, hz, host_now_tsc());
}

/* The first TSC value at which clock_ticks_at() reaches this tick; CLOCK_NEVER beyond 2^40 s. */
static inline uint64_t clock_tsc_of(const struct clock *clock, uint32_t hz, uint64_t tick)
{
    uint64_t seconds = tick / hz, whole, part;

    if (seconds >= ((CLOCK_NEVER >> 1) - clock->start % (CLOCK_NEVER >> 1)) / clock->tsc_hz)
        return CLOCK_NEVER;
    whole = clock->start + seconds * clock->tsc_hz;
    part = (tick % hz * clock->tsc_hz + hz - 1) / hz;
    return whole + part;
}

