/* SPDX-License-Identifier: BSD-2-Clause */
/* Address spaces: the upper half of the root is the kernel's, the same in all, never changed. */
#include "kernel/mm/space.h"

#include "kernel/arch/cpu.h"
#include "kernel/mm/kspace.h"
#include "kernel/mm/pmm.h"

#define HALF     256u
#define ENTRIES  512u

status_t space_create(struct space *space)
{
    status_t st = ptab_init(&space->pt, &ptab_fmt_host, 4, cpu_features.page1g ? 3 : 2, false);
    if (st != ST_OK)
        return st;
    const uint64_t *kernel = kspace_root();
    for (unsigned i = HALF; i < ENTRIES; i++)
        space->pt.root[i] = kernel[i];
    space->cr3 = pmm_pa(space->pt.root).v;
    return ST_OK;
}

status_t space_map(struct space *space, uint64_t va, hpa_t pa, uint64_t len, unsigned prot)
{
    if ((prot & ~(PT_R | PT_W | PT_X | PT_USER | PT_UC | PT_WC)) != 0 || !(prot & PT_R) ||
        ((prot & PT_W) && (prot & PT_X)))
        return ST_INVAL;
    if (!range_ok(va, len, USER_TOP))
        return ST_RANGE;
    return ptab_map(&space->pt, va, pa, len, prot | PT_USER);
}

void space_destroy(struct space *space)
{
    for (unsigned i = HALF; i < ENTRIES; i++)
        space->pt.root[i] = 0;               /* shared, not this space's to free */
    ptab_destroy(&space->pt);
    space->cr3 = 0;
}
