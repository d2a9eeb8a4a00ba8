/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One VT-d unit: what it can do, its tables, its queue. Inside drivers/iommu only.
 * Every function that takes a unit, except vtd_unit_start and vtd_unit_fail, is
 * called with the unit's lock held.
 */
#pragma once

#include "drivers/iommu/vtd/dmar.h"
#include "drivers/iommu/vtd/vtd_regs.h"
#include "drivers/iommu/vtd/vtd_tables.h"
#include "kernel/arch/spinlock.h"
#include "kernel/lib/idpool.h"

#define VTD_SLOTS      64u          /* functions attached behind one unit */
#define VTD_STRANGERS  16u          /* requesters without an owner whose faults are counted */
#define VTD_REASON     96u

/* A function that has a context entry. */
struct vtd_slot {
    bool used, stuck;               /* stuck: its removal was never confirmed */
    bool cut;                       /* removed after too many faults */
    uint16_t rid;
    uint32_t domid, vm, faults;
};
struct vtd_stranger { bool used; uint16_t rid; uint32_t faults; };

struct vtd_unit {
    /* const after start */
    uintptr_t mmio;                 /* 0 = not mapped */
    uint64_t base, cap, ecap;
    uint32_t index;
    uint16_t seg;
    bool include_all, coherent, eime;
    struct dmar_span scopes;
    uint16_t frcd;                  /* offset and number of fault records */
    uint16_t frcds;
    status_t status;                /* OK = translation and interrupt remapping on */
    char reason[VTD_REASON];
    /* lock */
    struct spinlock lock;
    uint32_t gcmd;                  /* the image: bits that stay set */
    bool dead;                      /* stopped answering: nothing is sent any more */
    struct vtd_pair *root;          /* blocking: entries appear with the first attach on a bus */
    struct vtd_pair *queue;         /* page of descriptors, then a page with the status words */
    uint32_t tail, seq;
    struct vtd_pair *irt;
    struct idpool irtes;
    uint64_t irte_words[IDPOOL_WORDS(VTD_IRTES)];
    struct vtd_slot slot[VTD_SLOTS];
    struct vtd_stranger stranger[VTD_STRANGERS];
    uint64_t faults;
    uint64_t burst_us;              /* start of the second in which burst counts */
    uint32_t burst;
    bool routed, muted;             /* fault event programmed; masked because of a storm */
};

static inline uint32_t vtd_rd32(const struct vtd_unit *u, vtd_r32 r) { return hw_mmio_rd32(u->mmio + r.off); }
static inline uint64_t vtd_rd64(const struct vtd_unit *u, vtd_r64 r) { return hw_mmio_rd64(u->mmio + r.off); }
static inline void vtd_wr32(const struct vtd_unit *u, vtd_r32 r, uint32_t v) { hw_mmio_wr32(u->mmio + r.off, v); }
static inline void vtd_wr64(const struct vtd_unit *u, vtd_r64 r, uint64_t v) { hw_mmio_wr64(u->mmio + r.off, v); }

/* Writes table memory back when the unit's walks do not snoop. */
static inline void vtd_unit_flush(const struct vtd_unit *u, const void *p, size_t len)
{
    if (!u->coherent)
        hw_flush(p, len);
}

static inline uint32_t vtd_unit_domains(const struct vtd_unit *u) { return 1u << (4 + 2 * FIELD_GET(CAP_ND, u->cap)); }
static inline uint64_t vtd_unit_drain(const struct vtd_unit *u)
{
    return (u->cap & CAP_DWD ? INV_IOTLB_DW : 0) | (u->cap & CAP_DRD ? INV_IOTLB_DR : 0);
}

/* Maps the unit, takes it over from firmware, blocks every requester, turns
 * interrupt remapping on. The unit's base, seg, index are filled in. Records status and reason. */
MUST_USE status_t vtd_unit_start(struct vtd_unit *u, bool firmware_has_ir);
/* Sets status and reason, logs it, returns st. */
status_t vtd_unit_fail(struct vtd_unit *u, status_t st, const char *why);
/* Write-buffer flush where the unit needs one. ST_TIMEOUT. */
MUST_USE status_t vtd_unit_write_buffer(struct vtd_unit *u);

/* vtd_inv.c */
#define VTD_INV_MAX 4u
/* Starts the queue; registers idle. */
MUST_USE status_t vtd_inv_start(struct vtd_unit *u);
/* Stops a queue that firmware left. */
MUST_USE status_t vtd_inv_stop(struct vtd_unit *u);
/* Runs up to VTD_INV_MAX descriptors and waits until the unit confirms all. ST_TIMEOUT: the
 * unit is dead from here on; ST_HW: it refused them twice. */
MUST_USE status_t vtd_inv_run(struct vtd_unit *u, const struct vtd_pair *desc, unsigned count);
/* Everything: contexts and IOTLB. */
MUST_USE status_t vtd_inv_all(struct vtd_unit *u);
/* All translations of a domain. */
MUST_USE status_t vtd_inv_domain(struct vtd_unit *u, uint32_t domid);
/* One function's context entry, then its domain. */
MUST_USE status_t vtd_inv_function(struct vtd_unit *u, uint16_t rid, uint32_t old_domid, uint32_t domid);
/* Puts global descriptors into the queue without waiting and without the lock: panic. */
void vtd_inv_last_words(struct vtd_unit *u);

/* vtd_unit.c, for its neighbours: GCMD with the image, then a bounded wait on GSTS. */
MUST_USE status_t vtd_unit_set(struct vtd_unit *u, uint32_t bit);
MUST_USE status_t vtd_unit_clear(struct vtd_unit *u, uint32_t bit);
MUST_USE status_t vtd_unit_once(struct vtd_unit *u, uint32_t bit);

/* vtd_ctx.c */
/* The context table of a bus exists from here on. ST_NOSPACE. */
MUST_USE status_t vtd_ctx_table(struct vtd_unit *u, uint8_t bus);
struct vtd_slot *vtd_ctx_find(struct vtd_unit *u, uint16_t rid);      /* NULL: no owner */
/* Blocked -> domain, confirmed. ST_BUSY, ST_NOSPACE, ST_TIMEOUT, ST_HW. */
MUST_USE status_t vtd_ctx_attach(struct vtd_unit *u, uint16_t rid, hpa_t table, unsigned levels,
                                 uint32_t domid, uint32_t vm);
/* Domain -> blocked, confirmed; else the slot is stuck for ever. ST_NOTFOUND. */
MUST_USE status_t vtd_ctx_detach(struct vtd_unit *u, uint16_t rid);
/* Blocks a function and stops the reporting of its faults; it stays attached in the books. */
void vtd_ctx_cut(struct vtd_unit *u, uint16_t rid, uint32_t domid);

/* vtd_ir.c */
MUST_USE status_t vtd_ir_start(struct vtd_unit *u);

/* vtd_fault.c: reads and clears all records; returns how many. */
uint32_t vtd_fault_collect(struct vtd_unit *u);
/* Drops what firmware left in the records. */
void vtd_fault_clear(struct vtd_unit *u);
void vtd_fault_route(struct vtd_unit *u, uint32_t apic_id, uint8_t vector);

