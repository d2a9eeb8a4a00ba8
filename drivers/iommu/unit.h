/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One IOMMU unit, as far as the vendors agree, and what the neutral files do for the drivers. A driver's
 * own struct begins with it.
 *
 * A unit's lock is held in every function that takes a unit; during bring-up nobody else is there to take it.
 */
#pragma once

#include "drivers/iommu/fwtable.h"
#include "drivers/iommu/iommu.h"
#include "kernel/arch/spinlock.h"
#include "kernel/config.h"
#include "kernel/lib/idpool.h"
#include "kernel/log/console.h"

#define IOMMU_SLOTS      64u        /* functions attached behind one unit */
#define IOMMU_STRANGERS  16u        /* requesters without an owner whose faults are counted */
#define IOMMU_GONE       0xffffffffu
#define IOMMU_WAIT_US    100000u    /* for anything that a unit is asked */
#define MSI_BASE         UINT64_C(0xfee00000)

/* A function that is attached, by its id and one that its requests carry, or a requester without an owner
 * (domid and vm 0). */
struct iommu_slot { uint32_t key, domid, vm, faults; uint16_t rid; };    /* key 0: free */
#define IOMMU_KEY(rid)  (BIT32(16) | (rid))

struct iommu_unit {
    /* const after start */
    uint64_t base;
    uint16_t seg;
    bool broken;                    /* firmware's entry: it cannot be turned on, its devices are lost */
    uint32_t index;
    uintptr_t mmio;
    status_t status;                /* OK = translation and interrupt remapping on */
    char reason[96];                /* why not, or why it is dead */
    /* lock */
    struct spinlock lock;
    bool dead;                      /* stopped answering: nothing is sent any more */
    struct iommu_slot slot[IOMMU_SLOTS], stranger[IOMMU_STRANGERS];
    uint64_t faults, burst_us;      /* burst_us: start of the second in which burst counts */
    uint32_t burst;
    bool routed, muted;             /* fault event programmed; masked because of a storm */
};

extern struct iommu_unit *iommu_unit[IOMMU_UNITS];      /* the driver fills in base, seg, broken */
extern uint32_t iommu_units;
extern bool iommu_ready;            /* every unit is on */

/* What every unit can do. */
struct iommu_shape {
    unsigned levels, leaf_max, bits;          /* levels 0: they have no table size in common */
    bool flush;                               /* a walk does not snoop */
    uint32_t domains;
    struct ptab_fmt fmt;
};

/* iommu.c: st and a recorded, logged reason unless it is good. */
MUST_USE status_t iommu_need(struct iommu_unit *u, bool good, status_t st, const char *why);
/* Prints the notes about a table. */
void iommu_log_notes(const char *table, const struct fw_notes *n);
/* Waits until the bits of a register are as wanted. ST_TIMEOUT, also when the unit is gone. */
MUST_USE status_t iommu_wait(const struct iommu_unit *u, uint16_t reg, uint32_t bits, uint32_t want);
/* Waits until the unit has stored the value, which it does when all that it was asked before is done: only that is a
 * confirmation. ST_TIMEOUT: the unit is dead from here on. */
MUST_USE status_t iommu_confirm(struct iommu_unit *u, const uint32_t *done, uint32_t value);
/* The unit that covers a requester and is on, and the ids that its requests carry: its own, or what the table says, and
 * those that bridges above put in its place, from the lowest to the highest. NULL: none, or too many bridges. */
struct iommu_rids { uint32_t count; uint16_t id[4]; };
struct iommu_unit *iommu_covering(struct bdf src, struct iommu_rids *rids);
/* dom.c: every unit is on. */
void iommu_dom_setup(void);
/* The slot of a requester, but one; NULL: none. */
struct iommu_slot *iommu_slot_of_rid(struct iommu_unit *u, uint16_t rid, const struct iommu_slot *except);
/* fault.c: fills in the owner, applies the limit and keeps the record. */
void iommu_fault_keep(struct iommu_unit *u, uint16_t rid, struct info_fault *fault);
