/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Context entries: which function uses which domain. A live entry is never
 * changed in place: unpublish, invalidate, confirm, then publish.
 */
#include "drivers/iommu/vtd/vtd.h"

/* NULL when the bus has no context table: everything on it is blocked. */
static struct vtd_pair *context_of(const struct vtd_unit *u, uint16_t rid)
{
    uint64_t root = u->root[rid >> 8].lo;
    return root & ROOT_P ? (struct vtd_pair *)pmm_va((hpa_t){ root & ROOT_PTR }) + (rid & 0xff) : NULL;
}

status_t vtd_ctx_table(struct vtd_unit *u, uint8_t bus)
{
    if (u->root[bus].lo & ROOT_P)
        return ST_OK;
    void *table = pmm_alloc();
    if (!table)
        return ST_NOSPACE;
    vtd_flush(u, table, PAGE_SIZE);
    vtd_publish(u, &u->root[bus], pmm_pa(table).v | ROOT_P, 0);
    return ST_OK;                      /* an absent entry that is cached is tagged with its function: attach flushes it */
}

struct vtd_slot *vtd_slot_find(struct vtd_unit *u, uint32_t key)
{
    for (unsigned i = 0; i < VTD_SLOTS; i++)
        if (u->slot[i].key == key)
            return &u->slot[i];
    return NULL;
}

/* The context entry, which was tagged with one domain while it is cached, then translations of another. */
static status_t invalidate(struct vtd_unit *u, uint16_t rid, uint32_t tagged, uint32_t domid)
{
    return vtd_inv(u, INV_CTX_FN | FIELD_PREP(INV_DID, tagged) | FIELD_PREP(INV_SID, rid),
                   INV_IOTLB_DOM | FIELD_PREP(INV_DID, domid));
}

status_t vtd_ctx_block(struct vtd_unit *u, uint16_t rid, uint32_t domid, uint64_t lo)
{
    struct vtd_pair *entry = context_of(u, rid);
    if (!entry)
        return ST_OK;
    vtd_store_lo(u, entry, lo);
    return invalidate(u, rid, domid, domid);
}

/* dom->attached counts the slots that name the domain: also one whose entry could not be taken back. */
static void release(struct vtd_slot *slot, struct iommu_dom *dom)
{
    slot->key = 0;
    dom->attached--;
}

static status_t attach(struct vtd_unit *u, uint16_t rid, struct iommu_dom *dom)
{
    struct vtd_slot *slot = vtd_slot_find(u, 0);
    if (vtd_slot_find(u, VTD_KEY(rid)))
        return ST_BUSY;
    if (!slot)
        return ST_NOSPACE;
    TRY(vtd_ctx_table(u, (uint8_t)(rid >> 8)));
    struct vtd_pair *entry = context_of(u, rid);
    uint64_t table = pmm_pa(dom->pt.root).v;
    KASSERT(!(entry->lo & CTX_P) && (table & ~CTX_PTR) == 0 && FIELD_FITS(CTX_DID, dom->domid));
    *slot = (struct vtd_slot){ .key = VTD_KEY(rid), .domid = dom->domid, .vm = dom->vm };
    dom->attached++;
    vtd_publish(u, entry, table | CTX_P, FIELD_PREP(CTX_AW, dom->pt.levels - 2) | FIELD_PREP(CTX_DID, dom->domid));
    status_t st = invalidate(u, rid, 0, dom->domid);               /* a cached absent entry has domain 0 [VT-d 6.1] */
    if (st != ST_OK && vtd_ctx_block(u, rid, dom->domid, 0) == ST_OK)
        release(slot, dom);
    return st;
}

status_t iommu_attach(struct iommu_dom *dom, struct bdf fn)
{
    struct vtd_unit *u = vtd_unit_of(fn);
    if (!u || dom->domid == 0)
        return u ? ST_INVAL : ST_NOIOMMU;
    spin_lock(&u->lock);
    dom->units |= BIT32(u->index);                  /* from here on it may hold translations */
    status_t st = attach(u, bdf_rid(fn), dom);
    spin_unlock(&u->lock);
    return st;
}

status_t iommu_detach(struct iommu_dom *dom, struct bdf fn)
{
    struct vtd_unit *u = vtd_unit_of(fn);
    status_t st = ST_NOTFOUND;
    if (!u)
        return ST_NOIOMMU;
    spin_lock(&u->lock);
    struct vtd_slot *slot = vtd_slot_find(u, VTD_KEY(bdf_rid(fn)));
    if (slot && slot->domid == dom->domid)
        st = vtd_ctx_block(u, bdf_rid(fn), dom->domid, 0);
    if (st == ST_OK)
        release(slot, dom);                         /* else it stays in the books: nobody gets the function */
    spin_unlock(&u->lock);
    return st;
}
