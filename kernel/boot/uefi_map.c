/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's memory map as sorted, joined ranges of struct bootinfo. Pure. */
#include "kernel/boot/uefi.h"

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

static void remove_at(struct bootinfo *info, uint32_t at)
{
    info->ranges--;
    for (uint32_t i = at; i < info->ranges; i++)
        info->range[i] = info->range[i + 1];
}

/* Memory that no range names is not used: dropping any RAM range is safe, dropping another is not. */
static void drop_smallest_ram(struct bootinfo *info)
{
    uint32_t victim = 0;
    uint64_t least = ~0ull;
    for (uint32_t i = 0; i < info->ranges; i++) {
        if (info->range[i].type == BOOT_RAM && info->range[i].len < least) {
            least = info->range[i].len;
            victim = i;
        }
    }
    remove_at(info, victim);
}

static bool joins(const struct boot_range *low, const struct boot_range *high)
{
    return low->type == high->type && low->base + low->len == high->base;
}

void uefi_map_add(struct bootinfo *info, uint64_t base, uint64_t len, uint32_t type)
{
    uint32_t at = 0;
    if (len == 0 || base + len < base)
        return;
    if (info->ranges >= BOOT_MAX_RANGES)
        drop_smallest_ram(info);
    while (at < info->ranges && info->range[at].base < base)
        at++;
    for (uint32_t i = info->ranges; i > at; i--)
        info->range[i] = info->range[i - 1];
    info->ranges++;
    info->range[at] = (struct boot_range){ base, len, type, 0 };
    if (at + 1 < info->ranges && joins(&info->range[at], &info->range[at + 1])) {
        info->range[at].len += info->range[at + 1].len;
        remove_at(info, at + 1);
    }
    if (at > 0 && joins(&info->range[at - 1], &info->range[at])) {
        info->range[at - 1].len += info->range[at].len;
        remove_at(info, at);
    }
}
