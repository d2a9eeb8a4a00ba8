/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all loaders share: programs that run before the kernel, are not linked into it, and
 * end in one struct bootinfo. Firmware made what they read: nothing of it is believed
 * further than its bytes go.
 */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/lib/base.h"

#define KERNEL_VMA 0xffffffff80000000ull     /* linker/kernel.ld */

/* Physical memory as the loader sees it: address 0 is readable at `at`, `limit` bytes of it. */
struct phys { const uint8_t *at; uint64_t limit; };

/* say.c. loader_text is each loader's own: text to whatever shows it, "\n" ends a line. */
void loader_text(const char *text);
void loader_print(const char *format, ...) PRINTF(1, 2);
/* Prints, and appends to info->loader_error for the boot log. */
void loader_complain(struct bootinfo *info, const char *format, ...) PRINTF(2, 3);

/* memmap.c: one range more, sorted and joined; when the array is full the smallest RAM range goes. */
void memmap_add(struct bootinfo *info, uint64_t base, uint64_t len, uint32_t type);
/* After the last one: page-aligned (RAM shrinks, all else grows), sorted and disjoint. Where two
 * overlap, the one that is not RAM wins. RAM for which the array has no room is left out. */
void memmap_repair(struct bootinfo *info);
/* The highest aligned place in RAM, from 1 MiB to 4 GiB, clear of modules, kernel and `own` (the loader
 * itself); 0 = none. For loaders whose firmware allocates nothing. */
uint64_t memmap_place(const struct bootinfo *info, const struct boot_range *own, uint64_t len, uint64_t align);
/* Last: gives each page of RAM its one use: below 1 MiB, image, modules, pool (none = too little memory), or free. */
void memmap_split(struct bootinfo *info);
/* Types of E820 and Multiboot [ACPI 15.1]; what is unknown is reserved. */
uint32_t memmap_e820_type(uint32_t e820);

/* acpi.c: facts of MADT, MCFG, SPCR, FADT into info, whose map is complete: what lies in no range of it,
 * and not in the first MiB, is not read. rsdp 0 = scan EBDA and E0000h-FFFFFh. What is missing or
 * damaged is complained about. Returns the bytes that acpi_keep wants, 0 = nothing to keep. */
uint64_t acpi_read(struct bootinfo *info, const struct phys *mem, uint64_t rsdp);
/* Copies the tables that others interpret to whole pages outside of RAM: [to, to + acpi_read's) which is at pa. */
void acpi_keep(struct bootinfo *info, uint8_t *to, uint64_t pa);

/* image.c: the kernel in this loader. Bytes of memory it takes, whole pages; 0 = the build is broken. */
uint64_t image_len(void);
/* Copies it to base, 2 MiB-aligned, of image_len() bytes below 4 GiB; fills in info->kernel_* and info->guard. Its last pages are
 * the page tables that it is entered with: low 4 GiB one to one, the image at KERNEL_VMA. */
void image_load(struct bootinfo *info, uint64_t base);
/* Goes: the code of jump.S is at `at`, in the low 4 GiB. */
NORETURN void image_enter(const struct bootinfo *info, uint64_t at);
extern const char jump_code[], jump_code_end[];

/* clock.c: the CMOS clock taken as UTC into info->epoch, with the TSC of that moment; interrupts are off. */
void clock_read(struct bootinfo *info);
/* What a second is: info->tsc_hz, by CPUID when it says, else by the 8254. Ten runs of 10 ms at most, interrupts off. */
void clock_rate(struct bootinfo *info);
/* Pure: registers 0 2 4 7 8 9 and register B to seconds since 1970; 0 = nonsense. Years 2000 to 2099. */
uint64_t clock_seconds(const uint8_t raw[6], uint8_t mode);

/* modules.c: cordon.conf and the files that it names, as modules of info. Never fails: what is missing is reported. */
void modules_load(struct bootinfo *info);

/* What modules.c asks of each loader: one file of the boot volume at a time. path uses "/". NOTFOUND; INVAL: a name that
 * the volume cannot hold; HW and others: it cannot be read. */
MUST_USE status_t loader_open(const char *path, uint64_t *len);
/* The next n bytes; n is a multiple of LOADER_CHUNK or ends the file. to has room for n rounded up to whole pages. */
#define LOADER_CHUNK (2u << 20)
MUST_USE status_t loader_read(uint64_t n, void *to);
void loader_close(void);
/* Page-aligned, mapped one to one; never given back. NOSPACE. */
MUST_USE status_t loader_pages(struct bootinfo *info, uint64_t pages, uint64_t *base);
