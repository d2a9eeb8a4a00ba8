/* SPDX-License-Identifier: BSD-2-Clause */
/* MCFG: where the memory-mapped config space of each bus range lies. Pure. */
#include "kernel/acpi/acpi_mcfg.h"

#include "kernel/acpi/acpi_bytes.h"

#define MCFG_ENTRIES   44u
#define MCFG_ENTRY     16u

/* The base is for bus 0 also when the first bus is not 0 [PCIFW 4.1.2]. */
static bool window_is_usable(const struct mcfg_segment *seg)
{
    return seg->first_bus <= seg->last_bus && seg->base.v != 0 && (seg->base.v & 0xfffff) == 0 &&
           range_ok(seg->base.v, ((uint64_t)seg->last_bus + 1) << 20, 1ull << 52);
}

status_t acpi_mcfg_parse(const uint8_t *data, size_t mapped, struct acpi_mcfg *out)
{
    memset(out, 0, sizeof *out);
    uint32_t len = acpi_table_len(data, mapped);
    if (len < MCFG_ENTRIES || !acpi_sig_is(data, "MCFG"))
        return ST_CORRUPT;
    out->truncated = (len - MCFG_ENTRIES) % MCFG_ENTRY != 0;
    for (uint32_t off = MCFG_ENTRIES; len - off >= MCFG_ENTRY; off += MCFG_ENTRY) {
        struct mcfg_segment seg = {
            .base = { acpi_rd64(data + off) }, .segment = acpi_rd16(data + off + 8),
            .first_bus = data[off + 10], .last_bus = data[off + 11] };
        if (!window_is_usable(&seg))
            out->malformed++;
        else if (out->segments == MCFG_MAX_SEGMENTS)
            out->dropped++;
        else
            out->segment[out->segments++] = seg;
    }
    return out->segments != 0 ? ST_OK : ST_CORRUPT;
}

bool acpi_mcfg_find(const struct acpi_mcfg *mcfg, uint16_t segment, uint8_t bus, struct mcfg_segment *out)
{
    for (uint32_t i = 0; i < mcfg->segments; i++) {
        const struct mcfg_segment *seg = &mcfg->segment[i];
        if (seg->segment == segment && bus >= seg->first_bus && bus <= seg->last_bus) {
            *out = *seg;
            return true;
        }
    }
    return false;
}
