/* SPDX-License-Identifier: BSD-2-Clause */
/* The split of RAM at boot, and the order of memory set-up: plan, pool and tables, user memory. */
#include "kernel/mm/mm.h"

#include "kernel/log/console.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/space.h"
#include "kernel/mm/umem.h"

#define LOW_END      0x100000ull        /* firmware data and the start page of CPUs: not given out */
#define LOW_FIRST    0x1000ull          /* a start vector of 0 is real mode's interrupt table */
#define LOW_LAST     0x9f000ull         /* what SIPI can name and firmware does not use */
#define POOL_END     (1ull << 32)       /* tables of starting CPUs are read in 32-bit mode */

struct mm_plan mm_plan;

/* The largest pool that fits, as high as it can be. */
static status_t place_pool(struct extent_set *user, struct mm_plan *out)
{
    uint64_t len = MIN((PLAN_POOL_MIN + out->ram / 128 + PAGE_2M - 1) & ~(PAGE_2M - 1), PMM_POOL_MAX);
    for (; len >= PLAN_POOL_MIN; len -= PAGE_2M)
        for (uint32_t i = user->count; i-- > 0;) {
            uint64_t end = MIN(user->at[i].base + user->at[i].len, POOL_END) & ~(PAGE_2M - 1);
            if (end < len || end - len < user->at[i].base)
                continue;
            out->pool_base = end - len;
            out->pool_len = len;
            return extent_remove(user, out->pool_base, len);
        }
    return ST_NOSPACE;
}

status_t plan_make(const struct bootinfo *bi, struct extent_set *user, struct mm_plan *out)
{
    *out = (struct mm_plan){ 0 };
    for (const struct boot_range *r = bi->range; r < bi->range + bi->ranges; r++) {
        if (r->type != BOOT_RAM)
            continue;
        uint64_t low_end = MIN(r->base + r->len, LOW_LAST);
        if (r->base < low_end && low_end >= LOW_FIRST + PAGE_SIZE)
            out->low_page = low_end - PAGE_SIZE;
        TRY(extent_add(user, r->base, r->len));
    }
    out->ram = user->total;
    TRY(extent_remove(user, 0, LOW_END));
    TRY(extent_remove(user, bi->kernel_base, PAGE_UP(bi->kernel_len)));
    for (const struct boot_module *m = bi->module; m < bi->module + bi->modules; m++)
        if (m->len != 0)
            TRY(extent_remove(user, m->base, PAGE_UP(m->len)));
    return place_pool(user, out);
}

void mm_init(const struct bootinfo *bi)
{
    struct extent_set *user = umem_set();
    if (plan_make(bi, user, &mm_plan) != ST_OK)
        boot_refuse("too little memory: %lu MiB of RAM, and no free %u MiB in one piece below 4 GiB",
                    mm_plan.ram >> 20, PLAN_POOL_MIN >> 20);
    space_init((hpa_t){ bi->kernel_base }, (hpa_t){ mm_plan.pool_base }, mm_plan.pool_len);
    umem_init();
    log_line("memory: %lu MiB RAM, kernel pool %lu MiB at %lx, %lu MiB for guests and tasks",
             mm_plan.ram >> 20, mm_plan.pool_len >> 20, mm_plan.pool_base, user->total >> 20);
}
