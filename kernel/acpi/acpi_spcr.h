/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial console that firmware names in the SPCR. Pure: reads only [data, data+len). */
#pragma once

#include "kernel/lib/base.h"

struct acpi_spcr {
    uint16_t port;           /* I/O port of a 16550 */
    uint32_t baud;           /* 0 = leave as firmware set it */
    uint32_t gsi;            /* 0 = not given */
    uint8_t  isa_irq;        /* 0 = not given */
};

/* ST_CORRUPT: not an SPCR. ST_NOTFOUND: console disabled (address 0).
 * ST_UNSUPP: no 16550 in I/O space. */
MUST_USE status_t acpi_spcr_parse(const uint8_t *data, size_t len, struct acpi_spcr *out);

