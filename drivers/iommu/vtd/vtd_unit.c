/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bring-up of one unit [VT-d 11.4.4, 11.6]. Firmware may hand over with translation on,
 * with its own queue, or with protected memory: translation is never turned off
 * on the way, the root table is replaced under it; protected memory ends only
 * after every requester is blocked.
 */
#include "drivers/iommu/vtd/vtd_unit.h"

#include "kernel/lib/fmt.h"
#include "kernel/log/console.h"
#include "kernel/mm/kmap.h"
#include "kernel/mm/pmm.h"

#define STATUS_US     50000u     /* any GSTS bit */
#define GONE32        0xffffffffu
#define GONE64        (~UINT64_C(0))
#define KEPT_BITS     (GCMD_TE | GCMD_QIE | GCMD_IRE)

status_t vtd_unit_fail(struct vtd_unit *u, status_t st, const char *why)
{
    u->status = st;
    fmt(u->reason, sizeof u->reason, "VT-d unit %u at %lx: %s", u->index, (unsigned long)u->base, why);
    log_line("iommu: %s", u->reason);
    return st;
}

static status_t wait_gsts(struct vtd_unit *u, uint32_t bit, uint32_t want)
{
    struct deadline d = deadline_in(STATUS_US);
    for (;;) {
        uint32_t now = vtd_rd32(u, VTD_GSTS);
        if (now == GONE32)
            return ST_HW;
        if ((now & bit) == want)
            return ST_OK;
        if (!spin(&d))
            return ST_TIMEOUT;
    }
}

status_t vtd_unit_set(struct vtd_unit *u, uint32_t bit)
{
    if (!(u->gcmd & bit)) {                /* firmware may have left it on: no second command */
        u->gcmd |= bit;
        vtd_wr32(u, VTD_GCMD, u->gcmd);
    }
    return wait_gsts(u, bit, bit);
}

status_t vtd_unit_clear(struct vtd_unit *u, uint32_t bit)
{
    u->gcmd &= ~bit;
    vtd_wr32(u, VTD_GCMD, u->gcmd);
    return wait_gsts(u, bit, 0);
}

status_t vtd_unit_once(struct vtd_unit *u, uint32_t bit)
{
    vtd_wr32(u, VTD_GCMD, u->gcmd | bit);
    return wait_gsts(u, bit, bit == GCMD_WBF ? 0 : bit);
}

status_t vtd_unit_write_buffer(struct vtd_unit *u) { return u->cap & CAP_RWBF ? vtd_unit_once(u, GCMD_WBF) : ST_OK; }

/* Maps the fixed registers, then as much as the fault records need. */
static status_t map_registers(struct vtd_unit *u)
{
    u->mmio = (uintptr_t)kmap_mmio((hpa_t){ u->base }, VTD_MMIO_MIN);
    if (u->mmio == 0)
        return vtd_unit_fail(u, ST_NOSPACE, "registers cannot be mapped");
    u->cap = vtd_rd64(u, VTD_CAP);
    u->ecap = vtd_rd64(u, VTD_ECAP);
    uint32_t version = vtd_rd32(u, VTD_VER);
    if (u->cap == GONE64 || u->ecap == GONE64 || version == GONE32 || FIELD_GET(VER_MAJOR, version) == 0)
        return vtd_unit_fail(u, ST_HW, "no unit answers at the address that firmware gives");
    u->frcd = (uint16_t)(FIELD_GET(CAP_FRO, u->cap) * 16);
    u->frcds = (uint16_t)(FIELD_GET(CAP_NFR, u->cap) + 1);
    if (u->frcd < VTD_IRTA.off + 8u)
        return vtd_unit_fail(u, ST_CORRUPT, "CAP.FRO places the fault records on other registers");
    uint64_t end = PAGE_UP(u->frcd + u->frcds * 16u);
    if (end > VTD_MMIO_MIN) {
        u->mmio = (uintptr_t)kmap_mmio((hpa_t){ u->base }, end);
        if (u->mmio == 0)
            return vtd_unit_fail(u, ST_NOSPACE, "fault records cannot be mapped");
    }
    return ST_OK;
}

static status_t check_needs(struct vtd_unit *u)
{
    if (!(u->ecap & ECAP_QI))
        return vtd_unit_fail(u, ST_UNSUPP, "no queued invalidation (ECAP.QI = 0)");
    if (FIELD_GET(CAP_ND, u->cap) == 7)
        return vtd_unit_fail(u, ST_CORRUPT, "CAP.ND has a reserved value");
    if ((FIELD_GET(CAP_SAGAW, u->cap) & 0xe) == 0)
        return vtd_unit_fail(u, ST_UNSUPP, "no second-level table size (CAP.SAGAW) that Cordon knows");
    return ST_OK;
}

static status_t allocate(struct vtd_unit *u)
{
    u->root = pmm_alloc();
    u->queue = pmm_alloc_order(1);
    if (!u->root || !u->queue)
        return vtd_unit_fail(u, ST_NOSPACE, "no memory for its tables");
    vtd_unit_flush(u, u->root, PAGE_SIZE);
    vtd_unit_flush(u, u->queue, 2 * PAGE_SIZE);
    return ST_OK;
}

/* The image starts from what firmware left on; CFI and the fault log are not
 * part of it and end with the first command. */
static status_t take_over(struct vtd_unit *u)
{
    uint32_t now = vtd_rd32(u, VTD_GSTS);
    if (now == GONE32)
        return vtd_unit_fail(u, ST_HW, "does not answer");
    u->gcmd = now & KEPT_BITS;
    if (now & GCMD_TE)
        log_line("iommu: VT-d unit %u: firmware left translation on, taken over", u->index);
    if (now & GCMD_QIE && vtd_inv_stop(u) != ST_OK)
        return vtd_unit_fail(u, ST_TIMEOUT, "firmware's invalidation queue does not stop");
    return ST_OK;
}

/* Every root entry is absent: all requesters of all 256 buses are blocked. */
static status_t block_all(struct vtd_unit *u)
{
    vtd_wr64(u, VTD_RTADDR, pmm_pa(u->root).v);
    if (vtd_rd64(u, VTD_RTADDR) != pmm_pa(u->root).v)
        return vtd_unit_fail(u, ST_HW, "does not keep its root table address");
    if (vtd_unit_write_buffer(u) != ST_OK)
        return vtd_unit_fail(u, ST_TIMEOUT, "write buffer flush does not end");
    if (vtd_unit_once(u, GCMD_SRTP) != ST_OK)
        return vtd_unit_fail(u, ST_TIMEOUT, "does not take its root table");
    if (vtd_inv_all(u) != ST_OK)
        return vtd_unit_fail(u, ST_TIMEOUT, "does not confirm an invalidation");
    if (vtd_unit_set(u, GCMD_TE) != ST_OK)
        return vtd_unit_fail(u, ST_TIMEOUT, "translation does not come on");
    return ST_OK;
}

static status_t end_protected_memory(struct vtd_unit *u)
{
    if (!(u->cap & (CAP_PLMR | CAP_PHMR)))
        return ST_OK;
    uint32_t pmen = vtd_rd32(u, VTD_PMEN);
    if (!(pmen & (PMEN_EPM | PMEN_PRS)))
        return ST_OK;
    log_line("iommu: VT-d unit %u: firmware left protected memory on, taken over", u->index);
    vtd_wr32(u, VTD_PMEN, pmen & ~PMEN_EPM);
    struct deadline d = deadline_in(STATUS_US);
    while (vtd_rd32(u, VTD_PMEN) & PMEN_PRS)
        if (!spin(&d))
            return vtd_unit_fail(u, ST_TIMEOUT, "protected memory does not end");
    return ST_OK;
}

static status_t start_ir(struct vtd_unit *u, bool firmware_has_ir)
{
    if (!(u->ecap & ECAP_IR))
        return vtd_unit_fail(u, ST_NOIR, "cannot remap interrupts (ECAP.IR = 0)");
    if (!firmware_has_ir)
        return vtd_unit_fail(u, ST_NOIR, "DMAR says that the platform cannot remap interrupts");
    status_t st = vtd_ir_start(u);
    return st == ST_OK ? st : vtd_unit_fail(u, st, "interrupt remapping does not come on");
}

static status_t start_locked(struct vtd_unit *u, bool firmware_has_ir)
{
    status_t st = map_registers(u);
    if (st == ST_OK)
        st = check_needs(u);
    u->coherent = (u->ecap & ECAP_C) != 0;
    if (st == ST_OK)
        st = allocate(u);
    if (st == ST_OK)
        st = take_over(u);
    if (st == ST_OK && vtd_inv_start(u) != ST_OK)
        st = vtd_unit_fail(u, ST_TIMEOUT, "invalidation queue does not start");
    if (st != ST_OK)
        return st;
    vtd_fault_clear(u);
    st = block_all(u);
    if (st == ST_OK)
        st = end_protected_memory(u);
    return st == ST_OK ? start_ir(u, firmware_has_ir) : st;
}

status_t vtd_unit_start(struct vtd_unit *u, bool firmware_has_ir)
{
    spin_lock(&u->lock);
    u->status = start_locked(u, firmware_has_ir);
    spin_unlock(&u->lock);
    if (u->status == ST_OK)
        log_line("iommu: VT-d unit %u at %lx: on, all requesters blocked, interrupts remapped", u->index,
                 (unsigned long)u->base);
    return u->status;
}
