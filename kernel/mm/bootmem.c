/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps a copy of struct bootinfo. Loaders have read and judged what firmware says; here it must only add up. */
#include "kernel/mm/bootmem.h"

#define PA_LIMIT  (1ull << 52)
#define POOL_END  (1ull << 32)           /* tables of starting CPUs are read in 32-bit mode */

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
    if (bi->tsc_hz < BOOT_TSC_HZ_MIN || bi->tsc_hz > BOOT_TSC_HZ_MAX)
        return "the clock";
    if (bi->kernel_base % PAGE_2M != 0 || !range_ok(bi->kernel_base, bi->kernel_len, PA_LIMIT) ||
        bi->kernel_len < (uintptr_t)__kernel_end - (uintptr_t)KERNEL_VMA)
        return "the kernel's place";
    for (const struct boot_range *r = bi->range; r < bi->range + bi->ranges; end = r->base + r->len, r++)
        if (!pages_ok(r->base, r->len) || r->len % PAGE_SIZE != 0 || r->base < end || (r->type == BOOT_POOL &&
            (r->base % PAGE_2M != 0 || r->len % PAGE_2M != 0 || !range_ok(r->base, r->len, POOL_END))))
            return "the memory map";
    if (boot_touches(bi->kernel_base, bi->kernel_len, BOOT_POOL))
        return "the kernel's place";
    for (uint32_t i = 0; i < bi->modules; i++)       /* an empty file is one: the monitor says so */
        if ((bi->module[i].len != 0 && (!pages_ok(bi->module[i].base, bi->module[i].len) ||
                                        boot_touches(bi->module[i].base, bi->module[i].len, BOOT_POOL))) ||
            str_nlen(bi->module[i].name, BOOT_NAME_LEN) == BOOT_NAME_LEN)
            return "a file";
    if (str_nlen(bi->loader_error, sizeof bi->loader_error) == sizeof bi->loader_error)
        return "a text";
    copy.module[copy.modules++] = (struct boot_module){ boot_image_pa(blob_vmm).v, (uint64_t)(blob_vmm_end - blob_vmm),
                                                        "vmm.elf" };
    return NULL;
}

const struct bootinfo *boot_info(void) { return &copy; }

bool boot_touches(uint64_t pa, uint64_t len, enum boot_range_type last)
{
    for (const struct boot_range *r = copy.range; r < copy.range + copy.ranges; r++)
        if (r->type <= last && range_overlaps(pa, len, r->base, r->len))
            return true;
    return false;
}

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
