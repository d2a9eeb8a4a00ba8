/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains: one second-level table and one domain id for all units, in the
 * intersection of what the units can do. Nothing is given back before every unit
 * that may have seen it has confirmed its invalidation.
 */
#include "drivers/iommu/vtd/vtd.h"

#define DOMIDS 256u              /* more than MAX_VMS; id 0 is never used: caching mode tags with it */

/* [VT-d 9.8] */
#define SL_R     BIT64(0)
#define SL_W     BIT64(1)
#define SL_LARGE BIT64(7)
#define SL_SNP   BIT64(11)       /* leaves force snooping; reserved without ECAP.SC */
#define SL_ADDR  MASK64(51, 12)

static struct {
    unsigned levels, leaf_max, bits;
    bool flush;
    struct ptab_fmt fmt;
    struct idpool ids;           /* create and destroy; all else is const after setup */
    uint64_t id_words[IDPOOL_WORDS(DOMIDS)];
} shared;

void vtd_dom_setup(void)
{
    uint64_t cap_and = ~UINT64_C(0), ecap_and = ~UINT64_C(0), mgaw = 64, domains = DOMIDS;
    for (const struct vtd_unit *u = vtd_unit; u < vtd_unit + vtd_units; u++) {
        if (u->status != ST_OK)
            continue;
        cap_and &= u->cap;
        ecap_and &= u->ecap;
        mgaw = MIN(mgaw, FIELD_GET(CAP_MGAW, u->cap) + 1);
        domains = MIN(domains, VTD_DOMAINS(u->cap));
    }
    uint64_t sagaw = FIELD_GET(CAP_SAGAW, cap_and), pages = FIELD_GET(CAP_SLLPS, cap_and);
    /* 4 levels reach all guest memory there is; 5 only when nothing else is common */
    shared.levels = sagaw & 4 ? 4 : sagaw & 2 ? 3 : sagaw & 8 ? 5 : 0;
    shared.leaf_max = pages & 1 ? (pages & 2 ? 3 : 2) : 1;
    shared.bits = (unsigned)MIN(mgaw, 12 + 9 * shared.levels);
    shared.flush = !(ecap_and & ECAP_C);
    shared.fmt = (struct ptab_fmt){
        .valid = SL_R | SL_W, .addr = SL_ADDR, .leaf_large = SL_LARGE, .table = SL_R | SL_W, .r = SL_R, .w = SL_W,
        .leaf_always = ecap_and & ECAP_SC ? SL_SNP : 0,
    };
    idpool_init(&shared.ids, shared.id_words, 1, (uint32_t)domains);
}

status_t iommu_dom_create(struct iommu_dom *dom, uint32_t vm)
{
    *dom = (struct iommu_dom){ .vm = vm };
    if (!vtd_ready || shared.levels == 0)
        return vtd_ready ? ST_UNSUPP : ST_NOIOMMU;  /* no table size in common, or nobody could be attached */
    TRY(ptab_init(&dom->pt, &shared.fmt, shared.levels, shared.leaf_max, shared.flush));
    status_t st = idpool_alloc(&shared.ids, 1, 1, &dom->domid);
    if (st != ST_OK)
        ptab_destroy(&dom->pt);
    return st;
}

/* Confirms in every unit that may know the domain and has one of the capabilities. All are tried; the first error
 * counts. */
static status_t flush_domain(const struct iommu_dom *dom, uint64_t caps)
{
    status_t st = ST_OK;
    for (struct vtd_unit *u = vtd_unit; u < vtd_unit + vtd_units; u++) {
        if (!(dom->units & BIT32(u->index)) || !(u->cap & caps))
            continue;
        spin_lock(&u->lock);
        status_t one = vtd_inv(u, INV_IOTLB_DOM | FIELD_PREP(INV_DID, dom->domid), 0);
        spin_unlock(&u->lock);
        if (st == ST_OK)
            st = one;
    }
    return st;
}

/* Table pages that were unlinked go back when no unit can be walking them any more. */
static status_t flush_and_reap(struct iommu_dom *dom)
{
    TRY(flush_domain(dom, ~UINT64_C(0)));
    ptab_reap(&dom->pt);
    return ST_OK;
}

status_t iommu_dom_map(struct iommu_dom *dom, iova_t iova, hpa_t pa, uint64_t len, unsigned prot)
{
    if (dom->domid == 0 || (prot & ~(PT_R | PT_W)) != 0)
        return ST_INVAL;
    if (len != 0 && !range_ok(iova.v, len, BIT64(shared.bits)))
        return ST_RANGE;
    status_t st = ptab_map(&dom->pt, iova.v, pa, len, prot);
    if (st == ST_OK)
        return flush_domain(dom, CAP_CM | CAP_RWBF);   /* units that cache absent entries, or that buffer writes */
    /* a failed map may have unlinked tables that a walk is still in */
    return dom->pt.reap && flush_and_reap(dom) != ST_OK ? ST_TIMEOUT : st;
}

status_t iommu_dom_unmap(struct iommu_dom *dom, iova_t iova, uint64_t len)
{
    if (dom->domid == 0)
        return ST_INVAL;
    TRY(ptab_unmap(&dom->pt, iova.v, len));
    return flush_and_reap(dom);
}

status_t iommu_dom_destroy(struct iommu_dom *dom)
{
    if (dom->domid == 0 || dom->attached != 0)
        return dom->domid == 0 ? ST_INVAL : ST_BUSY;
    TRY(flush_and_reap(dom));
    ptab_destroy(&dom->pt);
    idpool_free(&shared.ids, dom->domid);
    dom->domid = 0;
    return ST_OK;
}
