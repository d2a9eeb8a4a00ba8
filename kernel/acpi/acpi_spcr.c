/* SPDX-License-Identifier: BSD-2-Clause */
/* SPCR: the console UART, only where it is a 16550 in I/O space. Pure. */
#include "kernel/acpi/acpi_spcr.h"

#include "kernel/acpi/acpi_bytes.h"

/* [SPCR 2.1] */
#define SPCR_INTERFACE   36u
#define   SPCR_16550       0x00u
#define   SPCR_16450       0x01u         /* register-compatible */
#define   SPCR_16550_GAS   0x12u
#define SPCR_GAS         40u
#define SPCR_GAS_ADDRESS 44u
#define SPCR_IRQ_TYPE    52u
#define   SPCR_IRQ_8259    0x1u
#define   SPCR_IRQ_IOAPIC  0x2u
#define SPCR_IRQ         53u
#define SPCR_GSI         54u
#define SPCR_BAUD        58u
#define SPCR_MIN_LEN     59u

static uint32_t baud_of(uint8_t code)
{
    switch (code) {
    case 3:  return 9600;
    case 4:  return 19200;
    case 6:  return 57600;
    case 7:  return 115200;
    default: return 0;
    }
}

status_t acpi_spcr_parse(const uint8_t *data, size_t mapped, struct acpi_spcr *out)
{
    memset(out, 0, sizeof *out);
    uint32_t len = acpi_table_len(data, mapped);
    if (len < SPCR_MIN_LEN || !acpi_sig_is(data, "SPCR"))
        return ST_CORRUPT;
    uint64_t address = acpi_rd64(data + SPCR_GAS_ADDRESS);
    uint8_t interface = data[SPCR_INTERFACE];
    if (address == 0)
        return ST_NOTFOUND;
    bool is_16550 = interface == SPCR_16550 || interface == SPCR_16450 || interface == SPCR_16550_GAS;
    if (!is_16550 || data[SPCR_GAS] != ACPI_SPACE_IO || address > 0xfff8)
        return ST_UNSUPP;
    out->port = (uint16_t)address;
    out->baud = baud_of(data[SPCR_BAUD]);
    if ((data[SPCR_IRQ_TYPE] & SPCR_IRQ_IOAPIC) != 0)
        out->gsi = acpi_rd32(data + SPCR_GSI);
    if ((data[SPCR_IRQ_TYPE] & SPCR_IRQ_8259) != 0 && data[SPCR_IRQ] < 16)
        out->isa_irq = data[SPCR_IRQ];
    return ST_OK;
}
