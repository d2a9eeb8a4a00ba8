/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping [VT-d 5.1]. An entry's high word (source check) is written
 * while it is absent and stays; everything that changes is in the low word, so a
 * live entry changes by one store and the old or the new one is used until the
 * cache flush is confirmed. No interrupt is lost and none is half old.
 */
#include "drivers/iommu/vtd/vtd.h"

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

/* The index may be anything: a message and a pin's entry both have a place for it. */
status_t vtd_irte_alloc(struct irte_run *run, uint32_t index)
{
    struct vtd_unit *u = &vtd_unit[run->unit];
    (void)index;
    TRY(idpool_alloc(&u->irtes, run->count, 1, &run->first));
    for (struct vtd_pair *entry = u->irt + run->first; entry < u->irt + run->first + run->count; entry++) {
        KASSERT(!(entry->lo & IRTE_P));
        vtd_publish(u, entry, 0, FIELD_PREP(IRTE_SID, run->rid) | FIELD_PREP(IRTE_SVT, 1));
    }
    return ST_OK;
}

/* One store, confirmed; else blocked rather than guessed. */
status_t vtd_irte_set(const struct irte_run *run, uint32_t i, uint32_t apic_id, uint8_t vector, bool level)
{
    struct vtd_unit *u = &vtd_unit[run->unit];
    const uint64_t dest = u->eime ? IRTE_DEST : IRTE_DEST8;
    KASSERT(idpool_is_taken(&u->irtes, i) && FIELD_GET(IRTE_SID, u->irt[i].hi) == run->rid);
    if (!FIELD_FITS(dest, apic_id))
        return ST_RANGE;
    vtd_store_lo(u, &u->irt[i], vector == 0 ? 0 : IRTE_P | (level ? IRTE_LEVEL : 0) | FIELD_PREP(IRTE_VEC, vector) |
                                                  FIELD_PREP(dest, apic_id));
    status_t st = vtd_inv(u, INV_IEC_ONE | FIELD_PREP(INV_IIDX, i), 0);
    if (st != ST_OK)
        vtd_store_lo(u, &u->irt[i], 0);
    return st;
}

void vtd_irte_free(const struct irte_run *run)
{
    for (uint32_t i = 0; i < run->count; i++)
        idpool_free(&vtd_unit[run->unit].irtes, run->first + i);
}

void vtd_irte_msi(const struct irte_run *run, uint64_t *addr, uint32_t *data)
{
    *addr = MSI_BASE | MSI_REMAP | MSI_SHV | FIELD_PREP(MSI_HANDLE, run->first);
    *data = 0;                             /* subhandle: the device adds the vector number of MSI */
}

/* The vector stays: end-of-interrupt matches by it. */
uint64_t vtd_irte_rte(const struct irte_run *run, uint64_t rte)
{ return rte | RTE_REMAP | FIELD_PREP(RTE_INDEX, run->first); }
