/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls on one vCPU that the exit handlers need; host.c, or a fake in tests. */
#pragma once

#include "kernel/lib/base.h"

/* The xAPIC page: 32-bit register at offset 0..0xff0. A refused read gives 0. */
uint32_t host_lapic_read(unsigned vcpu, unsigned offset);
void host_lapic_write(unsigned vcpu, unsigned offset, uint32_t value);

