/* SPDX-License-Identifier: BSD-2-Clause */
/* C entry of the other CPUs; arch/ap.S calls it on the CPU's own stack. */
#pragma once

#include "kernel/arch/tables.h"

NORETURN void smp_entry(struct cpu_area *area);

