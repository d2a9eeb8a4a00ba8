/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory under UEFI: places for the kernel and what it is handed, the firmware's tables, its map, the way out. */
#include "kernel/boot/uefi.h"

#define BELOW_4G   0xffffffffull
#define MAP_PAGES  16u                       /* 64 KiB: ten times what firmware needs today */
#define PA_LIMIT   (1ull << 52)
#define CR4_LA57   (1ull << 12)

static const struct efi_guid acpi2_guid =
    { 0x8868e871, 0xe4f1, 0x11d3, { 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 } };
static const struct efi_guid acpi1_guid =
    { 0xeb9d2d30, 0x2d88, 0x11d3, { 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d } };

static uint64_t find_table(const struct efi_system_table *system, const struct efi_guid *guid)
{
    for (uint64_t i = 0; i < system->tables; i++)
        if (memcmp(&system->table[i].guid, guid, sizeof *guid) == 0)
            return (uintptr_t)system->table[i].table;
    return 0;
}

uint32_t uefi_map_type(uint32_t efi_type)
{
    switch (efi_type) {
    case EFI_LOADER_CODE:
    case EFI_LOADER_DATA:
    case EFI_BOOT_CODE:
    case EFI_BOOT_DATA:
    case EFI_CONVENTIONAL: return BOOT_RAM;
    case EFI_UNUSABLE: return BOOT_BAD;
    case EFI_ACPI_RECLAIM: return BOOT_ACPI;
    case EFI_ACPI_NVS: return BOOT_NVS;
    case EFI_MMIO:
    case EFI_MMIO_PORT: return BOOT_MMIO;
    default: return BOOT_RESERVED;
    }
}

/* 2 MiB-aligned pages below 4 GiB; the slack of the alignment goes back. */
static efi_status place(struct loader *l, uint64_t len, uint64_t *base)
{
    uint64_t pages = len / PAGE_SIZE, slack = PAGE_2M / PAGE_SIZE, at = BELOW_4G;
    efi_status st = l->boot->allocate_pages(EFI_ALLOCATE_MAX_ADDRESS, EFI_LOADER_DATA, pages + slack, &at);
    if (st != EFI_OK)
        return st;
    *base = (at + PAGE_2M - 1) & ~(PAGE_2M - 1);
    uint64_t before = (*base - at) / PAGE_SIZE;
    if (before != 0)
        (void)l->boot->free_pages(at, before);
    if (before != slack)
        (void)l->boot->free_pages(*base + pages * PAGE_SIZE, slack - before);
    return EFI_OK;
}

efi_status uefi_kernel_load(struct loader *l)
{
    uint64_t base, cr4;
    __asm__ volatile ("mov %%cr4, %0" : "=r"(cr4));
    if (cr4 & CR4_LA57) {
        loader_print("loader: the firmware runs with 5-level paging, which Cordon does not take over\n");
        return EFI_LOAD_ERROR;
    }
    if (image_len() == 0)
        return EFI_LOAD_ERROR;
    l->trampoline = BELOW_4G;
    efi_status st = place(l, image_len(), &base);
    if (st == EFI_OK)
        st = l->boot->allocate_pages(EFI_ALLOCATE_MAX_ADDRESS, EFI_LOADER_CODE, 1, &l->trampoline);
    if (st != EFI_OK)
        return st;
    image_load(l->info, base);
    memcpy((void *)(uintptr_t)l->trampoline, jump_code, (size_t)(jump_code_end - jump_code));
    return EFI_OK;
}

static efi_status take_map(struct loader *l, uint64_t buffer, uint64_t *key)
{
    uint64_t size = MAP_PAGES * PAGE_SIZE, stride = 0;
    uint32_t version = 0;
    efi_status st = l->boot->get_memory_map(&size, (void *)(uintptr_t)buffer, key, &stride, &version);
    l->info->ranges = 0;
    for (uint64_t off = 0; st == EFI_OK && stride != 0 && off + sizeof(struct efi_memory_descriptor) <= size; off += stride) {
        const struct efi_memory_descriptor *d = (const void *)(uintptr_t)(buffer + off);
        if (d->pages <= (1ull << 40))
            memmap_add(l->info, d->physical, d->pages * PAGE_SIZE, uefi_map_type(d->type));
    }
    memmap_repair(l->info);
    return st;
}

/* The copies are in memory that the final map shows as ACPI's. */
efi_status uefi_tables_read(struct loader *l)
{
    const struct phys mem = { (const uint8_t *)0, PA_LIMIT };
    uint64_t rsdp = find_table(l->system, &acpi2_guid), map = 0, key, at = 0;
    if (rsdp == 0)
        rsdp = find_table(l->system, &acpi1_guid);
    if (rsdp == 0)
        rsdp = PA_LIMIT;                     /* none, and no scan: page 0 may be unmapped here */
    efi_status st = l->boot->allocate_pages(EFI_ALLOCATE_ANY, EFI_LOADER_DATA, MAP_PAGES, &map);
    if (st == EFI_OK)
        st = take_map(l, map, &key);
    if (st != EFI_OK)
        return st;
    uint64_t len = acpi_read(l->info, &mem, rsdp);
    if (len != 0)
        st = l->boot->allocate_pages(EFI_ALLOCATE_ANY, EFI_ACPI_RECLAIM, PAGE_UP(len) / PAGE_SIZE, &at);
    if (len != 0 && st == EFI_OK)
        acpi_keep(l->info, (uint8_t *)(uintptr_t)at, at);
    (void)l->boot->free_pages(map, MAP_PAGES);
    return st;
}

/* The map's key goes stale when firmware allocates in between: take a new one and try again. */
efi_status uefi_leave(struct loader *l, efi_handle image)
{
    uint64_t map = 0, key = 0;
    efi_status st = l->boot->allocate_pages(EFI_ALLOCATE_ANY, EFI_LOADER_DATA, MAP_PAGES, &map);
    for (int tries = 0; st == EFI_OK && tries < 8; tries++) {
        st = take_map(l, map, &key);
        if (st != EFI_OK)
            return st;
        st = l->boot->exit_boot_services(image, key);
        if (st == EFI_OK)
            return EFI_OK;
        if (st != EFI_INVALID_PARAMETER)
            return st;
        st = EFI_OK;
    }
    return st == EFI_OK ? EFI_LOAD_ERROR : st;
}
