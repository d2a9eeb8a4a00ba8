/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitor's two halves: everything before the first wait, and one turn of the loop. */
#pragma once

#include "kernel/lib/base.h"

void monitor_init(void);
/* Waits until the deadline (TSC) at most and serves what happened. */
void monitor_step(uint64_t deadline);

