/* SPDX-License-Identifier: BSD-2-Clause */
/* Little-endian reads at any alignment, and the fixed header of every table. Pure. */
#pragma once

#include "kernel/lib/base.h"

#define ACPI_HDR_LEN      36u    /* [ACPI 5.2.6] */
#define ACPI_HDR_LENGTH    4u    /*   u32 whole table */

/* Generic address structure [ACPI 5.2.3.2]: space, width, offset, access size, u64 address. */
#define ACPI_GAS_LEN      12u
#define ACPI_SPACE_IO      1u

static inline uint16_t acpi_rd16(const uint8_t *at) { return (uint16_t)(at[0] | at[1] << 8); }
static inline uint32_t acpi_rd32(const uint8_t *at)
{
    return (uint32_t)acpi_rd16(at) | (uint32_t)acpi_rd16(at + 2) << 16;
}
static inline uint64_t acpi_rd64(const uint8_t *at)
{
    return (uint64_t)acpi_rd32(at) | (uint64_t)acpi_rd32(at + 4) << 32;
}

static inline uint8_t acpi_sum(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + data[i]);
    return sum;
}

static inline bool acpi_sig_is(const uint8_t *data, const char sig[4]) { return memcmp(data, sig, 4) == 0; }

/* The table's own length when it has this signature and fits in what there is, else 0. */
static inline uint32_t acpi_table_len(const uint8_t *data, size_t size, const char sig[4])
{
    uint32_t len = 0;
    if (size >= ACPI_HDR_LEN && acpi_sig_is(data, sig))
        len = acpi_rd32(data + ACPI_HDR_LENGTH);
    return len >= ACPI_HDR_LEN && len <= size ? len : 0;
}
