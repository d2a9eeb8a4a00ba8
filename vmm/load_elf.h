/* SPDX-License-Identifier: BSD-2-Clause */
/* Program segments of an x86 ELF32 or ELF64 executable, by physical address. Pure. */
#pragma once

#include "vmm/boot_image.h"

struct elf_image { uint64_t entry, end; };   /* physical; end = highest byte + 1 */

bool elf_is_image(const struct boot_file *file);
/* Copies every PT_LOAD to its p_paddr below 4 GiB and zeroes the rest of its memory size. */
MUST_USE status_t elf_load(const struct guest_mem *mem, const struct boot_file *file,
                           struct elf_image *out, struct boot_reason *reason);

