/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-d, for the files of this folder and iommu.c: one unit, and what the files do
 * for each other. They also define the calls of drivers/iommu/iommu.h, each
 * with its subject.
 *
 * A unit's lock is held in every function here that takes a unit; during bring-up
 * nobody else is there to take it.
 */
#pragma once

#include "drivers/iommu/iommu.h"
#include "drivers/iommu/vtd/dmar.h"
#include "drivers/iommu/vtd/vtd_regs.h"
#include "kernel/arch/spinlock.h"
#include "kernel/lib/idpool.h"
#include "kernel/log/console.h"
#include "kernel/mm/pmm.h"

#define VTD_IQ_ENTRIES  256u        /* one page */
#define VTD_IRTES      4096u
#define VTD_SLOTS        64u        /* functions attached behind one unit */
#define VTD_STRANGERS    16u        /* requesters without an owner whose faults are counted */
#define VTD_GONE         0xffffffffu
#define VTD_WAIT_US      100000u    /* for anything that a unit is asked */

#define VTD_DOMAINS(cap) (1u << (4 + 2 * FIELD_GET(CAP_ND, cap)))

/* A function that has a context entry, or a requester without an owner (domid and vm 0). */
#define VTD_KEY(rid)    (BIT32(16) | (rid))
struct vtd_slot { uint32_t key, domid, vm, faults; };     /* key 0: free */

struct vtd_unit {
    /* const after start */
    const struct dmar_unit *fw;     /* base, segment, scopes */
    uintptr_t mmio;
    uint64_t cap, ecap;
    uint32_t index;
    uint32_t frcd, frcds;           /* offset and number of fault records */
    bool eime;
    status_t status;                /* OK = translation and interrupt remapping on */
    char reason[96];                /* why not, or why it is dead */
    /* lock */
    struct spinlock lock;
    uint32_t gcmd;                  /* the image: bits that stay set */
    bool dead;                      /* stopped answering: nothing is sent any more */
    struct vtd_pair *root;          /* blocking: entries appear with the first attach on a bus */
    struct vtd_pair *queue;         /* page of descriptors, then a page for the word that waits store */
    uint32_t tail, seq;
    struct vtd_pair *irt;
    struct idpool irtes;
    uint64_t irte_words[IDPOOL_WORDS(VTD_IRTES)];
    struct vtd_slot slot[VTD_SLOTS], stranger[VTD_STRANGERS];
    uint64_t faults, burst_us;      /* burst_us: start of the second in which burst counts */
    uint32_t burst;
    bool routed, muted;             /* fault event programmed; masked because of a storm */
};

extern struct vtd_unit vtd_unit[IOMMU_UNITS];
extern uint32_t vtd_units;
extern bool vtd_ready;              /* every unit is on */

static inline uint32_t vtd_rd32(const struct vtd_unit *u, vtd_r32 r) { return hw_mmio_rd32(u->mmio + r.off); }
static inline uint64_t vtd_rd64(const struct vtd_unit *u, vtd_r64 r) { return hw_mmio_rd64(u->mmio + r.off); }
static inline void vtd_wr32(const struct vtd_unit *u, vtd_r32 r, uint32_t v) { hw_mmio_wr32(u->mmio + r.off, v); }
static inline void vtd_wr64(const struct vtd_unit *u, vtd_r64 r, uint64_t v) { hw_mmio_wr64(u->mmio + r.off, v); }

/* Writes table memory back when the unit's walks do not snoop. */
static inline void vtd_flush(const struct vtd_unit *u, const void *p, size_t len)
{
    if (!(u->ecap & ECAP_C))
        hw_flush(p, len);
}
/* The only stores to tables. Present goes last: the unit never sees half an entry; once absent, hi is not looked at. */
static inline void vtd_store_lo(const struct vtd_unit *u, struct vtd_pair *slot, uint64_t lo)
{
    __atomic_store_n(&slot->lo, lo, __ATOMIC_RELEASE);
    vtd_flush(u, slot, sizeof *slot);
}
static inline void vtd_publish(const struct vtd_unit *u, struct vtd_pair *slot, uint64_t lo, uint64_t hi)
{
    __atomic_store_n(&slot->hi, hi, __ATOMIC_RELAXED);
    vtd_store_lo(u, slot, lo);
}

/* vtd.c */
MUST_USE status_t vtd_init(const uint8_t *dmar, size_t len, char reason[96]);
struct vtd_unit *vtd_unit_of(struct bdf src);     /* a unit that is on; NULL: none, or the machine is refused */

/* vtd_unit.c: takes the unit over from firmware, blocks every requester, turns interrupt remapping on. */
MUST_USE status_t vtd_unit_start(struct vtd_unit *u, bool platform_has_ir);
/* st and a recorded, logged reason unless it is good. */
MUST_USE status_t vtd_need(struct vtd_unit *u, bool good, status_t st, const char *why);
/* Waits until the bits of a register are as wanted. ST_TIMEOUT, also when the unit is gone. */
MUST_USE status_t vtd_wait(const struct vtd_unit *u, vtd_r32 reg, uint32_t bits, uint32_t want);
/* GCMD with one bit of the image changed or a one-shot added, until GSTS shows what is wanted. */
MUST_USE status_t vtd_command(struct vtd_unit *u, uint32_t bit, uint32_t want);

/* vtd_inv.c */
MUST_USE status_t vtd_inv_start(struct vtd_unit *u);
MUST_USE status_t vtd_inv_stop(struct vtd_unit *u);          /* a queue that firmware left */
/* Runs one descriptor or two (second 0: none) and waits until the unit confirms them. ST_TIMEOUT: the
 * unit is dead from here on; ST_HW: it refused them twice. */
MUST_USE status_t vtd_inv(struct vtd_unit *u, uint64_t first, uint64_t second);

/* vtd_ctx.c: the context table of a bus exists from here on. ST_NOSPACE. */
MUST_USE status_t vtd_ctx_table(struct vtd_unit *u, uint8_t bus);
/* The slot with a key; 0: a free one. NULL: none. */
struct vtd_slot *vtd_slot_find(struct vtd_unit *u, uint32_t key);
/* Blocks a function, confirmed. lo: 0, or CTX_FPD to end the reports of its faults too. */
MUST_USE status_t vtd_ctx_block(struct vtd_unit *u, uint16_t rid, uint32_t domid, uint64_t lo);

void vtd_dom_setup(void);                                    /* vtd_dom.c: what domains may use, from all units */
MUST_USE status_t vtd_ir_start(struct vtd_unit *u);          /* vtd_ir.c */
void vtd_fault_clear(struct vtd_unit *u);                    /* vtd_fault.c: drops what firmware left */
