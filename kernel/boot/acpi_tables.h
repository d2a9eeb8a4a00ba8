/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers of the tables whose facts the kernel needs. Pure: they take a whole table and its
 * length, never read outside of it, and complain about what is damaged. False: not such a table,
 * or nothing usable in it.
 */
#pragma once

#include "kernel/boot/loader.h"

struct acpi_isa { uint32_t gsi; bool level, active_low; };

/* [ACPI 5.2.12] CPUs and I/O APICs into info; where the 16 ISA lines go, identity when nothing overrides. */
#define ISA_LINES 16u
bool acpi_madt_read(struct bootinfo *info, const uint8_t *data, size_t len, struct acpi_isa isa[ISA_LINES]);
/* [PCIFW 4.1.2] ECAM windows. */
bool acpi_mcfg_read(struct bootinfo *info, const uint8_t *data, size_t len);
/* [ACPI 5.2.9] Power off and reset; *dsdt is where the DSDT is. */
bool acpi_fadt_read(struct bootinfo *info, const uint8_t *data, size_t len, uint64_t *dsdt);
/* The console UART, where it is a 16550 in I/O space: COM1 without an SPCR (data NULL) or with an unfit one. */
bool acpi_spcr_read(struct bootinfo *info, const uint8_t *data, size_t len, const struct acpi_isa isa[ISA_LINES]);
