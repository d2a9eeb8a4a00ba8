/* SPDX-License-Identifier: BSD-2-Clause */
/* The command register: making a function silent, opening the bridges above it. */
#include "drivers/pci/pci.h"

#include "drivers/pci/pci_regs.h"

/* Clears and sets bits and proves it. Lock held, or boot. */
static MUST_USE status_t command_change(struct bdf bdf, uint32_t clear, uint32_t set)
{
    uint32_t old = pci_cfg_read(bdf, CFG_COMMAND, 2);
    if (old == 0xffff)
        return ST_ABSENT;
    pci_cfg_write(bdf, CFG_COMMAND, 2, (old & ~clear) | set);
    uint32_t now = pci_cfg_read(bdf, CFG_COMMAND, 2);
    if (now == 0xffff)
        return ST_ABSENT;
    return (now & clear) == 0 && (now & set) == set ? ST_OK : ST_HW;
}

status_t pci_bus_master_off(struct pci_fn *fn)
{
    spin_lock(&fn->lock);
    status_t st = command_change(fn->bdf, CMD_BUS_MASTER, 0);
    spin_unlock(&fn->lock);
    return st;
}

status_t pci_quiesce(struct pci_fn *fn)
{
    spin_lock(&fn->lock);
    status_t st = command_change(fn->bdf, CMD_BUS_MASTER | CMD_MEMORY | CMD_IO, 0);
    if (st == ST_OK) {                   /* INTx disable may be hardwired to zero: not proven */
        uint32_t now = pci_cfg_read(fn->bdf, CFG_COMMAND, 2);
        pci_cfg_write(fn->bdf, CFG_COMMAND, 2, now | CMD_INTX_OFF);
    }
    spin_unlock(&fn->lock);
    return st;
}

status_t pci_open_path(const struct pci_fn *fn)
{
    for (uint16_t up = fn->parent; up != 0; ) {
        struct pci_fn *bridge = pci_at(up - 1u);
        KASSERT(bridge != NULL);
        spin_lock(&bridge->lock);
        status_t st = command_change(bridge->bdf, 0, CMD_MEMORY | CMD_BUS_MASTER);
        spin_unlock(&bridge->lock);
        if (st != ST_OK)
            return st;
        up = bridge->parent;
    }
    return ST_OK;
}
