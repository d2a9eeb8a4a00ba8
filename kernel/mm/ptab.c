/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page-table walker. Hardware may walk the tables at any moment: every store is one
 * whole entry, a new table is all zero, flushed where the hardware does not snoop, before
 * it is linked, and one without leaves is unlinked and waits on the reap list until the
 * caller has flushed. So every table but the root has a leaf under it.
 */
#include "kernel/mm/ptab.h"

#include "kernel/arch/hw.h"

static uint64_t level_span(unsigned level) { return BIT64(12 + 9 * (level - 1)); }
static unsigned level_index(uint64_t va, unsigned level) { return (unsigned)(va >> (12 + 9 * (level - 1))) & 511u; }
static uint64_t slot_end(uint64_t va, unsigned level, uint64_t end) { return MIN(end, (va | (level_span(level) - 1)) + 1); }
static bool is_present(const struct ptab *pt, uint64_t entry) { return (entry & pt->fmt->valid) != 0; }
static uint64_t *child_of(const struct ptab *pt, uint64_t entry) { return pmm_va((hpa_t){ entry & pt->fmt->addr }); }

static bool is_leaf(const struct ptab *pt, uint64_t entry, unsigned level)
{
    if (pt->fmt->next_level != 0)
        return (entry & pt->fmt->next_level) == 0;
    return level == 1 || (level <= 3 && (entry & pt->fmt->leaf_large) != 0);
}

static void put(uint64_t *slot, uint64_t entry)
{
    __atomic_store_n(slot, entry, __ATOMIC_RELEASE);   /* partner: the hardware walker */
}

static void flush(const struct ptab *pt, const uint64_t *first, const uint64_t *end)
{
    if (pt->flush)
        hw_flush(first, (size_t)(end - first) * sizeof *first);
}

static uint64_t *new_table(struct ptab *pt)
{
    uint64_t *table = pt->pages < pt->limit ? pmm_alloc() : NULL;
    if (table) {
        pt->pages++;
        flush(pt, table, table + 512);
    }
    return table;
}

status_t ptab_init(struct ptab *pt, const struct ptab_fmt *fmt, unsigned levels, unsigned leaf_max, bool flush_stores)
{
    KASSERT(levels >= 3 && levels <= 5 && leaf_max >= 1 && leaf_max <= 3);
    *pt = (struct ptab){ .fmt = fmt, .levels = levels, .leaf_max = leaf_max, .flush = flush_stores,
                         .limit = PTAB_NO_LIMIT };
    pt->root = new_table(pt);
    return pt->root ? ST_OK : ST_NOSPACE;
}

/* True when there is a leaf in [va, end); if `cut`, one that the range cuts in two. */
static bool finds(const struct ptab *pt, const uint64_t *table, unsigned level, uint64_t va, uint64_t end, bool cut)
{
    for (uint64_t next; va < end; va = next) {
        uint64_t entry = table[level_index(va, level)];
        next = slot_end(va, level, end);
        if (!is_present(pt, entry))
            continue;
        if (is_leaf(pt, entry, level) ? !cut || next - va != level_span(level)
                                      : finds(pt, child_of(pt, entry), level - 1, va, next, cut))
            return true;
    }
    return false;
}

/* Of a leaf, without address and large bit. */
static uint64_t leaf_bits(const struct ptab_fmt *fmt, unsigned prot)
{
    uint64_t bits = fmt->leaf_always;
    bits |= prot & PT_R ? fmt->r : 0;
    bits |= prot & PT_W ? fmt->w : 0;
    bits |= prot & PT_X ? fmt->x : fmt->nx;
    bits |= prot & PT_USER ? fmt->user : 0;
    bits |= prot & PT_UC ? fmt->uc : prot & PT_WC ? fmt->wc : fmt->wb;
    bits |= prot & PT_GLOBAL ? fmt->global : 0;
    return bits;
}

struct mapping {
    struct ptab *pt;
    uint64_t delta, bits;      /* pa - va; leaf_bits */
};

/* [va, end) has no leaf. On failure some of it is mapped. */
static status_t map_level(const struct mapping *m, uint64_t *table, unsigned level, uint64_t va, uint64_t end)
{
    struct ptab *pt = m->pt;
    const struct ptab_fmt *fmt = pt->fmt;
    uint64_t *first = &table[level_index(va, level)], *slot = first, in_leaf = level_span(level) - 1;
    for (uint64_t next; va < end; va = next, slot++) {
        uint64_t pa = va + m->delta;
        next = slot_end(va, level, end);
        if (!is_present(pt, *slot)) {
            if (level <= pt->leaf_max && next - va == in_leaf + 1 && (pa & in_leaf) == 0) {
                put(slot, pa | m->bits | (level > 1 ? fmt->leaf_large : 0));
                continue;
            }
            const uint64_t *child = new_table(pt);
            if (!child)
                return ST_NOSPACE;
            put(slot, pmm_pa(child).v | fmt->table |
                      (fmt->next_level != 0 ? FIELD_PREP(fmt->next_level, level - 1) : 0));
        }
        TRY(map_level(m, child_of(pt, *slot), level - 1, va, next));
    }
    flush(pt, first, slot);
    return ST_OK;
}

/* [va, end) cuts no leaf. */
static void unmap_level(struct ptab *pt, uint64_t *table, unsigned level, uint64_t va, uint64_t end)
{
    uint64_t *first = &table[level_index(va, level)], *slot = first;
    for (uint64_t next; va < end; va = next, slot++) {
        next = slot_end(va, level, end);
        if (!is_present(pt, *slot))
            continue;
        if (!is_leaf(pt, *slot, level)) {
            uint64_t *child = child_of(pt, *slot);
            unmap_level(pt, child, level - 1, va, next);
            if (finds(pt, child, level - 1, 0, level_span(level), false))
                continue;
            /* The link is page-aligned: hardware that still holds the table sees nothing present. */
            put(child, (uintptr_t)pt->reap);
            pt->reap = child;
        }
        put(slot, 0);
    }
    flush(pt, first, slot);
}

static status_t check_range(const struct ptab *pt, uint64_t va, uint64_t len)
{
    if (((va | len) & (PAGE_SIZE - 1)) != 0 || len == 0)
        return ST_INVAL;
    return range_ok(va, len, level_span(pt->levels + 1)) ? ST_OK : ST_RANGE;
}

status_t ptab_map(struct ptab *pt, uint64_t va, hpa_t pa, uint64_t len, unsigned prot)
{
    const struct mapping m = { .pt = pt, .delta = pa.v - va, .bits = leaf_bits(pt->fmt, prot) };
    TRY(check_range(pt, va, len));
    if ((pa.v & (PAGE_SIZE - 1)) != 0 || !is_present(pt, m.bits))
        return ST_INVAL;
    if (!range_ok(pa.v, len, (pt->fmt->addr | (PAGE_SIZE - 1)) + 1))
        return ST_RANGE;
    if (finds(pt, pt->root, pt->levels, va, va + len, false))
        return ST_OVERLAP;
    status_t st = map_level(&m, pt->root, pt->levels, va, va + len);
    if (st != ST_OK)
        unmap_level(pt, pt->root, pt->levels, va, va + len);
    return st;
}

status_t ptab_unmap(struct ptab *pt, uint64_t va, uint64_t len)
{
    TRY(check_range(pt, va, len));
    if (finds(pt, pt->root, pt->levels, va, va + len, true))
        return ST_INVAL;
    unmap_level(pt, pt->root, pt->levels, va, va + len);
    return ST_OK;
}

uint64_t ptab_leaf(const struct ptab *pt, uint64_t va, uint64_t *span)
{
    const uint64_t *table = pt->root;
    for (unsigned level = pt->levels;; level--) {
        const uint64_t entry = __atomic_load_n(&table[level_index(va, level)], __ATOMIC_RELAXED);
        const bool present = is_present(pt, entry);
        *span = present ? level_span(level) : 0;
        if (!present || is_leaf(pt, entry, level))
            return present ? entry : 0;
        table = child_of(pt, entry);
    }
}

void ptab_reap(struct ptab *pt)
{
    while (pt->reap) {
        uint64_t *table = pt->reap;
        pt->reap = (uint64_t *)(uintptr_t)*table;
        pmm_free(table);
        pt->pages--;
    }
}

void ptab_destroy(struct ptab *pt)
{
    unmap_level(pt, pt->root, pt->levels, 0, level_span(pt->levels + 1));
    ptab_reap(pt);
    KASSERT(pt->pages == 1);
    pmm_free(pt->root);
    *pt = (struct ptab){ .fmt = NULL };
}
