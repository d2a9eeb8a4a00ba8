/* SPDX-License-Identifier: BSD-2-Clause */
/* What the FADT says about power, reset and time [ACPI 5.2.9]. Pure. */
#pragma once

#include "kernel/lib/base.h"

enum fadt_reset { FADT_RESET_NONE, FADT_RESET_IO, FADT_RESET_MEMORY, FADT_RESET_PCI };

struct acpi_fadt {
    hpa_t    dsdt;
    uint16_t pm1a_cnt, pm1b_cnt;   /* I/O ports, 0 = none or not in I/O space */
    uint16_t pm_timer;             /* I/O port, 0 = none */
    bool     pm_timer_32;          /* 32 bits wide, else 24 */
    bool     hw_reduced;
    uint16_t smi_cmd;              /* port; 0 with acpi_enable 0 = ACPI mode is always on */
    uint8_t  acpi_enable;
    uint16_t sci;
    enum fadt_reset reset;
    uint64_t reset_address;        /* port, physical address, or dev << 32 | fn << 16 | offset on bus 0 */
    uint8_t  reset_value;
};

/* ST_CORRUPT: not a FADT or too short for revision 1. */
MUST_USE status_t acpi_fadt_parse(const uint8_t *data, size_t len, struct acpi_fadt *out);

