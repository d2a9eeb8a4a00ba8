/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot 1 information -> struct bootinfo. mb_fill is pure. */
#pragma once

#include "kernel/boot/loader.h"

/* Modules and memory map, which memmap_repair has not seen yet. Never reads outside of mem, whatever the
 * information says. */
void mb_fill(struct bootinfo *info, const struct phys *mem, uint32_t mbi);
/* From mb_entry.S. */
NORETURN void mb_main(uint32_t mbi);
