/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a loader (kernel/boot: UEFI application, Multiboot image, BIOS) hands to the kernel:
 * physical address in rdi at the 64-bit entry. All addresses are physical. Loaders read the
 * firmware's tables and maps, and judge what they say; the kernel takes plain facts: it
 * copies the struct before it uses it, and checks counts, order and ranges.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BOOTINFO_MAGIC    0x6e6f64726f432102ull
#define BOOT_MAX_RANGES   160
#define BOOT_MAX_MODULES  48
#define BOOT_NAME_LEN     104
#define BOOT_MAX_CPUS     64
#define BOOT_MAX_IOAPICS  8
#define BOOT_MAX_ECAMS    16
/* The module with the firmware's tables that are more than facts: DSDT, SSDTs, DMAR or IVRS, in any order,
 * each whole, with a right sum and at a multiple of 16. */
#define BOOT_ACPI_MODULE  "acpi.tables"

enum boot_range_type {      /* the first four are RAM; what is in no range may be anything */
    BOOT_RAM = 1,           /* free, for guests and tasks */
    BOOT_POOL,              /* free, for the kernel: whole 2 MiB below 4 GiB, in one piece */
    BOOT_USED,              /* the kernel image and the modules */
    BOOT_LOW,               /* below 1 MiB: firmware's data may be there */
    BOOT_RESERVED,
    BOOT_ACPI,              /* reclaimable tables: kept */
    BOOT_NVS,
    BOOT_MMIO,
    BOOT_BAD
};
#define BOOT_TSC_HZ_MIN  50000000ull
#define BOOT_TSC_HZ_MAX  20000000000ull
#define BOOT_POOL_MIN  (16u << 20)
#define BOOT_POOL_MAX  (1u << 30)

/* BAD: the table is there, and its length or sum is wrong. */
enum boot_iommu { BOOT_IOMMU_NONE, BOOT_IOMMU_DMAR, BOOT_IOMMU_IVRS, BOOT_IOMMU_BAD };

struct boot_range { uint64_t base, len; uint32_t type, rsvd; };
struct boot_module { uint64_t base, len; char name[BOOT_NAME_LEN]; };   /* page-aligned; path on the stick */
struct boot_ioapic { uint64_t base; uint32_t id, gsi_base; };
struct boot_ecam { uint64_t base; uint16_t segment; uint8_t first_bus, last_bus; uint32_t rsvd; };   /* base: of bus 0 */

struct bootinfo {
    uint64_t magic;
    uint32_t size, rsvd0;            /* sizeof */
    uint64_t guard;                  /* 10 the stack protector's: random, the lowest byte 0 */
    uint64_t kernel_base, kernel_len;/* where the kernel image lies, 2 MiB aligned base */
    uint64_t epoch, epoch_tsc;       /* wall clock, seconds since 1970 by UTC, when the TSC was that; 0 = unknown */
    uint64_t tsc_hz;                 /* the TSC counts so many a second */
    char     tsc_by[8];              /* a word for the log: who says so */
    uint64_t start_page;             /* in BOOT_LOW: where other CPUs start, 0 = none */
    uint64_t iommu_table;            /* DMAR or IVRS, outside of RAM */
    uint32_t iommu_len, iommu;       /* bytes; enum boot_iommu */
    uint32_t ranges, modules, cpus, ioapics, ecams;   /* counts */
    uint32_t console_baud;
    uint32_t console_gsi;            /* ~0 = not known */
    uint16_t console_port;           /* I/O port of a 16550 */
    uint8_t  console_level, console_low;   /* its interrupt: level-triggered, active low */
    uint16_t pm1a_cnt, pm1b_cnt;     /* I/O ports for power off, 0 = none */
    uint16_t reset_port;             /* I/O port, 0 = none */
    uint8_t  reset_value, rsvd;
    char     loader_error[256];      /* text of what the loader refused, empty if nothing */
    uint32_t cpu[BOOT_MAX_CPUS];     /* APIC ids of the CPUs that firmware enabled, each once */
    struct boot_ioapic ioapic[BOOT_MAX_IOAPICS];
    struct boot_ecam ecam[BOOT_MAX_ECAMS];
    struct boot_range range[BOOT_MAX_RANGES];         /* sorted, page-aligned, disjoint */
    struct boot_module module[BOOT_MAX_MODULES + 1];  /* the kernel adds vmm.elf to its copy */
};
#define BOOTINFO_PAGES 3
_Static_assert(sizeof(struct bootinfo) <= BOOTINFO_PAGES * 4096, "bootinfo fits");
