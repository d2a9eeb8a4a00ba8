/* SPDX-License-Identifier: BSD-2-Clause */
/* Event log [AMD-Vi 2.5]: each entry is read, cleared and handed on; after an overflow the log is started again. */
#include "drivers/iommu/amdvi/amdvi.h"

#include "drivers/pci/pci.h"

#define WRITTEN_US  100u        /* the unit may move its tail before the entry arrives */

static void take(struct amdvi_unit *u, struct amdvi_event *event)
{
    struct deadline d = deadline_in(WRITTEN_US);
    uint64_t lo = __atomic_load_n(&event->lo, __ATOMIC_ACQUIRE);
    while (!(lo & EVT_CODE) && spin(&d))
        lo = __atomic_load_n(&event->lo, __ATOMIC_ACQUIRE);
    const unsigned code = (unsigned)FIELD_GET(EVT_CODE, lo);
    const bool interrupt = code == EVT_PAGE_FAULT && lo & EVT_I;
    struct info_fault fault = { .reason = (uint32_t)FIELD_GET(EVT_REASON, lo), .address = event->address,
                                .interrupt = interrupt, .write = !interrupt && lo & EVT_RW };
    amdvi_store(&event->lo, 0);
    const uint16_t rid = EVT_COMMAND_ERRORS(code) ? bdf_rid(u->fw->fn) : (uint16_t)FIELD_GET(EVT_RID, lo);
    iommu_fault_keep(&u->core, rid, &fault);
}

/* What was lost is lost; a log that does not come back is a unit that cannot be trusted. */
static void restart(struct amdvi_unit *u)
{
    status_t st = amdvi_rings(u, CTL_EVT_LOG_EN, false);
    amdvi_wr(u, AMDVI_STATUS, STATUS_EVT_OVERFLOW_W1C);
    if (st == ST_OK)
        st = amdvi_rings(u, CTL_EVT_LOG_EN, true);
    if (st != ST_OK)
        u->core.dead = amdvi_need(u, false, st, "does not start its event log again") != ST_OK;
}

uint32_t amdvi_collect(struct amdvi_unit *u)
{
    const uint32_t status = u->control & CTL_EVT_LOG_EN ? amdvi_status(u) : IOMMU_GONE;
    uint32_t found = 0;
    if (status == IOMMU_GONE)
        return 0;
    amdvi_wr(u, AMDVI_STATUS, STATUS_EVT_INT_W1C);       /* before the tail: what comes later interrupts again */
    const uint32_t tail = (uint32_t)FIELD_GET(RING_OFFSET, amdvi_rd(u, AMDVI_EVT_TAIL)) % AMDVI_RING;
    for (; u->head != tail; found++) {
        take(u, &u->log[u->head]);
        u->head = (u->head + 1) % AMDVI_RING;
    }
    if (found != 0)
        amdvi_wr(u, AMDVI_EVT_HEAD, FIELD_PREP(RING_OFFSET, u->head));
    if (status & STATUS_EVT_OVERFLOW_W1C && !u->core.dead)
        restart(u);
    return found;
}

void amdvi_mute(struct amdvi_unit *u, bool muted)
{
    u->control = muted ? u->control & ~CTL_EVT_INT_EN : u->control | CTL_EVT_INT_EN;
    amdvi_wr(u, AMDVI_CONTROL, u->control);
}

/* By the MSI capability of the unit's own PCI function. */
status_t amdvi_route(struct amdvi_unit *u, uint32_t apic_id, uint8_t vector)
{
    struct pci_fn *fn = pci_find(u->fw->fn);
    if (!fn || apic_id > 0xff)
        return fn ? ST_UNSUPP : ST_NOTFOUND;
    TRY(pci_msi_write(fn, MSI_BASE | apic_id << 12, vector, 1, 0));
    amdvi_mute(u, false);
    return ST_OK;
}
