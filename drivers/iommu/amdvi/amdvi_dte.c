/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device table entries [AMD-Vi 2.2.2]: which requester uses which domain. A live entry is never changed in place:
 * it is blocked, confirmed, then opened. The first word holds all that decides, so each of the two is one store; the
 * word for interrupts is amdvi_ir.c's.
 */
#include "drivers/iommu/amdvi/amdvi.h"

void amdvi_dte_init(struct amdvi_dte *table)
{
    for (uint32_t rid = 0; rid < AMDVI_DTES; rid++)
        table[rid] = (struct amdvi_dte){ .q = { DTE_BLOCKED, 0, DTE_IV, 0 } };
}

void amdvi_ready(struct iommu_shape *shape)
{
    *shape = (struct iommu_shape){
        .levels = AMDVI_LEVELS, .leaf_max = 3, .bits = amdvi_address_bits(), .domains = 65536,
        .fmt = { .valid = IOPT_PR, .addr = IOPT_ADDR, .next_level = IOPT_NEXT, .table = IOPT_PR | IOPT_IR | IOPT_IW,
                 .leaf_always = IOPT_FC, .r = IOPT_PR | IOPT_IR, .w = IOPT_PR | IOPT_IW },
    };
}

/* The entry, and translations of the domain. */
static status_t invalidate(struct amdvi_unit *u, uint16_t rid, uint32_t domid)
{ return amdvi_cmd(u, CMD_INV_DTE | rid, CMD_INV_PAGES | FIELD_PREP(CMD_DOMID, domid)); }

status_t amdvi_open(struct amdvi_unit *u, uint16_t rid, const struct iommu_dom *dom)
{
    struct amdvi_dte *entry = &u->dte[rid];
    const uint64_t table = pmm_pa(dom->pt.root).v;
    KASSERT(entry->q[0] == DTE_BLOCKED && (table & ~DTE_ROOT) == 0 && FIELD_FITS(DTE_DOMID, dom->domid));
    amdvi_store(&entry->q[1], FIELD_PREP(DTE_DOMID, dom->domid));
    amdvi_store(&entry->q[0], DTE_BLOCKED | DTE_IR | DTE_IW | FIELD_PREP(DTE_MODE, dom->pt.levels) | table);
    return invalidate(u, rid, dom->domid);
}

status_t amdvi_block(struct amdvi_unit *u, uint16_t rid, uint32_t domid, bool silent)
{
    amdvi_store(&u->dte[rid].q[0], DTE_BLOCKED);
    amdvi_store(&u->dte[rid].q[1], silent ? DTE_SA : 0);
    return invalidate(u, rid, domid);
}

status_t amdvi_flush_dom(struct amdvi_unit *u, uint32_t domid)
{ return amdvi_cmd(u, CMD_INV_PAGES | FIELD_PREP(CMD_DOMID, domid), 0); }
