/* SPDX-License-Identifier: BSD-2-Clause */
/* The split of RAM at boot. */
#include "kernel/mm/plan.h"

#define LOW_END      0x100000ull        /* firmware data and the start page of CPUs: not given out */
#define LOW_FIRST    0x1000ull          /* a start vector of 0 is real mode's interrupt table */
#define LOW_LAST     0x9f000ull         /* what SIPI can name and firmware does not use */
#define POOL_END     (1ull << 32)       /* tables of starting CPUs are read in 32-bit mode */

static MUST_USE status_t take_out(struct extent_set *user, uint64_t base, uint64_t len)
{
    uint64_t from = PAGE_DOWN(base), end = PAGE_UP(base + len);
    return extent_remove(user, from, end - from);
}

static MUST_USE status_t collect(const struct bootinfo *bi, struct extent_set *user, struct plan *out)
{
    status_t st = ST_OK;
    for (uint32_t i = 0; i < bi->ranges && st == ST_OK; i++) {
        const struct boot_range *r = &bi->range[i];
        if (r->type != BOOT_RAM)
            continue;
        st = extent_add(user, r->base, r->len);
        if (r->base < LOW_LAST && MIN(r->base + r->len, LOW_LAST) >= LOW_FIRST + PAGE_SIZE)
            out->low_page = MIN(r->base + r->len, LOW_LAST) - PAGE_SIZE;
    }
    out->ram = user->total;
    if (st == ST_OK)
        st = take_out(user, 0, LOW_END);
    if (st == ST_OK)
        st = take_out(user, bi->kernel_base, bi->kernel_len);
    for (uint32_t i = 0; i < bi->modules && st == ST_OK; i++)
        if (bi->module[i].len != 0)
            st = take_out(user, bi->module[i].base, bi->module[i].len);
    return st;
}

/* The highest place below 4 GiB. */
static bool place(const struct extent_set *user, uint64_t len, uint64_t *base)
{
    for (uint32_t i = user->count; i-- > 0;) {
        uint64_t end = MIN(user->at[i].base + user->at[i].len, POOL_END) & ~(PAGE_2M - 1);
        if (end >= len && end - len >= user->at[i].base) {
            *base = end - len;
            return true;
        }
    }
    return false;
}

status_t plan_make(const struct bootinfo *bi, struct extent_set *user, struct plan *out)
{
    *out = (struct plan){ 0 };
    status_t st = collect(bi, user, out);
    if (st != ST_OK)
        return st;
    uint64_t want = (PLAN_POOL_MIN + out->ram / 128 + PAGE_2M - 1) & ~(PAGE_2M - 1);
    out->pool_len = MIN(want, PLAN_POOL_MAX);
    while (!place(user, out->pool_len, &out->pool_base)) {
        if (out->pool_len == PLAN_POOL_MIN)
            return ST_NOSPACE;
        out->pool_len -= PAGE_2M;
    }
    return extent_remove(user, out->pool_base, out->pool_len);
}
