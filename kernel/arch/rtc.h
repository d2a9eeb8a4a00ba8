/* SPDX-License-Identifier: BSD-2-Clause */
/* The wall clock, read once at boot. */
#pragma once

#include "kernel/lib/base.h"

/* Seconds since 1970 by the CMOS clock taken as UTC, 0 when it does not answer or holds nonsense. */
uint64_t rtc_epoch(void);
/* Pure: registers 0 2 4 7 8 9 and register B. Years 2000 to 2099. */
uint64_t rtc_seconds(const uint8_t raw[6], uint8_t mode);

