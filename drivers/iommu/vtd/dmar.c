/* SPDX-License-Identifier: BSD-2-Clause */
/* DMAR parser [VT-d 8]: every length is checked against what is left. */
#include "drivers/iommu/vtd/dmar.h"

#define HEADER_LEN  48u

/* The bytes that are left of a table, an entry or a scope list. */
struct cut { const uint8_t *at; size_t len; uint32_t offset; };

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t get32(const uint8_t *p) { return get16(p) | (uint32_t)get16(p + 2) << 16; }
static uint64_t get64(const uint8_t *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

static void note(struct dmar *d, uint32_t offset, uint16_t type, enum dmar_what what)
{
    if (d->notes < DMAR_NOTES)
        d->note[d->notes] = (struct dmar_note){ offset, type, (uint16_t)what };
    d->notes++;
}

const char *dmar_note_text(uint16_t what)
{
    switch ((enum dmar_what)what) {
    case DMAR_N_TYPE:         return "unknown entry type, skipped";
    case DMAR_N_LENGTH:       return "entry length is wrong, the rest of the table is lost";
    case DMAR_N_PADDING:      return "zeros after the last entry";
    case DMAR_N_SHORT:        return "entry too short for its type, dropped";
    case DMAR_N_BASE:         return "register base is not an address, the unit is lost";
    case DMAR_N_TWICE:        return "register base listed twice, the second unit is lost";
    case DMAR_N_FULL:         return "more entries of this type than this build keeps, dropped";
    case DMAR_N_RANGE:        return "reserved range ends before it begins, dropped";
    case DMAR_N_ROUNDED:      return "reserved range is not page-aligned, widened";
    case DMAR_N_SCOPE_LENGTH: return "device scope length is wrong, the rest of the entry is lost";
    case DMAR_N_SCOPE_TYPE:   return "unknown device scope type, skipped";
    case DMAR_N_SCOPE_PATH:   return "device scope path is empty, too long or no device, dropped";
    }
    return "?";
}

/* One device scope [VT-d 8.3.1]: type, length, flags, reserved, id, start bus, path of (device, function). */
static void parse_scope(struct dmar *d, const struct cut *s, uint16_t type, struct dmar_span *span)
{
    struct dmar_scope scope = { .type = s->at[0], .id = s->at[4], .start_bus = s->at[5],
                                .hops = (uint8_t)((s->len - 6) / 2) };
    bool path_ok = scope.hops >= 1 && scope.hops <= DMAR_HOPS;
    for (unsigned i = 0; path_ok && i < scope.hops; i++) {
        uint8_t dev = s->at[6 + 2 * i], fn = s->at[7 + 2 * i];
        path_ok = dev < 32 && fn < 8;
        scope.path[i] = (uint8_t)(dev << 3 | fn);
    }
    if (scope.type < DMAR_ENDPOINT || scope.type > DMAR_NAMESPACE) {
        note(d, s->offset, type, DMAR_N_SCOPE_TYPE);
    } else if (!path_ok) {
        note(d, s->offset, type, DMAR_N_SCOPE_PATH);
    } else if (d->scopes == DMAR_SCOPES) {
        note(d, s->offset, type, DMAR_N_FULL);
    } else {
        d->scope[d->scopes++] = scope;
        span->count++;
    }
}

static struct dmar_span parse_scopes(struct dmar *d, struct cut list, uint16_t type)
{
    struct dmar_span span = { .first = (uint16_t)d->scopes };
    while (list.len > 0) {
        size_t len = list.len >= 6 ? list.at[1] : 0;
        if (len < 6 || len > list.len || (len & 1) != 0) {
            note(d, list.offset, type, DMAR_N_SCOPE_LENGTH);
            break;
        }
        parse_scope(d, &(struct cut){ list.at, len, list.offset }, type, &span);
        list = (struct cut){ list.at + len, list.len - len, list.offset + (uint32_t)len };
    }
    return span;
}

static struct cut after(const struct cut *e, size_t skip)
{
    return (struct cut){ e->at + skip, e->len - skip, e->offset + (uint32_t)skip };
}

static bool base_is_taken(const struct dmar *d, uint64_t base)
{
    for (uint32_t i = 0; i < d->units; i++)
        if (d->unit[i].base == base)
            return true;
    return false;
}

static void parse_drhd(struct dmar *d, const struct cut *e)
{
    struct dmar_unit unit = { .base = get64(e->at + 8), .seg = get16(e->at + 6), .include_all = (e->at[4] & 1) != 0 };
    if (d->units == DMAR_UNITS) {
        note(d, e->offset, DMAR_DRHD, DMAR_N_FULL);
        d->lost_units = true;
        return;
    }
    if (unit.base == 0 || (unit.base & 0xfff) != 0 || unit.base >> 52 != 0) {
        note(d, e->offset, DMAR_DRHD, DMAR_N_BASE);
        unit.broken = true;
    } else if (base_is_taken(d, unit.base)) {
        note(d, e->offset, DMAR_DRHD, DMAR_N_TWICE);
        unit.broken = true;
    }
    unit.scopes = parse_scopes(d, after(e, 16), DMAR_DRHD);
    d->unit[d->units++] = unit;
}

static void parse_rmrr(struct dmar *d, const struct cut *e)
{
    uint64_t base = get64(e->at + 8), last = get64(e->at + 16);
    if (last < base || last >> 52 != 0) {
        note(d, e->offset, DMAR_RMRR, DMAR_N_RANGE);
        return;
    }
    if (d->regions == DMAR_REGIONS) {
        note(d, e->offset, DMAR_RMRR, DMAR_N_FULL);
        return;
    }
    if ((base & 0xfff) != 0 || ((last + 1) & 0xfff) != 0)
        note(d, e->offset, DMAR_RMRR, DMAR_N_ROUNDED);
    struct dmar_region *r = &d->region[d->regions++];
    r->base = PAGE_DOWN(base);
    r->len = PAGE_UP(last + 1) - r->base;
    r->seg = get16(e->at + 6);
    r->scopes = parse_scopes(d, after(e, 24), DMAR_RMRR);
}

static void parse_list(struct dmar *d, const struct cut *e, uint16_t type)
{
    if (d->lists == DMAR_LISTS) {
        note(d, e->offset, type, DMAR_N_FULL);
        return;
    }
    struct dmar_list *l = &d->list[d->lists++];
    *l = (struct dmar_list){ .seg = get16(e->at + 6), .type = (uint8_t)type, .flags = e->at[4] };
    /* a SIDP scope carries its id where reserved bytes of the others are; same layout */
    l->scopes = parse_scopes(d, after(e, 8), type);
}

static void parse_rhsa(struct dmar *d, const struct cut *e)
{
    if (d->nodes == DMAR_NODES) {
        note(d, e->offset, DMAR_RHSA, DMAR_N_FULL);
        return;
    }
    d->node[d->nodes++] = (struct dmar_node){ get64(e->at + 8), get32(e->at + 16) };
}

static void parse_andd(struct dmar *d, const struct cut *e)
{
    if (d->names == DMAR_NAMES) {
        note(d, e->offset, DMAR_ANDD, DMAR_N_FULL);
        return;
    }
    struct dmar_name *n = &d->name[d->names++];
    *n = (struct dmar_name){ .number = e->at[7] };
    for (size_t i = 0; i + 1 < sizeof n->text && 8 + i < e->len && e->at[8 + i] != 0; i++)
        n->text[i] = (char)(e->at[8 + i] >= 0x20 && e->at[8 + i] < 0x7f ? e->at[8 + i] : '?');
}

static size_t least_len(uint16_t type)
{
    switch (type) {
    case DMAR_DRHD: return 16;
    case DMAR_RMRR: return 24;
    case DMAR_RHSA: return 20;
    default:        return 8;
    }
}

static void parse_entry(struct dmar *d, const struct cut *e, uint16_t type)
{
    if (type > DMAR_SIDP) {
        note(d, e->offset, type, DMAR_N_TYPE);
        return;
    }
    if (e->len < least_len(type)) {
        note(d, e->offset, type, DMAR_N_SHORT);
        d->lost_units |= type == DMAR_DRHD;
        return;
    }
    switch ((enum dmar_type)type) {
    case DMAR_DRHD: parse_drhd(d, e); break;
    case DMAR_RMRR: parse_rmrr(d, e); break;
    case DMAR_ATSR:
    case DMAR_SATC:
    case DMAR_SIDP: parse_list(d, e, type); break;
    case DMAR_RHSA: parse_rhsa(d, e); break;
    case DMAR_ANDD: parse_andd(d, e); break;
    }
}

static bool all_zero(const struct cut *c)
{
    for (size_t i = 0; i < c->len; i++)
        if (c->at[i] != 0)
            return false;
    return true;
}

status_t dmar_parse(const uint8_t *table, size_t len, struct dmar *out)
{
    memset(out, 0, sizeof *out);
    if (len < HEADER_LEN || memcmp(table, "DMAR", 4) != 0)
        return ST_CORRUPT;
    size_t said = get32(table + 4);
    if (said < HEADER_LEN || said > len)
        return ST_CORRUPT;
    out->address_bits = (uint8_t)(table[36] + 1);
    out->flags = table[37];
    struct cut rest = { table + HEADER_LEN, said - HEADER_LEN, HEADER_LEN };
    while (rest.len > 0) {
        size_t entry = rest.len >= 4 ? get16(rest.at + 2) : 0;
        if (entry == 0 && all_zero(&rest)) {
            note(out, rest.offset, 0, DMAR_N_PADDING);
            break;
        }
        if (entry < 4 || entry > rest.len) {
            note(out, rest.offset, rest.len >= 2 ? get16(rest.at) : 0, DMAR_N_LENGTH);
            out->lost_units = true;
            break;
        }
        parse_entry(out, &(struct cut){ rest.at, entry, rest.offset }, get16(rest.at));
        rest = after(&rest, entry);
    }
    return ST_OK;
}
