/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bring-up of one unit [AMD-Vi 2.6, 3.4]. Firmware may hand over with translation on: it is never turned off on the
 * way, the device table is replaced under it, in which every requester of the segment is blocked before the unit
 * sees it.
 */
#include "drivers/iommu/amdvi/amdvi.h"

#include "kernel/mm/kmap.h"

#define DEVTAB_ORDER  9u
_Static_assert(AMDVI_DTES * sizeof(struct amdvi_dte) == PAGE_SIZE << DEVTAB_ORDER, "device table of a segment");

static uint64_t control_now(const struct amdvi_unit *u) { return amdvi_rd(u, AMDVI_CONTROL); }

status_t amdvi_rings(struct amdvi_unit *u, uint64_t ctl, bool on)
{
    uint32_t run = (ctl & CTL_CMD_BUF_EN ? STATUS_CMD_RUN : 0) | (ctl & CTL_EVT_LOG_EN ? STATUS_EVT_RUN : 0);
    u->control = on ? u->control | ctl : u->control & ~ctl;
    amdvi_wr(u, AMDVI_CONTROL, u->control);
    return iommu_wait(&u->core, AMDVI_STATUS.off, ctl == CTL_RUNS ? STATUS_RUNS : run, on ? run : 0);
}

static status_t identify(struct amdvi_unit *u)
{
    u->core.mmio = (uintptr_t)kmap_mmio((hpa_t){ u->core.base }, AMDVI_LEN);
    TRY(amdvi_need(u, u->core.mmio != 0, ST_NOSPACE, "registers cannot be mapped"));
    u->efr = amdvi_rd(u, AMDVI_EFR);
    return amdvi_need(u, ~u->efr != 0 && ~control_now(u) != 0, ST_HW,
                      "no unit answers at the address that firmware gives");
}

/* A unit of a segment that has its table already takes that one. */
static status_t make_tables(struct amdvi_unit *u)
{
    for (const struct amdvi_unit *other = amdvi_unit; other < u; other++)
        if (other->core.seg == u->core.seg && other->dte)
            u->dte = other->dte;
    if (!u->dte) {
        u->dte = pmm_alloc_order(DEVTAB_ORDER);
        if (u->dte)
            amdvi_dte_init(u->dte);
    }
    u->queue = pmm_alloc_order(1);
    u->log = pmm_alloc();
    return amdvi_need(u, u->dte && u->queue && u->log, ST_NOSPACE, "no memory for its tables");
}

/* Firmware's queue and logs end; the format of interrupt entries must not change while the unit is on. */
static status_t take_over(struct amdvi_unit *u)
{
    static const struct { uint8_t flag; uint64_t ctl; } wanted[] = {       /* [AMD-Vi 5.2.2] IVHD flags */
        { 0x01, CTL_HT_TUN_EN }, { 0x02, CTL_PASS_PW }, { 0x04, CTL_RES_PASS_PW }, { 0x08, CTL_ISOC },
    };
    const uint64_t now = control_now(u);
    u->control = now;
    TRY(amdvi_need(u, amdvi_rings(u, CTL_RUNS, false) == ST_OK, ST_TIMEOUT, "firmware's queue or log does not stop"));
    if (now & CTL_IOMMU_EN) {
        log_line("iommu: AMD-Vi unit %u: firmware left translation on, taken over", u->core.index);
        u->control = now & (CTL_IOMMU_EN | CTL_GA_EN | CTL_XT_EN);
    } else {
        bool x2apic = hw_rdmsr(MSR_APIC_BASE) & APIC_BASE_X2;
        u->control = (u->efr & EFR_GA ? CTL_GA_EN : 0) |
                     (x2apic && (u->efr & (EFR_GA | EFR_XT)) == (EFR_GA | EFR_XT) ? CTL_XT_EN : 0);
    }
    u->control |= CTL_COHERENT;
    for (unsigned i = 0; i < ARRAY_LEN(wanted); i++)
        u->control |= u->fw->flags & wanted[i].flag ? wanted[i].ctl : 0;
    return ST_OK;
}

static status_t block_all(struct amdvi_unit *u)
{
    const struct { amdvi_r64 reg; uint64_t base; } tables[] = {
        { AMDVI_DEVTAB, pmm_pa(u->dte).v | ((1u << DEVTAB_ORDER) - 1) },
        { AMDVI_CMDBUF, pmm_pa(u->queue).v | FIELD_PREP(RING_LEN, AMDVI_RING_LEN) },
        { AMDVI_EVTLOG, pmm_pa(u->log).v | FIELD_PREP(RING_LEN, AMDVI_RING_LEN) },
    };
    for (unsigned i = 0; i < ARRAY_LEN(tables); i++) {
        amdvi_wr(u, tables[i].reg, tables[i].base);
        TRY(amdvi_need(u, amdvi_rd(u, tables[i].reg) == tables[i].base, ST_HW,
                       "does not keep the addresses of its tables"));
    }
    amdvi_cmd_reset(u);
    amdvi_wr(u, AMDVI_EVT_HEAD, 0);
    amdvi_wr(u, AMDVI_EVT_TAIL, 0);
    amdvi_wr(u, AMDVI_STATUS, STATUS_EVT_OVERFLOW_W1C | STATUS_EVT_INT_W1C);
    amdvi_wr(u, AMDVI_EXCL_BASE, 0);
    amdvi_wr(u, AMDVI_EXCL_LIMIT, 0);
    TRY(amdvi_need(u, !(amdvi_rd(u, AMDVI_EXCL_BASE) & 1), ST_HW, "exclusion range does not end"));
    u->control |= CTL_IOMMU_EN;
    status_t st = amdvi_rings(u, CTL_CMD_BUF_EN | CTL_EVT_LOG_EN, true);
    TRY(amdvi_need(u, !((control_now(u) ^ u->control) & CTL_READ_BACK), ST_HW, "translation does not come on"));
    TRY(amdvi_need(u, st == ST_OK, st, "command queue or event log does not start"));
    return amdvi_need(u, amdvi_cmd_flush_all(u) == ST_OK, ST_TIMEOUT, "does not confirm an invalidation");
}

status_t amdvi_start(struct amdvi_unit *u)
{
    TRY(identify(u));
    TRY(make_tables(u));
    TRY(take_over(u));
    TRY(block_all(u));
    TRY(amdvi_need(u, amdvi_lists_ioapic(), ST_NOIR, "IVRS lists no I/O APIC: interrupts cannot be remapped"));
    log_line("iommu: AMD-Vi unit %u at %lx: on, all requesters blocked, interrupts remapped", u->core.index,
             (unsigned long)u->core.base);
    return ST_OK;
}

void amdvi_give_up(struct amdvi_unit *u)
{
    for (uint32_t rid = 0; u->dte && rid < AMDVI_DTES; rid++)
        amdvi_store(&u->dte[rid].q[2], 0);
    if (u->control & CTL_CMD_BUF_EN && amdvi_cmd_flush_all(u) != ST_OK)
        log_line("iommu: AMD-Vi unit %u: interrupt remapping does not end", u->core.index);
}
