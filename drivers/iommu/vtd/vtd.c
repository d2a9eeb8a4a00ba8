/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d units of the machine: from DMAR to units that are on, and the
 * questions about scopes, reserved regions and I/O APICs. Everything here is
 * const after vtd_init.
 */
#include "drivers/iommu/vtd/vtd.h"

#include "drivers/pci/pci.h"

struct vtd_unit vtd_unit[IOMMU_UNITS];
uint32_t vtd_units;
bool vtd_ready;
static struct dmar dmar;

bool iommu_has_ir(void) { return vtd_ready; }

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
struct vtd_unit *vtd_unit_of(struct bdf src)
{
    struct vtd_unit *found = NULL;
    for (struct vtd_unit *u = vtd_unit; vtd_ready && u < vtd_unit + vtd_units; u++) {
        if (span_covers(u->fw->scopes, src)) {
            found = u;
            break;
        }
        if (u->fw->include_all && u->fw->seg == src.seg && (!found || u->status != ST_OK))
            found = u;
    }
    return found && found->status == ST_OK ? found : NULL;
}

uint32_t iommu_unit_of(struct bdf fn)
{
    const struct vtd_unit *u = vtd_unit_of(fn);
    return u ? u->index : ~0u;
}

/* Starts all, also after a failure: the more is blocked the better. Returns the one that refuses the machine, or
 * NULL. A unit whose entry is broken costs its own devices only, as its scope says which they are. */
static const struct vtd_unit *start_all(void)
{
    const struct vtd_unit *bad = NULL;
    bool any = false;
    for (struct vtd_unit *u = vtd_unit; u < vtd_unit + vtd_units; u++) {
        u->status = vtd_unit_start(u, (dmar.flags & DMAR_INTR_REMAP) != 0);
        any |= u->status == ST_OK;
        if (u->status != ST_OK && (!bad || bad->fw->broken))
            bad = u;
    }
    return bad && (!bad->fw->broken || !any) ? bad : NULL;
}

status_t vtd_init(const uint8_t *table, size_t len, char reason[96])
{
    vtd_ready = false;
    memset(vtd_unit, 0, sizeof vtd_unit);
    if (dmar_parse(table, len, &dmar) != ST_OK)
        return iommu_refuse(reason, ST_CORRUPT, "DMAR is too short or its length is wrong");
    iommu_log_notes("DMAR", &dmar.notes);
    for (vtd_units = 0; vtd_units < dmar.units; vtd_units++) {
        vtd_unit[vtd_units].fw = &dmar.unit[vtd_units];
        vtd_unit[vtd_units].index = vtd_units;
    }
    for (struct dmar_scope *s = dmar.scope; s < dmar.scope + dmar.scopes; s++) {
        s->found = follow(s);
        if (!s->found)
            log_line("iommu: DMAR scope %u from bus %02x: the path of %u hops leads nowhere, dropped",
                     (unsigned)(s - dmar.scope), s->start_bus, s->hops);
    }
    const struct vtd_unit *bad = start_all();
    if (dmar.lost != ST_OK)
        return iommu_refuse(reason, dmar.lost, dmar.lost == ST_UNSUPP
                            ? "DMAR lists more VT-d units than this build drives"
                            : "DMAR is broken where it lists units: one may be hidden and stay off");
    if (vtd_units == 0)
        return iommu_refuse(reason, ST_ABSENT, "DMAR lists no VT-d unit");
    if (bad)
        return iommu_refuse(reason, bad->status, bad->reason);
    vtd_ready = true;
    vtd_dom_setup();
    /* Context tables for the buses that exist, so that attach and the fault handler need no memory later. */
    for (uint32_t i = 0; i < pci_count(); i++) {
        struct vtd_unit *u = vtd_unit_of(pci_at(i)->bdf);
        if (u && vtd_ctx_table(u, pci_at(i)->bdf.bus) != ST_OK)
            log_line("iommu: no context table for bus %02x yet", pci_at(i)->bdf.bus);
    }
    return ST_OK;
}

bool iommu_reserved(struct bdf fn, uint32_t nth, uint64_t *base, uint64_t *len)
{
    for (const struct dmar_region *r = dmar.region; r < dmar.region + dmar.regions; r++)
        if (span_covers(r->scopes, fn) && nth-- == 0) {
            *base = r->base;
            *len = r->len;
            return true;
        }
    return false;
}

status_t iommu_ioapic_source(uint8_t ioapic_id, struct bdf *src)
{
    for (const struct dmar_scope *s = dmar.scope; s < dmar.scope + dmar.scopes; s++)
        if (s->found && s->type == DMAR_IOAPIC && s->id == ioapic_id) {
            *src = s->fn;
            return ST_OK;
        }
    return ST_NOTFOUND;
}

bool iommu_unit_info(uint32_t unit, struct info_iommu *out)
{
    if (unit >= vtd_units)
        return false;
    const struct vtd_unit *u = &vtd_unit[unit];
    uint64_t sagaw = FIELD_GET(CAP_SAGAW, u->cap);
    uint32_t table_bits = sagaw & 8 ? 57 : sagaw & 4 ? 48 : sagaw & 2 ? 39 : 0;
    *out = (struct info_iommu){
        .base = u->fw->base, .faults = u->faults, .status = u->dead ? ST_TIMEOUT : u->status,
        .translation = (u->gcmd & GCMD_TE) != 0, .ir = (u->gcmd & GCMD_IRE) != 0, .domains = VTD_DOMAINS(u->cap),
        .address_bits = MIN(table_bits, (uint32_t)FIELD_GET(CAP_MGAW, u->cap) + 1),
        .page_sizes = 1u | (uint32_t)(FIELD_GET(CAP_SLLPS, u->cap) & 3) << 1,
    };
    str_copy(out->reason, sizeof out->reason, u->reason);
    return true;
}
