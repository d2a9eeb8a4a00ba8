/* SPDX-License-Identifier: BSD-2-Clause */
/* Config space by memory window (ECAM) or by ports CF8h/CFCh. Any CPU; the port pair has a lock. */
#include "drivers/pci/scan.h"

#include "kernel/log/console.h"
#include "kernel/mm/kmap.h"

#define PORT_ADDRESS    0xcf8u
#define PORT_DATA       0xcfcu
#define   ADDRESS_ENABLE  BIT32(31)
#define BUS_WINDOW      0x100000u

static const struct boot_ecam *window, *window_end;   /* const after ecam_init; none: ports only */
static uintptr_t bus_map[256];           /* const after the scan; 0 = ports */
static struct spinlock port_lock;

/* Where the register is in memory, 0 = behind the ports. */
static uintptr_t window_at(struct bdf fn, unsigned off, unsigned size)
{
    KASSERT((size == 1 || size == 2 || size == 4) && off % size == 0 && off < CFG_EXT_SIZE && fn.seg == 0);
    return ecam_covers(fn.bus) ? bus_map[fn.bus] + ((uintptr_t)fn.devfn << 12) + off : 0;
}

/* Selects the dword; the lock is held until the data port was used. */
static uint16_t port_select(struct bdf fn, unsigned off)
{
    spin_lock(&port_lock);
    hw_out32(PORT_ADDRESS, ADDRESS_ENABLE | (uint32_t)bdf_rid(fn) << 8 | (off & 0xfc));
    return (uint16_t)(PORT_DATA + (off & 3));
}

uint32_t pci_cfg_read(struct bdf fn, unsigned off, unsigned size)
{
    uintptr_t at = window_at(fn, off, size);
    if (at != 0)
        return (uint32_t)hw_mmio_rd(at, size);
    if (off >= CFG_SIZE)
        return MASK32(8 * size - 1, 0);
    uint16_t data = port_select(fn, off);
    uint32_t value = hw_in(data, size);
    spin_unlock(&port_lock);
    return value;
}

void pci_wr(const struct pci_fn *fn, unsigned off, unsigned size, uint32_t value)
{
    uintptr_t at = window_at(fn->bdf, off, size);
    if (at != 0) {
        hw_mmio_wr(at, size, value);
    } else if (off < CFG_SIZE) {
        hw_out(port_select(fn->bdf, off), size, value);
        spin_unlock(&port_lock);
    }
}

void ecam_open_bus(uint8_t bus)
{
    const struct boot_ecam *w = window;
    while (w < window_end && (w->segment != 0 || bus < w->first_bus || bus > w->last_bus))
        w++;
    if (bus_map[bus] != 0 || w == window_end)
        return;
    bus_map[bus] = (uintptr_t)kmap_mmio((hpa_t){ w->base + ((uint64_t)bus << 20) }, BUS_WINDOW);
    if (bus_map[bus] == 0)
        log_line("pci: bus %02x: ECAM window cannot be mapped, ports used", bus);
}

bool ecam_covers(uint8_t bus) { return bus_map[bus] != 0; }

void ecam_init(const struct bootinfo *bi)
{
    struct bdf host = bdf_make(0, 0, 0);
    memset(bus_map, 0, sizeof bus_map);
    uint32_t by_port = pci_cfg_read(host, CFG_VENDOR, 4);
    window = bi->ecam;
    window_end = window + bi->ecams;
    ecam_open_bus(0);
    /* A window that shows another host bridge than the ports do is not where firmware says. */
    if (bus_map[0] != 0 && pci_cfg_read(host, CFG_VENDOR, 4) == by_port)
        return;
    log_line(bi->ecams == 0 ? "pci: no ECAM window, extended config space is not used"
                            : "pci: ECAM window disagrees with ports CF8/CFC: not used");
    window_end = window;
    bus_map[0] = 0;
}
