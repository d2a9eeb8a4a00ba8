/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs of interrupt remapping entries: who may use which, whatever they look like. */
#include "drivers/iommu/vendor.h"

#define VECTOR_FIRST    0x10u      /* below: reserved by the architecture */

status_t iommu_irte_alloc(struct bdf src, uint32_t count, uint32_t index, struct irte_run *run)
{
    *run = (struct irte_run){ .src = src };
    struct iommu_rids rids;
    struct iommu_unit *u = iommu_covering(src, &rids);
    if (!u)
        return ST_NOIOMMU;
    run->rid = rids.id[rids.count - 1];      /* the highest bridge's, by which messages arrive */
    run->unit = u->index;
    run->count = count;
    spin_lock(&u->lock);
    status_t st = u->dead ? ST_TIMEOUT : vendor_irte_alloc(run, index);
    spin_unlock(&u->lock);
    if (st != ST_OK)
        run->count = 0;
    return st;
}

/* vector 0: blocked. */
static status_t change(const struct irte_run *run, uint32_t i, uint32_t apic_id, uint8_t vector, bool level)
{
    if (i >= run->count)
        return ST_INVAL;
    struct iommu_unit *u = iommu_unit[run->unit];
    spin_lock(&u->lock);
    status_t st = vendor_irte_set(run, run->first + i, apic_id, vector, level);
    spin_unlock(&u->lock);
    return st;
}

status_t iommu_irte_set(const struct irte_run *run, uint32_t i, uint32_t apic_id, uint8_t vector, bool level)
{ return vector < VECTOR_FIRST ? ST_RANGE : change(run, i, apic_id, vector, level); }

status_t iommu_irte_block(const struct irte_run *run, uint32_t i) { return change(run, i, 0, 0, false); }

/* All blocked and confirmed, then all free; an entry that the unit may still hold is never reused. */
status_t iommu_irte_free(struct irte_run *run)
{
    for (uint32_t i = 0; i < run->count; i++)
        TRY(iommu_irte_block(run, i));
    if (run->count == 0)
        return ST_OK;
    struct iommu_unit *u = iommu_unit[run->unit];
    spin_lock(&u->lock);
    vendor_irte_free(run);
    spin_unlock(&u->lock);
    run->count = 0;
    return ST_OK;
}

void iommu_irte_msi(const struct irte_run *run, uint64_t *addr, uint32_t *data) { vendor_irte_msi(run, addr, data); }
uint64_t iommu_irte_rte(const struct irte_run *run, uint64_t rte) { return vendor_irte_rte(run, rte); }
