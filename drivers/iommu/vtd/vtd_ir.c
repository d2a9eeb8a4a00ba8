/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping [VT-d 5.1]. An entry's high word (source check) is written
 * while it is absent and stays; everything that changes is in the low word, so a
 * live entry changes by one store and the old or the new one is used until the
 * cache flush is confirmed. No interrupt is lost and none is half old.
 */
#include "drivers/iommu/vtd/vtd.h"

#define VECTOR_FIRST    0x10u      /* below: reserved by the architecture */
#define IRT_S           11u        /* 2^(S+1) entries */
#define IRT_ORDER       4u
_Static_assert(VTD_IRTES == 1u << (IRT_S + 1) && FIELD_FITS(MSI_HANDLE, VTD_IRTES - 1), "IRTA.S; 15 bits of index");
_Static_assert(VTD_IRTES * sizeof(struct vtd_pair) == PAGE_SIZE << IRT_ORDER, "interrupt table size");

status_t vtd_ir_start(struct vtd_unit *u)
{
    u->irt = pmm_alloc_order(IRT_ORDER);
    if (!u->irt)
        return ST_NOSPACE;
    vtd_flush(u, u->irt, VTD_IRTES * sizeof u->irt[0]);
    idpool_init(&u->irtes, u->irte_words, 0, VTD_IRTES);
    u->eime = u->ecap & ECAP_EIM && hw_rdmsr(MSR_APIC_BASE) & APIC_BASE_X2;
    uint64_t irta = pmm_pa(u->irt).v | (u->eime ? IRTA_EIME : 0) | FIELD_PREP(IRTA_S, IRT_S);
    vtd_wr64(u, VTD_IRTA, irta);
    if (vtd_rd64(u, VTD_IRTA) != irta)
        return ST_HW;
    TRY(u->cap & CAP_RWBF ? vtd_command(u, GCMD_WBF, 0) : ST_OK);
    TRY(vtd_command(u, GCMD_SIRTP, GCMD_SIRTP));
    TRY(vtd_inv(u, INV_IEC_ALL, 0));
    TRY(vtd_command(u, GCMD_IRE, GCMD_IRE));
    return vtd_rd32(u, VTD_GSTS) & GCMD_CFI ? ST_HW : ST_OK;      /* compatibility-format interrupts would pass */
}

status_t iommu_irte_alloc(struct bdf src, uint32_t count, struct irte_handle *first)
{
    uint32_t index;
    struct vtd_unit *u = vtd_unit_of(src);
    first->valid = false;
    if (!u)
        return ST_NOIOMMU;
    if (count == 0 || count > VTD_IRTES)
        return ST_INVAL;
    spin_lock(&u->lock);
    status_t st = u->dead ? ST_TIMEOUT : idpool_alloc(&u->irtes, count, 1, &index);
    for (uint32_t i = 0; st == ST_OK && i < count; i++) {
        KASSERT(!(u->irt[index + i].lo & IRTE_P));
        vtd_publish(u, &u->irt[index + i], 0, FIELD_PREP(IRTE_SID, bdf_rid(src)) | FIELD_PREP(IRTE_SVT, 1));
    }
    if (st == ST_OK)
        *first = (struct irte_handle){ .unit = u->index, .index = index, .src = src, .valid = true };
    spin_unlock(&u->lock);
    return st;
}

/* The handle's unit, locked; NULL when the handle names no entry of its source. */
static struct vtd_unit *lock_unit(const struct irte_handle *h)
{
    struct vtd_unit *u = h->valid && h->unit < vtd_units ? &vtd_unit[h->unit] : NULL;
    if (!u || !u->irt || h->index >= VTD_IRTES)
        return NULL;
    spin_lock(&u->lock);
    if (idpool_is_taken(&u->irtes, h->index) && FIELD_GET(IRTE_SID, u->irt[h->index].hi) == bdf_rid(h->src))
        return u;
    spin_unlock(&u->lock);
    return NULL;
}

/* One store, confirmed; else blocked rather than guessed. */
static status_t put(struct vtd_unit *u, uint32_t index, uint64_t lo)
{
    vtd_store_lo(u, &u->irt[index], lo);
    status_t st = vtd_inv(u, INV_IEC_ONE | FIELD_PREP(INV_IIDX, index), 0);
    if (st != ST_OK)
        vtd_store_lo(u, &u->irt[index], 0);
    return st;
}

status_t iommu_irte_set(const struct irte_handle *h, uint32_t apic_id, uint8_t vector, bool level)
{
    struct vtd_unit *u = vector >= VECTOR_FIRST ? lock_unit(h) : NULL;
    if (!u)
        return ST_INVAL;
    uint64_t dest = u->eime ? FIELD_PREP(IRTE_DEST, apic_id) : FIELD_PREP(IRTE_DEST8, apic_id);
    status_t st = !u->eime && apic_id > 0xff ? ST_RANGE
                : put(u, h->index, IRTE_P | (level ? IRTE_LEVEL : 0) | FIELD_PREP(IRTE_VEC, vector) | dest);
    spin_unlock(&u->lock);
    return st;
}

status_t iommu_irte_block(const struct irte_handle *h)
{
    struct vtd_unit *u = lock_unit(h);
    if (!u)
        return ST_INVAL;
    status_t st = put(u, h->index, 0);
    spin_unlock(&u->lock);
    return st;
}

/* All blocked and confirmed, then all free; an index that the unit may still hold is never reused. */
status_t iommu_irte_free(struct irte_handle *first, uint32_t count)
{
    struct irte_handle h = *first;
    if (count == 0)
        return ST_INVAL;
    for (; h.index - first->index < count; h.index++)
        TRY(iommu_irte_block(&h));
    struct vtd_unit *u = &vtd_unit[first->unit];
    spin_lock(&u->lock);
    while (h.index-- > first->index)
        idpool_free(&u->irtes, h.index);
    spin_unlock(&u->lock);
    first->valid = false;
    return ST_OK;
}

void iommu_irte_msi(const struct irte_handle *h, uint32_t sub, uint64_t *addr, uint32_t *data)
{
    *addr = MSI_BASE | MSI_REMAP | MSI_SHV | FIELD_PREP(MSI_HANDLE, h->index + sub);
    *data = 0;                             /* subhandle: the device adds the vector number of MSI */
}

uint64_t iommu_irte_rte(const struct irte_handle *h, bool level, bool active_low)
{
    struct vtd_unit *u = lock_unit(h);
    if (!u)
        return RTE_MASKED;
    uint64_t vector = FIELD_GET(IRTE_VEC, u->irt[h->index].lo);
    spin_unlock(&u->lock);
    return FIELD_PREP(RTE_INDEX, h->index) | RTE_REMAP | (level ? RTE_LEVEL : 0) | (active_low ? RTE_LOW : 0) |
           FIELD_PREP(RTE_VEC, vector);
}
