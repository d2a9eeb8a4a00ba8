/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queued invalidation [VT-d 6.5.2]. All calls wait: the queue is empty between
 * them. A wait descriptor stores a sequence number when everything before it is
 * done; only that is a confirmation.
 */
#include "drivers/iommu/vtd/vtd_unit.h"

#include "kernel/log/console.h"
#include "kernel/mm/pmm.h"

#define CONFIRM_US   100000u
#define STATUS_WORD  0u          /* in the page after the descriptors */
#define SCRATCH_WORD 16u         /* another cache line: replaced descriptors store here */

static uint32_t *status_word(const struct vtd_unit *u, unsigned word)
{
    return (uint32_t *)(void *)(u->queue + VTD_IQ_ENTRIES) + word;
}

static hpa_t status_pa(const struct vtd_unit *u, unsigned word)
{
    return hpa_add(pmm_pa(u->queue), PAGE_SIZE + 4u * word);
}

static void put(struct vtd_unit *u, uint32_t at, struct vtd_pair desc)
{
    struct vtd_pair *slot = &u->queue[at % VTD_IQ_ENTRIES];
    __atomic_store_n(&slot->hi, desc.hi, __ATOMIC_RELAXED);
    __atomic_store_n(&slot->lo, desc.lo, __ATOMIC_RELEASE);     /* partner: the unit, after the tail */
    vtd_unit_flush(u, slot, sizeof *slot);
}

static void append(struct vtd_unit *u, struct vtd_pair desc)
{
    put(u, u->tail, desc);
    u->tail = (u->tail + 1) % VTD_IQ_ENTRIES;
}

static void ring(const struct vtd_unit *u)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    vtd_wr64(u, VTD_IQT, FIELD_PREP(IQ_OFFSET, u->tail));
}

static bool is_drained(const struct vtd_unit *u)
{
    return FIELD_GET(IQ_OFFSET, vtd_rd64(u, VTD_IQH)) == FIELD_GET(IQ_OFFSET, vtd_rd64(u, VTD_IQT));
}

static status_t wait_drained(const struct vtd_unit *u)
{
    struct deadline d = deadline_in(CONFIRM_US);
    while (!is_drained(u))
        if (!spin(&d))
            return ST_TIMEOUT;
    return ST_OK;
}

status_t vtd_inv_stop(struct vtd_unit *u)
{
    vtd_wr32(u, VTD_FSTS, FSTS_QUEUE);
    status_t st = wait_drained(u);
    if (st != ST_OK)
        log_line("iommu: VT-d unit %u: firmware's queue is not empty", u->index);
    return vtd_unit_clear(u, GCMD_QIE);
}

status_t vtd_inv_start(struct vtd_unit *u)
{
    struct deadline d = deadline_in(CONFIRM_US);
    while (vtd_rd64(u, VTD_CCMD) & CCMD_ICC)
        if (!spin(&d))
            return ST_TIMEOUT;
    u->tail = 0;
    u->seq = 0;
    vtd_wr32(u, VTD_FSTS, FSTS_QUEUE);
    vtd_wr64(u, VTD_IQT, 0);
    vtd_wr64(u, VTD_IQA, pmm_pa(u->queue).v);      /* one page, 128-bit descriptors */
    status_t st = vtd_unit_set(u, GCMD_QIE);
    /* Read back only now: a unit need not show the address before the queue is on (QEMU does not). */
    if (st == ST_OK && vtd_rd64(u, VTD_IQA) != pmm_pa(u->queue).v)
        st = ST_HW;
    return st;
}

/* Turns everything that is still queued into waits that store to the scratch
 * word, clears the error, and lets the unit run through. */
static status_t recover(struct vtd_unit *u, uint32_t fsts)
{
    uint32_t head = (uint32_t)FIELD_GET(IQ_OFFSET, vtd_rd64(u, VTD_IQH));
    log_line("iommu: VT-d unit %u: invalidation queue error, FSTS %x, head %u of %u", u->index, fsts, head, u->tail);
    for (uint32_t at = head % VTD_IQ_ENTRIES; at != u->tail; at = (at + 1) % VTD_IQ_ENTRIES)
        put(u, at, vtd_inv_wait(status_pa(u, SCRATCH_WORD), 0));
    vtd_wr32(u, VTD_FSTS, fsts & FSTS_QUEUE);
    ring(u);
    status_t st = wait_drained(u);
    if (st == ST_OK && vtd_rd32(u, VTD_FSTS) & FSTS_QUEUE)
        st = ST_TIMEOUT;
    return st;
}

/* ST_HW: refused, the queue works again. ST_TIMEOUT: it does not. */
static status_t submit(struct vtd_unit *u, const struct vtd_pair *desc, unsigned count)
{
    if (++u->seq == 0)
        u->seq = 1;
    __atomic_store_n(status_word(u, STATUS_WORD), 0, __ATOMIC_RELAXED);
    vtd_unit_flush(u, status_word(u, STATUS_WORD), 4);
    for (unsigned i = 0; i < count; i++)
        append(u, desc[i]);
    append(u, vtd_inv_wait(status_pa(u, STATUS_WORD), u->seq));
    ring(u);
    struct deadline d = deadline_in(CONFIRM_US);
    while (__atomic_load_n(status_word(u, STATUS_WORD), __ATOMIC_ACQUIRE) != u->seq) {
        uint32_t fsts = vtd_rd32(u, VTD_FSTS);
        if (fsts == ~0u)
            return ST_TIMEOUT;
        if (fsts & FSTS_QUEUE)
            return recover(u, fsts) == ST_OK ? ST_HW : ST_TIMEOUT;
        if (!spin(&d))
            return ST_TIMEOUT;
    }
    return ST_OK;
}

status_t vtd_inv_run(struct vtd_unit *u, const struct vtd_pair *desc, unsigned count)
{
    KASSERT(count <= VTD_INV_MAX);
    if (u->dead)
        return ST_TIMEOUT;
    status_t st = submit(u, desc, count);
    if (st == ST_HW)
        st = submit(u, desc, count);
    if (st == ST_TIMEOUT) {
        u->dead = true;
        log_line("iommu: VT-d unit %u does not confirm an invalidation: nothing behind it changes owner any more",
                 u->index);
    }
    return st;
}

status_t vtd_inv_all(struct vtd_unit *u)
{
    struct vtd_pair desc[] = { vtd_inv_ctx_global(), vtd_inv_iotlb_global(vtd_unit_drain(u)) };
    return vtd_inv_run(u, desc, ARRAY_LEN(desc));
}

status_t vtd_inv_domain(struct vtd_unit *u, uint32_t domid)
{
    struct vtd_pair desc = vtd_inv_iotlb_domain(domid, vtd_unit_drain(u));
    status_t st = vtd_unit_write_buffer(u);
    if (st == ST_OK)
        st = vtd_inv_run(u, &desc, 1);
    return st;
}

status_t vtd_inv_function(struct vtd_unit *u, uint16_t rid, uint32_t old_domid, uint32_t domid)
{
    struct vtd_pair desc[] = { vtd_inv_ctx_device(rid, old_domid), vtd_inv_iotlb_domain(domid, vtd_unit_drain(u)) };
    status_t st = vtd_unit_write_buffer(u);
    if (st == ST_OK)
        st = vtd_inv_run(u, desc, ARRAY_LEN(desc));
    return st;
}

void vtd_inv_last_words(struct vtd_unit *u)
{
    u->tail = (uint32_t)FIELD_GET(IQ_OFFSET, vtd_rd64(u, VTD_IQT)) % VTD_IQ_ENTRIES;
    append(u, vtd_inv_ctx_global());
    append(u, vtd_inv_iotlb_global(vtd_unit_drain(u)));
    ring(u);
}
