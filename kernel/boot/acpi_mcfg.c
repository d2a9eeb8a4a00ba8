/* SPDX-License-Identifier: BSD-2-Clause */
/* MCFG: where the memory-mapped config space of each bus range lies. Pure. */
#include "kernel/boot/acpi_bytes.h"
#include "kernel/boot/acpi_tables.h"

#define MCFG_ENTRIES   44u
#define MCFG_ENTRY     16u

/* The base is for bus 0 also when the first bus is not 0 [PCIFW 4.1.2]. */
static bool window_is_usable(const struct boot_ecam *w)
{
    return w->first_bus <= w->last_bus && w->base != 0 && (w->base & 0xfffff) == 0 &&
           range_ok(w->base, ((uint64_t)w->last_bus + 1) << 20, 1ull << 52);
}

bool acpi_mcfg_read(struct bootinfo *info, const uint8_t *data, size_t size)
{
    uint32_t len = acpi_table_len(data, size, "MCFG"), unfit = 0;
    info->ecams = 0;
    if (len < MCFG_ENTRIES)
        return false;
    for (uint32_t off = MCFG_ENTRIES; len - off >= MCFG_ENTRY; off += MCFG_ENTRY) {
        struct boot_ecam window = { .base = acpi_rd64(data + off), .segment = acpi_rd16(data + off + 8),
                                    .first_bus = data[off + 10], .last_bus = data[off + 11] };
        if (info->ecams < BOOT_MAX_ECAMS && window_is_usable(&window))
            info->ecam[info->ecams++] = window;
        else
            unfit++;
    }
    if (unfit != 0)
        loader_complain(info, "MCFG: %u windows are not used: no sensible address, or too many", unfit);
    return info->ecams != 0;
}
