/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD-Vi: one unit, what vendor.h calls (contracts are there), and what the files of this folder do for each other. */
#pragma once

#include "drivers/iommu/amdvi/amdvi_regs.h"
#include "drivers/iommu/amdvi/ivrs.h"
#include "drivers/iommu/unit.h"
#include "kernel/mm/pmm.h"

#define AMDVI_RING      256u        /* commands, events: a page each */
#define AMDVI_RING_LEN  8u
#define AMDVI_LEVELS    4u          /* every unit has them; they reach all guest memory there is */

struct amdvi_unit {
    struct iommu_unit core;         /* first: vendor.h */
    /* const after start */
    const struct ivrs_unit *fw;
    uint64_t efr;
    /* lock */
    uint64_t control;
    struct amdvi_dte *dte;          /* of the whole segment: its units share the table */
    struct amdvi_cmd *queue;        /* page of commands, then a page for the word that waits store */
    struct amdvi_event *log;
    uint32_t tail, head, seq;       /* of the queue, of the log; of waits */
};

extern struct amdvi_unit amdvi_unit[IOMMU_UNITS];

static inline uint64_t amdvi_rd(const struct amdvi_unit *u, amdvi_r64 r) { return hw_mmio_rd64(u->core.mmio + r.off); }
static inline void amdvi_wr(const struct amdvi_unit *u, amdvi_r64 r, uint64_t v)
{ hw_mmio_wr64(u->core.mmio + r.off, v); }
static inline uint32_t amdvi_status(const struct amdvi_unit *u)
{ return hw_mmio_rd32(u->core.mmio + AMDVI_STATUS.off); }
/* The only store to tables: one word, which the unit may read at any moment. */
static inline void amdvi_store(uint64_t *word, uint64_t v) { __atomic_store_n(word, v, __ATOMIC_RELEASE); }

static inline MUST_USE status_t amdvi_need(struct amdvi_unit *u, bool good, status_t st, const char *why)
{ return iommu_need(&u->core, good, st, why); }

/* amdvi.c */
MUST_USE status_t amdvi_list(const uint8_t *ivrs, size_t len);
struct iommu_unit *amdvi_covering(struct bdf src, uint16_t *rid);
bool amdvi_reserved(struct bdf fn, uint32_t nth, struct iommu_region *out);
MUST_USE status_t amdvi_ioapic(uint8_t id, struct bdf *src);
void amdvi_info(const struct amdvi_unit *u, struct info_iommu *out);
bool amdvi_lists_ioapic(void);      /* firmware says what I/O APICs send as */
uint32_t amdvi_address_bits(void);  /* that devices send */

/* amdvi_unit.c */
MUST_USE status_t amdvi_start(struct amdvi_unit *u);
void amdvi_give_up(struct amdvi_unit *u);
/* Rings on or off: until they say so. */
MUST_USE status_t amdvi_rings(struct amdvi_unit *u, uint64_t ctl, bool on);

/* amdvi_cmd.c */
void amdvi_cmd_reset(struct amdvi_unit *u);              /* an empty queue, while it is off */
/* Runs one command or two (second 0: none) and waits until the unit confirms them. ST_TIMEOUT: it is dead from here on. */
MUST_USE status_t amdvi_cmd(struct amdvi_unit *u, uint64_t first, uint64_t second);
MUST_USE status_t amdvi_cmd_flush_all(struct amdvi_unit *u);     /* whatever the unit has cached of anything */
void amdvi_emergency(struct amdvi_unit *u);

/* amdvi_dte.c */
void amdvi_dte_init(struct amdvi_dte *table);
void amdvi_ready(struct iommu_shape *shape);
MUST_USE status_t amdvi_open(struct amdvi_unit *u, uint16_t rid, const struct iommu_dom *dom);
MUST_USE status_t amdvi_block(struct amdvi_unit *u, uint16_t rid, uint32_t domid, bool silent);
MUST_USE status_t amdvi_flush_dom(struct amdvi_unit *u, uint32_t domid);

/* amdvi_ir.c */
MUST_USE status_t amdvi_irte_alloc(struct irte_run *run, uint32_t index);
MUST_USE status_t amdvi_irte_set(const struct irte_run *run, uint32_t i, uint32_t apic_id, uint8_t vector, bool level);
void amdvi_irte_free(const struct irte_run *run);
void amdvi_irte_msi(const struct irte_run *run, uint64_t *addr, uint32_t *data);
uint64_t amdvi_irte_rte(const struct irte_run *run, uint64_t rte);

/* amdvi_event.c */
uint32_t amdvi_collect(struct amdvi_unit *u);
MUST_USE status_t amdvi_route(struct amdvi_unit *u, uint32_t apic_id, uint8_t vector);
void amdvi_mute(struct amdvi_unit *u, bool muted);
