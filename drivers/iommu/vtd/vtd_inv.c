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

static void ring(const struct vtd_unit *u)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    vtd_wr64(u, VTD_IQT, FIELD_PREP(IQ_OFFSET, u->tail));
}

status_t vtd_inv_stop(struct vtd_unit *u)
{
    vtd_wr32(u, VTD_FSTS, FSTS_QUEUE_W1C);
    /* it may stop all the same */
    if (vtd_wait(u, VTD_IQH, IQ_OFFSET, (uint32_t)vtd_rd64(u, VTD_IQT) & IQ_OFFSET) != ST_OK)
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

/* An error of the queue is ours or the hardware's, as there are no device TLBs to blame: no retry makes it better. */
status_t vtd_inv(struct vtd_unit *u, uint64_t first, uint64_t second)
{
    if (u->core.dead)
        return ST_TIMEOUT;
    u->seq++;
    if (!(u->cap & CAP_RWBF) || vtd_command(u, GCMD_WBF, 0) == ST_OK) {
        append(u, first, 0);
        if (second)
            append(u, second, 0);
        append(u, INV_WAIT | FIELD_PREP(INV_WAIT_DATA, u->seq), pmm_pa(u->queue).v + PAGE_SIZE);
        ring(u);
    }
    status_t st = iommu_confirm(&u->core, (const uint32_t *)(const void *)(u->queue + VTD_IQ_ENTRIES), u->seq);
    if (st != ST_OK)
        log_line("iommu: VT-d unit %u: FSTS %x, queue head %x, tail %x", u->core.index, vtd_rd32(u, VTD_FSTS),
                 vtd_rd32(u, VTD_IQH), (unsigned)(u->tail * sizeof u->queue[0]));
    return st;
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
