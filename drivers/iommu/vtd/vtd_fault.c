/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults [VT-d 7]: every record of every unit is read, cleared and kept. A
 * requester that faults CUT_AFTER times is cut off; a storm masks the fault
 * event for the rest of a second, and polling goes on.
 */
#include "drivers/iommu/vtd/vtd.h"

#define CUT_AFTER       64u
#define PASSES           4u      /* over the records, in one call */
#define BURST_MAX     1000u      /* records a second before the event is masked */
#define SECOND_US  1000000u

static vtd_r64 record(const struct vtd_unit *u, uint32_t at, uint32_t off)
{
    return (vtd_r64){ (uint16_t)(u->frcd + 16 * (at % u->frcds) + off) };
}

static void clear_record(const struct vtd_unit *u, uint32_t at)
{
    vtd_wr32(u, (vtd_r32){ record(u, at, 12).off }, FRCD_TOP_F_W1C);
}

/* Fills in the owner and applies the limit. A requester without one is blocked already: only its reports end, and
 * those of interrupts do not come from the context entry. */
static void judge(struct vtd_unit *u, uint16_t rid, struct info_fault *fault)
{
    struct vtd_slot *slot = vtd_slot_find(u, VTD_KEY(rid));
    if (!slot && fault->interrupt)
        return;
    if (!slot) {
        slot = &u->stranger[rid % VTD_STRANGERS];
        if (slot->key != VTD_KEY(rid))
            *slot = (struct vtd_slot){ .key = VTD_KEY(rid) };
    }
    fault->vm = slot->vm;
    if (++slot->faults != CUT_AFTER)
        return;
    status_t st = vtd_ctx_block(u, rid, slot->domid, CTX_FPD);          /* an error is in the log */
    fault->cut = slot->domid != 0 && st == ST_OK;
}

/* False when the record holds no fault. */
static bool take(struct vtd_unit *u, uint32_t at)
{
    uint64_t hi = vtd_rd64(u, record(u, at, 8)), lo = vtd_rd64(u, record(u, at, 0));
    if (!(hi & FRCD_HI_F) || ~hi == 0)
        return false;
    clear_record(u, at);
    uint16_t rid = (uint16_t)FIELD_GET(FRCD_HI_SID, hi);
    struct info_fault fault = { .tsc = hw_rdtsc(), .bdf = (uint32_t)u->fw->seg << 16 | rid,
                                .reason = (uint32_t)FIELD_GET(FRCD_HI_FR, hi) };
    fault.interrupt = fault.reason >> 4 == 2;
    fault.address = fault.interrupt ? FIELD_GET(FRCD_LO_INDEX, lo) : lo & FRCD_LO_ADDR;
    fault.write = !fault.interrupt && !(hi & FRCD_HI_READ);
    judge(u, rid, &fault);
    iommu_fault_keep(&fault);
    u->faults++;
    u->burst++;
    return true;
}

static void mute(struct vtd_unit *u)
{
    uint64_t now = hw_now_us();
    if (now - u->burst_us >= SECOND_US) {
        u->burst_us = now;
        u->burst = 0;
    }
    bool storm = u->burst > BURST_MAX;
    if (u->routed && storm != u->muted) {
        vtd_wr32(u, VTD_FECTL, storm ? FECTL_IM : 0);
        u->muted = storm;
    }
}

/* From the oldest record on, until one round found none. */
static uint32_t collect(struct vtd_unit *u)
{
    uint32_t found = 0, fsts = vtd_rd32(u, VTD_FSTS), at = (uint32_t)FIELD_GET(FSTS_FRI, fsts);
    if (fsts == VTD_GONE)
        return 0;
    if (fsts & (FSTS_PPF | FSTS_PFO_W1C))
        for (uint32_t n = 0, empty = 0; n < PASSES * u->frcds && empty < u->frcds; n++, at++) {
            bool taken = take(u, at);
            found += taken;
            empty = taken ? 0 : empty + 1;
        }
    if (fsts & FSTS_PFO_W1C)
        vtd_wr32(u, VTD_FSTS, FSTS_PFO_W1C);
    mute(u);
    return found;
}

uint32_t iommu_fault_irq(void)
{
    uint32_t found = 0;
    for (struct vtd_unit *u = vtd_unit; u < vtd_unit + vtd_units; u++) {
        spin_lock(&u->lock);
        found += u->root ? collect(u) : 0;         /* without: its registers may not be mapped */
        spin_unlock(&u->lock);
    }
    return found;
}

void vtd_fault_clear(struct vtd_unit *u)
{
    for (uint32_t i = 0; i < u->frcds; i++)
        clear_record(u, i);
    vtd_wr32(u, VTD_FSTS, FSTS_PFO_W1C);
}

/* The units' own messages are not remapped: compatibility format. */
status_t iommu_fault_route(uint32_t apic_id, uint8_t vector)
{
    if (!vtd_ready)
        return ST_NOIOMMU;
    for (struct vtd_unit *u = vtd_unit; u < vtd_unit + vtd_units; u++) {
        if (u->status != ST_OK)
            continue;
        spin_lock(&u->lock);
        vtd_wr32(u, VTD_FECTL, FECTL_IM);
        vtd_wr32(u, VTD_FEDATA, vector);
        vtd_wr32(u, VTD_FEADDR, (uint32_t)MSI_BASE | (apic_id & 0xff) << 12);
        vtd_wr32(u, VTD_FEUADDR, apic_id & 0xffffff00u);
        vtd_wr32(u, VTD_FECTL, 0);
        u->routed = true;
        u->muted = false;
        spin_unlock(&u->lock);
    }
    return ST_OK;
}
