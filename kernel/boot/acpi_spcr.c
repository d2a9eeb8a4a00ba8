/* SPDX-License-Identifier: BSD-2-Clause */
/* SPCR: the console UART, only where it is a 16550 in I/O space. Pure. */
#include "kernel/boot/acpi_bytes.h"
#include "kernel/boot/acpi_tables.h"

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

#define COM1             0x3f8u
#define DEFAULT_BAUD     115200u

static uint32_t baud_of(uint8_t code)
{
    switch (code) {
    case 3:  return 9600;
    case 4:  return 19200;
    case 6:  return 57600;
    default: return DEFAULT_BAUD;            /* also "as it is": what a firmware that speaks uses */
    }
}

/* ISA lines by the ports that PCs have used since 1984; 0 = not one of them. */
static uint8_t isa_line_of(uint16_t port)
{
    switch (port) {
    case 0x3f8:
    case 0x3e8: return 4;
    case 0x2f8:
    case 0x2e8: return 3;
    default: return 0;
    }
}

/* The SPCR names a UART that the kernel can drive. */
static bool is_usable(const uint8_t *data, size_t size)
{
    uint64_t address;
    if (!data || acpi_table_len(data, size, "SPCR") < SPCR_MIN_LEN)
        return false;
    address = acpi_rd64(data + SPCR_GAS_ADDRESS);
    switch (data[SPCR_INTERFACE]) {
    case SPCR_16550:
    case SPCR_16450:
    case SPCR_16550_GAS: return data[SPCR_GAS] == ACPI_SPACE_IO && address != 0 && address <= 0xfff8;
    default: return false;
    }
}

bool acpi_spcr_read(struct bootinfo *info, const uint8_t *data, size_t size, const struct acpi_isa isa[ISA_LINES])
{
    bool told = is_usable(data, size);
    uint32_t gsi = 0;
    uint8_t line;
    info->console_port = told ? acpi_rd16(data + SPCR_GAS_ADDRESS) : COM1;
    info->console_baud = told ? baud_of(data[SPCR_BAUD]) : DEFAULT_BAUD;
    line = isa_line_of(info->console_port);
    if (told && (data[SPCR_IRQ_TYPE] & SPCR_IRQ_8259) != 0 && data[SPCR_IRQ] != 0 && data[SPCR_IRQ] < ISA_LINES)
        line = data[SPCR_IRQ];
    if (told && (data[SPCR_IRQ_TYPE] & SPCR_IRQ_IOAPIC) != 0)
        gsi = acpi_rd32(data + SPCR_GSI);
    if (line != 0) {
        info->console_gsi = isa[line].gsi;
        info->console_level = isa[line].level;
        info->console_low = isa[line].active_low;
    } else {                                 /* not an ISA line: the GSI of a PCI UART, level and low */
        info->console_gsi = gsi != 0 ? gsi : ~0u;
        info->console_level = info->console_low = 1;
    }
    return told;
}
