/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IOMMU facade: one set of calls whatever the vendor. Fail closed: a unit that does not
 * come up, or a flush that is not confirmed, gives an error, and the function
 * it was for stays blocked.
 *
 * Locks: one spinlock per unit inside. Callers (kernel/dev, kernel/main)
 * serialise attach, detach, map and unmap of one domain, create and destroy of all.
 */
#pragma once

#include "kernel/abi/info.h"
#include "kernel/mm/ptab.h"

enum iommu_vendor { IOMMU_NONE, IOMMU_VTD, IOMMU_AMDVI };

/* Guest memory for device access. Prepared to span units: capabilities are the
 * intersection over all units. */
struct iommu_dom {
    struct ptab pt;          /* second-level table, guest-physical -> host-physical */
    uint32_t vm;             /* VM id, for fault records */
    uint32_t domid;          /* hardware domain id; 0 = there is no domain */
    uint32_t attached;       /* ids of functions */
    uint32_t units;          /* bit per unit that may hold its translations */
};

/* Parses the DMAR or IVRS that the loader kept, turns every unit on with every requester blocked and
 * interrupt remapping on. ST_ABSENT: no IOMMU table. ST_CORRUPT, ST_UNSUPP, ST_TIMEOUT, ST_NOIR: what
 * failed; `reason` says it in words. After an error no function is attached. */
MUST_USE status_t iommu_init(const struct bootinfo *bi, char reason[96]);
enum iommu_vendor iommu_vendor(void);
bool iommu_has_ir(void);             /* every unit is on and remaps interrupts */

/* Index of the unit that covers the function and is on, ~0: none. */
uint32_t iommu_unit_of(struct bdf fn);
/* The nth of the firmware-reserved regions (RMRR/IVMD) that name the function: whole pages. prot: PT_R, PT_W, 0 when
 * firmware wants it out of the way only. False: no more. */
struct iommu_region { uint64_t base, len; unsigned prot; };
bool iommu_reserved(struct bdf fn, uint32_t nth, struct iommu_region *out);

/* Domains. ST_INVAL for a dom that was not created. Create: ST_NOIOMMU unless every unit is on and remaps. */
MUST_USE status_t iommu_dom_create(struct iommu_dom *dom, uint32_t vm);
/* Page-aligned; before devices attach, so no flush is needed unless the unit caches
 * not-present entries, which it handles. prot: PT_R | PT_W. */
MUST_USE status_t iommu_dom_map(struct iommu_dom *dom, iova_t iova, hpa_t pa, uint64_t len, unsigned prot);
/* Unmaps and confirms the invalidation; on error the memory must not be reused. */
MUST_USE status_t iommu_dom_unmap(struct iommu_dom *dom, iova_t iova, uint64_t len);
/* No function attached any more (else ST_BUSY); confirms the flush, frees the tables and the id. */
MUST_USE status_t iommu_dom_destroy(struct iommu_dom *dom);

/* Functions, by every id that their requests may carry. attach: from blocked to this domain. detach: to blocked,
 * confirmed. An attach that is not confirmed is taken back. What is not confirmed stays counted in dom->attached, so that
 * the domain is never destroyed; ST_TIMEOUT, ST_HW mean quarantine. */
MUST_USE status_t iommu_attach(struct iommu_dom *dom, struct bdf fn);
MUST_USE status_t iommu_detach(struct iommu_dom *dom, struct bdf fn);

/* Interrupt remapping. A run of entries of one requester's own unit, allocated blocked, which nobody else can use.
 * Only the owner of a run holds it: what it names is its own. i: entry of the run, ST_INVAL beyond its end. */
struct irte_run {
    struct bdf src;
    uint16_t rid;            /* what its messages carry: nobody else's use the entries */
    uint32_t unit, first, count;
};
/* index: the vector, for the pin of an I/O APIC; 0: any. On error the run is empty. */
MUST_USE status_t iommu_irte_alloc(struct bdf src, uint32_t count, uint32_t index, struct irte_run *run);
/* One entry on: fixed delivery, edge or level, physical destination, confirmed in the unit. */
MUST_USE status_t iommu_irte_set(const struct irte_run *run, uint32_t i, uint32_t apic_id, uint8_t vector, bool level);
MUST_USE status_t iommu_irte_block(const struct irte_run *run, uint32_t i);
/* All blocked, confirmed and free: the run is empty. On error it is as it was. */
MUST_USE status_t iommu_irte_free(struct irte_run *run);
/* The message that leads to the first entry; data + i leads to the i-th, which is what MSI with several vectors sends. */
void iommu_irte_msi(const struct irte_run *run, uint64_t *addr, uint32_t *data);
/* An I/O APIC's redirection entry (vector, trigger, polarity) made to lead to the first entry. */
uint64_t iommu_irte_rte(const struct irte_run *run, uint64_t rte);
/* The requester id of an I/O APIC by its id, from DMAR/IVRS. ST_NOTFOUND. */
MUST_USE status_t iommu_ioapic_source(uint8_t ioapic_id, struct bdf *src);

/* Faults. Called from the fault interrupt (vector handler in kernel/irq) and by
 * poll; reads and clears every record. Returns the number of new records. */
uint32_t iommu_fault_irq(void);
/* The oldest record kept with seq >= from; false when there is none. */
bool iommu_fault_get(uint64_t from_seq, struct info_fault *out);
/* The host vector and CPU that units send their fault events to. */
MUST_USE status_t iommu_fault_route(uint32_t apic_id, uint8_t vector);

bool iommu_unit_info(uint32_t unit, struct info_iommu *out);   /* false: no such unit */

/* Last words: block all DMA without waiting for success; used by panic and power off. */
void iommu_emergency_block(void);
