/* SPDX-License-Identifier: BSD-2-Clause */
/* Where entry.S goes with every exception and interrupt. */
#ifndef KERNEL_ARCH_TRAP_H
#define KERNEL_ARCH_TRAP_H

#include "kernel/arch/upcall.h"

void trap_dispatch(struct trap_frame *frame);

#endif
