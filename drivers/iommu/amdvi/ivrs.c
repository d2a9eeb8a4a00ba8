/* SPDX-License-Identifier: BSD-2-Clause */
/* IVRS parser [AMD-Vi 5.2]: every length is checked against what is left. */
#include "drivers/iommu/amdvi/ivrs.h"

#define HEADER_LEN     48u
#define IVHD_10_LEN    24u
#define IVHD_LEN       40u       /* types 11h and 40h */
#define IVMD_LEN       32u
#define NAMED_LEN      22u       /* and as many bytes as the last of them says */

static bool is_start(unsigned type) { return type == IVHD_START || type == IVHD_ALIAS_START || type == IVHD_EXT_START; }

/* Bytes of the device entry that begins here: by its type, but for the one that says. 0: it is cut. */
static uint32_t entry_len(const struct cut *list, unsigned block)
{
    if (list->at[0] == IVHD_NAMED && block == IVRS_IVHD_40)
        return list->len >= NAMED_LEN ? NAMED_LEN + list->at[NAMED_LEN - 1] : 0;
    return 4u << (list->at[0] >> 6);
}

/* The range that `start` opened ends here. Returns why it is dropped, or NULL. */
static const char *close_range(struct ivrs *v, struct ivrs_entry *start, uint16_t last)
{
    struct ivrs_entry range = *start;
    start->type = IVHD_PAD;
    if (range.type == IVHD_PAD || last < range.first)
        return "range ends that did not begin, or before it begins, dropped";
    if (v->entries == IVRS_ENTRIES)
        return FW_FULL;
    range.last = last;
    v->entry[v->entries++] = range;
    return NULL;
}

/* One device entry: type, device id, setting, and what its type adds. A range is in `start` until it ends. */
static const char *parse_entry(struct ivrs *v, const struct cut *c, unsigned block, struct ivrs_entry *start)
{
    const uint8_t *at = c->at;
    struct ivrs_entry e = { .type = at[0], .setting = at[3], .first = get16(at + 1), .last = get16(at + 1),
                            .offset = c->offset };
    const char *why = NULL;
    switch (e.type) {
    case IVHD_PAD: return NULL;
    case IVHD_END: return close_range(v, start, e.first);
    case IVHD_ALL:
        e.first = 0;
        e.last = 0xffff;
        break;
    case IVHD_SELECT: case IVHD_START: break;
    case IVHD_ALIAS: case IVHD_ALIAS_START: e.alias = get16(at + 5); break;
    case IVHD_EXT: case IVHD_EXT_START: e.extended = get32(at + 4); break;
    case IVHD_SPECIAL:
        e.handle = at[4];
        e.first = e.last = get16(at + 5);
        e.variety = at[7];
        if (e.variety != IVHD_IOAPIC && e.variety != IVHD_HPET)
            return "unknown variety of special device, skipped";
        break;
    case IVHD_NAMED:
        if (block != IVRS_IVHD_40)
            return "device entry of a block of type 40h, skipped";
        break;
    default: return "unknown device entry type, skipped";
    }
    if (is_start(e.type)) {
        why = start->type != IVHD_PAD ? "range without an end, dropped" : NULL;
        *start = e;
    } else if (v->entries == IVRS_ENTRIES) {
        return FW_FULL;
    } else {
        v->entry[v->entries++] = e;
    }
    return why;
}

static void parse_entries(struct ivrs *v, const struct cut *b, uint32_t head)
{
    struct cut list = cut_after(b, head), c;
    struct ivrs_entry start = { .type = IVHD_PAD };
    while (list.len > 0) {
        list.type = list.at[0];
        if (!cut_take(&list, entry_len(&list, b->type), 4, &c)) {
            fw_note(&v->notes, &list, "device entry is cut, the rest of the block is lost");
            break;
        }
        fw_note(&v->notes, &c, parse_entry(v, &c, b->type, &start));
    }
    if (start.type != IVHD_PAD)
        fw_note(&v->notes, b, "range without an end, dropped");
}

/* These two return a note or NULL. */
static const char *parse_ivhd(struct ivrs *v, const struct cut *b)
{
    uint32_t head = b->type == IVRS_IVHD_10 ? IVHD_10_LEN : IVHD_LEN;
    const uint8_t *at = b->at;
    const char *why = NULL;
    if (b->len < head) {
        v->lost = ST_CORRUPT;
        return "block too short for its type, dropped";
    }
    struct ivrs_unit unit = {
        .base = get64(at + 8), .fn = bdf_of_rid(get16(at + 4)), .cap = get16(at + 6), .info = get16(at + 18),
        .features = get32(at + 20), .type = at[0], .flags = at[1], .entry = (uint16_t)v->entries,
        .efr = head == IVHD_LEN ? get64(at + 24) : 0, .efr2 = head == IVHD_LEN ? get64(at + 32) : 0,
    };
    unit.fn.seg = get16(at + 16);
    if (unit.base == 0 || (unit.base & 0x3fff) != 0 || unit.base >> 52 != 0)
        why = "register base is not an address, the unit is lost";
    for (uint32_t i = 0; i < v->units; i++) {
        if (bdf_eq(v->unit[i].fn, unit.fn))
            return v->unit[i].type != unit.type ? NULL : "unit listed twice, the second is dropped";
        if (v->unit[i].base == unit.base)
            why = "register base listed twice, the second unit is lost";
    }
    if (v->units == IOMMU_UNITS) {
        v->lost = ST_UNSUPP;
        return FW_FULL;
    }
    unit.broken = why != NULL;
    parse_entries(v, b, head);
    unit.end = (uint16_t)v->entries;
    v->unit[v->units++] = unit;
    return why;
}

static const char *parse_ivmd(struct ivrs *v, const struct cut *b)
{
    const uint8_t *at = b->at;
    if (b->len < IVMD_LEN)
        return "block too short for its type, dropped";
    struct ivrs_region region = { .type = at[0], .flags = at[1], .seg = get16(at + 8), .first = get16(at + 4) };
    region.last = b->type == IVRS_IVMD_RANGE ? get16(at + 6) : region.first;
    if (b->type == IVRS_IVMD_ALL) {
        region.first = 0;
        region.last = 0xffff;
    }
    uint64_t first = get64(at + 16), len = get64(at + 24);
    if (len == 0 || region.last < region.first || !fw_pages(first, first + len - 1, &region.base, &region.len))
        return "reserved range ends before it begins, dropped";
    if (v->regions == IVRS_REGIONS)
        return FW_FULL;
    v->region[v->regions++] = region;
    return ((first | len) & 0xfff) != 0 ? "reserved range is not page-aligned, widened" : NULL;
}

/* In the pass for blocks of one IVHD type; the last one, which begins at the lowest, takes all the others. */
static const char *parse_block(struct ivrs *v, const struct cut *b, unsigned pass)
{
    if (b->type == pass)
        return parse_ivhd(v, b);
    if (pass != IVRS_IVHD_10 || b->type == IVRS_IVHD_11 || b->type == IVRS_IVHD_40)
        return NULL;
    return b->type >= IVRS_IVMD_ALL && b->type <= IVRS_IVMD_RANGE ? parse_ivmd(v, b) : "unknown block type, skipped";
}

status_t ivrs_parse(const uint8_t *table, size_t len, struct ivrs *v)
{
    static const uint8_t passes[] = { IVRS_IVHD_40, IVRS_IVHD_11, IVRS_IVHD_10 };
    struct cut all, b;
    memset(v, 0, sizeof *v);
    if (!cut_table(table, len, "IVRS", HEADER_LEN, &all))
        return ST_CORRUPT;
    v->info = get32(table + 36);
    for (unsigned i = 0; i < ARRAY_LEN(passes); i++) {
        struct cut rest = all;
        while (rest.len > 0 && !cut_all_zero(&rest)) {                 /* zeros after the last block are harmless */
            rest.type = rest.at[0];
            if (!cut_take(&rest, rest.len >= 4 ? get16(rest.at + 2) : 0, 4, &b)) {
                fw_note(&v->notes, &rest, i == 0 ? "block length is wrong, the rest of the table is lost" : NULL);
                v->lost = ST_CORRUPT;
                break;
            }
            fw_note(&v->notes, &b, parse_block(v, &b, passes[i]));
        }
    }
    return ST_OK;
}
