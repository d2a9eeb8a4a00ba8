/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Isolation groups from topology and ACS [PCIe 6.12]. Two functions share a group when a
 * request of one can reach the other below the root complex, or when both use one requester id:
 *  - functions of one device, unless each has ACS on;
 *  - what is behind a port without ACS, on the way to the root complex: with each other and with the port; for a
 *    switch also with everything behind the neighbour ports, since the switch may turn requests round;
 *  - everything behind a conventional bridge;
 *  - what is on a bus, when only a reset of the bus resets one of them.
 * Different devices on a root bus count as separate: their requests pass the root complex.
 */
#include "drivers/pci/scan.h"

/* The port sends what comes from below to the root complex, and so does each port on the way there. For the upstream
 * port of a switch its downstream ports decide. */
static bool separates(const struct pci_fn *bridge)
{
    for (;; bridge -= bridge->info.up) {
        const unsigned type = bridge->info.pcie_type;
        if (type != PCIE_T_UPSTREAM && !((type == PCIE_T_ROOT_PORT || type == PCIE_T_DOWNSTREAM) && bridge->info.acs))
            return false;
        if (bridge->info.up == 0)
            return true;
    }
}

/* A bridge stands before what is behind it in the list. Below one, a bus is one device (with ARI its function numbers
 * look like devices), the ports of one switch, or conventional. */
static bool are_joined(uint32_t first, uint32_t second)
{
    const struct pci_fn *a = pci_at(first), *b = pci_at(second);
    if (b->info.up == second - first)
        return !separates(a);
    bool apart = a->info.acs && b->info.acs && a->info.flr != PCI_RESET_BUS && b->info.flr != PCI_RESET_BUS;
    return a->bdf.bus == b->bdf.bus && (a->info.up != 0 || bdf_dev(a->bdf) == bdf_dev(b->bdf)) && !apart;
}

static void relabel(uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < pci_count(); i++)
        if (pci_at(i)->info.group == from)
            pci_at(i)->info.group = to;
}

/* Only functions that are nobody's part of the machine are on its bus, and no other one that may be the screen;
 * `together`: all of its group. */
static bool bus_resets(const struct pci_fn *fn, bool together)
{
    for (uint32_t i = 0; i < pci_count(); i++) {
        const struct pci_fn *peer = pci_at(i);
        const bool needed = (peer->info.refusals & BIT32(ST_UNSUPP)) != 0 ||
                            (peer != fn && peer->info.class_rev >> 24 == CLASS_DISPLAY);
        if (peer->bdf.bus == fn->bdf.bus && (needed || (together && peer->info.group != fn->info.group)))
            return false;
    }
    return fn->info.up != 0;
}

static void offer_bus_resets(bool together)
{
    for (uint32_t i = 0; i < pci_count(); i++)
        if ((together || pci_at(i)->info.flr == 0) && bus_resets(pci_at(i), together))
            pci_at(i)->info.flr |= PCI_RESET_BUS;
}

/* Groups are named by their first member, and numbered in that order in the end. */
void group_compute(void)
{
    uint32_t count = pci_count(), groups = 0;
    offer_bus_resets(false);
    for (uint32_t i = 0; i < count; i++)
        pci_at(i)->info.group = i;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = i + 1; k < count; k++) {
            uint32_t a = pci_at(i)->info.group, b = pci_at(k)->info.group;
            if (a != b && are_joined(i, k))
                relabel(MAX(a, b), MIN(a, b));
        }
    for (uint32_t i = 0; i < count; i++)
        if (pci_at(i)->info.group == i)
            relabel(i, groups++);
    offer_bus_resets(true);
}
