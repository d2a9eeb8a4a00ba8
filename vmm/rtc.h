/* SPDX-License-Identifier: BSD-2-Clause */
/* MC146818 clock with CMOS memory at ports 70h and 71h; time is derived from the TSC. */
#pragma once

#include "vmm/clock.h"
#include "vmm/line.h"

struct rtc {
    const struct clock *clock;
    struct line_bus *lines;
    uint64_t base_seconds;   /* since 1970, at base_tick */
    uint64_t base_tick;      /* 32768 Hz */
    uint64_t seen_second;    /* update-ended and alarm are judged up to here */
    uint64_t seen_period;    /* periodic interrupts are judged up to here */
    uint64_t deadline;       /* TSC */
    uint8_t  index;
    uint8_t  cmos[128];      /* time registers are filled when read */
};

/* epoch: seconds since 1970 at TSC epoch_tsc, 0 = unknown; ram in bytes for the size registers. */
void rtc_init(struct rtc *rtc, const struct clock *clock, struct line_bus *lines,
              uint64_t epoch, uint64_t epoch_tsc, uint64_t ram);
void rtc_run(struct rtc *rtc);
uint32_t rtc_port_in(struct rtc *rtc, uint16_t port);
void rtc_port_out(struct rtc *rtc, uint16_t port, uint8_t value);

