/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps a copy of struct bootinfo. Loaders have read and judged what firmware says; here it must only add up. */
#include "kernel/mm/bootmem.h"

#define PA_LIMIT  (1ull << 52)

extern const char KERNEL_VMA[], __kernel_end[];      /* kernel.ld: addresses, not objects */
extern const char blob_vmm[], blob_vmm_end[];

static struct bootinfo copy;                         /* const after boot */

static bool pages_ok(uint64_t base, uint64_t len) { return base % PAGE_SIZE == 0 && range_ok(base, len, PA_LIMIT); }

const char *bootmem_take(const struct bootinfo *from)
{
    const struct bootinfo *bi = &copy;
    uint64_t end = 0;
    copy = *from;
    if (bi->magic != BOOTINFO_MAGIC || bi->size != sizeof *bi)
        return "it is of another version";
    if (bi->ranges > BOOT_MAX_RANGES || bi->modules > BOOT_MAX_MODULES || bi->cpus > BOOT_MAX_CPUS ||
        bi->ioapics > BOOT_MAX_IOAPICS || bi->ecams > BOOT_MAX_ECAMS)
        return "a count";
    if (bi->kernel_base % PAGE_2M != 0 || !range_ok(bi->kernel_base, bi->kernel_len, PA_LIMIT) ||
        bi->kernel_len < (uintptr_t)__kernel_end - (uintptr_t)KERNEL_VMA)
        return "the kernel's place";
    for (uint32_t i = 0; i < bi->ranges; end = bi->range[i].base + bi->range[i].len, i++)
        if (!pages_ok(bi->range[i].base, bi->range[i].len) || bi->range[i].len % PAGE_SIZE != 0 || bi->range[i].base < end)
            return "the memory map";
    for (uint32_t i = 0; i < bi->modules; i++)       /* an empty file is one: the monitor says so */
        if ((bi->module[i].len != 0 && !pages_ok(bi->module[i].base, bi->module[i].len)) ||
            str_nlen(bi->module[i].name, BOOT_NAME_LEN) == BOOT_NAME_LEN)
            return "a file";
    if (str_nlen(bi->loader_error, sizeof bi->loader_error) == sizeof bi->loader_error)
        return "a text";
    copy.module[copy.modules++] = (struct boot_module){ boot_image_pa(blob_vmm).v, (uint64_t)(blob_vmm_end - blob_vmm),
                                                        "vmm.elf" };
    return NULL;
}

const struct bootinfo *boot_info(void) { return &copy; }

const struct boot_module *boot_module(uint64_t i)
{
    return i < copy.modules ? &copy.module[index_clamp(i, copy.modules)] : NULL;
}

hpa_t boot_image_pa(const void *in_image)
{
    uintptr_t at = (uintptr_t)in_image;
    KASSERT(at >= (uintptr_t)KERNEL_VMA && at < (uintptr_t)__kernel_end);
    return (hpa_t){ at - (uintptr_t)KERNEL_VMA + copy.kernel_base };
}
