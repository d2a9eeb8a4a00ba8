/* SPDX-License-Identifier: BSD-2-Clause */
/* ECAM windows of the MCFG [PCIFW 4.1.2]. Pure: reads only [data, data+len). */
#pragma once

#include "kernel/lib/base.h"

#define MCFG_MAX_SEGMENTS 16u

/* base is where bus 0 would be: bus b is at base + (b << 20). */
struct mcfg_segment { hpa_t base; uint16_t segment; uint8_t first_bus, last_bus; };

struct acpi_mcfg {
    uint32_t segments, dropped;   /* dropped: beyond the array */
    uint32_t malformed;           /* buses reversed, base unaligned or out of range */
    bool truncated;               /* trailing bytes are no whole entry */
    struct mcfg_segment segment[MCFG_MAX_SEGMENTS];
};

/* ST_CORRUPT: not an MCFG or no usable window in it. */
MUST_USE status_t acpi_mcfg_parse(const uint8_t *data, size_t len, struct acpi_mcfg *out);
/* The window that covers this bus; false when none does. */
bool acpi_mcfg_find(const struct acpi_mcfg *mcfg, uint16_t segment, uint8_t bus, struct mcfg_segment *out);

