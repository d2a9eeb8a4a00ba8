/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/boot/acpi.c kernel/boot/acpi_madt.c kernel/boot/acpi_mcfg.c kernel/boot/acpi_spcr.c kernel/boot/acpi_fadt.c
   kernel/boot/say.c kernel/lib/fmt.c kernel/lib/str.c */
/* corpus: ../shared/acpi-corpus/APIC ../shared/acpi-corpus/MCFG ../shared/acpi-corpus/SPCR ../shared/acpi-corpus/FACP */
/* Fuzz target: the table readers on any bytes, and the walk from the root pointer over memory made of them. */
#include "kernel/boot/acpi_tables.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void loader_text(const char *text) { (void)text; }

static void check(const struct bootinfo *info)
{
    if (info->cpus > BOOT_MAX_CPUS || info->ioapics > BOOT_MAX_IOAPICS || info->ecams > BOOT_MAX_ECAMS ||
        info->modules > BOOT_MAX_MODULES || memchr(info->loader_error, 0, sizeof info->loader_error) == NULL)
        abort();
}

/* The signature is forced, so that every input reaches every reader past its first check. */
static void run_as(const char sig[4], const uint8_t *data, size_t size)
{
    struct bootinfo info;
    struct acpi_isa isa[ISA_LINES];
    uint64_t dsdt;
    uint8_t *copy = malloc(size);                /* exact size: the sanitizer sees every byte beyond */
    if (copy == NULL)
        return;
    memset(&info, 0, sizeof info);
    memcpy(copy, data, size);
    if (size >= 4)
        memcpy(copy, sig, 4);
    (void)acpi_madt_read(&info, copy, size, isa);
    (void)acpi_spcr_read(&info, copy, size, isa);
    (void)acpi_mcfg_read(&info, copy, size);
    (void)acpi_fadt_read(&info, copy, size, &dsdt);
    check(&info);
    free(copy);
}

static void set_sum(uint8_t *at, size_t len, size_t where)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + at[i]);
    at[where] = (uint8_t)(at[where] - sum);
}

/* The input as memory, behind a root pointer at 100h and a list with right sums of two tables: the input's
 * begin, and a place that its end names. */
static void walk(const uint8_t *data, size_t size)
{
    struct bootinfo info;
    struct phys phys = { NULL, size + 0x200 };
    uint8_t *mem = calloc(1, size + 0x200), *kept;
    if (mem == NULL)
        return;
    phys.at = mem;
    memcpy(mem + 0x200, data, size);
    memcpy(mem + 0x100, "RSD PTR \0      \0\x40\x01", 18);
    set_sum(mem + 0x100, 20, 8);
    memcpy(mem + 0x140, "RSDT\x2c", 5);
    mem[0x140 + 37] = 2;
    memcpy(mem + 0x140 + 40, data + (size > 4 ? size - 4 : 0), size > 4 ? 4 : size);
    set_sum(mem + 0x140, 44, 9);
    memset(&info, 0, sizeof info);
    info.ranges = 1;
    info.range[0] = (struct boot_range){ 0x100000, 0x100000, BOOT_ACPI, 0 };
    uint64_t len = acpi_read(&info, &phys, 0x100);
    kept = malloc(len != 0 ? len : 1);           /* exact again */
    if (kept != NULL && len != 0)
        acpi_keep(&info, kept, 0x70000000);
    check(&info);
    free(kept);
    (void)acpi_read(&info, &phys, 0);
    check(&info);
    free(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char sigs[][5] = { "APIC", "MCFG", "SPCR", "FACP" };
    if (size == 0 || size > 1 << 20)
        return 0;
    for (unsigned i = 0; i < 4; i++)
        run_as(sigs[i], data, size);
    walk(data, size);
    return 0;
}
