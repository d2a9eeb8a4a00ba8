/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DMAR parser: firmware's list of VT-d units, into a structure of fixed size.
 * Pure; reads nothing outside [table, table+len). One broken entry costs that
 * entry and leaves a note; what could hide a whole unit sets lost_units, because
 * a unit that nobody turns on would let its devices through.
 */
#pragma once

#include "kernel/lib/base.h"

#define DMAR_UNITS    32u
#define DMAR_REGIONS  64u
#define DMAR_LISTS    32u
#define DMAR_NODES    64u
#define DMAR_NAMES    32u
#define DMAR_SCOPES  512u
#define DMAR_HOPS      8u
#define DMAR_NOTES    32u

/* Remapping structure types [VT-d 8.2]. */
enum dmar_type { DMAR_DRHD, DMAR_RMRR, DMAR_ATSR, DMAR_RHSA, DMAR_ANDD, DMAR_SATC, DMAR_SIDP };
/* Device scope types [VT-d 8.3.1]. */
enum dmar_scope_type {
    DMAR_ENDPOINT = 1, DMAR_BRIDGE = 2, DMAR_IOAPIC = 3, DMAR_HPET = 4, DMAR_NAMESPACE = 5
};

#define DMAR_INTR_REMAP    0x1u   /* flags: the platform can remap interrupts */
#define DMAR_X2APIC_OPTOUT 0x2u   /*        firmware asks to stay in xAPIC mode */
#define DMAR_OPT_IN        0x4u   /*        firmware protects itself from DMA before boot */

struct dmar_scope {
    uint8_t type, id;          /* enum dmar_scope_type, enumeration id (I/O APIC id...) */
    uint8_t start_bus, hops;
    uint8_t path[DMAR_HOPS];   /* dev << 3 | fn of each hop */
};
struct dmar_span { uint16_t first, count; };     /* in scope[] */
struct dmar_unit {
    uint64_t base;
    uint16_t seg;
    bool include_all;
    bool broken;               /* cannot be turned on; the devices in its scope are lost */
    struct dmar_span scopes;
};
struct dmar_region { uint64_t base, len; uint16_t seg; struct dmar_span scopes; };
struct dmar_list { uint16_t seg; uint8_t type, flags; struct dmar_span scopes; };  /* ATSR, SATC, SIDP */
struct dmar_node { uint64_t base; uint32_t domain; };
struct dmar_name { uint8_t number; char text[63]; };

enum dmar_what {
    DMAR_N_TYPE, DMAR_N_LENGTH, DMAR_N_PADDING, DMAR_N_SHORT, DMAR_N_BASE, DMAR_N_TWICE, DMAR_N_FULL,
    DMAR_N_RANGE, DMAR_N_ROUNDED, DMAR_N_SCOPE_LENGTH, DMAR_N_SCOPE_TYPE, DMAR_N_SCOPE_PATH
};
struct dmar_note { uint32_t offset; uint16_t type; uint16_t what; };

struct dmar {
    uint8_t address_bits, flags;
    bool lost_units;
    uint32_t units, regions, lists, nodes, names, scopes, notes;
    struct dmar_unit unit[DMAR_UNITS];
    struct dmar_region region[DMAR_REGIONS];
    struct dmar_list list[DMAR_LISTS];
    struct dmar_node node[DMAR_NODES];
    struct dmar_name name[DMAR_NAMES];
    struct dmar_scope scope[DMAR_SCOPES];
    struct dmar_note note[DMAR_NOTES];      /* notes may exceed this; the rest is only counted */
};

/* ST_CORRUPT when it is no DMAR table at all; everything else is notes. */
MUST_USE status_t dmar_parse(const uint8_t *table, size_t len, struct dmar *out);
const char *dmar_note_text(uint16_t what);

