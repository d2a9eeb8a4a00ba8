/* SPDX-License-Identifier: BSD-2-Clause */
/* The step of a Multiboot start that runs in long mode, before kernel_entry64. */
#include "kernel/boot/multiboot_info.h"

extern const char KERNEL_VMA[], KERNEL_PMA[], __kernel_end[];   /* kernel.ld: addresses, not objects */

static struct bootinfo bootinfo ALIGNED(4096);

/* The stack protector's guard is not set up yet: nothing here may be returned through twice. */
uint64_t multiboot_start(uint32_t mbi)
{
    multiboot_fill(&bootinfo, (const uint8_t *)0, UINT64_C(1) << 32, mbi);
    bootinfo.kernel_base = (uintptr_t)KERNEL_PMA;
    bootinfo.kernel_len = (uintptr_t)__kernel_end - (uintptr_t)KERNEL_VMA;
    return (uintptr_t)&bootinfo - (uintptr_t)KERNEL_VMA + (uintptr_t)KERNEL_PMA;
}
