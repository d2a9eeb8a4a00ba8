/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's checked copy of what the loader handed over, and where its image lies. */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/lib/base.h"

/* Entry code, once: copies, checks and repairs. ST_CORRUPT: not usable. */
MUST_USE status_t bootmem_take(const struct bootinfo *from);
/* Valid after the entry code copied and checked it. */
const struct bootinfo *boot_info(void);
/* Physical address of something linked into the kernel image. */
hpa_t boot_image_pa(const void *in_image);

