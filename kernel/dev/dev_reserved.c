/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that firmware reserves for functions (RMRR, IVMD). A guest's function reaches it one to one, so it has to be
 * what firmware's own map reserves, and neither a function's nor the machine's registers: those lie in reserved ranges
 * of many maps. Roots: boot (check), the root thread (map).
 */
#include "kernel/dev/dev.h"

#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "kernel/abi/bootinfo.h"
#include "kernel/log/console.h"

#define LOW_ROM         0xc0000u        /* above it BOOT_LOW is firmware's, and nobody's RAM */
#define REGISTERS       0xfec00000u     /* up to 4 GiB: I/O APICs, HPET, local APICs, messages, flash */
#define REGISTERS_LEN   0x01400000u
#define UNIT_LEN        0x80000u        /* an IOMMU unit's registers at most */

static bool is_reserved(const struct bootinfo *bi, const struct iommu_region *region)
{
    uint64_t at = region->base;
    for (const struct boot_range *r = bi->range; r < bi->range + bi->ranges; r++)
        if ((r->type == BOOT_RESERVED || r->type == BOOT_NVS || (r->type == BOOT_LOW && at >= LOW_ROM)) &&
            range_contains(r->base, r->len, at, 1))
            at = r->base + r->len;
    return at >= region->base + region->len;
}

static bool is_registers(const struct bootinfo *bi, uint64_t base, uint64_t len)
{
    struct info_iommu unit;
    bool hit = range_overlaps(base, len, REGISTERS, REGISTERS_LEN);
    for (uint32_t i = 0; i < bi->ecams; i++)
        hit |= range_overlaps(base, len, bi->ecam[i].base, (bi->ecam[i].last_bus + UINT64_C(1)) << 20);
    for (uint32_t i = 0; iommu_unit_info(i, &unit); i++)
        hit |= range_overlaps(base, len, unit.base, UNIT_LEN);
    for (uint32_t i = 0; i < pci_count(); i++)
        hit |= pci_bar_touches(pci_at(i), BAR_MEMORY, base, len, NULL);
    return hit;
}

void dev_reserved_check(struct pci_fn *fn, const struct bootinfo *bi)
{
    struct iommu_region r;
    for (; iommu_reserved(fn->bdf, fn->info.reserved, &r); fn->info.reserved++)
        if (!is_reserved(bi, &r) || is_registers(bi, r.base, r.len)) {
            log_line("dev: " BDF_FMT ": firmware reserves %lx+%lx for it, which is not reserved memory: refused",
                     BDF_ARGS(fn->bdf), r.base, r.len);
            fn->info.refusals |= BIT32(ST_RANGE);
        }
}

/* Whether the guest's table has the region already. ST_BUSY: functions of another guest reach it. */
static MUST_USE status_t find_shared(const struct iommu_region *want, uint32_t vm_id, bool *mapped)
{
    struct iommu_region r;
    *mapped = false;
    for (uint32_t i = 0; i < pci_count(); i++) {
        const struct pci_fn *other = pci_at(i);
        for (uint32_t k = 0; other->info.vm != 0 && iommu_reserved(other->bdf, k, &r); k++) {
            if (other->info.vm != vm_id && range_overlaps(r.base, r.len, want->base, want->len))
                return ST_BUSY;
            *mapped |= other->info.vm == vm_id && r.base == want->base && r.len == want->len && r.prot == want->prot;
        }
    }
    return ST_OK;
}

status_t dev_reserved_map(const struct pci_fn *fn, struct iommu_dom *dma, uint32_t vm_id)
{
    struct iommu_region r;
    bool mapped;
    for (uint32_t i = 0; iommu_reserved(fn->bdf, i, &r); i++) {
        TRY(find_shared(&r, vm_id, &mapped));
        if (mapped || r.prot == 0)
            continue;
        TRY(iommu_dom_map(dma, (iova_t){ r.base }, (hpa_t){ r.base }, r.len, r.prot));
        log_line("dev: " BDF_FMT ": reserved memory %lx+%lx is mapped for it", BDF_ARGS(fn->bdf), r.base, r.len);
    }
    return ST_OK;
}
