/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands [AMD-Vi 2.4]. All calls wait: the queue is empty between them. COMPLETION_WAIT stores a sequence
 * number when everything before it is done; only that is a confirmation.
 */
#include "drivers/iommu/amdvi/amdvi.h"

static void append(struct amdvi_unit *u, uint64_t lo, uint64_t hi)
{
    u->queue[u->tail] = (struct amdvi_cmd){ lo, (lo & CMD_OP) == CMD_INV_PAGES ? CMD_PAGES_ALL : hi };
    u->tail = (u->tail + 1) % AMDVI_RING;
}

static void ring(const struct amdvi_unit *u)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);         /* partner: the unit, after the tail */
    amdvi_wr(u, AMDVI_CMD_TAIL, FIELD_PREP(RING_OFFSET, u->tail));
}

void amdvi_cmd_reset(struct amdvi_unit *u)
{
    u->tail = 0;
    amdvi_wr(u, AMDVI_CMD_HEAD, 0);
    amdvi_wr(u, AMDVI_CMD_TAIL, 0);
}

/* After a command that it does not accept the unit stands still: ours or the hardware's error, and a retry no help. */
status_t amdvi_cmd(struct amdvi_unit *u, uint64_t first, uint64_t second)
{
    if (u->core.dead)
        return ST_TIMEOUT;
    u->seq++;
    append(u, first, 0);
    if (second)
        append(u, second, 0);
    append(u, CMD_WAIT | (pmm_pa(u->queue).v + PAGE_SIZE), u->seq);
    ring(u);
    status_t st = iommu_confirm(&u->core, (const uint32_t *)(const void *)(u->queue + AMDVI_RING), u->seq);
    if (st != ST_OK)
        log_line("iommu: AMD-Vi unit %u: status %x, command head %lx, tail %x", u->core.index, amdvi_status(u),
                 (unsigned long)amdvi_rd(u, AMDVI_CMD_HEAD), (unsigned)(u->tail * sizeof u->queue[0]));
    return st;
}

/* Units without the command for all forget every requester and every domain, one by one. */
status_t amdvi_cmd_flush_all(struct amdvi_unit *u)
{
    if (u->efr & EFR_IA)
        return amdvi_cmd(u, CMD_INV_ALL, 0);
    for (uint64_t id = 0; id < AMDVI_DTES; id++) {
        TRY(amdvi_cmd(u, CMD_INV_DTE | id, CMD_INV_INT | id));
        TRY(amdvi_cmd(u, CMD_INV_PAGES | FIELD_PREP(CMD_DOMID, id), 0));
    }
    return ST_OK;
}

/* Nobody else than functions with a slot is open. */
void amdvi_emergency(struct amdvi_unit *u)
{
    if (!(u->control & CTL_IOMMU_EN))
        return;
    for (const struct iommu_slot *slot = u->core.slot; slot < u->core.slot + IOMMU_SLOTS; slot++) {
        if (slot->key == 0)
            continue;
        amdvi_store(&u->dte[slot->rid].q[0], DTE_BLOCKED);
        append(u, CMD_INV_DTE | slot->rid, 0);
        append(u, CMD_INV_PAGES | FIELD_PREP(CMD_DOMID, slot->domid), 0);
    }
    ring(u);
}
