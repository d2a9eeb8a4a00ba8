/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounded reader of firmware tables. Pure except for acpi_find, which maps: the
 * per-table parsers take a pointer and a length and never read outside it.
 */
#pragma once

#include "kernel/lib/base.h"

struct acpi_table {
    const uint8_t *data;     /* whole table, header included; mapped read-only for ever */
    uint32_t len;
    hpa_t pa;
};

/* Remembers the root table. rsdp 0 = scan EBDA and E0000h-FFFFFh. ST_NOTFOUND, ST_CORRUPT. */
MUST_USE status_t acpi_init(hpa_t rsdp);
/* index-th table with this signature, checksum right. ST_NOTFOUND, ST_CORRUPT. "DSDT" comes by FADT. */
MUST_USE status_t acpi_find(const char sig[4], unsigned index, struct acpi_table *out);

