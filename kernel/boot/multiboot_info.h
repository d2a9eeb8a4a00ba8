/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot 1 information -> struct bootinfo. multiboot_fill is pure. */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/lib/base.h"

/* `low` is where physical address 0 is readable, `limit` bytes of it. Never reads beyond,
 * whatever the information says. Fills everything but kernel_base and kernel_len. */
void multiboot_fill(struct bootinfo *bi, const uint8_t *low, uint64_t limit, uint32_t mbi);
/* From multiboot.S: returns the physical address of the filled struct. */
uint64_t multiboot_start(uint32_t mbi);

