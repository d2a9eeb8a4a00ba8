/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory set-up in order: plan, tables, pool, windows, user memory. */
#include "kernel/mm/mm.h"

#include "kernel/log/console.h"
#include "kernel/mm/plan.h"
#include "kernel/mm/space.h"
#include "kernel/mm/umem.h"

uint64_t mm_low_page;

void mm_init(const struct bootinfo *bi)
{
    static struct plan plan;                  /* boot CPU */
    struct extent_set *user = umem_set();
    if (plan_make(bi, user, &plan) != ST_OK)
        boot_refuse("too little memory: %lu MiB of RAM, and no free %u MiB in one piece below 4 GiB",
              plan.ram >> 20, PLAN_POOL_MIN >> 20);
    space_init((hpa_t){ bi->kernel_base }, (hpa_t){ plan.pool_base }, plan.pool_len);
    mm_low_page = plan.low_page;
    umem_init();
    log_line("memory: %lu MiB RAM, kernel pool %lu MiB at %lx, %lu MiB for guests and tasks",
             plan.ram >> 20, plan.pool_len >> 20, plan.pool_base, user->total >> 20);
}
