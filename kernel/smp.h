/* SPDX-License-Identifier: BSD-2-Clause */
/* C entry of the other CPUs; arch/ap.S calls it on the CPU's own stack. */
#ifndef KERNEL_SMP_H
#define KERNEL_SMP_H

#include "kernel/arch/tables.h"

NORETURN void smp_entry(struct cpu_area *area);

#endif
