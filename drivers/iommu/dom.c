/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains: one table and one domain id for all units, in the intersection of what the units can
 * do, and the functions attached to them. Nothing is given back before every unit that may have
 * seen it has confirmed its invalidation.
 */
#include "drivers/iommu/vendor.h"

#define DOMIDS 256u              /* more than MAX_VMS; id 0 is never used: units tag with it what has no domain */

static struct iommu_shape shape;             /* const after setup */
static struct idpool ids;                    /* create and destroy */
static uint64_t id_words[IDPOOL_WORDS(DOMIDS)];

void iommu_dom_setup(void)
{
    vendor_ready(&shape);
    idpool_init(&ids, id_words, 1, MIN(shape.domains, DOMIDS));
}

status_t iommu_dom_create(struct iommu_dom *dom, uint32_t vm)
{
    *dom = (struct iommu_dom){ .vm = vm };
    if (!iommu_ready || shape.levels == 0)
        return iommu_ready ? ST_UNSUPP : ST_NOIOMMU;
    TRY(ptab_init(&dom->pt, &shape.fmt, shape.levels, shape.leaf_max, shape.flush));
    status_t st = idpool_alloc(&ids, 1, 1, &dom->domid);
    if (st != ST_OK)
        ptab_destroy(&dom->pt);
    return st;
}

/* In every unit that may know the domain. All are tried; the first error counts. */
static status_t flush_domain(const struct iommu_dom *dom)
{
    status_t st = ST_OK;
    for (uint32_t i = 0; i < iommu_units; i++) {
        struct iommu_unit *u = iommu_unit[i];
        if (!(dom->units & BIT32(i)))
            continue;
        spin_lock(&u->lock);
        status_t one = vendor_flush(u, dom->domid);
        spin_unlock(&u->lock);
        if (st == ST_OK)
            st = one;
    }
    return st;
}

/* Table pages that were unlinked go back when no unit can be walking them any more. */
static status_t flush_and_reap(struct iommu_dom *dom)
{
    TRY(flush_domain(dom));
    ptab_reap(&dom->pt);
    return ST_OK;
}

status_t iommu_dom_map(struct iommu_dom *dom, iova_t iova, hpa_t pa, uint64_t len, unsigned prot)
{
    if (dom->domid == 0 || (prot & ~(PT_R | PT_W)) != 0)
        return ST_INVAL;
    if (len != 0 && !range_ok(iova.v, len, BIT64(shape.bits)))
        return ST_RANGE;
    status_t st = ptab_map(&dom->pt, iova.v, pa, len, prot);
    /* units may keep absent entries; a failed map may have unlinked tables that a walk is still in */
    if (st == ST_OK || dom->pt.reap)
        return flush_and_reap(dom) != ST_OK ? ST_TIMEOUT : st;
    return st;
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
    idpool_free(&ids, dom->domid);
    dom->domid = 0;
    return ST_OK;
}

/* ---- functions ---- */
/* The slot of a function and an id of it; key 0: a free one. NULL: none. */
static struct iommu_slot *slot_of(struct iommu_unit *u, uint32_t key, uint16_t rid)
{
    for (unsigned i = 0; i < IOMMU_SLOTS; i++)
        if (u->slot[i].key == key && (key == 0 || u->slot[i].rid == rid))
            return &u->slot[i];
    return NULL;
}

struct iommu_slot *iommu_slot_of_rid(struct iommu_unit *u, uint16_t rid, const struct iommu_slot *except)
{
    for (struct iommu_slot *slot = u->slot; slot < u->slot + IOMMU_SLOTS; slot++)
        if (slot != except && slot->key != 0 && slot->rid == rid)
            return slot;
    return NULL;
}

/* dom->attached counts the slots that name the domain: also one whose entry could not be taken back. */
static void release(struct iommu_slot *slot, struct iommu_dom *dom)
{
    slot->key = 0;
    dom->attached--;
}

/* Functions behind one requester id share its entry, and so the domain. */
static status_t attach(struct iommu_unit *u, struct bdf fn, uint16_t rid, struct iommu_dom *dom)
{
    const uint32_t key = IOMMU_KEY(bdf_rid(fn));
    struct iommu_slot *slot = slot_of(u, 0, 0);
    const struct iommu_slot *peer = iommu_slot_of_rid(u, rid, NULL);
    if (slot_of(u, key, rid) || (peer && peer->domid != dom->domid))
        return ST_BUSY;
    if (!slot)
        return ST_NOSPACE;
    *slot = (struct iommu_slot){ .key = key, .domid = dom->domid, .vm = dom->vm, .rid = rid };
    dom->attached++;
    status_t st = peer ? ST_OK : vendor_open(u, rid, dom);
    if (st == ST_NOSPACE || (st != ST_OK && vendor_block(u, rid, dom->domid, false) == ST_OK))
        release(slot, dom);
    return st;
}

/* What is not confirmed stays in the books: nobody gets the function. The first error counts, all are tried. */
static status_t detach(struct iommu_unit *u, struct bdf fn, const struct iommu_rids *rids, struct iommu_dom *dom)
{
    status_t st = ST_OK;
    for (uint32_t i = 0; i < rids->count; i++) {
        struct iommu_slot *slot = slot_of(u, IOMMU_KEY(bdf_rid(fn)), rids->id[i]);
        status_t one = ST_NOTFOUND;
        if (slot && slot->domid == dom->domid)
            one = iommu_slot_of_rid(u, slot->rid, slot) ? ST_OK : vendor_block(u, slot->rid, dom->domid, false);
        if (one == ST_OK)
            release(slot, dom);
        st = st == ST_OK ? one : st;
    }
    return st;
}

/* By all its ids, or by none. */
status_t iommu_attach(struct iommu_dom *dom, struct bdf fn)
{
    struct iommu_rids rids;
    struct iommu_unit *u = iommu_covering(fn, &rids);
    status_t st = ST_OK;
    if (!u || dom->domid == 0)
        return u ? ST_INVAL : ST_NOIOMMU;
    spin_lock(&u->lock);
    dom->units |= BIT32(u->index);                  /* from here on it may hold translations */
    for (uint32_t i = 0; i < rids.count && st == ST_OK; i++) {
        st = attach(u, fn, rids.id[i], dom);
        rids.count = st == ST_OK ? rids.count : i;
    }
    status_t undone = st == ST_OK ? ST_OK : detach(u, fn, &rids, dom);
    spin_unlock(&u->lock);
    return undone != ST_OK ? undone : st;
}

status_t iommu_detach(struct iommu_dom *dom, struct bdf fn)
{
    struct iommu_rids rids;
    struct iommu_unit *u = iommu_covering(fn, &rids);
    if (!u)
        return ST_NOIOMMU;
    spin_lock(&u->lock);
    status_t st = detach(u, fn, &rids, dom);
    spin_unlock(&u->lock);
    return st;
}
