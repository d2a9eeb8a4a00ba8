/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/acpi/acpi_madt.c kernel/acpi/acpi_mcfg.c kernel/acpi/acpi_spcr.c kernel/acpi/acpi_fadt.c */
/* corpus: ../shared/acpi-corpus/APIC ../shared/acpi-corpus/MCFG ../shared/acpi-corpus/SPCR ../shared/acpi-corpus/FACP */
/* Fuzz target: the pure table readers on any bytes. Seeds: acpi-corpus/{APIC,MCFG,SPCR,FACP}. */
#include "kernel/acpi/acpi_fadt.h"
#include "kernel/acpi/acpi_madt.h"
#include "kernel/acpi/acpi_mcfg.h"
#include "kernel/acpi/acpi_spcr.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The signature is forced, so that every input reaches every reader past its first check. */
static void run_as(const char sig[4], const uint8_t *data, size_t size)
{
    static struct acpi_madt madt;
    struct acpi_mcfg mcfg;
    struct acpi_spcr spcr;
    struct acpi_fadt fadt;
    uint8_t *copy = malloc(size);
    if (copy == NULL)
        return;
    memcpy(copy, data, size);
    if (size >= 4)
        memcpy(copy, sig, 4);
    if (acpi_madt_parse(copy, size, &madt) == ST_OK)
        for (unsigned line = 0; line < 16; line++)
            (void)acpi_madt_isa(&madt, (uint8_t)line);
    if (madt.cpus > MAX_CPUS || madt.ioapics > MADT_MAX_IOAPICS || madt.overrides > MADT_MAX_OVERRIDES)
        abort();
    if (acpi_mcfg_parse(copy, size, &mcfg) == ST_OK && mcfg.segments > MCFG_MAX_SEGMENTS)
        abort();
    (void)!acpi_spcr_parse(copy, size, &spcr);
    (void)!acpi_fadt_parse(copy, size, &fadt);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char sigs[][5] = { "APIC", "MCFG", "SPCR", "FACP" };
    if (size == 0 || size > 1 << 20)
        return 0;
    for (unsigned i = 0; i < 4; i++)
        run_as(sigs[i], data, size);
    return 0;
}
