/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a loader (UEFI application, BIOS loader, Multiboot entry) hands to the
 * kernel: one page, physical address in rdi at the 64-bit entry. All addresses
 * are physical. The kernel copies it before it uses it and checks every count
 * and range: firmware made most of it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BOOTINFO_MAGIC    0x6e6f64726f432101ull
#define BOOT_MAX_RANGES   160
#define BOOT_MAX_MODULES  48
#define BOOT_NAME_LEN     104

enum boot_kind { BOOT_MULTIBOOT = 1, BOOT_UEFI = 2, BOOT_BIOS = 3 };

enum boot_range_type {
    BOOT_RAM = 1,           /* free for the kernel, boot-services memory included */
    BOOT_RESERVED = 2,
    BOOT_ACPI = 3,          /* reclaimable tables: kept */
    BOOT_NVS = 4,
    BOOT_MMIO = 5,
    BOOT_BAD = 6
};

struct boot_range { uint64_t base, len; uint32_t type, rsvd; };
struct boot_module { uint64_t base, len; char name[BOOT_NAME_LEN]; };   /* page-aligned base */

struct bootinfo {
    uint64_t magic;                  /* 000 */
    uint32_t size, kind;             /* 008 sizeof, enum boot_kind */
    uint64_t kernel_base, kernel_len;/* 010 where the kernel image lies, 2 MiB aligned base */
    uint64_t rsdp;                   /* 020 0 = scan F0000h or EBDA */
    uint64_t uefi_systab;            /* 028 0 unless UEFI */
    uint32_t ranges, modules;        /* 030 counts */
    uint32_t manifest;               /* 038 index of the module that is cordon.conf, ~0 = none */
    uint32_t console_port;           /* 03c I/O port of the UART the loader used, 0 = default */
    char     loader_error[256];      /* 040 text of what the loader refused, empty if nothing */
    char     cmdline[256];           /* 140 loader options */
    struct boot_range range[BOOT_MAX_RANGES];
    struct boot_module module[BOOT_MAX_MODULES];
};
#define BOOTINFO_PAGES 3
_Static_assert(offsetof(struct bootinfo, range) == 0x240, "bootinfo layout");
_Static_assert(sizeof(struct bootinfo) <= BOOTINFO_PAGES * 4096, "bootinfo fits");

