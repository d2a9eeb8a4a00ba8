/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/mm/ptab.c kernel/mm/fmt_x86.c tests/unit/fake/hw.c tests/unit/fake/pmm.c tests/unit/fake/storelog.c */
#include "kernel/mm/ptab.h"

#include <stdlib.h>

#include "kernel/arch/hw.h"
#include "kernel/mm/pmm.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/fake/storelog.h"
#include "tests/unit/unit.h"

#define K4  0x1000ull
#define M2  PAGE_2M
#define G1  PAGE_1G
#define ADDR 0x000ffffffffff000ull

static const struct ptab_fmt fmt_slpt = { .valid = 3, .addr = ADDR, .leaf_large = 0x80, .table = 3, .r = 1, .w = 2 };
static const struct ptab_fmt fmt_amdvi = { .valid = 1, .addr = ADDR, .table = 3ull << 61 | 1, .next_level = 7ull << 9,
                                           .leaf_always = 1ull << 60 | 1, .r = 1ull << 61, .w = 1ull << 62 };

static void reset(void)
{
    fake_hw_reset();
    fake_pmm_reset();
}

static struct ptab make(const struct ptab_fmt *fmt, unsigned levels, unsigned leaf_max, bool flush)
{
    struct ptab pt;
    CHECK_EQ(ptab_init(&pt, fmt, levels, leaf_max, flush), ST_OK);
    return pt;
}

static void finish(struct ptab *pt)
{
    ptab_destroy(pt);
    CHECK_EQ(fake_pmm.in_use, 0);
}

/* The walk that hardware does, independent of ptab.c. snoop false = only what was flushed. */
static bool hw_walk_level(const struct ptab *pt, uint64_t va, bool snoop, uint64_t *pa, uint64_t *leaf, unsigned *at)
{
    uint64_t table = (uintptr_t)pt->root;
    for (unsigned level = pt->levels; level > 0; level--) {
        unsigned shift = 12 + 9 * (level - 1);
        uint64_t e = fake_mem_read(table + 8 * ((va >> shift) & 511), snoop);
        if (!(e & pt->fmt->valid))
            return false;
        bool last = level == 1 || (pt->fmt->next_level ? ((e >> 9) & 7) == 0 : level <= 3 && (e & 0x80));
        if (last) {
            uint64_t inside = (1ull << shift) - 1;
            *pa = (e & ADDR & ~inside) | (va & inside);
            *leaf = e;
            *at = level;
            return true;
        }
        if (pt->fmt->next_level && ((e >> 9) & 7) != level - 1) {
            CHECK(!"next level field");
            return false;
        }
        table = e & ADDR;
    }
    return false;
}

static bool hw_walk(const struct ptab *pt, uint64_t va, bool snoop, uint64_t *pa, uint64_t *leaf)
{
    unsigned level;
    return hw_walk_level(pt, va, snoop, pa, leaf, &level);
}

static uint64_t at(const struct ptab *pt, uint64_t va)
{
    uint64_t pa, leaf;
    return hw_walk(pt, va, true, &pa, &leaf) ? pa : ~0ull;
}

static unsigned level_at(const struct ptab *pt, uint64_t va)
{
    uint64_t pa, leaf;
    unsigned level;
    return hw_walk_level(pt, va, true, &pa, &leaf, &level) ? level : 0;
}

static void test_largest_leaves(void)
{
    reset();
    struct ptab pt = make(&fmt_slpt, 4, 3, false);
    /* 2M of slack on both sides of a 1G page, 4K on both sides of that */
    uint64_t va = G1 - M2 - K4, len = K4 + M2 + G1 + M2 + K4;
    CHECK_EQ(ptab_map(&pt, va, (hpa_t){ 5 * G1 - M2 - K4 }, len, PT_R | PT_W), ST_OK);
    CHECK_EQ(level_at(&pt, va), 1);
    CHECK_EQ(level_at(&pt, va + K4), 2);
    CHECK_EQ(level_at(&pt, G1), 3);
    CHECK_EQ(level_at(&pt, 2 * G1), 2);
    CHECK_EQ(level_at(&pt, 2 * G1 + M2), 1);
    CHECK_EQ(at(&pt, va), 5 * G1 - M2 - K4);
    CHECK_EQ(at(&pt, G1 + 0x12345678), 5 * G1 + 0x12345678);
    CHECK_EQ(at(&pt, va + len - 1), 5 * G1 - M2 - K4 + len - 1);
    CHECK_EQ(at(&pt, va - 1), ~0ull);
    CHECK_EQ(at(&pt, va + len), ~0ull);
    finish(&pt);

    reset();
    pt = make(&fmt_slpt, 4, 3, false);      /* alignment of va and pa differ: small pages */
    CHECK_EQ(ptab_map(&pt, M2, (hpa_t){ M2 + K4 }, M2, PT_R), ST_OK);
    CHECK_EQ(level_at(&pt, M2), 1);
    CHECK_EQ(ptab_map(&pt, G1, (hpa_t){ G1 + M2 }, G1, PT_R), ST_OK);
    CHECK_EQ(level_at(&pt, G1), 2);
    finish(&pt);

    reset();
    pt = make(&fmt_slpt, 3, 1, false);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 0 }, M2, PT_R), ST_OK);
    CHECK_EQ(level_at(&pt, 0), 1);
    finish(&pt);
}

static void test_formats(void)
{
    static const struct ptab_fmt *fmts[] = { &fmt_slpt, &ptab_fmt_ept, &ptab_fmt_host, &ptab_fmt_npt, &fmt_amdvi };
    for (unsigned i = 0; i < 5; i++)
        for (unsigned levels = 3; levels <= 5; levels++)
            for (unsigned leaf = 1; leaf <= 3; leaf++) {
                reset();
                struct ptab pt = make(fmts[i], levels, leaf, false);
                uint64_t top = 1ull << (12 + 9 * levels);
                CHECK_EQ(ptab_map(&pt, top - 2 * M2, (hpa_t){ 6 * M2 }, 2 * M2, PT_R | PT_W), ST_OK);
                CHECK_EQ(at(&pt, top - 1), 8 * M2 - 1);
                CHECK_EQ(level_at(&pt, top - 1), leaf == 1 ? 1 : 2);
                CHECK_EQ(at(&pt, top - 2 * M2 - 1), ~0ull);
                CHECK_EQ(ptab_map(&pt, top - M2, (hpa_t){ 0 }, 2 * M2, PT_R), ST_RANGE);
                CHECK_EQ(ptab_map(&pt, top, (hpa_t){ 0 }, K4, PT_R), ST_RANGE);
                CHECK_EQ(ptab_unmap(&pt, top, K4), ST_RANGE);
                CHECK_EQ(ptab_unmap(&pt, top - 2 * M2, 2 * M2), ST_OK);
                CHECK_EQ(pt.reap != NULL, true);
                ptab_reap(&pt);
                CHECK_EQ(pt.pages, 1);
                CHECK_EQ(fake_pmm.in_use, 1);
                finish(&pt);
            }
}

static uint64_t entry_for(const struct ptab_fmt *fmt, uint64_t va, uint64_t len, unsigned prot)
{
    uint64_t pa, entry = 0;
    reset();
    struct ptab pt = make(fmt, 4, 3, false);
    CHECK_EQ(ptab_map(&pt, va, (hpa_t){ 0 }, len, prot), ST_OK);
    CHECK(hw_walk(&pt, va, true, &pa, &entry));
    finish(&pt);
    return entry;
}

/* What hardware sets in a leaf is seen, with the leaf's size; holes at every level. */
static void test_leaf(void)
{
    static const struct { const struct ptab_fmt *fmt; uint64_t a, d; } rows[] = {
        { &ptab_fmt_ept, 0x100, 0x200 }, { &ptab_fmt_npt, 0x20, 0x40 },
    };
    for (unsigned i = 0; i < 2; i++) {
        uint64_t span = 0;
        reset();
        struct ptab pt = make(rows[i].fmt, 4, 3, false);
        CHECK(ptab_leaf(&pt, 0, &span) == 0);
        CHECK_EQ(ptab_map(&pt, G1 - M2 - K4, (hpa_t){ 3 * G1 - M2 - K4 }, K4 + M2 + G1, PT_R | PT_W | PT_X), ST_OK);
        CHECK(ptab_leaf(&pt, 0, &span) == 0 && ptab_leaf(&pt, G1 - M2 - 2 * K4, &span) == 0);
        CHECK(ptab_leaf(&pt, G1 - M2 - K4, &span) != 0 && span == K4);
        CHECK(ptab_leaf(&pt, G1 + 5 * K4, &span) != 0 && span == G1);
        const uint64_t leaf = ptab_leaf(&pt, G1 - 8 * K4, &span);
        CHECK(span == M2 && (leaf & (rows[i].a | rows[i].d)) == 0);
        CHECK_EQ(rows[i].fmt->accessed, rows[i].a);
        CHECK_EQ(rows[i].fmt->dirty, rows[i].d);
        finish(&pt);
    }
}

static void test_bits(void)
{
    CHECK_EQ(entry_for(&fmt_slpt, 0, K4, PT_R), 1);
    CHECK_EQ(entry_for(&fmt_slpt, 0, K4, PT_R | PT_W), 3);
    CHECK_EQ(entry_for(&fmt_slpt, 0, M2, PT_R | PT_W), 0x83);
    CHECK_EQ(entry_for(&ptab_fmt_ept, 0, K4, PT_R | PT_X), 0x435);                   /* write-back */
    CHECK_EQ(entry_for(&ptab_fmt_ept, 0, M2, PT_R | PT_W | PT_X | PT_USER), 0x4b7);
    CHECK_EQ(entry_for(&ptab_fmt_ept, 0, K4, PT_R | PT_W | PT_UC), 0x43);             /* whatever the guest's PAT says */
    CHECK_EQ(entry_for(&ptab_fmt_ept, 0, K4, PT_R | PT_W | PT_WC), 0x0b);
    CHECK_EQ(entry_for(&ptab_fmt_host, 0, K4, PT_R), 1ull << 63 | 0x61);
    CHECK_EQ(entry_for(&ptab_fmt_host, 0, K4, PT_R | PT_W | PT_X | PT_USER), 0x67);
    CHECK_EQ(entry_for(&ptab_fmt_host, 0, M2, PT_R | PT_UC | PT_GLOBAL), 1ull << 63 | 0x61 | 0x80 | 0x18 | 0x100);
    CHECK_EQ(entry_for(&ptab_fmt_host, 0, K4, PT_R | PT_WC | PT_X), 0x69);
    CHECK_EQ(entry_for(&ptab_fmt_npt, 0, M2, PT_R | PT_W | PT_X | PT_USER | PT_GLOBAL), 0x07 | 0x80);
    CHECK_EQ(entry_for(&ptab_fmt_npt, 0, K4, PT_R | PT_W | PT_UC), 1ull << 63 | 0x07 | 0x18);
    CHECK_EQ(entry_for(&fmt_amdvi, 0, M2, PT_R | PT_W), 3ull << 61 | 1ull << 60 | 1);
    reset();
    struct ptab pt = make(&fmt_slpt, 4, 3, false);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 0 }, K4, 0), ST_INVAL);          /* would not be present */
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 0 }, K4, PT_X), ST_INVAL);
    finish(&pt);
}

static void test_arguments(void)
{
    reset();
    struct ptab pt = make(&fmt_slpt, 4, 3, false);
    CHECK_EQ(ptab_map(&pt, 1, (hpa_t){ 0 }, K4, PT_R), ST_INVAL);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 8 }, K4, PT_R), ST_INVAL);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 0 }, 5, PT_R), ST_INVAL);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 0 }, 0, PT_R), ST_INVAL);
    CHECK_EQ(ptab_map(&pt, ~0ull << 12, (hpa_t){ 0 }, 2 * K4, PT_R), ST_RANGE);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 1ull << 52 }, K4, PT_R), ST_RANGE);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ (1ull << 52) - K4 }, 2 * K4, PT_R), ST_RANGE);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ ~0ull << 12 }, 2 * K4, PT_R), ST_RANGE);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ (1ull << 52) - K4 }, K4, PT_R), ST_OK);
    CHECK_EQ(ptab_unmap(&pt, 4, K4), ST_INVAL);
    CHECK_EQ(ptab_unmap(&pt, 0, 0), ST_INVAL);
    CHECK_EQ(ptab_unmap(&pt, ~0ull << 12, 2 * K4), ST_RANGE);
    finish(&pt);

    fake_pmm.budget = 0;
    CHECK_EQ(ptab_init(&pt, &fmt_slpt, 4, 3, false), ST_NOSPACE);
}

static void test_overlap(void)
{
    reset();
    struct ptab pt = make(&fmt_slpt, 4, 3, false);
    CHECK_EQ(ptab_map(&pt, G1, (hpa_t){ G1 }, G1, PT_R), ST_OK);
    CHECK_EQ(ptab_map(&pt, M2, (hpa_t){ M2 }, K4, PT_R), ST_OK);
    unsigned pages = pt.pages;
    CHECK_EQ(ptab_map(&pt, G1 + 7 * M2, (hpa_t){ 0 }, K4, PT_R), ST_OVERLAP);   /* inside a large leaf */
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 0 }, G1, PT_R), ST_OVERLAP);             /* over a small one */
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 0 }, M2 + K4, PT_R), ST_OVERLAP);        /* the last page only */
    CHECK_EQ(at(&pt, 0), ~0ull);
    CHECK_EQ(pt.pages, pages);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 0 }, M2, PT_R), ST_OK);                  /* adjacent is fine */
    /* a table left empty by unmap does not stop a large leaf */
    CHECK_EQ(ptab_unmap(&pt, M2, K4), ST_OK);
    CHECK_EQ(ptab_map(&pt, M2, (hpa_t){ 8 * M2 }, M2, PT_R), ST_OK);
    CHECK_EQ(level_at(&pt, M2), 2);
    finish(&pt);
}

static void test_unmap(void)
{
    reset();
    struct ptab pt = make(&fmt_slpt, 4, 3, false);
    CHECK_EQ(ptab_map(&pt, 0, (hpa_t){ 0 }, 4 * M2, PT_R), ST_OK);
    CHECK_EQ(ptab_map(&pt, 4 * M2, (hpa_t){ K4 }, M2, PT_R), ST_OK);            /* small pages */
    CHECK_EQ(ptab_unmap(&pt, M2 - K4, 2 * K4), ST_INVAL);                       /* cuts two leaves */
    CHECK_EQ(ptab_unmap(&pt, 0, M2 + K4), ST_INVAL);                            /* whole leaf, then a cut: nothing */
    CHECK_EQ(at(&pt, 0), 0);
    CHECK_EQ(ptab_unmap(&pt, 4 * M2 + 3 * K4, K4), ST_OK);
    CHECK_EQ(at(&pt, 4 * M2 + 3 * K4), ~0ull);
    CHECK_EQ(at(&pt, 4 * M2 + 2 * K4), 3 * K4);
    CHECK(pt.reap == NULL);
    CHECK_EQ(ptab_unmap(&pt, 0, 1ull << 40), ST_OK);                            /* holes are fine */
    CHECK_EQ(at(&pt, 4 * M2), ~0ull);
    CHECK(pt.reap != NULL);
    CHECK_EQ(pt.pages, 4);                                                      /* not freed before the flush */
    CHECK_EQ(fake_pmm.in_use, 4);
    for (uint64_t *t = pt.reap; t; t = (uint64_t *)(uintptr_t)*t)               /* stale walkers find nothing */
        for (unsigned i = 0; i < 512; i++)
            CHECK((t[i] & 0xfff) == 0);
    ptab_reap(&pt);
    CHECK_EQ(fake_pmm.in_use, 1);
    CHECK_EQ(ptab_unmap(&pt, 0, 1ull << 48), ST_OK);
    finish(&pt);
}

/* ---- every store ---- */
struct watch {
    const struct ptab *pt;
    uint64_t va, len, pa;          /* being mapped or unmapped */
    uint64_t kept, kept_pa;        /* a page that must stay */
    uint64_t checks;
    bool snoop;
};

static void check_one(struct watch *w, uint64_t va)
{
    uint64_t pa, leaf;
    if (!hw_walk(w->pt, va, w->snoop, &pa, &leaf))
        return;
    if (va < w->va || va - w->va >= w->len)
        CHECK(!"mapped outside the range");
    else if (pa != w->pa + (va - w->va) || (leaf & 3) != 3)
        CHECK(!"half an entry");
}

static void on_store(void *ctx, uint64_t addr)
{
    struct watch *w = ctx;
    uint64_t pa = 0, leaf;
    (void)addr;
    w->checks++;
    CHECK(hw_walk(w->pt, w->kept, w->snoop, &pa, &leaf) && pa == w->kept_pa);
    for (unsigned i = 0; i < 7; i++)
        check_one(w, w->va + w->len / 7 * i);
    check_one(w, w->va - 1);
    check_one(w, w->va + w->len);
    check_one(w, w->va + w->len - 1);
    check_one(w, 0x7f12345678);
}

static void test_each_store(bool snoop)
{
    static const struct ptab_fmt *fmts[] = { &fmt_slpt, &ptab_fmt_ept };
    for (unsigned i = 0; i < 2; i++) {
        reset();
        struct ptab pt = make(fmts[i], 4, 2, !snoop);
        CHECK_EQ(ptab_map(&pt, 3 * K4, (hpa_t){ 9 * K4 }, K4, PT_R | PT_W), ST_OK);
        struct watch w = { .pt = &pt, .va = M2 - 20 * K4, .len = 3 * M2 + 33 * K4, .pa = 6 * M2 - 20 * K4,
                           .kept = 3 * K4, .kept_pa = 9 * K4, .snoop = snoop };
        storelog_start(on_store, &w);
        CHECK_EQ(ptab_map(&pt, w.va, (hpa_t){ w.pa }, w.len, PT_R | PT_W), ST_OK);
        uint64_t stores = storelog_stop();
        CHECK_EQ(stores, 20 + 3 + 13 + 1 );      /* leaves, and one link: the table of 0..2M is there */
        CHECK_EQ(at(&pt, w.va + w.len - 1), w.pa + w.len - 1);
        uint64_t pa = 0, leaf;
        CHECK(hw_walk(&pt, w.va + w.len - 1, snoop, &pa, &leaf));
        CHECK_EQ(fake_hw.flushes != 0, !snoop);
        storelog_start(on_store, &w);
        CHECK_EQ(ptab_unmap(&pt, w.va, w.len), ST_OK);
        stores = storelog_stop();
        CHECK_EQ(stores, 20 + 3 + 13 + 1 + 1);   /* leaves, unlink, link of the reap list */
        CHECK(!hw_walk(&pt, w.va, snoop, &pa, &leaf));
        finish(&pt);
    }
}

/* ---- exhaustion: at every possible page nothing is left behind ---- */
static void test_exhaustion(void)
{
    unsigned failures = 0;
    for (uint64_t budget = 0; budget < 12; budget++) {
        reset();
        struct ptab pt = make(&fmt_slpt, 5, 2, true);
        CHECK_EQ(ptab_map(&pt, 3 * K4, (hpa_t){ 9 * K4 }, K4, PT_R | PT_W), ST_OK);
        struct watch w = { .pt = &pt, .va = G1 - M2 - K4, .len = 2 * M2 + 2 * K4, .pa = G1 - M2 - K4,
                           .kept = 3 * K4, .kept_pa = 9 * K4, .snoop = false };
        fake_pmm.budget = budget;
        storelog_start(on_store, &w);
        status_t st = ptab_map(&pt, w.va, (hpa_t){ w.pa }, w.len, PT_R | PT_W);
        storelog_stop();
        fake_pmm.budget = ~0ull;
        if (st != ST_OK) {
            CHECK_EQ(st, ST_NOSPACE);
            failures++;
            for (uint64_t va = w.va; va < w.va + w.len; va += K4)
                CHECK_EQ(at(&pt, va), ~0ull);
            ptab_reap(&pt);
            CHECK_EQ(pt.pages, 5);
            CHECK_EQ(fake_pmm.in_use, 5);
            CHECK_EQ(ptab_map(&pt, w.va, (hpa_t){ w.pa }, w.len, PT_R | PT_W), ST_OK);
        }
        CHECK_EQ(at(&pt, w.va + w.len - 1), w.pa + w.len - 1);
        finish(&pt);
    }
    CHECK_EQ(failures, 3);      /* 4K table below 1G, level 2 table above, 4K table above */
}

/* ---- against a plain array ---- */
#define WINDOW 2048u
static uint64_t rng = 88172645463325252ull;
static unsigned draw(unsigned n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (unsigned)(rng % n);
}

static bool want_overlap(const uint64_t *ref, unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++)
        if (ref[i] != ~0ull)
            return true;
    return false;
}

static void test_random(void)
{
    static uint64_t ref[WINDOW];
    const uint64_t base = 511 * G1 - WINDOW / 2 * K4;     /* straddles a level 3 boundary */
    reset();
    struct ptab pt = make(&fmt_slpt, 4, 3, true);
    memset(ref, 0xff, sizeof ref);
    unsigned maps = 0, unmaps = 0, refused = 0;
    for (unsigned round = 0; round < 3000; round++) {
        unsigned first = draw(WINDOW), count = 1 + draw(draw(4) ? 30 : 1200);
        if (draw(3) == 0)
            first &= ~511u, count = 512 * (1 + draw(2));
        if (first + count > WINDOW)
            count = WINDOW - first;
        uint64_t pa = draw(2) ? (first + 512 * 40) * K4 : draw(1 << 20) * K4;
        if (draw(2)) {
            bool overlap = want_overlap(ref, first, count);
            status_t st = ptab_map(&pt, base + first * K4, (hpa_t){ pa }, count * K4, PT_R | PT_W);
            CHECK_EQ(st, overlap ? ST_OVERLAP : ST_OK);
            for (unsigned i = 0; st == ST_OK && i < count; i++)
                ref[first + i] = pa + i * K4;
            maps += st == ST_OK;
        } else {
            status_t st = ptab_unmap(&pt, base + first * K4, count * K4);
            CHECK(st == ST_OK || st == ST_INVAL);
            for (unsigned i = 0; st == ST_OK && i < count; i++)
                ref[first + i] = ~0ull;
            unmaps += st == ST_OK;
            refused += st == ST_INVAL;
            ptab_reap(&pt);
        }
        if (round % 16 == 0)
            for (unsigned i = 0; i < WINDOW; i += 1 + draw(9))
                CHECK_EQ(at(&pt, base + i * K4), ref[i]);
    }
    CHECK(maps > 200 && unmaps > 200 && refused > 5);
    for (unsigned i = 0; i < WINDOW; i++) {
        uint64_t pa = ~0ull, leaf;
        if (!hw_walk(&pt, base + i * K4, false, &pa, &leaf))
            pa = ~0ull;
        CHECK_EQ(pa, ref[i]);
    }
    CHECK_EQ(ptab_unmap(&pt, base, WINDOW * K4), ST_OK);
    ptab_reap(&pt);
    CHECK_EQ(pt.pages, 1);
    finish(&pt);
}

int main(void)
{
    test_largest_leaves();
    test_formats();
    test_leaf();
    test_bits();
    test_arguments();
    test_overlap();
    test_unmap();
    test_each_store(true);
    test_each_store(false);
    test_exhaustion();
    test_random();
    return unit_done();
}
