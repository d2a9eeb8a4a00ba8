/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An AMD-Vi unit that behaves as the specification says, not as QEMU does, for host tests: it keeps
 * what it read (device table entries, translations, page directories, interrupt entries) until it is
 * told to forget, stops at commands that it does not accept, logs events with overflow, has status
 * bits that only a 1 clears, and reads tables past the caches unless told to snoop. Faults of the
 * unit itself are injected by the fields below.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/fake/vtd_model.h"        /* struct vm_intr */

/* Extended features. */
#define AM_EFR_QEMU  0x29d3ull                 /* IA, GA, no XT */
#define AM_EFR_XT    0x04ull
#define AM_EFR_IA    0x40ull
#define AM_EFR_GA    0x80ull

/* What dma, msi and rte return beside an event's reason (code << 12 | flags): blocked without an event. */
#define AM_ABORT     0x10000u
#define AM_F_I       0x008u
#define AM_F_PR      0x010u
#define AM_F_RW      0x020u
#define AM_F_PE      0x040u
#define AM_F_RZ      0x080u
#define AM_FAULT     0x2000u

#define AM_CACHE     512u

struct am_tlb { bool valid, absent; uint16_t did; uint64_t iova, span, pa; uint8_t perm; };
struct am_pde { bool valid; uint16_t did; uint64_t iova, table; uint8_t perm; };
struct am_int { bool valid; uint16_t rid; uint32_t index; uint64_t lo, hi; };
struct am_dte { uint64_t q[4]; bool valid; };

struct amdvi_model {
    uint64_t base, efr;
    /* injected */
    bool gone;               /* every read gives all ones */
    bool dead;               /* rings never start or stop */
    bool dead_queue;         /* commands are never executed */
    bool deaf_wait;          /* executes everything but never stores a wait's data */
    uint64_t slow_us;        /* rings and queue take this long */
    bool lose_devtab, lose_cmdbuf, lose_evtlog, stuck_excl;
    uint64_t control_lies;   /* bits that do not stay set */
    uint32_t refuse_next;    /* this many good commands are refused */
    bool refuse_forever;
    unsigned refuse_op;      /* commands of this kind are always refused */
    bool stuck_overflow;     /* the bit does not clear */
    bool log_stays_off;      /* after an overflow it does not start again */
    bool late_event;         /* the tail moves before the entry is written; written at the next access */
    uint64_t gone_on;        /* a control write with one of these bits takes the unit away */
    bool np_cache;           /* keeps absent pages too */
    /* registers */
    uint64_t devtab, cmdbuf, evtlog, control, excl_base, excl_limit, cmd_head, cmd_tail, evt_head, evt_tail, status;
    uint64_t control_pending, control_at, queue_at;
    bool control_waiting;
    uint64_t late[3];        /* address and words of the late event */
    /* caches */
    struct am_dte *dte;      /* by rid */
    struct am_tlb tlb[AM_CACHE];
    struct am_pde pde[AM_CACHE];
    struct am_int irt[AM_CACHE];
    uint32_t tlb_next, pde_next, irt_next;
    /* what the test may ask */
    uint64_t windows;        /* times DMA or interrupts were open after having been closed */
    uint64_t passed;         /* DMA that went through untranslated, interrupts that went unmapped */
    uint64_t narrow;         /* accesses that are not of 64 bits, but of the status */
    uint64_t bad_writes;     /* to registers that are read-only, unknown or must not change now */
    uint64_t commands, interrupts, dropped;
};

/* Fresh unit, registered at base. efr may be changed before the driver starts. */
void amdvi_model_init(struct amdvi_model *m, uint64_t base, uint64_t efr);
void amdvi_model_free(struct amdvi_model *m);
/* DMA by a requester. 0 and *pa, or why not. */
unsigned amdvi_model_dma(struct amdvi_model *m, uint16_t rid, uint64_t addr, bool write, uint64_t *pa);
/* An interrupt message, and a pin whose redirection entry holds rte. Vectors that differ give 0xfff: the pin would
 * never see the end of its interrupt. */
unsigned amdvi_model_msi(struct amdvi_model *m, uint16_t rid, uint64_t addr, uint32_t data, struct vm_intr *out);
unsigned amdvi_model_rte(struct amdvi_model *m, uint16_t rid, uint64_t rte, struct vm_intr *out);
/* Logs an event as the hardware does. */
void amdvi_model_event(struct amdvi_model *m, uint16_t rid, unsigned reason, uint64_t address);
/* Forgets everything cached, as power management may: never wrong. */
void amdvi_model_forget(struct amdvi_model *m);
