/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUs and I/O APICs of the MADT [ACPI 5.2.12]. Pure: reads only [data, data+len). */
#pragma once

#include "kernel/config.h"
#include "kernel/lib/base.h"

#define MADT_MAX_IOAPICS    8u
#define MADT_MAX_OVERRIDES 24u

struct madt_cpu { uint32_t apic_id, uid; };
struct madt_ioapic { uint8_t id; uint32_t gsi_base; hpa_t pa; };
struct madt_override {
    uint8_t  source;         /* ISA line */
    uint32_t gsi;
    bool     level, active_low;  /* bus default (edge, high) resolved */
};

struct acpi_madt {
    hpa_t    lapic;          /* register page, 64-bit override honoured */
    uint32_t cpus;           /* enabled now, each APIC id once, in table order */
    uint32_t cpus_dropped;   /* enabled, beyond the array */
    uint32_t cpus_later;     /* online-capable, not enabled: not used */
    uint32_t ioapics, ioapics_dropped;
    uint32_t overrides, overrides_dropped;
    uint32_t malformed;      /* entries too short for their type */
    bool     truncated;      /* an entry with length 0 or past the end stopped the walk */
    bool     has_pics;       /* 8259s present: must be masked */
    struct madt_cpu cpu[MAX_CPUS];
    struct madt_ioapic ioapic[MADT_MAX_IOAPICS];
    struct madt_override override[MADT_MAX_OVERRIDES];
};

/* ST_CORRUPT: not a MADT, or no enabled CPU in it. What the walk could read is kept. */
MUST_USE status_t acpi_madt_parse(const uint8_t *data, size_t len, struct acpi_madt *out);
/* GSI and mode of an ISA line, identity when nothing overrides it. source < 16. */
struct madt_override acpi_madt_isa(const struct acpi_madt *madt, uint8_t source);

