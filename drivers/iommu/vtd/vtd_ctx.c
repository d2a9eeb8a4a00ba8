/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Context entries: which function uses which domain. A live entry is never
 * changed in place: unpublish, invalidate, confirm, then publish.
 */
#include "drivers/iommu/vtd/vtd_unit.h"

#include "kernel/log/console.h"
#include "kernel/mm/pmm.h"

/* Present goes last: the unit never sees half an entry. */
static void publish(const struct vtd_unit *u, struct vtd_pair *slot, struct vtd_pair entry)
{
    KASSERT(!(slot->lo & CTX_P));
    __atomic_store_n(&slot->hi, entry.hi, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->lo, entry.lo, __ATOMIC_RELEASE);
    vtd_unit_flush(u, slot, sizeof *slot);
}

/* Present goes first; quiet leaves the bit that stops fault reports. */
static void unpublish(const struct vtd_unit *u, struct vtd_pair *slot, bool quiet)
{
    KASSERT(slot != NULL);
    __atomic_store_n(&slot->lo, quiet ? CTX_FPD : 0, __ATOMIC_RELEASE);
    __atomic_store_n(&slot->hi, 0, __ATOMIC_RELEASE);
    vtd_unit_flush(u, slot, sizeof *slot);
}

/* NULL when the bus has no context table: everything on it is blocked. */
static struct vtd_pair *context_of(const struct vtd_unit *u, uint16_t rid)
{
    uint64_t root = u->root[rid >> 8].lo;
    if (!(root & ROOT_P))
        return NULL;
    struct vtd_pair *table = pmm_va((hpa_t){ root & ROOT_PTR });
    return &table[rid & 0xff];
}

status_t vtd_ctx_table(struct vtd_unit *u, uint8_t bus)
{
    if (u->root[bus].lo & ROOT_P)
        return ST_OK;
    struct vtd_pair *table = pmm_alloc();
    if (!table)
        return ST_NOSPACE;
    vtd_unit_flush(u, table, PAGE_SIZE);
    publish(u, &u->root[bus], vtd_root_make(pmm_pa(table)));
    /* with caching mode the absent root entry may be cached */
    struct vtd_pair desc = vtd_inv_ctx_global();
    status_t st = vtd_unit_write_buffer(u);
    if (st == ST_OK && u->cap & CAP_CM)
        st = vtd_inv_run(u, &desc, 1);
    return st;
}

struct vtd_slot *vtd_ctx_find(struct vtd_unit *u, uint16_t rid)
{
    for (unsigned i = 0; i < VTD_SLOTS; i++)
        if (u->slot[i].used && u->slot[i].rid == rid)
            return &u->slot[i];
    return NULL;
}

static struct vtd_slot *free_slot(struct vtd_unit *u)
{
    for (unsigned i = 0; i < VTD_SLOTS; i++)
        if (!u->slot[i].used)
            return &u->slot[i];
    return NULL;
}

status_t vtd_ctx_attach(struct vtd_unit *u, uint16_t rid, hpa_t table, unsigned levels,
                        uint32_t domid, uint32_t vm)
{
    if (vtd_ctx_find(u, rid))
        return ST_BUSY;
    struct vtd_slot *slot = free_slot(u);
    if (!slot)
        return ST_NOSPACE;
    status_t st = vtd_ctx_table(u, (uint8_t)(rid >> 8));
    if (st != ST_OK)
        return st;
    *slot = (struct vtd_slot){ .used = true, .rid = rid, .domid = domid, .vm = vm };
    struct vtd_pair *entry = context_of(u, rid);
    publish(u, entry, vtd_ctx_make(table, levels, domid));
    /* a cached absent entry has domain 0 [VT-d 6.1] */
    st = vtd_inv_function(u, rid, 0, domid);
    if (st == ST_OK)
        return ST_OK;
    unpublish(u, entry, false);
    slot->stuck = vtd_inv_function(u, rid, domid, domid) != ST_OK;
    slot->used = slot->stuck;
    return st;
}

status_t vtd_ctx_detach(struct vtd_unit *u, uint16_t rid)
{
    struct vtd_slot *slot = vtd_ctx_find(u, rid);
    if (!slot)
        return ST_NOTFOUND;
    unpublish(u, context_of(u, rid), false);
    status_t st = vtd_inv_function(u, rid, slot->domid, slot->domid);
    slot->stuck = st != ST_OK;
    slot->used = slot->stuck;
    return st;
}

void vtd_ctx_cut(struct vtd_unit *u, uint16_t rid, uint32_t domid)
{
    struct vtd_pair *entry = context_of(u, rid);
    if (!entry)
        return;
    unpublish(u, entry, true);
    if (vtd_inv_function(u, rid, domid, domid) != ST_OK)
        log_line("iommu: VT-d unit %u: cutting %02x:%02x.%x off was not confirmed", u->index,
                 rid >> 8, rid >> 3 & 31u, rid & 7u);
}
