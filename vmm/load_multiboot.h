/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot 1 kernels [MB1]: ELF32, ELF64 or the header's address fields. */
#pragma once

#include "vmm/boot_image.h"

bool multiboot_is_image(const struct boot_file *file);

/* Places kernel, modules and the information structure; fills vs. */
MUST_USE status_t multiboot_load(const struct guest_mem *mem, const struct boot_image *image,
                                 struct vcpu_state *vs, struct boot_reason *reason);

