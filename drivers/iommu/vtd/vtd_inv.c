/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queued invalidation [VT-d 6.5.2]. All calls wait: the queue is empty between
 * them. A wait descriptor stores a sequence number when everything before it is
 * done; only that is a confirmation.
 */
#include "drivers/iommu/vtd/vtd.h"

static void append(struct vtd_unit *u, uint64_t lo, uint64_t hi)
{
    if ((lo & INV_TYPE) == (INV_IOTLB_ALL & INV_TYPE))
        lo |= FIELD_PREP(INV_DRAIN, FIELD_GET(CAP_DRAIN, u->cap));
    vtd_publish(u, &u->queue[u->tail], lo, hi);      /* partner: the unit, after the tail */
    u->tail = (u->tail + 1) % VTD_IQ_ENTRIES;
}

/* data is stored to the page after the descriptors. */
static void append_wait(struct vtd_unit *u, uint32_t data)
{
    append(u, INV_WAIT | FIELD_PREP(INV_WAIT_DATA, data), pmm_pa(u->queue).v + PAGE_SIZE);
}

static void ring(const struct vtd_unit *u)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    vtd_wr64(u, VTD_IQT, FIELD_PREP(IQ_OFFSET, u->tail));
}

static status_t wait_drained(const struct vtd_unit *u)
{
    return vtd_wait(u, VTD_IQH, IQ_OFFSET, (uint32_t)vtd_rd64(u, VTD_IQT) & IQ_OFFSET);
}

status_t vtd_inv_stop(struct vtd_unit *u)
{
    vtd_wr32(u, VTD_FSTS, FSTS_QUEUE_W1C);
    if (wait_drained(u) != ST_OK)                    /* it may stop all the same */
        log_line("iommu: VT-d unit %u: firmware's queue is not empty", u->core.index);
    return vtd_command(u, GCMD_QIE, 0);
}

status_t vtd_inv_start(struct vtd_unit *u)
{
    TRY(vtd_wait(u, VTD_CCMD_HI, CCMD_ICC, 0));
    vtd_wr32(u, VTD_FSTS, FSTS_QUEUE_W1C);
    vtd_wr64(u, VTD_IQT, 0);
    vtd_wr64(u, VTD_IQA, pmm_pa(u->queue).v);        /* one page, 128-bit descriptors */
    TRY(vtd_command(u, GCMD_QIE, GCMD_QIE));
    /* Read back only now: a unit need not show the address before the queue is on (QEMU does not). */
    return vtd_rd64(u, VTD_IQA) == pmm_pa(u->queue).v ? ST_OK : ST_HW;
}

/* Turns everything that is still queued into waits that confirm nothing, clears the
 * error, and lets the unit run through. */
static status_t recover(struct vtd_unit *u, uint32_t fsts)
{
    uint32_t tail = u->tail;
    u->tail = (uint32_t)FIELD_GET(IQ_OFFSET, vtd_rd32(u, VTD_IQH)) % VTD_IQ_ENTRIES;
    log_line("iommu: VT-d unit %u: invalidation queue error, FSTS %x, head %u of %u", u->core.index, fsts, u->tail,
             tail);
    while (u->tail != tail)
        append_wait(u, 0);
    vtd_wr32(u, VTD_FSTS, fsts & FSTS_QUEUE_W1C);
    ring(u);
    TRY(wait_drained(u));
    return vtd_rd32(u, VTD_FSTS) & FSTS_QUEUE_W1C ? ST_TIMEOUT : ST_OK;
}

/* ST_HW: refused, the queue works again. ST_TIMEOUT: it does not. */
static status_t submit(struct vtd_unit *u, uint64_t first, uint64_t second)
{
    uint32_t *done = (uint32_t *)(void *)(u->queue + VTD_IQ_ENTRIES);
    u->seq = u->seq % UINT32_MAX + 1;                /* never 0 */
    __atomic_store_n(done, 0, __ATOMIC_RELAXED);
    vtd_flush(u, done, sizeof *done);
    append(u, first, 0);
    if (second)
        append(u, second, 0);
    append_wait(u, u->seq);
    ring(u);
    struct deadline d = deadline_in(IOMMU_WAIT_US);
    while (__atomic_load_n(done, __ATOMIC_ACQUIRE) != u->seq) {
        uint32_t fsts = vtd_rd32(u, VTD_FSTS);
        if (fsts != IOMMU_GONE && fsts & FSTS_QUEUE_W1C)
            return recover(u, fsts) == ST_OK ? ST_HW : ST_TIMEOUT;
        if (fsts == IOMMU_GONE || !spin(&d))
            return ST_TIMEOUT;
    }
    return ST_OK;
}

status_t vtd_inv(struct vtd_unit *u, uint64_t first, uint64_t second)
{
    if (u->core.dead)
        return ST_TIMEOUT;
    status_t st = u->cap & CAP_RWBF ? vtd_command(u, GCMD_WBF, 0) : ST_OK;
    if (st == ST_OK)
        st = submit(u, first, second);
    if (st == ST_HW)
        st = submit(u, first, second);
    u->core.dead = st == ST_TIMEOUT;
    return u->core.dead
           ? vtd_need(u, false, st, "does not confirm an invalidation; nothing behind it changes owner") : st;
}

void vtd_emergency(struct vtd_unit *u)
{
    if (!(u->gcmd & GCMD_TE) || !u->root)
        return;
    for (uint32_t bus = 0; bus < 256; bus++)
        __atomic_store_n(&u->root[bus].lo, 0, __ATOMIC_RELEASE);
    vtd_flush(u, u->root, PAGE_SIZE);
    u->tail = (uint32_t)FIELD_GET(IQ_OFFSET, vtd_rd64(u, VTD_IQT)) % VTD_IQ_ENTRIES;
    append(u, INV_CTX_ALL, 0);
    append(u, INV_IOTLB_ALL, 0);
    ring(u);
}
