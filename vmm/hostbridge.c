/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Host bridge and LPC bridge as constant tables; config mechanism 1 [PCI 3.2.2.3.2]
 * and ECAM [PCIe 7.2.2]. Bus 0 is the only bus.
 */
#include "vmm/hostbridge.h"

#include "vmm/guest_hw.h"

#define CF8_ENABLE   BIT32(31)
#define CF8_BUS      MASK32(23, 16)
#define CF8_DEVFN    MASK32(15, 8)
#define CF8_REG      MASK32(7, 2)
#define CF8_KEPT     (CF8_ENABLE | MASK32(30, 2))
#define CFC          (GHW_CF8 + 4u)
#define ECAM_BUS     MASK32(27, 20)
#define ECAM_DEVFN   MASK32(19, 12)
#define ECAM_REG     MASK32(11, 0)

#define REG_COMMAND  0x04u
#define REG_LINE     0x3cu
#define COMMAND_SET  0x0547u         /* decode, bus master, parity, SERR, INTx disable: kept, no effect */

/* Q35 host bridge and ICH9 LPC bridge, by their public ids. What is not listed reads zero. */
struct fact { uint8_t off; uint32_t value; };
static const struct fact host_facts[] = {
    { 0x00, 0x29c08086 },
    { 0x08, 0x06000002 },            /* class: host bridge */
};
static const struct fact lpc_facts[] = {
    { 0x00, 0x29188086 },
    { 0x04, 0x02000000 },
    { 0x08, 0x06010002 },            /* class: ISA bridge */
    { 0x40, GHW_PM1A_EVT | 1u },     /* PMBASE */
    { 0x44, 0x00000080 },            /* ACPI_CNTL: enabled, SCI = IRQ 9 */
    { 0x60, 0x80808080 },            /* PIRQ A-D: not routed */
    { 0x68, 0x80808080 },            /* PIRQ E-H */
};

void hostbridge_init(struct hostbridge *bridge, struct bus *bus)
{
    memset(bridge, 0, sizeof *bridge);
    bridge->bus = bus;
}

static uint32_t config_dword(const struct hostbridge *bridge, bool lpc, unsigned off)
{
    const struct fact *facts = lpc ? lpc_facts : host_facts;
    size_t count = lpc ? ARRAY_LEN(lpc_facts) : ARRAY_LEN(host_facts);
    uint32_t value = 0;

    for (size_t i = 0; i < count; i++)
        if (facts[i].off == off)
            value = facts[i].value;
    if (off == REG_COMMAND)
        value |= bridge->command[lpc];
    if (off == REG_LINE)
        value |= bridge->line[lpc];
    return value;
}

uint32_t hostbridge_cfg_read(struct hostbridge *bridge, uint8_t devfn, unsigned off, unsigned size)
{
    bool lpc = devfn == LPC_DEVFN;
    uint64_t both = 0;

    if (off >= 0x100)
        return 0;
    both = config_dword(bridge, lpc, off & ~3u);
    if ((off & 3u) + size > 4)
        both |= (uint64_t)config_dword(bridge, lpc, (off & ~3u) + 4) << 32;
    return (uint32_t)(both >> (8 * (off & 3u))) & bus_ones(size);
}

void hostbridge_cfg_write(struct hostbridge *bridge, uint8_t devfn, unsigned off, unsigned size, uint32_t value)
{
    bool lpc = devfn == LPC_DEVFN;

    for (unsigned i = 0; i < size; i++, value >>= 8) {
        uint8_t byte = (uint8_t)value;

        if (off + i == REG_LINE)
            bridge->line[lpc] = byte;
        else if (off + i == REG_COMMAND)
            bridge->command[lpc] = (uint16_t)((bridge->command[lpc] & 0xff00u) | (byte & COMMAND_SET & 0xffu));
        else if (off + i == REG_COMMAND + 1)
            bridge->command[lpc] = (uint16_t)((bridge->command[lpc] & 0x00ffu) |
                                              ((uint32_t)byte << 8 & COMMAND_SET));
    }
}

/* CONFIG_ADDRESS is reached by dwords only; the data ports by any width. */
uint32_t hostbridge_port_in(struct hostbridge *bridge, uint16_t port, unsigned size)
{
    uint32_t address = bridge->address;

    if (port == GHW_CF8 && size == 4)
        return address;
    if (port < CFC || !(address & CF8_ENABLE) || FIELD_GET(CF8_BUS, address) != 0)
        return bus_ones(size);
    return bus_cfg_read(bridge->bus, (uint8_t)FIELD_GET(CF8_DEVFN, address),
                        (unsigned)(address & CF8_REG) + (port & 3u), size);
}

void hostbridge_port_out(struct hostbridge *bridge, uint16_t port, unsigned size, uint32_t value)
{
    uint32_t address = bridge->address;

    if (port == GHW_CF8 && size == 4) {
        bridge->address = value & CF8_KEPT;
        return;
    }
    if (port < CFC || !(address & CF8_ENABLE) || FIELD_GET(CF8_BUS, address) != 0)
        return;
    bus_cfg_write(bridge->bus, (uint8_t)FIELD_GET(CF8_DEVFN, address),
                  (unsigned)(address & CF8_REG) + (port & 3u), size, value);
}

/* At most four bytes go to one function's registers at a time. */
uint64_t hostbridge_ecam_read(struct hostbridge *bridge, uint32_t off, unsigned size)
{
    uint8_t devfn = (uint8_t)FIELD_GET(ECAM_DEVFN, off);
    unsigned reg = (unsigned)(off & ECAM_REG);
    uint64_t low, high;

    if (off & ECAM_BUS)
        return ~UINT64_C(0);
    if (size <= 4)
        return bus_cfg_read(bridge->bus, devfn, reg, size);
    low = bus_cfg_read(bridge->bus, devfn, reg, 4);
    high = bus_cfg_read(bridge->bus, devfn, reg + 4, 4);
    return high << 32 | low;
}

void hostbridge_ecam_write(struct hostbridge *bridge, uint32_t off, unsigned size, uint64_t value)
{
    uint8_t devfn = (uint8_t)FIELD_GET(ECAM_DEVFN, off);
    unsigned reg = (unsigned)(off & ECAM_REG);

    if (off & ECAM_BUS)
        return;
    bus_cfg_write(bridge->bus, devfn, reg, MIN(size, 4u), (uint32_t)value);
    if (size > 4)
        bus_cfg_write(bridge->bus, devfn, reg + 4, 4, (uint32_t)(value >> 32));
}
