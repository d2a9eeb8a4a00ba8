/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d units of the machine: from DMAR to a list of units, and the questions about scopes,
 * reserved regions and I/O APICs. Everything here is const after vtd_list.
 */
#include "drivers/iommu/vtd/vtd.h"

#include "drivers/pci/pci.h"

struct vtd_unit vtd_unit[IOMMU_UNITS];
static struct dmar dmar;

bool vtd_platform_has_ir(void) { return (dmar.flags & DMAR_INTR_REMAP) != 0; }

/* Path walk [VT-d 8.3.1]: start bus, then at each hop the bridge's secondary bus; the scan read and judged it. */
static bool follow(struct dmar_scope *s)
{
    const struct pci_fn *at = NULL;
    s->fn.bus = s->start_bus;
    for (unsigned i = 0; i < s->hops; i++) {
        if (i > 0 && (!at || at->info.secondary == 0))
            return false;
        if (i > 0)
            s->fn.bus = at->info.secondary;
        s->fn.devfn = s->path[i];
        at = pci_find(s->fn);
    }
    if (s->type == DMAR_BRIDGE && at) {                 /* an unused port: nothing below it */
        s->sub_first = at->info.secondary;
        s->sub_last = (uint8_t)(at->header[CFG_BUSES / 4] >> 16);
    }
    return true;
}

static bool span_covers(struct dmar_span span, struct bdf fn)
{
    for (const struct dmar_scope *s = dmar.scope + span.first; s < dmar.scope + span.end; s++)
        if (s->found && s->fn.seg == fn.seg &&
            (bdf_eq(s->fn, fn) || (s->sub_first != 0 && fn.bus >= s->sub_first && fn.bus <= s->sub_last)))
            return true;
    return false;
}

/* A unit that names the source goes before the one that takes the rest; should
 * several say that they take the rest, one that is not on goes first. */
struct iommu_unit *vtd_covering(struct bdf src, uint16_t *rid)
{
    struct iommu_unit *found = NULL;
    *rid = bdf_rid(src);
    for (struct vtd_unit *u = vtd_unit; u < vtd_unit + iommu_units; u++) {
        if (span_covers(u->fw->scopes, src))
            return &u->core;
        if (u->fw->include_all && u->core.seg == src.seg && (!found || u->core.status != ST_OK))
            found = &u->core;
    }
    return found;
}

status_t vtd_list(const uint8_t *table, size_t len)
{
    memset(vtd_unit, 0, sizeof vtd_unit);
    TRY(dmar_parse(table, len, &dmar));
    iommu_log_notes("DMAR", &dmar.notes);
    for (iommu_units = 0; iommu_units < dmar.units; iommu_units++) {
        const struct dmar_unit *fw = &dmar.unit[iommu_units];
        struct vtd_unit *u = &vtd_unit[iommu_units];
        *u = (struct vtd_unit){ .fw = fw, .core = { .base = fw->base, .seg = fw->seg, .broken = fw->broken } };
        iommu_unit[iommu_units] = &u->core;
    }
    for (struct dmar_scope *s = dmar.scope; s < dmar.scope + dmar.scopes; s++) {
        s->found = follow(s);
        if (!s->found)
            log_line("iommu: DMAR scope %u from bus %02x: the path of %u hops leads nowhere, dropped",
                     (unsigned)(s - dmar.scope), s->start_bus, s->hops);
    }
    return dmar.lost;
}

bool vtd_reserved(struct bdf fn, uint32_t nth, struct iommu_region *out)
{
    for (const struct dmar_region *r = dmar.region; r < dmar.region + dmar.regions; r++)
        if (span_covers(r->scopes, fn) && nth-- == 0) {
            *out = (struct iommu_region){ r->base, r->len, PT_R | PT_W };
            return true;
        }
    return false;
}

status_t vtd_ioapic(uint8_t id, struct bdf *src)
{
    for (const struct dmar_scope *s = dmar.scope; s < dmar.scope + dmar.scopes; s++)
        if (s->found && s->type == DMAR_IOAPIC && s->id == id) {
            *src = s->fn;
            return ST_OK;
        }
    return ST_NOTFOUND;
}

void vtd_info(const struct vtd_unit *u, struct info_iommu *out)
{
    uint64_t sagaw = FIELD_GET(CAP_SAGAW, u->cap);
    uint32_t table_bits = sagaw & 8 ? 57 : sagaw & 4 ? 48 : sagaw & 2 ? 39 : 0;
    out->translation = (u->gcmd & GCMD_TE) != 0;
    out->ir = (u->gcmd & GCMD_IRE) != 0;
    out->domains = VTD_DOMAINS(u->cap);
    out->address_bits = MIN(table_bits, (uint32_t)FIELD_GET(CAP_MGAW, u->cap) + 1);
    out->page_sizes = 1u | (uint32_t)(FIELD_GET(CAP_SLLPS, u->cap) & 3) << 1;
}
