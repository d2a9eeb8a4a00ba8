/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's memory map, which may be unsorted, overlap, wrap or end in the middle of a page. Pure. */
#include "kernel/boot/loader.h"

#define PA_LIMIT  (1ull << 52)
#define LOW_END   0x100000ull                /* firmware's data */
#define LOW_FIRST 0x1000ull                  /* a start vector of 0 is real mode's interrupt table */
#define LOW_LAST  0x9f000ull                 /* what SIPI can name and firmware does not use */
#define PLACE_END (1ull << 32)               /* tables of starting CPUs are read in 32-bit mode */

static uint64_t end_of(const struct boot_range *r) { return r->base + r->len; }

static void remove_at(struct bootinfo *info, uint32_t at)
{
    info->ranges--;
    for (uint32_t i = at; i < info->ranges; i++)
        info->range[i] = info->range[i + 1];
}

/* Memory that no range names is not used: dropping any RAM range is safe, dropping another is not. */
static void drop_smallest_ram(struct bootinfo *info)
{
    uint32_t victim = BOOT_MAX_RANGES;
    uint64_t least = ~0ull;
    for (uint32_t i = 0; i < info->ranges; i++) {
        if (info->range[i].type == BOOT_RAM && info->range[i].len < least) {
            least = info->range[i].len;
            victim = i;
        }
    }
    if (victim != BOOT_MAX_RANGES)
        remove_at(info, victim);
}

static bool joins(const struct boot_range *low, const struct boot_range *high)
{
    return low->type == high->type && end_of(low) == high->base;
}

void memmap_add(struct bootinfo *info, uint64_t base, uint64_t len, uint32_t type)
{
    uint32_t at = 0;
    if (len == 0 || base + len < base)
        return;
    if (info->ranges >= BOOT_MAX_RANGES)
        drop_smallest_ram(info);
    if (info->ranges >= BOOT_MAX_RANGES)
        return;                              /* no RAM in it: this machine cannot boot anyway */
    while (at < info->ranges && info->range[at].base < base)
        at++;
    for (uint32_t i = info->ranges; i > at; i--)
        info->range[i] = info->range[i - 1];
    info->ranges++;
    info->range[at] = (struct boot_range){ base, len, type, 0 };
    if (at + 1 < info->ranges && joins(&info->range[at], &info->range[at + 1])) {
        info->range[at].len += info->range[at + 1].len;
        remove_at(info, at + 1);
    }
    if (at > 0 && joins(&info->range[at - 1], &info->range[at])) {
        info->range[at - 1].len += info->range[at].len;
        remove_at(info, at);
    }
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

static void sort(struct bootinfo *info)
{
    for (uint32_t i = 1; i < info->ranges; i++) {
        struct boot_range r = info->range[i];
        uint32_t j = i;
        for (; j > 0 && info->range[j - 1].base > r.base; j--)
            info->range[j] = info->range[j - 1];
        info->range[j] = r;
    }
}

/* The overlap of `loser` with `winner` goes; what lies behind it becomes a range of its own. */
static void cut(struct bootinfo *info, uint32_t loser, uint32_t winner)
{
    struct boot_range *l = &info->range[loser];
    uint64_t from = info->range[winner].base, to = end_of(&info->range[winner]), end = end_of(l);
    if (to < end && info->ranges < BOOT_MAX_RANGES && l->base < from)
        info->range[info->ranges++] = (struct boot_range){ to, end - to, l->type, 0 };
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
static void separate(struct bootinfo *info, bool ram)
{
    for (uint32_t i = 0; i < info->ranges; i++) {
        for (uint32_t j = 0; j < info->ranges; j++) {
            struct boot_range *a = &info->range[i], *b = &info->range[j];
            if (i == j || a->len == 0 || b->len == 0 || !range_overlaps(a->base, a->len, b->base, b->len))
                continue;
            if (ram ? is_ram_to_cut(a, b) : i > j)
                cut(info, i, j);
        }
    }
}

void memmap_repair(struct bootinfo *info)
{
    for (uint32_t i = info->ranges; i-- > 0;)
        if (!round_range(&info->range[i]))
            remove_at(info, i);
    separate(info, true);
    separate(info, false);
    for (uint32_t i = info->ranges; i-- > 0;)
        if (info->range[i].len == 0)
            remove_at(info, i);
    sort(info);
}

/* The base of something that [base, base + len) must not touch; ~0 = nothing. */
static uint64_t obstacle(const struct bootinfo *info, const struct boot_range *own, uint64_t base, uint64_t len)
{
    if (range_overlaps(base, len, own->base, own->len))
        return own->base;
    if (range_overlaps(base, len, info->kernel_base, info->kernel_len))
        return info->kernel_base;
    for (uint32_t i = 0; i < info->modules; i++)
        if (range_overlaps(base, len, info->module[i].base, info->module[i].len))
            return info->module[i].base;
    return ~0ull;
}

uint64_t memmap_place(const struct bootinfo *info, const struct boot_range *own, uint64_t len, uint64_t align)
{
    for (uint32_t i = info->ranges; i-- > 0;) {
        const struct boot_range *r = &info->range[i];
        uint64_t floor = MAX(r->base, LOW_END), end = MIN(end_of(r), PLACE_END);
        while (r->type == BOOT_RAM && end >= len && end - len >= floor) {
            uint64_t at = (end - len) & ~(align - 1);
            end = at >= floor ? obstacle(info, own, at, len) : 0;
            if (end == ~0ull)
                return at;
        }
    }
    return 0;
}

/* What of [base, base + len) is free RAM. Backwards: a full array loses RAM before `i`, never a turn. */
static void use(struct bootinfo *info, uint64_t base, uint64_t len, uint32_t type)
{
    for (uint32_t i = info->ranges; i-- > 0;) {
        const struct boot_range r = info->range[i];
        uint64_t from = MAX(r.base, base), to = MIN(end_of(&r), base + len);
        if (r.type != BOOT_RAM || from >= to)
            continue;
        info->range[i] = (struct boot_range){ from, to - from, type, 0 };
        memmap_add(info, to, end_of(&r) - to, BOOT_RAM);
        memmap_add(info, r.base, from - r.base, BOOT_RAM);
    }
}

void memmap_split(struct bootinfo *info)
{
    const struct boot_range none = { 0 };
    uint64_t ram = 0, at = 0;
    for (const struct boot_range *r = info->range; r < info->range + info->ranges; r++) {
        uint64_t low_end = MIN(end_of(r), LOW_LAST);
        if (r->type != BOOT_RAM)
            continue;
        ram += r->len;
        if (r->base < low_end && low_end >= LOW_FIRST + PAGE_SIZE)
            info->start_page = low_end - PAGE_SIZE;
    }
    use(info, 0, LOW_END, BOOT_LOW);
    use(info, info->kernel_base, PAGE_UP(info->kernel_len), BOOT_USED);
    for (const struct boot_module *m = info->module; m < info->module + info->modules; m++)
        use(info, m->base, PAGE_UP(m->len), BOOT_USED);
    /* The largest pool that fits, as high as it can be. */
    uint64_t len = MIN((BOOT_POOL_MIN + ram / 128 + PAGE_2M - 1) & ~(PAGE_2M - 1), BOOT_POOL_MAX);
    for (; len >= BOOT_POOL_MIN && at == 0; len -= PAGE_2M) {
        at = memmap_place(info, &none, len, PAGE_2M);
        if (at != 0)
            use(info, at, len, BOOT_POOL);
    }
}

uint32_t memmap_e820_type(uint32_t e820)
{
    switch (e820) {
    case 1: return BOOT_RAM;
    case 3: return BOOT_ACPI;
    case 4: return BOOT_NVS;
    case 5: return BOOT_BAD;
    default: return BOOT_RESERVED;
    }
}
