/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page-table walker. Hardware may walk the tables at any moment, so a new
 * table is filled, flushed where the hardware does not snoop, and only then
 * linked by one store; a table that became empty is unlinked first and kept on
 * the reap list until the caller has flushed.
 */
#include "kernel/mm/ptab.h"

#include "kernel/arch/hw.h"
#include "kernel/mm/pmm.h"

#define ENTRIES 512u

/* One walk over [va, end); pa = va + delta. */
struct walk {
    struct ptab *pt;
    uint64_t delta;
    uint64_t bits;             /* of a leaf, without address and large bit */
};

static uint64_t level_span(unsigned level) { return BIT64(12 + 9 * (level - 1)); }
static unsigned level_index(uint64_t va, unsigned level) { return (unsigned)(va >> (12 + 9 * (level - 1))) & (ENTRIES - 1); }
static uint64_t slot_end(uint64_t va, unsigned level, uint64_t end) { return MIN(end, (va | (level_span(level) - 1)) + 1); }
static bool is_present(const struct ptab *pt, uint64_t entry) { return (entry & pt->fmt->valid) != 0; }

static bool is_leaf(const struct ptab *pt, uint64_t entry, unsigned level)
{
    if (level == 1)
        return true;
    if (pt->fmt->next_level != 0)
        return (entry & pt->fmt->next_level) == 0;
    return level <= 3 && (entry & pt->fmt->leaf_large) != 0;
}

static uint64_t *child_of(const struct ptab *pt, uint64_t entry) { return pmm_va((hpa_t){ entry & pt->fmt->addr }); }

static void put(uint64_t *slot, uint64_t entry)
{
    __atomic_store_n(slot, entry, __ATOMIC_RELEASE);   /* partner: the hardware walker */
}

static void flush(const struct ptab *pt, const void *p, size_t len)
{
    if (pt->flush)
        hw_flush(p, len);
}

status_t ptab_init(struct ptab *pt, const struct ptab_fmt *fmt, unsigned levels,
                   unsigned leaf_max, bool flush_stores)
{
    KASSERT(levels >= 3 && levels <= 5 && leaf_max >= 1 && leaf_max <= 3);
    *pt = (struct ptab){ .fmt = fmt, .levels = levels, .leaf_max = leaf_max, .flush = flush_stores };
    pt->root = pmm_alloc();
    if (!pt->root)
        return ST_NOSPACE;
    pt->pages = 1;
    flush(pt, pt->root, PAGE_SIZE);
    return ST_OK;
}

static uint64_t leaf_bits(const struct ptab_fmt *fmt, unsigned prot)
{
    uint64_t bits = fmt->leaf_always;
    bits |= prot & PT_R ? fmt->r : 0;
    bits |= prot & PT_W ? fmt->w : 0;
    bits |= prot & PT_X ? fmt->x : fmt->nx;
    bits |= prot & PT_USER ? fmt->user : 0;
    bits |= prot & PT_UC ? fmt->uc : 0;
    bits |= prot & PT_WC ? fmt->wc : 0;
    bits |= prot & PT_GLOBAL ? fmt->global : 0;
    return bits;
}

static uint64_t leaf_entry(const struct walk *w, uint64_t va, unsigned level)
{
    return ((va + w->delta) & w->pt->fmt->addr) | w->bits |
           (level == 1 ? w->pt->fmt->leaf_small : w->pt->fmt->leaf_large);
}

static uint64_t table_entry(const struct ptab *pt, const uint64_t *table, unsigned level)
{
    uint64_t entry = pmm_pa(table).v | pt->fmt->table;
    if (pt->fmt->next_level != 0)
        entry |= FIELD_PREP(pt->fmt->next_level, level);
    return entry;
}

static bool leaf_fits(const struct walk *w, uint64_t va, uint64_t next, unsigned level)
{
    uint64_t span = level_span(level);
    return level <= w->pt->leaf_max && next - va == span && ((va + w->delta) & (span - 1)) == 0;
}

static bool any_mapped(const struct ptab *pt, const uint64_t *table, unsigned level, uint64_t va, uint64_t end)
{
    for (uint64_t next; va < end; va = next) {
        uint64_t entry = table[level_index(va, level)];
        next = slot_end(va, level, end);
        if (!is_present(pt, entry))
            continue;
        if (is_leaf(pt, entry, level) || any_mapped(pt, child_of(pt, entry), level - 1, va, next))
            return true;
    }
    return false;
}

/* Frees a subtree that hardware does not know. */
static void free_tree(struct ptab *pt, uint64_t *table, unsigned level)
{
    for (unsigned i = 0; level > 1 && i < ENTRIES; i++)
        if (is_present(pt, table[i]) && !is_leaf(pt, table[i], level))
            free_tree(pt, child_of(pt, table[i]), level - 1);
    pmm_free(table);
    pt->pages--;
}

static status_t map_level(const struct walk *w, uint64_t *table, unsigned level, uint64_t va, uint64_t end);

/* Builds the table for [va, end) out of sight, then links it into *slot. */
static status_t map_new(const struct walk *w, uint64_t *slot, unsigned level, uint64_t va, uint64_t end)
{
    uint64_t *table = pmm_alloc();
    if (!table)
        return ST_NOSPACE;
    w->pt->pages++;
    status_t st = map_level(w, table, level, va, end);
    if (st != ST_OK) {
        free_tree(w->pt, table, level);
        return st;
    }
    flush(w->pt, table, PAGE_SIZE);
    put(slot, table_entry(w->pt, table, level));
    flush(w->pt, slot, sizeof *slot);
    return ST_OK;
}

static status_t map_level(const struct walk *w, uint64_t *table, unsigned level, uint64_t va, uint64_t end)
{
    uint64_t *first = &table[level_index(va, level)], *slot = first;
    status_t st = ST_OK;
    for (uint64_t next; va < end && st == ST_OK; va = next) {
        slot = &table[level_index(va, level)];
        next = slot_end(va, level, end);
        if (is_present(w->pt, *slot))
            st = map_level(w, child_of(w->pt, *slot), level - 1, va, next);
        else if (leaf_fits(w, va, next, level))
            put(slot, leaf_entry(w, va, level));
        else
            st = map_new(w, slot, level - 1, va, next);
    }
    flush(w->pt, first, (size_t)((uintptr_t)slot - (uintptr_t)first) + sizeof *slot);
    return st;
}

static bool is_empty(const struct ptab *pt, const uint64_t *table)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        if (is_present(pt, table[i]))
            return false;
    return true;
}

/* The link is page-aligned, so hardware that still holds the table sees an entry
 * that is not present. */
static void put_on_reap_list(struct ptab *pt, uint64_t *table)
{
    put(table, (uint64_t)(uintptr_t)pt->reap);
    pt->reap = table;
}

static void unmap_level(struct ptab *pt, uint64_t *table, unsigned level, uint64_t va, uint64_t end)
{
    uint64_t *first = &table[level_index(va, level)], *slot = first;
    for (uint64_t next; va < end; va = next) {
        slot = &table[level_index(va, level)];
        next = slot_end(va, level, end);
        if (!is_present(pt, *slot))
            continue;
        if (is_leaf(pt, *slot, level)) {
            put(slot, 0);
            continue;
        }
        uint64_t *child = child_of(pt, *slot);
        unmap_level(pt, child, level - 1, va, next);
        if (is_empty(pt, child)) {
            put(slot, 0);
            flush(pt, slot, sizeof *slot);
            put_on_reap_list(pt, child);
        }
    }
    flush(pt, first, (size_t)((uintptr_t)slot - (uintptr_t)first) + sizeof *slot);
}

/* True when the range cuts a large leaf in two. */
static bool cuts_leaf(const struct ptab *pt, const uint64_t *table, unsigned level, uint64_t va, uint64_t end)
{
    for (uint64_t next; va < end; va = next) {
        uint64_t entry = table[level_index(va, level)];
        next = slot_end(va, level, end);
        if (!is_present(pt, entry))
            continue;
        if (is_leaf(pt, entry, level) ? next - va != level_span(level)
                                      : cuts_leaf(pt, child_of(pt, entry), level - 1, va, next))
            return true;
    }
    return false;
}

static status_t check_range(const struct ptab *pt, uint64_t va, uint64_t len)
{
    if (((va | len) & (PAGE_SIZE - 1)) != 0 || len == 0)
        return ST_INVAL;
    return range_ok(va, len, BIT64(12 + 9 * pt->levels)) ? ST_OK : ST_RANGE;
}

status_t ptab_map(struct ptab *pt, uint64_t va, hpa_t pa, uint64_t len, unsigned prot)
{
    struct walk w = { .pt = pt, .delta = pa.v - va, .bits = leaf_bits(pt->fmt, prot) };
    status_t st = check_range(pt, va, len);
    if (st != ST_OK)
        return st;
    if ((pa.v & (PAGE_SIZE - 1)) != 0 || !is_present(pt, w.bits))
        return ST_INVAL;
    if (!range_ok(pa.v, len, (pt->fmt->addr | (PAGE_SIZE - 1)) + 1))
        return ST_RANGE;
    if (any_mapped(pt, pt->root, pt->levels, va, va + len))
        return ST_OVERLAP;
    st = map_level(&w, pt->root, pt->levels, va, va + len);
    if (st != ST_OK)
        unmap_level(pt, pt->root, pt->levels, va, va + len);
    return st;
}

status_t ptab_unmap(struct ptab *pt, uint64_t va, uint64_t len)
{
    status_t st = check_range(pt, va, len);
    if (st != ST_OK)
        return st;
    if (cuts_leaf(pt, pt->root, pt->levels, va, va + len))
        return ST_INVAL;
    unmap_level(pt, pt->root, pt->levels, va, va + len);
    return ST_OK;
}

bool ptab_lookup(const struct ptab *pt, uint64_t va, hpa_t *pa, uint64_t *entry, unsigned *level)
{
    const uint64_t *table = pt->root;
    if (va >= BIT64(12 + 9 * pt->levels))
        return false;
    for (unsigned at = pt->levels; at > 0; at--) {
        uint64_t e = table[level_index(va, at)];
        if (!is_present(pt, e))
            return false;
        if (is_leaf(pt, e, at)) {
            uint64_t inside = level_span(at) - 1;
            *pa = (hpa_t){ (e & pt->fmt->addr & ~inside) | (va & inside) };
            *entry = e;
            *level = at;
            return true;
        }
        table = child_of(pt, e);
    }
    return false;
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
    ptab_reap(pt);
    free_tree(pt, pt->root, pt->levels);
    KASSERT(pt->pages == 0);
    pt->root = NULL;
}
