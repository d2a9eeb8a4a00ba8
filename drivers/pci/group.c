/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Isolation groups from topology and ACS [PCIe 6.12]. Two functions share a group when a
 * request of one can reach the other below the root complex, or when both use one requester id:
 *  - functions of one device, unless each has ACS on;
 *  - what is behind a port without ACS: with each other and with the port; for a switch also
 *    with everything behind the neighbour ports, since the switch may turn requests round;
 *  - everything behind a conventional bridge.
 * Different devices on a root bus count as separate: their requests pass the root complex.
 */
#include "drivers/pci/group.h"

#include "drivers/pci/pci_regs.h"

#define ACS_WANTED   (ACS_SV | ACS_RR | ACS_CR | ACS_UF)

static uint16_t joined[PCI_MAX_FUNCTIONS];   /* union-find, the root is the lowest index */

void group_acs_enable(const struct pci_fn *fn)
{
    if (fn->acs_off == 0)
        return;
    uint32_t cap = pci_cfg_read(fn->bdf, fn->acs_off + ACS_CAP, 2);
    pci_cfg_write(fn->bdf, fn->acs_off + ACS_CTL, 2, cap & (ACS_WANTED | ACS_TB));
}

/* A bit that the capability lacks names a path that the function does not have [PCIe 7.7.11.2]. */
static bool acs_is_on(const struct pci_fn *fn)
{
    if (fn->acs_off == 0)
        return false;
    uint32_t cap = pci_cfg_read(fn->bdf, fn->acs_off + ACS_CAP, 2) & ACS_WANTED;
    return (pci_cfg_read(fn->bdf, fn->acs_off + ACS_CTL, 2) & cap) == cap;
}

static uint16_t find(uint16_t i)
{
    while (joined[i] != i)
        i = joined[i] = joined[joined[i]];
    return i;
}

static void join(uint32_t a, uint32_t b)
{
    uint16_t x = find((uint16_t)a), y = find((uint16_t)b);
    if (x < y)
        joined[y] = x;
    else
        joined[x] = y;
}

static bool is_switch_port(const struct pci_fn *fn, unsigned type)
{
    return fn->info.is_pcie != 0 && fn->info.pcie_type == type;
}

static bool separates(const struct pci_fn *bridge)
{
    if (is_switch_port(bridge, PCIE_T_UPSTREAM))
        return true;                     /* the downstream ports decide */
    return (is_switch_port(bridge, PCIE_T_ROOT_PORT) || is_switch_port(bridge, PCIE_T_DOWNSTREAM)) && acs_is_on(bridge);
}

static void join_pair(uint32_t i, uint32_t k)
{
    const struct pci_fn *a = pci_at(i), *b = pci_at(k);
    if (a->bdf.bus != b->bdf.bus)
        return;
    bool same_device = bdf_dev(a->bdf) == bdf_dev(b->bdf);
    bool turns_round = (is_switch_port(a, PCIE_T_DOWNSTREAM) || is_switch_port(b, PCIE_T_DOWNSTREAM));
    if ((same_device || turns_round) && !(acs_is_on(a) && acs_is_on(b)))
        join(i, k);
}

void group_compute(void)
{
    uint32_t count = pci_count(), groups = 0;
    for (uint32_t i = 0; i < count; i++)
        joined[i] = (uint16_t)i;
    for (uint32_t i = 0; i < count; i++) {
        const struct pci_fn *fn = pci_at(i);
        if (fn->parent != 0 && !separates(pci_at(fn->parent - 1u)))
            join(i, fn->parent - 1u);
        for (uint32_t k = i + 1; k < count; k++)
            join_pair(i, k);
    }
    for (uint32_t i = 0; i < count; i++)
        pci_at(i)->info.group = find((uint16_t)i) == i ? groups++ : pci_at(find((uint16_t)i))->info.group;
}
