/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware made most of it: maps that are unsorted, overlap, wrap or end in the middle of a page. */
#include "kernel/mm/bootcheck.h"

#define PA_LIMIT  (1ull << 52)

static uint64_t end_of(const struct boot_range *r) { return r->base + r->len; }

static void drop(struct bootinfo *bi, uint32_t i)
{
    bi->ranges--;
    for (; i < bi->ranges; i++)
        bi->range[i] = bi->range[i + 1];
}

/* RAM shrinks to whole pages, everything else grows. False: nothing left. */
static bool round_range(struct boot_range *r)
{
    if (r->len == 0 || r->base >= PA_LIMIT)
        return false;
    uint64_t len = MIN(r->len, PA_LIMIT - r->base), end = r->base + len;
    bool ram = r->type == BOOT_RAM;
    if (r->type < BOOT_RAM || r->type > BOOT_BAD)
        r->type = BOOT_RESERVED;
    r->base = ram ? PAGE_UP(r->base) : PAGE_DOWN(r->base);
    end = ram ? PAGE_DOWN(end) : PAGE_UP(end);
    r->len = end > r->base ? end - r->base : 0;
    return r->len != 0;
}

static void sort(struct bootinfo *bi)
{
    for (uint32_t i = 1; i < bi->ranges; i++) {
        struct boot_range r = bi->range[i];
        uint32_t j = i;
        for (; j > 0 && bi->range[j - 1].base > r.base; j--)
            bi->range[j] = bi->range[j - 1];
        bi->range[j] = r;
    }
}

/* The overlap of `loser` with `winner` goes; what lies behind it becomes a range of its own. */
static void cut(struct bootinfo *bi, uint32_t loser, uint32_t winner)
{
    struct boot_range *l = &bi->range[loser];
    uint64_t from = bi->range[winner].base, to = end_of(&bi->range[winner]), end = end_of(l);
    if (to < end && bi->ranges < BOOT_MAX_RANGES && l->base < from)
        bi->range[bi->ranges++] = (struct boot_range){ to, end - to, l->type, 0 };
    if (l->base < from) {
        l->len = from - l->base;
    } else {
        l->base = MIN(to, end);
        l->len = end - l->base;
    }
}

static bool is_ram_to_cut(const struct boot_range *a, const struct boot_range *b)
{
    return a->type == BOOT_RAM && b->type != BOOT_RAM;
}

/* First RAM against all else, so that a full array can only cost RAM; then equals: the later loses. */
static void separate(struct bootinfo *bi, bool ram)
{
    for (uint32_t i = 0; i < bi->ranges; i++) {
        for (uint32_t j = 0; j < bi->ranges; j++) {
            struct boot_range *a = &bi->range[i], *b = &bi->range[j];
            if (i == j || a->len == 0 || b->len == 0 || !range_overlaps(a->base, a->len, b->base, b->len))
                continue;
            if (ram ? is_ram_to_cut(a, b) : i > j)
                cut(bi, i, j);
        }
    }
}

static void repair_ranges(struct bootinfo *bi)
{
    for (uint32_t i = bi->ranges; i-- > 0;)
        if (!round_range(&bi->range[i]))
            drop(bi, i);
    separate(bi, true);
    separate(bi, false);
    for (uint32_t i = bi->ranges; i-- > 0;)
        if (bi->range[i].len == 0)
            drop(bi, i);
    sort(bi);
}

static bool modules_ok(struct bootinfo *bi)
{
    for (uint32_t i = 0; i < bi->modules; i++) {
        struct boot_module *m = &bi->module[i];
        m->name[BOOT_NAME_LEN - 1] = 0;
        if (m->len == 0)
            continue;                    /* an empty file: the monitor says so */
        if ((m->base & (PAGE_SIZE - 1)) != 0 || !range_ok(m->base, m->len, PA_LIMIT))
            return false;
    }
    return true;
}

status_t bootcheck_repair(struct bootinfo *bi)
{
    if (bi->magic != BOOTINFO_MAGIC || bi->size != sizeof *bi)
        return ST_CORRUPT;
    if (bi->ranges > BOOT_MAX_RANGES || bi->modules > BOOT_MAX_MODULES || !modules_ok(bi))
        return ST_CORRUPT;
    if ((bi->kernel_base & (PAGE_2M - 1)) != 0 || !range_ok(bi->kernel_base, bi->kernel_len, PA_LIMIT))
        return ST_CORRUPT;
    if (bi->manifest >= bi->modules)
        bi->manifest = ~0u;
    bi->loader_error[sizeof bi->loader_error - 1] = 0;
    bi->cmdline[sizeof bi->cmdline - 1] = 0;
    repair_ranges(bi);
    return ST_OK;
}
