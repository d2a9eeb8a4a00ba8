/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the neutral files ask of the driver: a direct branch, no function pointers. What takes a unit is called with
 * its lock held; ST_TIMEOUT and ST_HW say that the unit did not confirm.
 */
#pragma once

#include "drivers/iommu/amdvi/amdvi.h"
#include "drivers/iommu/vtd/vtd.h"

#define VTD(u)    ((struct vtd_unit *)(u))
#define AMDVI(u)  ((struct amdvi_unit *)(u))

extern bool iommu_is_amdvi;           /* else VT-d; const after iommu_init */

static inline const char *vendor_name(void) { return iommu_is_amdvi ? "AMD-Vi" : "VT-d"; }
static inline const char *vendor_table(void) { return iommu_is_amdvi ? "IVRS" : "DMAR"; }
/* Parses the table and lists its units in iommu_unit. An error: it is broken, or units may be missing. */
static inline MUST_USE status_t vendor_list(const uint8_t *table, size_t len)
{ return iommu_is_amdvi ? amdvi_list(table, len) : vtd_list(table, len); }
/* Takes the unit over from firmware, blocks every requester, turns interrupt remapping on. */
static inline MUST_USE status_t vendor_start(struct iommu_unit *u)
{ return iommu_is_amdvi ? amdvi_start(AMDVI(u)) : vtd_start(VTD(u)); }
/* The machine is refused, for something else than this unit: memory access stays blocked, interrupts pass, since the
 * kernel's own are not remapped. */
static inline void vendor_give_up(struct iommu_unit *u)
{ iommu_is_amdvi ? amdvi_give_up(AMDVI(u)) : vtd_give_up(VTD(u)); }
/* Every unit is on: what domains may use. From here on an attachment needs no memory, if it can be helped. */
static inline void vendor_ready(struct iommu_shape *shape) { iommu_is_amdvi ? amdvi_ready(shape) : vtd_ready(shape); }
static inline struct iommu_unit *vendor_covering(struct bdf src, uint16_t *rid)
{ return iommu_is_amdvi ? amdvi_covering(src, rid) : vtd_covering(src, rid); }
static inline bool vendor_reserved(struct bdf fn, uint32_t nth, struct iommu_region *out)
{ return iommu_is_amdvi ? amdvi_reserved(fn, nth, out) : vtd_reserved(fn, nth, out); }
static inline MUST_USE status_t vendor_ioapic(uint8_t id, struct bdf *src)
{ return iommu_is_amdvi ? amdvi_ioapic(id, src) : vtd_ioapic(id, src); }

/* A requester whose entry is blocked is let into the domain. ST_NOSPACE: nothing has changed. */
static inline MUST_USE status_t vendor_open(struct iommu_unit *u, uint16_t rid, const struct iommu_dom *dom)
{ return iommu_is_amdvi ? amdvi_open(AMDVI(u), rid, dom) : vtd_open(VTD(u), rid, dom); }
/* Blocked, confirmed, translations of the domain (0: none) too. silent: its faults are not reported any more. */
static inline MUST_USE status_t vendor_block(struct iommu_unit *u, uint16_t rid, uint32_t domid, bool silent)
{ return iommu_is_amdvi ? amdvi_block(AMDVI(u), rid, domid, silent) : vtd_block(VTD(u), rid, domid, silent); }
/* No translation of the domain is left. */
static inline MUST_USE status_t vendor_flush(struct iommu_unit *u, uint32_t domid)
{ return iommu_is_amdvi ? amdvi_flush_dom(AMDVI(u), domid) : vtd_flush_dom(VTD(u), domid); }

/* Entries of the run's requester: it has unit and count, and gets its first. */
static inline MUST_USE status_t vendor_irte_alloc(struct irte_run *run, uint32_t index)
{ return iommu_is_amdvi ? amdvi_irte_alloc(run, index) : vtd_irte_alloc(run, index); }
/* vector 0: blocked. ST_RANGE: the format has no such destination. */
static inline MUST_USE status_t vendor_irte_set(const struct irte_run *run, uint32_t i, uint32_t apic_id,
                                                uint8_t vector, bool level)
{
    return iommu_is_amdvi ? amdvi_irte_set(run, i, apic_id, vector, level)
                          : vtd_irte_set(run, i, apic_id, vector, level);
}
/* All are blocked. */
static inline void vendor_irte_free(const struct irte_run *run)
{ iommu_is_amdvi ? amdvi_irte_free(run) : vtd_irte_free(run); }
static inline void vendor_irte_msi(const struct irte_run *run, uint64_t *addr, uint32_t *data)
{ iommu_is_amdvi ? amdvi_irte_msi(run, addr, data) : vtd_irte_msi(run, addr, data); }
static inline uint64_t vendor_irte_rte(const struct irte_run *run, uint64_t rte)
{ return iommu_is_amdvi ? amdvi_irte_rte(run, rte) : vtd_irte_rte(run, rte); }

/* Reads and clears every record: the number that went to iommu_fault_keep. Also of a unit that never came up. */
static inline uint32_t vendor_collect(struct iommu_unit *u)
{ return iommu_is_amdvi ? amdvi_collect(AMDVI(u)) : vtd_collect(VTD(u)); }
static inline MUST_USE status_t vendor_route(struct iommu_unit *u, uint32_t apic_id, uint8_t vector)
{ return iommu_is_amdvi ? amdvi_route(AMDVI(u), apic_id, vector) : vtd_route(VTD(u), apic_id, vector); }
static inline void vendor_mute(struct iommu_unit *u, bool muted)
{ iommu_is_amdvi ? amdvi_mute(AMDVI(u), muted) : vtd_mute(VTD(u), muted); }
/* Capabilities and state. */
static inline void vendor_info(const struct iommu_unit *u, struct info_iommu *out)
{ iommu_is_amdvi ? amdvi_info((const struct amdvi_unit *)u, out) : vtd_info((const struct vtd_unit *)u, out); }
/* Last words: no lock, no waiting. */
static inline void vendor_emergency(struct iommu_unit *u)
{ iommu_is_amdvi ? amdvi_emergency(AMDVI(u)) : vtd_emergency(VTD(u)); }
