/* SPDX-License-Identifier: BSD-2-Clause */
/* The little of AML that power-off needs: the package \_S5 in a DSDT or SSDT. Pure, bounded. */
#pragma once

#include "kernel/lib/base.h"

/* table: with its ACPI header; size: bytes that may be read. ST_OK: SLP_TYPa and SLP_TYPb
 * (0..7). ST_CORRUPT: not a table; ST_NOTFOUND: no \_S5 of the usual form. */
MUST_USE status_t aml_s5(const uint8_t *table, size_t size, uint8_t *typ_a, uint8_t *typ_b);

