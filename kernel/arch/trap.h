/* SPDX-License-Identifier: BSD-2-Clause */
/* Where entry.S goes with every exception and interrupt. */
#pragma once

#include "kernel/arch/upcall.h"

void trap_dispatch(struct trap_frame *frame);

