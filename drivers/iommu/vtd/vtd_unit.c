/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bring-up of one unit [VT-d 11.4.4, 11.6]. Firmware may hand over with translation on,
 * with its own queue, or with protected memory: translation is never turned off
 * on the way, the root table is replaced under it; protected memory ends only
 * after every requester is blocked.
 */
#include "drivers/iommu/vtd/vtd.h"

#include "kernel/mm/kmap.h"

status_t vtd_wait(const struct vtd_unit *u, vtd_r32 reg, uint32_t bits, uint32_t want)
{ return iommu_wait(&u->core, reg.off, bits, want); }

status_t vtd_command(struct vtd_unit *u, uint32_t bit, uint32_t want)
{
    uint32_t image = bit & GCMD_IMAGE ? (u->gcmd & ~bit) | want : u->gcmd | bit;
    if (image != u->gcmd)                  /* firmware may have left it on: no second command */
        vtd_wr32(u, VTD_GCMD, image);
    u->gcmd = image & GCMD_IMAGE;
    return vtd_wait(u, VTD_GSTS, bit, want);
}

static status_t map_registers(struct vtd_unit *u, uint64_t len)
{
    u->core.mmio = (uintptr_t)kmap_mmio((hpa_t){ u->core.base }, len);
    return vtd_need(u, u->core.mmio != 0, ST_NOSPACE, "registers cannot be mapped");
}

/* Maps the fixed registers, then as much as the fault records need. */
static status_t identify(struct vtd_unit *u)
{
    TRY(map_registers(u, PAGE_SIZE));
    uint32_t version = vtd_rd32(u, VTD_VER);
    u->cap = vtd_rd64(u, VTD_CAP);
    u->ecap = vtd_rd64(u, VTD_ECAP);
    u->frcd = (uint32_t)FIELD_GET(CAP_FRO, u->cap) * 16;
    u->frcds = (uint32_t)FIELD_GET(CAP_NFR, u->cap) + 1;
    TRY(vtd_need(u, version != IOMMU_GONE && FIELD_GET(VER_MAJOR, version) != 0 && ~u->cap != 0 && ~u->ecap != 0, ST_HW,
                 "no unit answers at the address that firmware gives"));
    TRY(vtd_need(u, u->frcd >= VTD_FIXED_END, ST_CORRUPT, "CAP.FRO places the fault records on other registers"));
    TRY(vtd_need(u, u->ecap & ECAP_QI, ST_UNSUPP, "no queued invalidation (ECAP.QI = 0)"));
    TRY(vtd_need(u, FIELD_GET(CAP_ND, u->cap) != 7, ST_CORRUPT, "CAP.ND has a reserved value"));
    TRY(vtd_need(u, FIELD_GET(CAP_SAGAW, u->cap) & 0xe, ST_UNSUPP,
                 "no second-level table size (CAP.SAGAW) that Cordon knows"));
    uint64_t end = PAGE_UP(u->frcd + u->frcds * 16);
    return end > PAGE_SIZE ? map_registers(u, end) : ST_OK;
}

/* The image starts from what firmware left on; CFI and the fault log are not
 * part of it and end with the first command. */
static status_t take_over(struct vtd_unit *u)
{
    u->root = pmm_alloc();
    u->queue = pmm_alloc_order(1);
    TRY(vtd_need(u, u->root && u->queue, ST_NOSPACE, "no memory for its tables"));
    vtd_flush(u, u->root, PAGE_SIZE);
    vtd_flush(u, u->queue, 2 * PAGE_SIZE);
    uint32_t now = vtd_rd32(u, VTD_GSTS);
    TRY(vtd_need(u, now != IOMMU_GONE, ST_HW, "does not answer"));
    u->gcmd = now & GCMD_IMAGE;
    if (now & GCMD_TE)
        log_line("iommu: VT-d unit %u: firmware left translation on, taken over", u->core.index);
    TRY(vtd_need(u, !(now & GCMD_QIE) || vtd_inv_stop(u) == ST_OK, ST_TIMEOUT,
                 "firmware's invalidation queue does not stop"));
    TRY(vtd_need(u, vtd_inv_start(u) == ST_OK, ST_TIMEOUT, "invalidation queue does not start"));
    vtd_fault_clear(u);
    return ST_OK;
}

/* Every root entry is absent: all requesters of all 256 buses are blocked. */
static status_t block_all(struct vtd_unit *u)
{
    vtd_wr64(u, VTD_RTADDR, pmm_pa(u->root).v);
    TRY(vtd_need(u, vtd_rd64(u, VTD_RTADDR) == pmm_pa(u->root).v, ST_HW, "does not keep its root table address"));
    TRY(vtd_need(u, !(u->cap & CAP_RWBF) || vtd_command(u, GCMD_WBF, 0) == ST_OK, ST_TIMEOUT,
                 "write buffer flush does not end"));
    TRY(vtd_need(u, vtd_command(u, GCMD_SRTP, GCMD_SRTP) == ST_OK, ST_TIMEOUT, "does not take its root table"));
    TRY(vtd_need(u, vtd_inv(u, INV_CTX_ALL, INV_IOTLB_ALL) == ST_OK, ST_TIMEOUT, "does not confirm an invalidation"));
    TRY(vtd_need(u, vtd_command(u, GCMD_TE, GCMD_TE) == ST_OK, ST_TIMEOUT, "translation does not come on"));
    uint32_t pmen = u->cap & CAP_PMR ? vtd_rd32(u, VTD_PMEN) : 0;
    if (!(pmen & (PMEN_EPM | PMEN_PRS)))
        return ST_OK;
    log_line("iommu: VT-d unit %u: firmware left protected memory on, taken over", u->core.index);
    vtd_wr32(u, VTD_PMEN, pmen & ~PMEN_EPM);
    return vtd_need(u, vtd_wait(u, VTD_PMEN, PMEN_PRS, 0) == ST_OK, ST_TIMEOUT, "protected memory does not end");
}

status_t vtd_start(struct vtd_unit *u)
{
    TRY(identify(u));
    TRY(take_over(u));
    TRY(block_all(u));
    TRY(vtd_need(u, u->ecap & ECAP_IR, ST_NOIR, "cannot remap interrupts (ECAP.IR = 0)"));
    TRY(vtd_need(u, vtd_platform_has_ir(), ST_NOIR, "DMAR says that the platform cannot remap interrupts"));
    status_t st = vtd_ir_start(u);
    TRY(vtd_need(u, st == ST_OK, st, "interrupt remapping does not come on"));
    log_line("iommu: VT-d unit %u at %lx: on, all requesters blocked, interrupts remapped", u->core.index,
             (unsigned long)u->core.base);
    return ST_OK;
}

void vtd_give_up(struct vtd_unit *u)
{
    if (u->gcmd & GCMD_IRE && vtd_command(u, GCMD_IRE, 0) != ST_OK)
        log_line("iommu: VT-d unit %u: interrupt remapping does not end", u->core.index);
}
