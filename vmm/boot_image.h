/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every boot protocol takes and gives: image files, guest memory, and the
 * state in which vCPU 0 starts. Image files are untrusted input; the loaders are
 * pure and fuzzed.
 */
#pragma once

#include "kernel/abi/vcpu_state.h"
#include "vmm/mem.h"
#include "vmm/start_page.h"

#define BOOT_REASON_LEN  200u

struct boot_file { const uint8_t *bytes; uint64_t len; const char *name; };

struct boot_image {
    struct boot_file kernel;
    struct boot_file initrd;             /* len 0: none */
    struct boot_file module[VMM_MAX_MODULES];
    uint32_t modules;
    const char *cmdline;                 /* never NULL */
    gpa_t rsdp;                          /* the guest's ACPI root pointer */
};

/* Where a failing loader says which fact decides. */
struct boot_reason {
    enum vmm_fail code;                  /* VMM_FAIL_IMAGE or VMM_FAIL_MEMORY */
    char text[BOOT_REASON_LEN];
};
MUST_USE status_t boot_refuse(struct boot_reason *reason, enum vmm_fail code, const char *format, ...) PRINTF(3, 4);

/* E820 [ACPI 15.1] */
#define BOOT_E820_RAM       1u
#define BOOT_E820_RESERVED  2u
#define BOOT_MAP_MAX        9u
struct boot_map { uint64_t base, len; uint32_t type; };

/* Fills map[BOOT_MAP_MAX] in ascending order; returns the count. */
unsigned boot_memory_map(const struct guest_mem *mem, struct boot_map *map);

#define BOOT_EBDA           0x9fc00u     /* end of RAM below it */

#define BOOT_SEL_CODE       0x10u        /* Linux boot protocol: __BOOT_CS */
#define BOOT_SEL_DATA       0x18u        /* __BOOT_DS */
#define BOOT_GDT_SIZE       48u

/* Writes the descriptor table (null, null, code, data, task): BOOT_GDT_SIZE bytes at gdt. */
MUST_USE status_t boot_gdt_write(const struct guest_mem *mem, gpa_t gdt, bool long_mode);
/* Flat segments to match, interrupts off; registers are zero. Marks groups dirty. */
void boot_state_init(struct vcpu_state *vs, bool long_mode, uint64_t entry, gpa_t gdt);

