/* SPDX-License-Identifier: BSD-2-Clause */
/* Path walk [VT-d 8.3.1]: start bus, then at each hop the bridge's secondary bus. */
#include "drivers/iommu/vtd/vtd_scope.h"

#include "drivers/pci/pci.h"

#define CFG_HEADER       0x0eu       /* [PCIe 7.5.1] */
#define CFG_HEADER_TYPE  0x7fu
#define CFG_SECONDARY    0x19u
#define CFG_SUBORDINATE  0x1au

/* Buses below a bridge; false when the function is no bridge that firmware numbered. */
static bool buses_below(struct bdf fn, uint8_t *first, uint8_t *last)
{
    if ((pci_cfg_read(fn, CFG_HEADER, 1) & CFG_HEADER_TYPE) != 1)
        return false;
    *first = (uint8_t)pci_cfg_read(fn, CFG_SECONDARY, 1);
    *last = (uint8_t)pci_cfg_read(fn, CFG_SUBORDINATE, 1);
    return *first > fn.bus && *last >= *first;
}

struct vtd_match vtd_scope_resolve(const struct dmar_scope *scope, uint16_t seg)
{
    struct vtd_match m = { .type = scope->type, .id = scope->id };
    uint8_t bus = scope->start_bus, last;
    m.fn = (struct bdf){ seg, bus, scope->path[0] };
    for (unsigned i = 1; i < scope->hops; i++) {
        if (!buses_below(m.fn, &bus, &last))
            return m;
        m.fn = (struct bdf){ seg, bus, scope->path[i] };
    }
    m.found = true;
    if (scope->type == DMAR_BRIDGE && !buses_below(m.fn, &m.sub_first, &m.sub_last))
        m.sub_first = m.sub_last = 0;          /* an unused port: nothing below it */
    return m;
}

bool vtd_scope_covers(const struct vtd_match *match, struct bdf fn)
{
    if (!match->found || match->fn.seg != fn.seg)
        return false;
    if (bdf_eq(match->fn, fn))
        return true;
    return match->sub_first != 0 && fn.bus >= match->sub_first && fn.bus <= match->sub_last;
}
