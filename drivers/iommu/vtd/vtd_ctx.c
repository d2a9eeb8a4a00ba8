/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Context entries and second-level tables: which requester uses which domain. A live entry is never
 * changed in place: unpublish, invalidate, confirm, then publish.
 */
#include "drivers/iommu/vtd/vtd.h"

#include "drivers/pci/pci.h"

/* [VT-d 9.8] */
#define SL_R     BIT64(0)
#define SL_W     BIT64(1)
#define SL_LARGE BIT64(7)
#define SL_SNP   BIT64(11)       /* leaves force snooping; reserved without ECAP.SC */
#define SL_ADDR  MASK64(51, 12)

/* NULL when the bus has no context table: everything on it is blocked. */
static struct vtd_pair *context_of(const struct vtd_unit *u, uint16_t rid)
{
    uint64_t root = u->root[rid >> 8].lo;
    return root & ROOT_P ? (struct vtd_pair *)pmm_va((hpa_t){ root & ROOT_PTR }) + (rid & 0xff) : NULL;
}

/* The context table of a bus exists from here on. ST_NOSPACE. */
static status_t make_table(struct vtd_unit *u, uint8_t bus)
{
    if (u->root[bus].lo & ROOT_P)
        return ST_OK;
    void *table = pmm_alloc();
    if (!table)
        return ST_NOSPACE;
    vtd_flush(u, table, PAGE_SIZE);
    vtd_publish(u, &u->root[bus], pmm_pa(table).v | ROOT_P, 0);
    return ST_OK;                      /* a cached absent entry is tagged with its function: attach flushes it */
}

/* The context entry, which was tagged with one domain while it is cached, then translations of another. */
static status_t invalidate(struct vtd_unit *u, uint16_t rid, uint32_t tagged, uint32_t domid)
{
    return vtd_inv(u, INV_CTX_FN | FIELD_PREP(INV_DID, tagged) | FIELD_PREP(INV_SID, rid),
                   INV_IOTLB_DOM | FIELD_PREP(INV_DID, domid));
}

status_t vtd_block(struct vtd_unit *u, uint16_t rid, uint32_t domid, bool silent)
{
    struct vtd_pair *entry = context_of(u, rid);
    if (!entry)
        return ST_OK;
    vtd_store_lo(u, entry, silent ? CTX_FPD : 0);
    return invalidate(u, rid, domid, domid);
}

status_t vtd_open(struct vtd_unit *u, uint16_t rid, const struct iommu_dom *dom)
{
    TRY(make_table(u, (uint8_t)(rid >> 8)));
    struct vtd_pair *entry = context_of(u, rid);
    uint64_t table = pmm_pa(dom->pt.root).v;
    KASSERT(!(entry->lo & CTX_P) && (table & ~CTX_PTR) == 0 && FIELD_FITS(CTX_DID, dom->domid));
    vtd_publish(u, entry, table | CTX_P, FIELD_PREP(CTX_AW, dom->pt.levels - 2) | FIELD_PREP(CTX_DID, dom->domid));
    return invalidate(u, rid, 0, dom->domid);                      /* a cached absent entry has domain 0 [VT-d 6.1] */
}

status_t vtd_flush_dom(struct vtd_unit *u, uint32_t domid)
{ return vtd_inv(u, INV_IOTLB_DOM | FIELD_PREP(INV_DID, domid), 0); }

/* Context tables for the buses that exist, so that attach and the fault handler need no memory later. */
static void make_tables(void)
{
    struct iommu_rids rids;
    for (uint32_t i = 0; i < pci_count(); i++) {
        struct iommu_unit *u = iommu_covering(pci_at(i)->bdf, &rids);
        if (u && make_table((struct vtd_unit *)u, pci_at(i)->bdf.bus) != ST_OK)
            log_line("iommu: no context table for bus %02x yet", pci_at(i)->bdf.bus);
    }
}

void vtd_ready(struct iommu_shape *shape)
{
    uint64_t cap_and = ~UINT64_C(0), ecap_and = ~UINT64_C(0), mgaw = 64;
    shape->domains = ~0u;
    for (const struct vtd_unit *u = vtd_unit; u < vtd_unit + iommu_units; u++) {
        if (u->core.status != ST_OK)
            continue;
        cap_and &= u->cap;
        ecap_and &= u->ecap;
        mgaw = MIN(mgaw, FIELD_GET(CAP_MGAW, u->cap) + 1);
        shape->domains = MIN(shape->domains, VTD_DOMAINS(u->cap));
    }
    uint64_t sagaw = FIELD_GET(CAP_SAGAW, cap_and), pages = FIELD_GET(CAP_SLLPS, cap_and);
    /* 4 levels reach all guest memory there is; 5 only when nothing else is common */
    shape->levels = sagaw & 4 ? 4 : sagaw & 2 ? 3 : sagaw & 8 ? 5 : 0;
    shape->leaf_max = pages & 1 ? (pages & 2 ? 3 : 2) : 1;
    shape->bits = (unsigned)MIN(mgaw, 12 + 9 * shape->levels);
    shape->flush = !(ecap_and & ECAP_C);
    shape->fmt = (struct ptab_fmt){
        .valid = SL_R | SL_W, .addr = SL_ADDR, .leaf_large = SL_LARGE, .table = SL_R | SL_W, .r = SL_R, .w = SL_W,
        .leaf_always = ecap_and & ECAP_SC ? SL_SNP : 0,
    };
    make_tables();
}
