/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMAR parser: firmware's list of VT-d units, into a structure of fixed size.
 * Pure; reads nothing outside [table, table+len). One broken entry costs that
 * entry and leaves a note; what could hide a whole unit sets lost, because
 * a unit that nobody turns on would let its devices through.
 */
#pragma once

#include "drivers/iommu/fwtable.h"
#include "kernel/config.h"

#define DMAR_REGIONS  64u
#define DMAR_SCOPES  512u
#define DMAR_HOPS      8u

/* Remapping structure types [VT-d 8.2]. */
enum dmar_type { DMAR_DRHD, DMAR_RMRR, DMAR_ATSR, DMAR_RHSA, DMAR_ANDD, DMAR_SATC, DMAR_SIDP };
/* Device scope types [VT-d 8.3.1]. */
enum dmar_scope_type { DMAR_ENDPOINT = 1, DMAR_BRIDGE, DMAR_IOAPIC, DMAR_HPET, DMAR_NAMESPACE };

#define DMAR_INTR_REMAP    0x1u   /* flags: the platform can remap interrupts */

struct dmar_scope {
    uint8_t type, id;             /* enum dmar_scope_type, enumeration id (I/O APIC id...) */
    uint8_t start_bus, hops;
    uint8_t path[DMAR_HOPS];      /* dev << 3 | fn of each hop */
    struct bdf fn;                /* from the table its segment; all of it by following the path (vtd.c), like these: */
    bool found;                   /* false: the path leads nowhere on this machine */
    uint8_t sub_first, sub_last;  /* buses below a bridge scope; 0 = none */
};
struct dmar_span { uint16_t first, end; };       /* in scope[] */
struct dmar_unit {
    uint64_t base;
    uint16_t seg;
    bool include_all;
    bool broken;                  /* cannot be turned on; the devices in its scope are lost */
    struct dmar_span scopes;
};
struct dmar_region { uint64_t base, len; struct dmar_span scopes; };      /* whole pages below 2^52 */

struct dmar {
    uint8_t flags;
    status_t lost;                /* units may be missing: ST_CORRUPT, or ST_UNSUPP when there are too many */
    uint32_t units, regions, scopes;
    struct dmar_unit unit[IOMMU_UNITS];
    struct dmar_region region[DMAR_REGIONS];
    struct dmar_scope scope[DMAR_SCOPES];
    struct fw_notes notes;
};

/* ST_CORRUPT when it is no DMAR table at all; everything else is notes. */
MUST_USE status_t dmar_parse(const uint8_t *table, size_t len, struct dmar *d);
