/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains: one second-level table and one domain id for all units, in the
 * intersection of what the units can do. Nothing is given back before every unit
 * that may have seen it has confirmed its invalidation.
 */
#include "drivers/iommu/vtd/vtd.h"

#include "drivers/iommu/vtd/fmt_slpt.h"
#include "drivers/iommu/vtd/vtd_unit.h"
#include "kernel/log/console.h"
#include "kernel/mm/pmm.h"

#define DOMIDS 256u              /* more than MAX_VMS; id 0 is never used: caching mode tags with it */

static struct {
    /* const after setup */
    unsigned levels, leaf_max, bits;
    bool flush, snoop;
    /* lock */
    struct spinlock lock;
    struct idpool ids;
    uint64_t id_words[IDPOOL_WORDS(DOMIDS)];
} shared;

void vtd_dom_setup(void)
{
    uint64_t sagaw = ~UINT64_C(0), sllps = ~UINT64_C(0), mgaw = 64, domains = DOMIDS;
    shared.flush = false;
    shared.snoop = true;
    for (uint32_t i = 0; i < vtd_unit_count(); i++) {
        const struct vtd_unit *u = vtd_unit_at(i);
        if (u->status != ST_OK)
            continue;
        sagaw &= FIELD_GET(CAP_SAGAW, u->cap);
        sllps &= FIELD_GET(CAP_SLLPS, u->cap);
        mgaw = MIN(mgaw, FIELD_GET(CAP_MGAW, u->cap) + 1);
        domains = MIN(domains, vtd_unit_domains(u));
        shared.flush |= !u->coherent;
        shared.snoop &= (u->ecap & ECAP_SC) != 0;
    }
    /* 4 levels reach all guest memory there is; 5 only when nothing else is common */
    shared.levels = sagaw & 4 ? 4 : sagaw & 2 ? 3 : sagaw & 8 ? 5 : 0;
    shared.leaf_max = sllps & 1 ? (sllps & 2 ? 3 : 2) : 1;
    shared.bits = (unsigned)MIN(mgaw, 12 + 9 * shared.levels);
    idpool_init(&shared.ids, shared.id_words, 1, (uint32_t)domains);
    log_line("iommu: domains: %u levels, %u address bits, leaves up to %s, %lu ids, %s", shared.levels, shared.bits,
             shared.leaf_max == 3 ? "1G" : shared.leaf_max == 2 ? "2M" : "4K", (unsigned long)domains - 1,
             shared.flush ? "cache lines flushed" : "coherent");
}

status_t vtd_dom_create(struct iommu_dom *dom, uint32_t vm)
{
    *dom = (struct iommu_dom){ .vm = vm };
    if (shared.levels == 0)
        return ST_UNSUPP;                       /* the units have no table size in common */
    spin_lock(&shared.lock);
    status_t st = idpool_alloc(&shared.ids, 1, 1, &dom->domid);
    spin_unlock(&shared.lock);
    if (st != ST_OK)
        return st;
    st = ptab_init(&dom->pt, shared.snoop ? &fmt_slpt_snoop : &fmt_slpt, shared.levels, shared.leaf_max, shared.flush);
    dom->live = st == ST_OK;
    if (st != ST_OK) {
        spin_lock(&shared.lock);
        idpool_free(&shared.ids, dom->domid);   /* no unit has seen it */
        spin_unlock(&shared.lock);
    }
    return st;
}

/* Confirms in every unit that may know the domain. All are tried; the first error counts. */
static status_t flush_domain(const struct iommu_dom *dom)
{
    status_t st = ST_OK;
    for (uint32_t i = 0; i < vtd_unit_count(); i++) {
        struct vtd_unit *u = vtd_unit_at(i);
        if (!(dom->units & BIT32(i)))
            continue;
        spin_lock(&u->lock);
        status_t one = vtd_inv_domain(u, dom->domid);
        spin_unlock(&u->lock);
        if (st == ST_OK)
            st = one;
    }
    return st;
}

/* After entries became present: units that cache absent entries, or that buffer writes. */
static status_t flush_after_map(const struct iommu_dom *dom)
{
    status_t st = ST_OK;
    for (uint32_t i = 0; i < vtd_unit_count(); i++) {
        struct vtd_unit *u = vtd_unit_at(i);
        if (!(dom->units & BIT32(i)) || !(u->cap & (CAP_CM | CAP_RWBF)))
            continue;
        spin_lock(&u->lock);
        status_t one = vtd_inv_domain(u, dom->domid);
        spin_unlock(&u->lock);
        if (st == ST_OK)
            st = one;
    }
    return st;
}

status_t vtd_dom_map(struct iommu_dom *dom, iova_t iova, hpa_t pa, uint64_t len, unsigned prot)
{
    if (!dom->live || (prot & ~(PT_R | PT_W)) != 0)
        return ST_INVAL;
    if (len != 0 && !range_ok(iova.v, len, BIT64(shared.bits)))
        return ST_RANGE;
    status_t st = ptab_map(&dom->pt, iova.v, pa, len, prot);
    if (st != ST_OK) {
        /* a failed map may have unlinked tables that a walk is still in */
        if (dom->pt.reap && flush_domain(dom) == ST_OK)
            ptab_reap(&dom->pt);
        return st;
    }
    return flush_after_map(dom);
}

status_t vtd_dom_unmap(struct iommu_dom *dom, iova_t iova, uint64_t len)
{
    if (!dom->live)
        return ST_INVAL;
    status_t st = ptab_unmap(&dom->pt, iova.v, len);
    if (st == ST_OK)
        st = flush_domain(dom);
    if (st == ST_OK)
        ptab_reap(&dom->pt);
    return st;
}

status_t vtd_dom_destroy(struct iommu_dom *dom)
{
    if (!dom->live)
        return ST_INVAL;
    if (dom->attached != 0)
        return ST_BUSY;
    status_t st = flush_domain(dom);
    if (st != ST_OK)
        return st;
    ptab_destroy(&dom->pt);
    spin_lock(&shared.lock);
    idpool_free(&shared.ids, dom->domid);
    spin_unlock(&shared.lock);
    dom->live = false;
    return ST_OK;
}

status_t vtd_attach(struct iommu_dom *dom, struct bdf fn)
{
    struct vtd_unit *u = vtd_unit_of_source(fn);
    if (!dom->live)
        return ST_INVAL;
    if (!u)
        return ST_NOIOMMU;
    spin_lock(&u->lock);
    dom->units |= BIT32(u->index);              /* from here on it may hold translations */
    status_t st = vtd_ctx_attach(u, bdf_rid(fn), pmm_pa(dom->pt.root), dom->pt.levels, dom->domid, dom->vm);
    spin_unlock(&u->lock);
    if (st == ST_OK)
        dom->attached++;
    return st;
}

status_t vtd_detach(struct iommu_dom *dom, struct bdf fn)
{
    struct vtd_unit *u = vtd_unit_of_source(fn);
    if (!u)
        return ST_NOIOMMU;
    spin_lock(&u->lock);
    const struct vtd_slot *slot = vtd_ctx_find(u, bdf_rid(fn));
    status_t st = slot && slot->domid == dom->domid ? vtd_ctx_detach(u, bdf_rid(fn)) : ST_NOTFOUND;
    spin_unlock(&u->lock);
    if (st == ST_OK)
        dom->attached--;
    return st;
}
