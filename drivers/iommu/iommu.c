/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The facade: picks the vendor once, then a direct branch per call. AMD-Vi joins
 * by a second branch in each of these functions; callers do not change.
 */
#include "drivers/iommu/iommu.h"

#include "drivers/iommu/vtd/vtd.h"
#include "drivers/iommu/vtd/vtd_fault.h"
#include "kernel/acpi/acpi.h"
#include "kernel/log/console.h"

static enum iommu_vendor vendor = IOMMU_NONE;      /* const after iommu_init */

static bool is_vtd(void) { return vendor == IOMMU_VTD; }

static status_t no_iommu(char reason[96], status_t st, const char *why)
{
    str_copy(reason, 96, why);
    log_line("iommu: %s", why);
    return st;
}

status_t iommu_init(char reason[96])
{
    struct acpi_table table;
    vendor = IOMMU_NONE;
    reason[0] = 0;
    status_t st = acpi_find("DMAR", 0, &table);
    if (st == ST_OK) {
        vendor = IOMMU_VTD;
        return vtd_init(&table, reason);
    }
    if (st != ST_NOTFOUND)
        return no_iommu(reason, ST_CORRUPT, "DMAR table is there but broken (length or checksum)");
    st = acpi_find("IVRS", 0, &table);
    if (st != ST_NOTFOUND)
        return no_iommu(reason, ST_UNSUPP, "AMD-Vi found; this version drives VT-d only");
    return no_iommu(reason, ST_ABSENT,
                    "no DMAR or IVRS table: the firmware reports no IOMMU (absent, or off in firmware setup)");
}

enum iommu_vendor iommu_vendor(void) { return vendor; }
bool iommu_has_ir(void) { return is_vtd() && vtd_has_ir(); }

status_t iommu_unit_of(struct bdf fn, uint32_t *unit) { return is_vtd() ? vtd_unit_index(fn, unit) : ST_NOIOMMU; }
uint32_t iommu_reserved_count(struct bdf fn) { return is_vtd() ? vtd_reserved_count(fn) : 0; }

status_t iommu_reserved(struct bdf fn, uint32_t i, uint64_t *base, uint64_t *len)
{
    return is_vtd() ? vtd_reserved(fn, i, base, len) : ST_NOTFOUND;
}

status_t iommu_dom_create(struct iommu_dom *dom, uint32_t vm)
{
    /* has_ir: every unit is on. A domain that nobody can attach to is not made. */
    return iommu_has_ir() ? vtd_dom_create(dom, vm) : ST_NOIOMMU;
}

status_t iommu_dom_map(struct iommu_dom *dom, iova_t iova, hpa_t pa, uint64_t len, unsigned prot)
{
    return is_vtd() ? vtd_dom_map(dom, iova, pa, len, prot) : ST_NOIOMMU;
}

status_t iommu_dom_unmap(struct iommu_dom *dom, iova_t iova, uint64_t len)
{
    return is_vtd() ? vtd_dom_unmap(dom, iova, len) : ST_NOIOMMU;
}

status_t iommu_dom_destroy(struct iommu_dom *dom) { return is_vtd() ? vtd_dom_destroy(dom) : ST_NOIOMMU; }
status_t iommu_attach(struct iommu_dom *dom, struct bdf fn) { return is_vtd() ? vtd_attach(dom, fn) : ST_NOIOMMU; }
status_t iommu_detach(struct iommu_dom *dom, struct bdf fn) { return is_vtd() ? vtd_detach(dom, fn) : ST_NOIOMMU; }

status_t iommu_irte_alloc(struct bdf src, uint32_t count, struct irte_handle *first)
{
    first->valid = false;
    return is_vtd() ? vtd_irte_alloc(src, count, first) : ST_NOIOMMU;
}

status_t iommu_irte_set(const struct irte_handle *h, uint32_t apic_id, uint8_t vector, bool level)
{
    return is_vtd() ? vtd_irte_set(h, apic_id, vector, level) : ST_NOIOMMU;
}

status_t iommu_irte_block(const struct irte_handle *h) { return is_vtd() ? vtd_irte_block(h) : ST_NOIOMMU; }

status_t iommu_irte_free(struct irte_handle *first, uint32_t count)
{
    return is_vtd() ? vtd_irte_free(first, count) : ST_NOIOMMU;
}

void iommu_irte_msi(const struct irte_handle *h, uint32_t sub, uint64_t *addr, uint32_t *data)
{
    *addr = 0;
    *data = 0;
    if (is_vtd())
        vtd_irte_msi(h, sub, addr, data);
}

uint64_t iommu_irte_rte(const struct irte_handle *h, bool level, bool active_low)
{
    return is_vtd() ? vtd_irte_rte(h, level, active_low) : UINT64_C(1) << 16;     /* masked */
}

status_t iommu_ioapic_source(uint8_t ioapic_id, struct bdf *src)
{
    return is_vtd() ? vtd_ioapic_source(ioapic_id, src) : ST_NOTFOUND;
}

uint32_t iommu_fault_irq(void) { return is_vtd() ? vtd_fault_irq() : 0; }
bool iommu_fault_get(uint64_t from_seq, struct info_fault *out) { return is_vtd() && vtd_fault_get(from_seq, out); }

status_t iommu_fault_route(uint32_t apic_id, uint8_t vector)
{
    return is_vtd() ? vtd_route_faults(apic_id, vector) : ST_NOIOMMU;
}

bool iommu_unit_info(uint32_t unit, struct info_iommu *out) { return is_vtd() && vtd_unit_info(unit, out); }

void iommu_emergency_block(void)
{
    if (is_vtd())
        vtd_emergency_block();
}
