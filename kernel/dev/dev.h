/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Life of a PCI function: BLOCKED -> ASSIGNED -> DRAINING -> BLOCKED, or QUARANTINED. The state
 * is in fn->info.state and outlives the object. Assign, release, open and destroy: root thread.
 * The owner's calls: any thread of the VMM; the lock keeps them out while the state changes.
 */
#pragma once

#include "kernel/abi/info.h"
#include "kernel/obj/obj.h"

struct bootinfo;
struct iommu_dom;
struct pci_fn;

struct device {
    struct kobj obj;
    struct pci_fn *fn;          /* const */
    struct vm *vm;              /* root thread writes: owner (the caller of assign holds its reference), NULL = none */
    struct iommu_dom *dma;      /* root thread */
    struct spinlock lock;       /* state, resetting, the owner's config accesses and routes */
    bool resetting;             /* lock: DEV_RESET is under way */
    bool no_reset;              /* root thread: assigned with DEV_NO_RESET_OK */
};

/* After pci_init and iommu_init: quiesces every function, and collects what is to be said against it (info.refusals). */
void dev_init(const struct bootinfo *bi);
MUST_USE status_t dev_open(struct bdf bdf, struct device **out);     /* ST_NOTFOUND, ST_BUSY: one object per function */
void dev_destroy(struct kobj *obj);                                   /* releases first if assigned */
/* flags: DEV_NO_RESET_OK, DEV_RESERVED_MAP, DEV_UNPROTECTED (abi/syscall.h); the caller has checked them and vm;
 * dma is NULL exactly with DEV_UNPROTECTED. Quiesce, reset with proof, attach.
 * All the refusals: ST_NOIOMMU, ST_NOIR, ST_NORESET, ST_RESERVED, ST_QUARANTINED, ST_ABSENT,
 * ST_BUSY (owned, or its isolation group has another owner), ST_STATE (DEV_UNPROTECTED, but an IOMMU
 * covers it), ST_UNSUPP (bridge), ST_OVERLAP,
 * ST_CORRUPT (BARs or MSI-X facts), ST_RANGE (reserved regions), ST_TIMEOUT. On error the function is BLOCKED or QUARANTINED. */
MUST_USE status_t dev_assign(struct device *dev, struct vm *vm, uint32_t vm_id, struct iommu_dom *dma, uint32_t flags);
/* Interrupts and bus master off, entry blocking, invalidation confirmed, reset. ST_BUSY: a DEV_RESET is under way.
 * ST_QUARANTINED: it has no owner any more, and when its detach was not confirmed iommu_dom_destroy will fail: the
 * memory must not be reused. */
MUST_USE status_t dev_release(struct device *dev);
/* Takes the lock when the owner may touch the function. */
MUST_USE status_t dev_owner_enter(struct device *dev);
/* Owner's calls; ST_STATE when not assigned, ST_BUSY while it resets. Config: see pci_owner_access. */
MUST_USE status_t dev_cfg_access(struct device *dev, uint64_t off, uint64_t size, bool write, uint32_t *value);
MUST_USE status_t dev_owner_reset(struct device *dev);
MUST_USE status_t dev_irq_set(struct device *dev, uint64_t index, uint64_t addr, uint32_t data, uint32_t flags);
/* One access of 1, 2, 4, in memory also 8 bytes, aligned there: to ports of an I/O BAR, or to what of a memory BAR
 * cannot be mapped (struct pci_window) and is not the MSI-X table. ST_RANGE: not inside, ST_OVERLAP: the table,
 * ST_UNSUPP: nothing of the BAR is reached in this way, or firmware gave it no address. */
MUST_USE status_t dev_bar_access(struct device *dev, uint64_t bar, uint64_t off, uint64_t size, bool write,
                                 uint64_t *value);
/* dev_reserved.c. Check: ST_RANGE in info.refusals when a region is not memory that firmware's map reserves. Map: with
 * the rights that firmware names; ST_BUSY: another guest's functions reach it. */
void dev_reserved_check(struct pci_fn *fn, const struct bootinfo *bi);
MUST_USE status_t dev_reserved_map(const struct pci_fn *fn, struct iommu_dom *dma, uint32_t vm_id);
/* Checks [off, off+len) of a BAR (page-aligned) against what may be mapped; gives the host address.
 * ST_UNSUPP: ports, no address, or a page that something else shares; ST_OVERLAP: the MSI-X table. */
MUST_USE status_t dev_bar_range(const struct device *dev, uint64_t bar, uint64_t off, uint64_t len,
                                hpa_t *hpa, bool *prefetchable);
