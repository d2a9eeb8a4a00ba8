/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IVRS parser: firmware's list of AMD-Vi units, into a structure of fixed size.
 * Pure; reads nothing outside [table, table+len). One broken entry costs that
 * entry and leaves a note; what could hide a whole unit sets lost. A unit is
 * listed once for each type of block that software may know: the highest counts.
 */
#pragma once

#include "drivers/iommu/fwtable.h"
#include "kernel/config.h"

#define IVRS_ENTRIES  512u
#define IVRS_REGIONS   64u

/* Block types [AMD-Vi 5.2]: hardware and memory definitions. */
enum ivrs_type { IVRS_IVHD_10 = 0x10, IVRS_IVHD_11 = 0x11, IVRS_IVHD_40 = 0x40,
                 IVRS_IVMD_ALL = 0x20, IVRS_IVMD_SELECT, IVRS_IVMD_RANGE };
/* Device entries [AMD-Vi 5.2.2]; START is kept as the whole range, END is not kept. */
enum ivhd_type { IVHD_PAD = 0, IVHD_ALL, IVHD_SELECT, IVHD_START, IVHD_END, IVHD_ALIAS = 0x42, IVHD_ALIAS_START,
                 IVHD_EXT = 0x46, IVHD_EXT_START, IVHD_SPECIAL, IVHD_NAMED = 0xf0 };
enum ivhd_variety { IVHD_IOAPIC = 1, IVHD_HPET };

#define IVHD_INIT_PASS    BIT32(0)     /* data setting, as in the device table entry */
#define IVHD_EINT_PASS    BIT32(1)
#define IVHD_NMI_PASS     BIT32(2)
#define IVHD_SYSMGT       MASK32(5, 4)
#define IVHD_LINT0_PASS   BIT32(6)
#define IVHD_LINT1_PASS   BIT32(7)
#define IVHD_ATS_OFF      BIT32(31)    /* extended: device-TLB requests are not allowed */

struct ivrs_entry {
    uint8_t type;                      /* enum ivhd_type */
    uint8_t setting, handle, variety;  /* IVHD_*_PASS; SPECIAL: I/O APIC id or HPET number, enum ivhd_variety */
    uint16_t first, last;              /* requester ids; SPECIAL: the one that it uses, not covered by this entry */
    uint16_t alias;                    /* ALIAS, ALIAS_START: what their requests carry */
    uint32_t extended, offset;         /* EXT, EXT_START: IVHD_ATS_OFF; where in the table */
};
struct ivrs_unit {
    uint64_t base, efr, efr2;          /* registers; types 11h and 40h: images of the extended features, else 0 */
    struct bdf fn;                     /* the unit itself, as a PCI function */
    uint16_t cap;                      /* its capability block in config space */
    uint16_t info;                     /* IOMMU info: MSI number, unit id */
    uint32_t features;                 /* 10h: feature reporting; else attributes */
    uint8_t type, flags;               /* enum ivrs_type; IVHD flags */
    bool broken;                       /* cannot be turned on; the devices of its entries are lost */
    uint16_t entry, end;               /* in entry[]: of several that name a requester the last decides */
};
struct ivrs_region {                   /* whole pages below 2^52 */
    uint64_t base, len;
    uint16_t seg, first, last;         /* requester ids */
    uint8_t type, flags;               /* enum ivrs_type; IVMD_* */
};
#define IVMD_UNITY     BIT32(0)
#define IVMD_READ      BIT32(1)
#define IVMD_WRITE     BIT32(2)
#define IVMD_EXCLUDED  BIT32(3)        /* not translated at all; read and write whatever the bits before say */

struct ivrs {
    uint32_t info;                     /* IVinfo: address widths */
    status_t lost;                     /* units may be missing: ST_CORRUPT, or ST_UNSUPP when there are too many */
    uint32_t units, entries, regions;
    struct ivrs_unit unit[IOMMU_UNITS];
    struct ivrs_entry entry[IVRS_ENTRIES];
    struct ivrs_region region[IVRS_REGIONS];
    struct fw_notes notes;
};

/* ST_CORRUPT when it is no IVRS table at all; everything else is notes. */
MUST_USE status_t ivrs_parse(const uint8_t *table, size_t len, struct ivrs *v);
