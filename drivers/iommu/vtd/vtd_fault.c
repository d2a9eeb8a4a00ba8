/* SPDX-License-Identifier: BSD-2-Clause */
/* Fault records [VT-d 7]: each is read, cleared and handed on. */
#include "drivers/iommu/vtd/vtd.h"

#define PASSES           4u      /* over the records, in one call */

static vtd_r64 record(const struct vtd_unit *u, uint32_t at, uint32_t off)
{
    return (vtd_r64){ (uint16_t)(u->frcd + 16 * (at % u->frcds) + off) };
}

static void clear_record(const struct vtd_unit *u, uint32_t at)
{
    vtd_wr32(u, (vtd_r32){ record(u, at, 12).off }, FRCD_TOP_F_W1C);
}

/* False when the record holds no fault. */
static bool take(struct vtd_unit *u, uint32_t at)
{
    uint64_t hi = vtd_rd64(u, record(u, at, 8)), lo = vtd_rd64(u, record(u, at, 0));
    if (!(hi & FRCD_HI_F) || ~hi == 0)
        return false;
    clear_record(u, at);
    struct info_fault fault = { .reason = (uint32_t)FIELD_GET(FRCD_HI_FR, hi) };
    fault.interrupt = fault.reason >> 4 == 2;
    fault.address = fault.interrupt ? FIELD_GET(FRCD_LO_INDEX, lo) : lo & FRCD_LO_ADDR;
    fault.write = !fault.interrupt && !(hi & FRCD_HI_READ);
    iommu_fault_keep(&u->core, (uint16_t)FIELD_GET(FRCD_HI_SID, hi), &fault);
    return true;
}

/* From the oldest record on, until one round found none. */
uint32_t vtd_collect(struct vtd_unit *u)
{
    if (!u->root)                                  /* its registers may not be mapped */
        return 0;
    uint32_t found = 0, fsts = vtd_rd32(u, VTD_FSTS), at = (uint32_t)FIELD_GET(FSTS_FRI, fsts);
    if (fsts == IOMMU_GONE)
        return 0;
    if (fsts & (FSTS_PPF | FSTS_PFO_W1C))
        for (uint32_t n = 0, empty = 0; n < PASSES * u->frcds && empty < u->frcds; n++, at++) {
            bool taken = take(u, at);
            found += taken;
            empty = taken ? 0 : empty + 1;
        }
    if (fsts & FSTS_PFO_W1C)
        vtd_wr32(u, VTD_FSTS, FSTS_PFO_W1C);
    return found;
}

void vtd_fault_clear(struct vtd_unit *u)
{
    for (uint32_t i = 0; i < u->frcds; i++)
        clear_record(u, i);
    vtd_wr32(u, VTD_FSTS, FSTS_PFO_W1C);
}

void vtd_mute(struct vtd_unit *u, bool muted) { vtd_wr32(u, VTD_FECTL, muted ? FECTL_IM : 0); }

status_t vtd_route(struct vtd_unit *u, uint32_t apic_id, uint8_t vector)
{
    vtd_mute(u, true);
    vtd_wr32(u, VTD_FEDATA, vector);
    vtd_wr32(u, VTD_FEADDR, (uint32_t)MSI_BASE | (apic_id & 0xff) << 12);
    vtd_wr32(u, VTD_FEUADDR, apic_id & 0xffffff00u);
    vtd_mute(u, false);
    return ST_OK;
}
