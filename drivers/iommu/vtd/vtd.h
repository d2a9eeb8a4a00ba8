/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d behind the facade: same calls and contracts as drivers/iommu/iommu.h.
 * Only iommu.c and the files of this folder include it.
 */
#pragma once

#include "drivers/iommu/iommu.h"
#include "kernel/acpi/acpi.h"

struct vtd_unit;

/* Starts every unit of the table. After an error nothing can be attached. */
MUST_USE status_t vtd_init(const struct acpi_table *table, char reason[96]);
bool vtd_has_ir(void);
MUST_USE status_t vtd_unit_index(struct bdf fn, uint32_t *unit);
uint32_t vtd_reserved_count(struct bdf fn);
MUST_USE status_t vtd_reserved(struct bdf fn, uint32_t i, uint64_t *base, uint64_t *len);
MUST_USE status_t vtd_ioapic_source(uint8_t ioapic_id, struct bdf *src);
bool vtd_unit_info(uint32_t unit, struct info_iommu *out);
uint32_t vtd_fault_irq(void);
MUST_USE status_t vtd_route_faults(uint32_t apic_id, uint8_t vector);
void vtd_emergency_block(void);

/* vtd_dom.c */
MUST_USE status_t vtd_dom_create(struct iommu_dom *dom, uint32_t vm);
MUST_USE status_t vtd_dom_map(struct iommu_dom *dom, iova_t iova, hpa_t pa, uint64_t len, unsigned prot);
MUST_USE status_t vtd_dom_unmap(struct iommu_dom *dom, iova_t iova, uint64_t len);
MUST_USE status_t vtd_dom_destroy(struct iommu_dom *dom);
MUST_USE status_t vtd_attach(struct iommu_dom *dom, struct bdf fn);
MUST_USE status_t vtd_detach(struct iommu_dom *dom, struct bdf fn);

/* vtd_ir.c */
MUST_USE status_t vtd_irte_alloc(struct bdf src, uint32_t count, struct irte_handle *first);
MUST_USE status_t vtd_irte_set(const struct irte_handle *h, uint32_t apic_id, uint8_t vector, bool level);
MUST_USE status_t vtd_irte_block(const struct irte_handle *h);
MUST_USE status_t vtd_irte_free(struct irte_handle *first, uint32_t count);
void vtd_irte_msi(const struct irte_handle *h, uint32_t sub, uint64_t *addr, uint32_t *data);
uint64_t vtd_irte_rte(const struct irte_handle *h, bool level, bool active_low);

/* vtd.c for its neighbours: units that are on. */
struct vtd_unit *vtd_unit_at(uint32_t index);            /* NULL beyond the end */
struct vtd_unit *vtd_unit_of_source(struct bdf src);     /* NULL: none, or the machine is refused */
uint32_t vtd_unit_count(void);

/* vtd_dom.c: what domains may use, from all units together. */
void vtd_dom_setup(void);

