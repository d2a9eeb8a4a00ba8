/* SPDX-License-Identifier: BSD-2-Clause */
/* Last words. */
#pragma once

#include "kernel/lib/base.h"

struct trap_frame;

/* Prints build, CPU, reason, return addresses; stops other CPUs; blocks DMA; halts. */
NORETURN void panic(const char *format, ...) PRINTF(1, 2);
NORETURN void panic_trap(const struct trap_frame *frame);
/* NMI: does not return when another CPU panics. */
void panic_stop_if_over(void);

