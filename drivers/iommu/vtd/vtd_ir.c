/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupt remapping [VT-d 5.1]. An entry's high word (source check) is written
 * while it is absent and stays; everything that changes is in the low word, so a
 * live entry changes by one store and the old or the new one is used until the
 * cache flush is confirmed. No interrupt is lost and none is half old.
 */
#include "drivers/iommu/vtd/vtd.h"
#include "drivers/iommu/vtd/vtd_unit.h"

#include "kernel/mm/pmm.h"

#define APIC_BASE_EXTD  BIT64(10)
#define VECTOR_FIRST    0x10u      /* below: reserved by the architecture */

static void put_lo(const struct vtd_unit *u, struct vtd_pair *entry, uint64_t lo)
{
    __atomic_store_n(&entry->lo, lo, __ATOMIC_RELEASE);
    vtd_unit_flush(u, entry, sizeof *entry);
}

static status_t flush_entry(struct vtd_unit *u, uint32_t index)
{
    struct vtd_pair desc = vtd_inv_iec_one(index);
    status_t st = vtd_unit_write_buffer(u);
    return st == ST_OK ? vtd_inv_run(u, &desc, 1) : st;
}

status_t vtd_ir_start(struct vtd_unit *u)
{
    struct vtd_pair desc = vtd_inv_iec_global();
    u->irt = pmm_alloc_order(VTD_IRT_ORDER);
    if (!u->irt)
        return ST_NOSPACE;
    vtd_unit_flush(u, u->irt, VTD_IRTES * sizeof u->irt[0]);
    idpool_init(&u->irtes, u->irte_words, 0, VTD_IRTES);
    u->eime = (u->ecap & ECAP_EIM) != 0 && (hw_rdmsr(MSR_APIC_BASE) & APIC_BASE_EXTD) != 0;
    uint64_t irta = pmm_pa(u->irt).v | (u->eime ? IRTA_EIME : 0) | FIELD_PREP(IRTA_S, VTD_IRT_S);
    vtd_wr64(u, VTD_IRTA, irta);
    if (vtd_rd64(u, VTD_IRTA) != irta)
        return ST_HW;
    status_t st = vtd_unit_write_buffer(u);
    if (st == ST_OK)
        st = vtd_unit_once(u, GCMD_SIRTP);
    if (st == ST_OK)
        st = vtd_inv_run(u, &desc, 1);
    if (st == ST_OK)
        st = vtd_unit_set(u, GCMD_IRE);
    if (st == ST_OK && vtd_rd32(u, VTD_GSTS) & GCMD_CFI)
        st = ST_HW;                        /* compatibility-format interrupts would pass */
    return st;
}

status_t vtd_irte_alloc(struct bdf src, uint32_t count, struct irte_handle *first)
{
    uint32_t index;
    struct vtd_unit *u = vtd_unit_of_source(src);
    first->valid = false;
    if (!u || !u->irt)
        return ST_NOIOMMU;
    if (count == 0 || count > VTD_IRTES)
        return ST_INVAL;
    spin_lock(&u->lock);
    status_t st = u->dead ? ST_TIMEOUT : idpool_alloc(&u->irtes, count, 1, &index);
    for (uint32_t i = 0; st == ST_OK && i < count; i++) {
        struct vtd_pair *entry = &u->irt[index + i];
        KASSERT(!(entry->lo & IRTE_P));
        __atomic_store_n(&entry->hi, vtd_irte_hi(bdf_rid(src)), __ATOMIC_RELEASE);
        vtd_unit_flush(u, entry, sizeof *entry);
    }
    if (st == ST_OK)
        *first = (struct irte_handle){ .unit = u->index, .index = index, .src = src, .valid = true };
    spin_unlock(&u->lock);
    return st;
}

/* The handle's unit and entry, locked; NULL when the handle names nothing of its source. */
static struct vtd_unit *entry_lock(const struct irte_handle *h, struct vtd_pair **entry)
{
    struct vtd_unit *u = h->valid ? vtd_unit_at(h->unit) : NULL;
    if (!u || !u->irt || h->index >= VTD_IRTES)
        return NULL;
    spin_lock(&u->lock);
    *entry = &u->irt[h->index];
    if (idpool_is_taken(&u->irtes, h->index) && FIELD_GET(IRTE_SID, (*entry)->hi) == bdf_rid(h->src))
        return u;
    spin_unlock(&u->lock);
    return NULL;
}

status_t vtd_irte_set(const struct irte_handle *h, uint32_t apic_id, uint8_t vector, bool level)
{
    struct vtd_pair *entry;
    if (vector < VECTOR_FIRST)
        return ST_INVAL;
    struct vtd_unit *u = entry_lock(h, &entry);
    if (!u)
        return ST_INVAL;
    status_t st = ST_RANGE;
    if (u->eime || apic_id <= 0xff) {
        put_lo(u, entry, vtd_irte_lo(apic_id, vector, level, u->eime));
        st = flush_entry(u, h->index);
        if (st != ST_OK)
            put_lo(u, entry, 0);           /* not confirmed: block rather than guess */
    }
    spin_unlock(&u->lock);
    return st;
}

status_t vtd_irte_block(const struct irte_handle *h)
{
    struct vtd_pair *entry;
    struct vtd_unit *u = entry_lock(h, &entry);
    if (!u)
        return ST_INVAL;
    put_lo(u, entry, 0);
    status_t st = flush_entry(u, h->index);
    spin_unlock(&u->lock);
    return st;
}

/* All blocked and confirmed, then all free; an index that the unit may still hold is never reused. */
status_t vtd_irte_free(struct irte_handle *first, uint32_t count)
{
    status_t st = count != 0 && count <= VTD_IRTES ? ST_OK : ST_INVAL;
    struct irte_handle h = *first;
    for (uint32_t i = 0; st == ST_OK && i < count; i++, h.index++)
        st = vtd_irte_block(&h);
    if (st != ST_OK)
        return st;
    struct vtd_unit *u = vtd_unit_at(first->unit);
    spin_lock(&u->lock);
    for (uint32_t i = 0; i < count; i++) {
        __atomic_store_n(&u->irt[first->index + i].hi, 0, __ATOMIC_RELEASE);
        vtd_unit_flush(u, &u->irt[first->index + i], sizeof u->irt[0]);
        idpool_free(&u->irtes, first->index + i);
    }
    spin_unlock(&u->lock);
    first->valid = false;
    return ST_OK;
}

void vtd_irte_msi(const struct irte_handle *h, uint32_t sub, uint64_t *addr, uint32_t *data)
{
    uint32_t handle = h->index + sub;
    *addr = MSI_BASE | MSI_REMAP | MSI_SHV | FIELD_PREP(MSI_HANDLE, handle & 0x7fff) |
            (handle & 0x8000 ? MSI_HANDLE_15 : 0);
    *data = 0;                             /* subhandle: the device adds the vector number of MSI */
}

uint64_t vtd_irte_rte(const struct irte_handle *h, bool level, bool active_low)
{
    struct vtd_pair *entry;
    uint64_t vector = 0;
    struct vtd_unit *u = entry_lock(h, &entry);
    if (u) {
        vector = FIELD_GET(IRTE_VEC, entry->lo);
        spin_unlock(&u->lock);
    }
    return FIELD_PREP(RTE_INDEX, h->index & 0x7fff) | RTE_REMAP | (h->index & 0x8000 ? RTE_INDEX_15 : 0) |
           (level ? RTE_LEVEL : 0) | (active_low ? RTE_LOW : 0) | FIELD_PREP(RTE_VEC, vector);
}
