/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-d units of the machine: from DMAR to units that are on, and the
 * questions about scopes, reserved regions and I/O APICs. Everything here is
 * const after vtd_init.
 */
#include "drivers/iommu/vtd/vtd.h"

#include "drivers/iommu/vtd/dmar.h"
#include "drivers/iommu/vtd/vtd_scope.h"
#include "drivers/iommu/vtd/vtd_unit.h"
#include "drivers/pci/pci.h"
#include "kernel/config.h"
#include "kernel/lib/fmt.h"
#include "kernel/log/console.h"

static struct dmar dmar;
static struct vtd_match match[DMAR_SCOPES];       /* beside dmar.scope */
static struct vtd_unit units[IOMMU_UNITS];
static uint32_t unit_count;
static bool ready;                                /* every unit is on */

struct vtd_unit *vtd_unit_at(uint32_t index) { return index < unit_count ? &units[index] : NULL; }
uint32_t vtd_unit_count(void) { return unit_count; }
bool vtd_has_ir(void) { return ready; }

static void log_notes(void)
{
    for (uint32_t i = 0; i < MIN(dmar.notes, DMAR_NOTES); i++)
        log_line("iommu: DMAR offset %u, entry type %u: %s", dmar.note[i].offset, dmar.note[i].type,
                 dmar_note_text(dmar.note[i].what));
    if (dmar.notes > DMAR_NOTES)
        log_line("iommu: DMAR: %u more such lines", dmar.notes - DMAR_NOTES);
    log_line("iommu: DMAR: %u units, %u reserved regions, %u scopes, %u-bit addresses, flags %x", dmar.units,
             dmar.regions, dmar.scopes, dmar.address_bits, dmar.flags);
}

static void resolve(const struct dmar_span *span, uint16_t seg)
{
    for (uint32_t i = span->first; i < (uint32_t)span->first + span->count; i++) {
        match[i] = vtd_scope_resolve(&dmar.scope[i], seg);
        if (!match[i].found)
            log_line("iommu: DMAR scope %u from bus %02x: the path of %u hops leads nowhere, dropped", i,
                     dmar.scope[i].start_bus, dmar.scope[i].hops);
    }
}

static void resolve_all(void)
{
    for (uint32_t i = 0; i < dmar.units; i++)
        resolve(&dmar.unit[i].scopes, dmar.unit[i].seg);
    for (uint32_t i = 0; i < dmar.regions; i++)
        resolve(&dmar.region[i].scopes, dmar.region[i].seg);
}

static bool span_covers(const struct dmar_span *span, struct bdf fn)
{
    for (uint32_t i = span->first; i < (uint32_t)span->first + span->count; i++)
        if (vtd_scope_covers(&match[i], fn))
            return true;
    return false;
}

/* A unit that names the source goes before the one that takes the rest; should
 * several say that they take the rest, one that is not on goes first. */
static struct vtd_unit *find_unit(struct bdf fn)
{
    struct vtd_unit *rest = NULL;
    for (uint32_t i = 0; i < unit_count; i++)
        if (span_covers(&units[i].scopes, fn))
            return &units[i];
    for (uint32_t i = 0; i < unit_count; i++)
        if (units[i].include_all && units[i].seg == fn.seg && (!rest || units[i].status != ST_OK))
            rest = &units[i];
    return rest;
}

struct vtd_unit *vtd_unit_of_source(struct bdf src)
{
    struct vtd_unit *u = ready ? find_unit(src) : NULL;
    return u && u->status == ST_OK ? u : NULL;
}

status_t vtd_unit_index(struct bdf fn, uint32_t *unit)
{
    struct vtd_unit *u = vtd_unit_of_source(fn);
    if (!u)
        return ST_NOIOMMU;
    *unit = u->index;
    return ST_OK;
}

static void add_unit(const struct dmar_unit *from)
{
    struct vtd_unit *u = &units[unit_count];
    memset(u, 0, sizeof *u);
    u->index = unit_count++;
    u->base = from->base;
    u->seg = from->seg;
    u->include_all = from->include_all;
    u->scopes = from->scopes;
    u->status = ST_NOIOMMU;
    if (from->broken)
        vtd_unit_fail(u, ST_CORRUPT, "firmware's entry for it is broken; its devices are refused");
}

/* Starts all, also after a failure: the more is blocked the better. A unit whose
 * entry is broken costs its own devices only, as its scope says which they are. */
static status_t start_all(char reason[96])
{
    status_t st = ST_OK;
    uint32_t broken = 0;
    for (uint32_t i = 0; i < unit_count; i++) {
        struct vtd_unit *u = &units[i];
        if (u->status == ST_CORRUPT) {
            if (++broken == unit_count) {
                str_copy(reason, 96, u->reason);
                return ST_CORRUPT;
            }
            continue;
        }
        status_t one = vtd_unit_start(u, (dmar.flags & DMAR_INTR_REMAP) != 0);
        if (one != ST_OK && st == ST_OK) {
            st = one;
            str_copy(reason, 96, u->reason);
        }
    }
    return st;
}

static status_t refuse(char reason[96], status_t st, const char *why)
{
    str_copy(reason, 96, why);
    log_line("iommu: %s", why);
    return st;
}

/* Context tables for the buses that exist, so that attach and the fault handler
 * need no memory later. */
static void prepare_buses(void)
{
    for (uint32_t i = 0; i < pci_count(); i++) {
        const struct pci_fn *fn = pci_at(i);
        struct vtd_unit *u = fn ? find_unit(fn->bdf) : NULL;
        if (!u || u->status != ST_OK)
            continue;
        spin_lock(&u->lock);
        if (vtd_ctx_table(u, fn->bdf.bus) != ST_OK)
            log_line("iommu: no context table for bus %02x yet", fn->bdf.bus);
        spin_unlock(&u->lock);
    }
}

status_t vtd_init(const struct acpi_table *table, char reason[96])
{
    ready = false;
    unit_count = 0;
    reason[0] = 0;
    if (dmar_parse(table->data, table->len, &dmar) != ST_OK)
        return refuse(reason, ST_CORRUPT, "DMAR is too short or its length is wrong");
    log_notes();
    for (uint32_t i = 0; i < MIN(dmar.units, IOMMU_UNITS); i++)
        add_unit(&dmar.unit[i]);
    resolve_all();
    status_t st = start_all(reason);
    if (dmar.units > IOMMU_UNITS)
        return refuse(reason, ST_UNSUPP, "DMAR lists more VT-d units than this build drives");
    if (dmar.lost_units)
        return refuse(reason, ST_CORRUPT, "DMAR is broken where it lists units: one may be hidden and stay off");
    if (unit_count == 0)
        return refuse(reason, ST_ABSENT, "DMAR lists no VT-d unit");
    if (st != ST_OK)
        return st;
    ready = true;
    vtd_dom_setup();
    prepare_buses();
    return ST_OK;
}

uint32_t vtd_reserved_count(struct bdf fn)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < dmar.regions; i++)
        count += dmar.region[i].seg == fn.seg && span_covers(&dmar.region[i].scopes, fn);
    return count;
}

status_t vtd_reserved(struct bdf fn, uint32_t nth, uint64_t *base, uint64_t *len)
{
    for (uint32_t i = 0; i < dmar.regions; i++) {
        const struct dmar_region *r = &dmar.region[i];
        if (r->seg != fn.seg || !span_covers(&r->scopes, fn) || nth-- != 0)
            continue;
        *base = r->base;
        *len = r->len;
        return ST_OK;
    }
    return ST_NOTFOUND;
}

status_t vtd_ioapic_source(uint8_t ioapic_id, struct bdf *src)
{
    for (uint32_t i = 0; i < unit_count; i++)
        for (uint32_t s = units[i].scopes.first; s < (uint32_t)units[i].scopes.first + units[i].scopes.count; s++)
            if (match[s].found && match[s].type == DMAR_IOAPIC && match[s].id == ioapic_id) {
                *src = match[s].fn;
                return ST_OK;
            }
    return ST_NOTFOUND;
}

static uint32_t address_bits(const struct vtd_unit *u)
{
    uint64_t sagaw = FIELD_GET(CAP_SAGAW, u->cap);
    uint32_t table = sagaw & 8 ? 57 : sagaw & 4 ? 48 : sagaw & 2 ? 39 : 0;
    return MIN(table, (uint32_t)FIELD_GET(CAP_MGAW, u->cap) + 1);
}

bool vtd_unit_info(uint32_t unit, struct info_iommu *out)
{
    struct vtd_unit *u = vtd_unit_at(unit);
    if (!u)
        return false;
    *out = (struct info_iommu){
        .base = u->base, .vendor = IOMMU_VTD, .segment = u->seg, .status = u->status,
        .translation = (u->gcmd & GCMD_TE) != 0, .ir = (u->gcmd & GCMD_IRE) != 0, .queued = (u->gcmd & GCMD_QIE) != 0,
        .address_bits = address_bits(u), .page_sizes = 1u | (uint32_t)(FIELD_GET(CAP_SLLPS, u->cap) & 3) << 1,
        .domains = vtd_unit_domains(u), .coherent = u->coherent, .include_all = u->include_all,
        .scopes = u->scopes.count, .faults = u->faults,
    };
    str_copy(out->reason, sizeof out->reason, u->reason);
    if (u->dead && u->status == ST_OK) {
        out->status = ST_TIMEOUT;
        str_copy(out->reason, sizeof out->reason, "does not confirm invalidations any more");
    }
    return true;
}

uint32_t vtd_fault_irq(void)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < unit_count; i++) {
        spin_lock(&units[i].lock);
        found += vtd_fault_collect(&units[i]);
        spin_unlock(&units[i].lock);
    }
    return found;
}

status_t vtd_route_faults(uint32_t apic_id, uint8_t vector)
{
    if (!ready)
        return ST_NOIOMMU;
    for (uint32_t i = 0; i < unit_count; i++) {
        if (units[i].status != ST_OK)
            continue;
        spin_lock(&units[i].lock);
        vtd_fault_route(&units[i], apic_id, vector);
        spin_unlock(&units[i].lock);
    }
    return ST_OK;
}

/* No locks: another CPU may have died with one. */
void vtd_emergency_block(void)
{
    for (uint32_t i = 0; i < unit_count; i++) {
        struct vtd_unit *u = &units[i];
        if (!u->root || !(u->gcmd & GCMD_TE))
            continue;
        for (uint32_t bus = 0; bus < VTD_ROOT_ENTRIES; bus++)
            __atomic_store_n(&u->root[bus].lo, 0, __ATOMIC_RELEASE);
        vtd_unit_flush(u, u->root, PAGE_SIZE);
        vtd_inv_last_words(u);
    }
}
