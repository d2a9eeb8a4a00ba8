/* SPDX-License-Identifier: BSD-2-Clause */
/* VT-d: one unit, what vendor.h calls (contracts are there), and what the files of this folder do for each other. */
#pragma once

#include "drivers/iommu/unit.h"
#include "drivers/iommu/vtd/dmar.h"
#include "drivers/iommu/vtd/vtd_regs.h"
#include "kernel/mm/pmm.h"

#define VTD_IQ_ENTRIES  256u        /* one page */
#define VTD_IRTES      4096u

#define VTD_DOMAINS(cap) (1u << (4 + 2 * FIELD_GET(CAP_ND, cap)))

struct vtd_unit {
    struct iommu_unit core;         /* first: vendor.h */
    /* const after start */
    const struct dmar_unit *fw;     /* scopes */
    uint64_t cap, ecap;
    uint32_t frcd, frcds;           /* offset and number of fault records */
    bool eime;
    /* lock */
    uint32_t gcmd;                  /* the image: bits that stay set */
    struct vtd_pair *root;          /* blocking: entries appear with the first attach on a bus */
    struct vtd_pair *queue;         /* page of descriptors, then a page for the word that waits store */
    uint32_t tail, seq;
    struct vtd_pair *irt;
    struct idpool irtes;
    uint64_t irte_words[IDPOOL_WORDS(VTD_IRTES)];
};

static inline uint32_t vtd_rd32(const struct vtd_unit *u, vtd_r32 r) { return hw_mmio_rd32(u->core.mmio + r.off); }
static inline uint64_t vtd_rd64(const struct vtd_unit *u, vtd_r64 r) { return hw_mmio_rd64(u->core.mmio + r.off); }
static inline void vtd_wr32(const struct vtd_unit *u, vtd_r32 r, uint32_t v) { hw_mmio_wr32(u->core.mmio + r.off, v); }
static inline void vtd_wr64(const struct vtd_unit *u, vtd_r64 r, uint64_t v) { hw_mmio_wr64(u->core.mmio + r.off, v); }

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

extern struct vtd_unit vtd_unit[IOMMU_UNITS];

static inline MUST_USE status_t vtd_need(struct vtd_unit *u, bool good, status_t st, const char *why)
{ return iommu_need(&u->core, good, st, why); }

/* vtd.c */
MUST_USE status_t vtd_list(const uint8_t *dmar, size_t len);
struct iommu_unit *vtd_covering(struct bdf src, uint16_t *rid);
bool vtd_reserved(struct bdf fn, uint32_t nth, struct iommu_region *out);
MUST_USE status_t vtd_ioapic(uint8_t id, struct bdf *src);
bool vtd_platform_has_ir(void);                             /* so says DMAR */
void vtd_info(const struct vtd_unit *u, struct info_iommu *out);

/* vtd_unit.c */
MUST_USE status_t vtd_start(struct vtd_unit *u);
void vtd_give_up(struct vtd_unit *u);
/* Waits until the bits of a register are as wanted. ST_TIMEOUT, also when the unit is gone. */
MUST_USE status_t vtd_wait(const struct vtd_unit *u, vtd_r32 reg, uint32_t bits, uint32_t want);
/* GCMD with one bit of the image changed or a one-shot added, until GSTS shows what is wanted. */
MUST_USE status_t vtd_command(struct vtd_unit *u, uint32_t bit, uint32_t want);

/* vtd_inv.c */
MUST_USE status_t vtd_inv_start(struct vtd_unit *u);
MUST_USE status_t vtd_inv_stop(struct vtd_unit *u);          /* a queue that firmware left */
/* Runs one descriptor or two (second 0: none) and waits until the unit confirms them. ST_TIMEOUT: it is dead from here on. */
MUST_USE status_t vtd_inv(struct vtd_unit *u, uint64_t first, uint64_t second);
void vtd_emergency(struct vtd_unit *u);

/* vtd_ctx.c */
void vtd_ready(struct iommu_shape *shape);
MUST_USE status_t vtd_open(struct vtd_unit *u, uint16_t rid, const struct iommu_dom *dom);
MUST_USE status_t vtd_block(struct vtd_unit *u, uint16_t rid, uint32_t domid, bool silent);
MUST_USE status_t vtd_flush_dom(struct vtd_unit *u, uint32_t domid);

/* vtd_ir.c */
MUST_USE status_t vtd_ir_start(struct vtd_unit *u);
MUST_USE status_t vtd_irte_alloc(struct irte_run *run, uint32_t index);
MUST_USE status_t vtd_irte_set(const struct irte_run *run, uint32_t i, uint32_t apic_id, uint8_t vector, bool level);
void vtd_irte_free(const struct irte_run *run);
void vtd_irte_msi(const struct irte_run *run, uint64_t *addr, uint32_t *data);
uint64_t vtd_irte_rte(const struct irte_run *run, uint64_t rte);

/* vtd_fault.c */
void vtd_fault_clear(struct vtd_unit *u);                    /* drops what firmware left */
uint32_t vtd_collect(struct vtd_unit *u);
MUST_USE status_t vtd_route(struct vtd_unit *u, uint32_t apic_id, uint8_t vector);
void vtd_mute(struct vtd_unit *u, bool muted);
