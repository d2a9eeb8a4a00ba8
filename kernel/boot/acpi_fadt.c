/* SPDX-License-Identifier: BSD-2-Clause */
/* FADT: power control blocks, reset register, DSDT address. Pure. */
#include "kernel/boot/acpi_bytes.h"
#include "kernel/boot/acpi_tables.h"

/* [ACPI 5.2.9] */
#define FADT_DSDT         40u
#define FADT_PM1A_CNT     64u
#define FADT_PM1B_CNT     68u
#define FADT_FLAGS       112u
#define   FLAG_RESET        BIT32(10)
#define   FLAG_HW_REDUCED   BIT32(20)
#define FADT_LEN_V1      116u
#define FADT_RESET_REG   116u
#define FADT_RESET_VALUE 128u
#define FADT_X_DSDT      140u
#define FADT_X_PM1A_CNT  172u
#define FADT_X_PM1B_CNT  184u

/* The extended block counts when it is there and not zero [ACPI 5.2.9]. A block that is not
 * in I/O space is none: we do not drive it. */
static uint16_t port_of(const uint8_t *data, uint32_t len, uint32_t plain, uint32_t extended)
{
    uint64_t address = acpi_rd32(data + plain);
    uint8_t space = ACPI_SPACE_IO;
    if (len >= extended + ACPI_GAS_LEN && acpi_rd64(data + extended + 4) != 0) {
        address = acpi_rd64(data + extended + 4);
        space = data[extended];
    }
    return space == ACPI_SPACE_IO && address <= 0xfffc ? (uint16_t)address : 0;
}

bool acpi_fadt_read(struct bootinfo *info, const uint8_t *data, size_t size, uint64_t *dsdt)
{
    uint32_t len = acpi_table_len(data, size, "FACP");
    info->pm1a_cnt = info->pm1b_cnt = info->reset_port = 0;
    *dsdt = 0;
    if (len < FADT_LEN_V1)
        return false;
    uint32_t flags = acpi_rd32(data + FADT_FLAGS);
    *dsdt = acpi_rd32(data + FADT_DSDT);
    if (len >= FADT_X_DSDT + 8 && acpi_rd64(data + FADT_X_DSDT) != 0)
        *dsdt = acpi_rd64(data + FADT_X_DSDT);
    if ((flags & FLAG_HW_REDUCED) == 0) {
        info->pm1a_cnt = port_of(data, len, FADT_PM1A_CNT, FADT_X_PM1A_CNT);
        info->pm1b_cnt = port_of(data, len, FADT_PM1B_CNT, FADT_X_PM1B_CNT);
    }
    if (len > FADT_RESET_VALUE && (flags & FLAG_RESET) != 0 && data[FADT_RESET_REG] == ACPI_SPACE_IO &&
        acpi_rd64(data + FADT_RESET_REG + 4) <= 0xffff) {
        info->reset_port = acpi_rd16(data + FADT_RESET_REG + 4);
        info->reset_value = data[FADT_RESET_VALUE];
    }
    return true;
}
