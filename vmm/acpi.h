/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's ACPI tables, made from guest_hw.h, the number of vCPUs and the functions' lines. Pure. */
#pragma once

#include "kernel/lib/base.h"
#include "vmm/start_page.h"

/* Where the tables lie in the guest: RSDP first, in the area that is scanned for it [ACPI 5.2.5.1]. */
#define ACPI_GPA   0xe0000u
#define ACPI_SIZE  0x4000u

/* Fills buf (ACPI_SIZE bytes, the image of ACPI_GPA) with all tables. ST_NOSPACE: they do not fit. */
MUST_USE status_t acpi_build(uint8_t *buf, const struct vmm_start *start);

