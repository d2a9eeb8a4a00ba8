/* SPDX-License-Identifier: BSD-2-Clause */
/* The microsecond clock, made from the TSC. */
#include "kernel/arch/cpu.h"

static uint64_t hz = 1000000000;            /* const after tsc_init; a guess for a refusal before it */

void tsc_init(uint64_t per_second) { hz = per_second; }
uint64_t tsc_hz(void) { return hz; }
uint64_t hw_now_us(void) { return hw_rdtsc() / tsc_from_us(1); }
