/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's checked copy of what the loader handed over, and where its image lies. */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/lib/base.h"

/* Entry code, once: copies and checks. NULL, or what does not add up. Afterwards counts fit their arrays, strings
 * end, ranges are sorted, page-aligned and disjoint, image and files are in none that is free, and nothing wraps. */
MUST_USE const char *bootmem_take(const struct bootinfo *from);
const struct bootinfo *boot_info(void);
/* [pa, pa + len) touches a range of a type up to `last`: BOOT_POOL what is free, BOOT_USED all RAM but the lowest. */
bool boot_touches(uint64_t pa, uint64_t len, enum boot_range_type last);
/* A file of the loader; the last one is the kernel's own, vmm.elf. NULL beyond. The index may be a user's. */
const struct boot_module *boot_module(uint64_t index);
/* Physical address of something linked into the kernel image. */
hpa_t boot_image_pa(const void *in_image);
