/* SPDX-License-Identifier: BSD-2-Clause */
/* FADT: power control blocks, reset register, PM timer, DSDT address. Pure. */
#include "kernel/acpi/acpi_fadt.h"

#include "kernel/acpi/acpi_bytes.h"

/* [ACPI 5.2.9] */
#define FADT_DSDT         40u
#define FADT_SCI          46u
#define FADT_SMI_CMD      48u
#define FADT_ACPI_ENABLE  52u
#define FADT_PM1A_CNT     64u
#define FADT_PM1B_CNT     68u
#define FADT_PM_TMR       76u
#define FADT_PM_TMR_LEN   91u
#define FADT_FLAGS       112u
#define   FLAG_TMR_32       BIT32(8)
#define   FLAG_RESET        BIT32(10)
#define   FLAG_HW_REDUCED   BIT32(20)
#define FADT_LEN_V1      116u
#define FADT_RESET_REG   116u
#define FADT_RESET_VALUE 128u
#define FADT_X_DSDT      140u
#define FADT_X_PM1A_CNT  172u
#define FADT_X_PM1B_CNT  184u
#define FADT_X_PM_TMR    208u

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

static void reset_read(const uint8_t *data, uint32_t len, uint32_t flags, struct acpi_fadt *out)
{
    if (len <= FADT_RESET_VALUE || (flags & FLAG_RESET) == 0)
        return;
    uint64_t address = acpi_rd64(data + FADT_RESET_REG + 4);
    switch (data[FADT_RESET_REG]) {
    case ACPI_SPACE_IO:
        out->reset = address != 0 && address <= 0xffff ? FADT_RESET_IO : FADT_RESET_NONE;
        break;
    case ACPI_SPACE_MEMORY:
        out->reset = address != 0 && address < BIT64(52) ? FADT_RESET_MEMORY : FADT_RESET_NONE;
        break;
    case ACPI_SPACE_PCI:
        out->reset = FADT_RESET_PCI;
        break;
    default:
        break;
    }
    out->reset_address = address;
    out->reset_value = data[FADT_RESET_VALUE];
}

status_t acpi_fadt_parse(const uint8_t *data, size_t mapped, struct acpi_fadt *out)
{
    memset(out, 0, sizeof *out);
    uint32_t len = acpi_table_len(data, mapped);
    if (len < FADT_LEN_V1 || !acpi_sig_is(data, "FACP"))
        return ST_CORRUPT;
    uint32_t flags = acpi_rd32(data + FADT_FLAGS);
    out->dsdt = (hpa_t){ acpi_rd32(data + FADT_DSDT) };
    if (len >= FADT_X_DSDT + 8 && acpi_rd64(data + FADT_X_DSDT) != 0)
        out->dsdt = (hpa_t){ acpi_rd64(data + FADT_X_DSDT) };
    out->hw_reduced = (flags & FLAG_HW_REDUCED) != 0;
    out->sci = acpi_rd16(data + FADT_SCI);
    out->pm_timer_32 = (flags & FLAG_TMR_32) != 0;
    if (!out->hw_reduced) {
        out->pm1a_cnt = port_of(data, len, FADT_PM1A_CNT, FADT_X_PM1A_CNT);
        out->pm1b_cnt = port_of(data, len, FADT_PM1B_CNT, FADT_X_PM1B_CNT);
        if (data[FADT_PM_TMR_LEN] == 4)
            out->pm_timer = port_of(data, len, FADT_PM_TMR, FADT_X_PM_TMR);
        if (acpi_rd32(data + FADT_SMI_CMD) <= 0xffff)
            out->smi_cmd = (uint16_t)acpi_rd32(data + FADT_SMI_CMD);
        out->acpi_enable = data[FADT_ACPI_ENABLE];
    }
    reset_read(data, len, flags, out);
    return ST_OK;
}
