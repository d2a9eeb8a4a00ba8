/* SPDX-License-Identifier: BSD-2-Clause */
/* What no vendor owns: which driver the machine gets, bring-up of all units, and the questions about them. */
#include "drivers/iommu/iommu.h"

#include "drivers/iommu/vendor.h"
#include "drivers/pci/pci.h"
#include "kernel/lib/fmt.h"
#include "kernel/mm/kmap.h"

/* Const after iommu_init. */
static enum iommu_vendor vendor = IOMMU_NONE;
struct iommu_unit *iommu_unit[IOMMU_UNITS];
uint32_t iommu_units;
bool iommu_ready, iommu_is_amdvi;

enum iommu_vendor iommu_vendor(void) { return vendor; }
bool iommu_has_ir(void) { return iommu_ready; }

static status_t refuse(char reason[96], status_t st, const char *why)
{
    str_copy(reason, 96, why);
    return st;
}

status_t iommu_need(struct iommu_unit *u, bool good, status_t st, const char *why)
{
    if (good)
        return ST_OK;
    fmt(u->reason, sizeof u->reason, "%s unit %u at %lx: %s", vendor_name(), u->index, (unsigned long)u->base, why);
    log_line("iommu: %s", u->reason);
    return st;
}

status_t iommu_wait(const struct iommu_unit *u, uint16_t reg, uint32_t bits, uint32_t want)
{
    struct deadline d = deadline_in(IOMMU_WAIT_US);
    for (uint32_t now = hw_mmio_rd32(u->mmio + reg); now == IOMMU_GONE || (now & bits) != want;
         now = hw_mmio_rd32(u->mmio + reg))
        if (now == IOMMU_GONE || !spin(&d))
            return ST_TIMEOUT;
    return ST_OK;
}

void iommu_log_notes(const char *table, const struct fw_notes *n)
{
    for (uint32_t i = 0; i < MIN(n->count, FW_NOTES); i++)
        log_line("iommu: %s offset %u, entry type %u: %s", table, n->at[i].offset, n->at[i].type, n->at[i].text);
    if (n->count > FW_NOTES)
        log_line("iommu: %s: %u more such lines", table, n->count - FW_NOTES);
}

status_t iommu_confirm(struct iommu_unit *u, const uint32_t *done, uint32_t value)
{
    struct deadline d = deadline_in(IOMMU_WAIT_US);
    while (__atomic_load_n(done, __ATOMIC_ACQUIRE) != value && !u->dead)
        u->dead = !spin(&d);
    return iommu_need(u, !u->dead, ST_TIMEOUT, "does not confirm an invalidation; nothing behind it changes owner");
}

/* ---- bring-up ---- */
/* All, also after a failure: the more is blocked the better. Returns the one that refuses the machine, or NULL. A
 * unit whose entry is broken costs its own devices only, as firmware says which they are. */
static const struct iommu_unit *start_all(void)
{
    const struct iommu_unit *bad = NULL;
    bool any = false;
    for (uint32_t i = 0; i < iommu_units; i++) {
        struct iommu_unit *u = iommu_unit[i];
        u->index = i;
        u->status = iommu_need(u, !u->broken, ST_CORRUPT, "firmware's entry for it is broken; its devices are refused");
        if (u->status == ST_OK)
            u->status = vendor_start(u);
        any |= u->status == ST_OK;
        if (u->status != ST_OK && (!bad || bad->broken))
            bad = u;
    }
    return bad && (!bad->broken || !any) ? bad : NULL;
}

static status_t bring_up(const uint8_t *table, size_t len, char reason[96])
{
    status_t listed = vendor_list(table, len);
    const struct iommu_unit *bad = start_all();
    if (listed != ST_OK)
        fmt(reason, 96, listed == ST_UNSUPP ? "%s lists more units than this build drives"
                      : iommu_units == 0    ? "%s is broken: its length, or where it lists units"
                      : "%s is broken where it lists units: one may be hidden and stay off", vendor_table());
    TRY(listed);
    if (iommu_units == 0)
        return refuse(reason, ST_ABSENT, "the firmware's IOMMU table lists no unit");
    if (bad)
        return refuse(reason, bad->status, bad->reason);
    iommu_ready = true;
    iommu_dom_setup();
    return ST_OK;
}

status_t iommu_init(const struct bootinfo *bi, char reason[96])
{
    vendor = IOMMU_NONE;
    iommu_units = 0;
    iommu_ready = false;
    switch ((enum boot_iommu)bi->iommu) {
    case BOOT_IOMMU_BAD:
        return refuse(reason, ST_CORRUPT, "DMAR or IVRS table is there but broken (length or checksum)");
    case BOOT_IOMMU_NONE:
        return refuse(reason, ST_ABSENT,
                      "no DMAR or IVRS table: the firmware reports no IOMMU (absent, or off in firmware setup)");
    case BOOT_IOMMU_DMAR: case BOOT_IOMMU_IVRS: break;
    }
    const uint8_t *table = kmap_ro((hpa_t){ bi->iommu_table }, bi->iommu_len);
    if (!table)
        return refuse(reason, ST_CORRUPT, "the firmware's IOMMU table cannot be mapped");
    iommu_is_amdvi = bi->iommu == BOOT_IOMMU_IVRS;
    vendor = iommu_is_amdvi ? IOMMU_AMDVI : IOMMU_VTD;
    status_t st = bring_up(table, bi->iommu_len, reason);
    for (uint32_t i = 0; st != ST_OK && i < iommu_units; i++)
        if (iommu_unit[i]->status == ST_OK || iommu_unit[i]->status == ST_NOIR)
            vendor_give_up(iommu_unit[i]);
    return st;
}

/* ---- questions ---- */
/* [PCIe-PCI bridge 2.3, VT-d 3.4.1] A PCIe-to-PCI bridge sends as function 0 of its secondary bus, a conventional one
 * as itself; ports pass ids on. Enough of it is on both vendors; AMD-Vi's table says the same where firmware is right. */
static bool add_aliases(struct bdf src, struct iommu_rids *rids)
{
    for (const struct pci_fn *at = pci_find(src); at && at->info.up != 0; ) {
        at -= at->info.up;
        const unsigned type = at->info.pcie_type;
        const uint16_t alias = type == PCIE_T_TO_PCI ? (uint16_t)(at->info.secondary << 8) : bdf_rid(at->bdf);
        if ((type >= PCIE_T_ROOT_PORT && type <= PCIE_T_DOWNSTREAM) || alias == rids->id[0])
            continue;
        if (rids->count == ARRAY_LEN(rids->id))
            return false;
        rids->id[rids->count++] = alias;
    }
    return true;
}

struct iommu_unit *iommu_covering(struct bdf src, struct iommu_rids *rids)
{
    rids->count = 1;
    struct iommu_unit *u = iommu_ready ? vendor_covering(src, &rids->id[0]) : NULL;
    return u && u->status == ST_OK && add_aliases(src, rids) ? u : NULL;
}

uint32_t iommu_unit_of(struct bdf fn)
{
    struct iommu_rids rids;
    const struct iommu_unit *u = iommu_covering(fn, &rids);
    return u ? u->index : ~0u;
}

bool iommu_reserved(struct bdf fn, uint32_t nth, struct iommu_region *out)
{ return vendor != IOMMU_NONE && vendor_reserved(fn, nth, out); }

status_t iommu_ioapic_source(uint8_t ioapic_id, struct bdf *src)
{ return vendor != IOMMU_NONE ? vendor_ioapic(ioapic_id, src) : ST_NOTFOUND; }

bool iommu_unit_info(uint32_t unit, struct info_iommu *out)
{
    if (unit >= iommu_units)
        return false;
    const struct iommu_unit *u = iommu_unit[unit];
    *out = (struct info_iommu){ .base = u->base, .faults = u->faults, .status = u->dead ? ST_TIMEOUT : u->status };
    vendor_info(u, out);
    str_copy(out->reason, sizeof out->reason, u->reason);
    return true;
}

void iommu_emergency_block(void)
{
    for (uint32_t i = 0; i < iommu_units; i++)
        vendor_emergency(iommu_unit[i]);
}
