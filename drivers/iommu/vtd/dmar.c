/* SPDX-License-Identifier: BSD-2-Clause */
/* DMAR parser [VT-d 8]: every length is checked against what is left. */
#include "drivers/iommu/vtd/dmar.h"

#define HEADER_LEN  48u

/* By type: the least length. Only units and reserved regions decide anything here: ATS stays off (ATSR, SATC), and
 * proximity (RHSA), names (ANDD) and properties (SIDP) change nothing about who may reach what. */
static const uint8_t least_len[] = { [DMAR_DRHD] = 16, [DMAR_RMRR] = 24, [DMAR_ATSR] = 8, [DMAR_RHSA] = 20,
                                     [DMAR_ANDD] = 8, [DMAR_SATC] = 8, [DMAR_SIDP] = 8 };

/* One device scope [VT-d 8.3.1]: type, length, flags, reserved, id, start bus, path of (device, function).
 * Returns why it is dropped, or NULL. */
static const char *parse_scope(struct dmar *d, const struct cut *s, uint16_t seg)
{
    struct dmar_scope scope = { .type = s->at[0], .id = s->at[4], .start_bus = s->at[5],
                                .hops = (uint8_t)((s->len - 6) / 2), .fn.seg = seg };
    if (scope.type < DMAR_ENDPOINT || scope.type > DMAR_NAMESPACE)
        return "unknown device scope type, skipped";
    if (scope.hops < 1 || scope.hops > DMAR_HOPS)
        return "device scope path is empty or too long, dropped";
    for (unsigned i = 0; i < scope.hops; i++) {
        uint8_t dev = s->at[6 + 2 * i], fn = s->at[7 + 2 * i];
        if (dev >= 32 || fn >= 8)
            return "device scope path names no device, dropped";
        scope.path[i] = (uint8_t)(dev << 3 | fn);
    }
    if (d->scopes == DMAR_SCOPES)
        return FW_FULL;
    d->scope[d->scopes++] = scope;
    return NULL;
}

/* Of a unit or a region, behind its first `skip` bytes. */
static struct dmar_span parse_scopes(struct dmar *d, const struct cut *e, uint32_t skip)
{
    struct dmar_span span = { .first = (uint16_t)d->scopes };
    struct cut list = cut_after(e, skip), s;
    while (list.len > 0) {
        uint32_t len = list.len >= 2 ? list.at[1] : 0;
        if (len % 2 != 0 || !cut_take(&list, len, 6, &s)) {
            fw_note(&d->notes, &list, "device scope length is wrong, the rest of the entry is lost");
            break;
        }
        fw_note(&d->notes, &s, parse_scope(d, &s, get16(e->at + 6)));
    }
    span.end = (uint16_t)d->scopes;
    return span;
}

/* These two return a note or NULL. */
static const char *parse_drhd(struct dmar *d, const struct cut *e)
{
    struct dmar_unit unit = { .base = get64(e->at + 8), .seg = get16(e->at + 6), .include_all = (e->at[4] & 1) != 0 };
    const char *why = NULL;
    if (d->units == IOMMU_UNITS) {
        d->lost = ST_UNSUPP;
        return FW_FULL;
    }
    if (unit.base == 0 || (unit.base & 0xfff) != 0 || unit.base >> 52 != 0)
        why = "register base is not an address, the unit is lost";
    for (uint32_t i = 0; i < d->units; i++)
        if (d->unit[i].base == unit.base)
            why = "register base listed twice, the second unit is lost";
    unit.broken = why != NULL;
    unit.scopes = parse_scopes(d, e, 16);
    d->unit[d->units++] = unit;
    return why;
}

static const char *parse_rmrr(struct dmar *d, const struct cut *e)
{
    uint64_t base = get64(e->at + 8), last = get64(e->at + 16);
    struct dmar_region region;
    if (!fw_pages(base, last, &region.base, &region.len))
        return "reserved range ends before it begins, dropped";
    if (d->regions == DMAR_REGIONS)
        return FW_FULL;
    region.scopes = parse_scopes(d, e, 24);
    d->region[d->regions++] = region;
    return ((base | (last + 1)) & 0xfff) != 0 ? "reserved range is not page-aligned, widened" : NULL;
}

static const char *parse_entry(struct dmar *d, const struct cut *e)
{
    if (e->type >= ARRAY_LEN(least_len))
        return "unknown entry type, skipped";
    if (e->len < least_len[e->type]) {
        if (e->type == DMAR_DRHD)
            d->lost = ST_CORRUPT;
        return "entry too short for its type, dropped";
    }
    return e->type == DMAR_DRHD ? parse_drhd(d, e) : e->type == DMAR_RMRR ? parse_rmrr(d, e) : NULL;
}

status_t dmar_parse(const uint8_t *table, size_t len, struct dmar *d)
{
    memset(d, 0, sizeof *d);
    struct cut rest, e;
    if (!cut_table(table, len, "DMAR", HEADER_LEN, &rest))
        return ST_CORRUPT;
    d->flags = table[37];
    while (rest.len > 0 && !cut_all_zero(&rest)) {                   /* zeros after the last entry are harmless */
        rest.type = rest.len >= 2 ? get16(rest.at) : 0;
        if (!cut_take(&rest, rest.len >= 4 ? get16(rest.at + 2) : 0, 4, &e)) {
            fw_note(&d->notes, &rest, "entry length is wrong, the rest of the table is lost");
            d->lost = ST_CORRUPT;
            break;
        }
        fw_note(&d->notes, &e, parse_entry(d, &e));
    }
    return ST_OK;
}
