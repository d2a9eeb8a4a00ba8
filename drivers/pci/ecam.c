/* SPDX-License-Identifier: BSD-2-Clause */
/* Config space by memory window (ECAM) or by ports CF8h/CFCh. Any CPU; the port pair has a lock. */
#include "drivers/pci/ecam.h"

#include "drivers/pci/pci_regs.h"
#include "kernel/acpi/acpi.h"
#include "kernel/acpi/acpi_mcfg.h"
#include "kernel/log/console.h"
#include "kernel/mm/kmap.h"

#define PORT_ADDRESS    0xcf8u
#define PORT_DATA       0xcfcu
#define   ADDRESS_ENABLE  BIT32(31)
#define BUS_WINDOW      0x100000u

static struct acpi_mcfg mcfg;            /* const after ecam_init */
static bool have_ecam;                   /* const after ecam_init */
static uintptr_t bus_map[256];           /* const after the scan; 0 = ports */
static struct spinlock port_lock;

static uint32_t port_read(struct bdf fn, unsigned off, unsigned size)
{
    uint16_t data = (uint16_t)(PORT_DATA + (off & 3));
    uint32_t value;
    spin_lock(&port_lock);
    hw_out32(PORT_ADDRESS, ADDRESS_ENABLE | (uint32_t)bdf_rid(fn) << 8 | (off & 0xfc));
    value = size == 4 ? hw_in32(data) : size == 2 ? hw_in16(data) : hw_in8(data);
    spin_unlock(&port_lock);
    return value;
}

static void port_write(struct bdf fn, unsigned off, unsigned size, uint32_t value)
{
    uint16_t data = (uint16_t)(PORT_DATA + (off & 3));
    spin_lock(&port_lock);
    hw_out32(PORT_ADDRESS, ADDRESS_ENABLE | (uint32_t)bdf_rid(fn) << 8 | (off & 0xfc));
    if (size == 4)
        hw_out32(data, value);
    else if (size == 2)
        hw_out16(data, (uint16_t)value);
    else
        hw_out8(data, (uint8_t)value);
    spin_unlock(&port_lock);
}

static uintptr_t window_at(struct bdf fn, unsigned off) { return bus_map[fn.bus] + ((uintptr_t)fn.devfn << 12) + off; }

static bool access_is_legal(unsigned off, unsigned size)
{
    return (size == 1 || size == 2 || size == 4) && off % size == 0 && off < CFG_EXT_SIZE;
}

uint32_t pci_cfg_read(struct bdf fn, unsigned off, unsigned size)
{
    KASSERT(access_is_legal(off, size));
    uint32_t ones = size == 4 ? ~0u : (1u << 8 * size) - 1;
    if (fn.seg != 0)
        return ones;
    if (bus_map[fn.bus] == 0)
        return off < CFG_SIZE ? port_read(fn, off, size) : ones;
    uintptr_t at = window_at(fn, off);
    return size == 4 ? hw_mmio_rd32(at) : size == 2 ? hw_mmio_rd16(at) : hw_mmio_rd8(at);
}

void pci_cfg_write(struct bdf fn, unsigned off, unsigned size, uint32_t value)
{
    KASSERT(access_is_legal(off, size));
    if (fn.seg != 0)
        return;
    if (bus_map[fn.bus] == 0) {
        if (off < CFG_SIZE)
            port_write(fn, off, size, value);
        return;
    }
    uintptr_t at = window_at(fn, off);
    if (size == 4)
        hw_mmio_wr32(at, value);
    else if (size == 2)
        hw_mmio_wr16(at, (uint16_t)value);
    else
        hw_mmio_wr8(at, (uint8_t)value);
}

void ecam_open_bus(uint8_t bus)
{
    struct mcfg_segment seg;
    if (!have_ecam || bus_map[bus] != 0 || !acpi_mcfg_find(&mcfg, 0, bus, &seg))
        return;
    bus_map[bus] = (uintptr_t)kmap_mmio(hpa_add(seg.base, (uint64_t)bus << 20), BUS_WINDOW);
    if (bus_map[bus] == 0)
        log_line("pci: bus %02x: ECAM window cannot be mapped, ports used", bus);
}

bool ecam_covers(struct bdf fn) { return fn.seg == 0 && bus_map[fn.bus] != 0; }

void ecam_init(void)
{
    struct acpi_table table;
    have_ecam = false;
    memset(bus_map, 0, sizeof bus_map);
    if (acpi_find("MCFG", 0, &table) != ST_OK || acpi_mcfg_parse(table.data, table.len, &mcfg) != ST_OK) {
        log_line("pci: no ECAM window, extended config space is not used");
        return;
    }
    /* A window that shows another host bridge than the ports do is not where firmware says. */
    struct bdf host = bdf_make(0, 0, 0);
    uint32_t by_port = port_read(host, CFG_VENDOR, 4);
    have_ecam = true;
    ecam_open_bus(0);
    if (bus_map[0] == 0 || pci_cfg_read(host, CFG_VENDOR, 4) != by_port) {
        log_line("pci: ECAM window disagrees with ports CF8/CFC: not used");
        have_ecam = false;
        bus_map[0] = 0;
    }
}

bool pci_has_ecam(void) { return have_ecam; }
