/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps the checked copy of struct bootinfo. */
#include "kernel/mm/bootmem.h"

#include "kernel/mm/bootcheck.h"

extern const char KERNEL_VMA[], __kernel_end[];      /* kernel.ld: addresses, not objects */

static struct bootinfo copy;                         /* const after boot */

status_t bootmem_take(const struct bootinfo *from)
{
    memcpy(&copy, from, sizeof copy);
    copy.kernel_len = MAX(copy.kernel_len, (uintptr_t)__kernel_end - (uintptr_t)KERNEL_VMA);
    return bootcheck_repair(&copy);
}

const struct bootinfo *boot_info(void) { return &copy; }

hpa_t boot_image_pa(const void *in_image)
{
    uintptr_t at = (uintptr_t)in_image;
    KASSERT(at >= (uintptr_t)KERNEL_VMA && at < (uintptr_t)__kernel_end);
    return (hpa_t){ at - (uintptr_t)KERNEL_VMA + copy.kernel_base };
}
