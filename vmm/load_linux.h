/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux bzImage by the 64-bit boot protocol [LINUX boot.rst]. */
#pragma once

#include "vmm/boot_image.h"

/* Does the file carry the bzImage header at all? */
bool linux_is_image(const struct boot_file *file);

/* Places kernel, initrd, command line and boot parameters; fills vs. On failure
 * reason says why and guest memory is undefined. */
MUST_USE status_t linux_load(const struct guest_mem *mem, const struct boot_image *image,
                             struct vcpu_state *vs, struct boot_reason *reason);

