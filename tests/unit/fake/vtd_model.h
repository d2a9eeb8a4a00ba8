/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VT-d unit that behaves as the manual says, for host tests: it reads tables
 * from the fake pool only when it needs them, keeps what it read until it is told
 * to forget (context cache, IOTLB, interrupt entry cache), sees only flushed lines
 * when it does not snoop, and records faults with overflow. Faults of the unit
 * itself are injected by the fields below.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Useful CAP and ECAP values. */
#define VM_CAP_QEMU   0xd2008c222f0606ull     /* 48 bits, 2M+1G, one record at 220h, drains */
#define VM_CAP_QEMU39 0xd2008c22260206ull
#define VM_ECAP_QEMU  0xf00f4aull             /* QI, IR, PT; no C, no EIM, no SC */
#define VM_CAP_CM     0x80ull
#define VM_CAP_RWBF   0x10ull
#define VM_CAP_PMR    0x60ull
#define VM_CAP_NFR(n) ((uint64_t)((n) - 1) << 40)
#define VM_ECAP_C     0x01ull
#define VM_ECAP_EIM   0x10ull
#define VM_ECAP_SC    0x80ull

#define VM_TLB     512u
#define VM_IEC    4096u
#define VM_FRCD     16u

struct vm_tlb { bool valid, absent; uint16_t did; uint64_t iova, span, pa; uint8_t perm; };

struct vtd_model {
    uint64_t base, cap, ecap;
    uint32_t version;
    /* injected */
    bool gone;               /* every read gives all ones */
    bool dead;               /* command status never changes */
    bool dead_queue;         /* descriptors are never executed */
    bool deaf_wait;          /* executes everything but never stores a wait's data */
    uint64_t slow_us;        /* commands and queue take this long */
    uint32_t stuck_set, stuck_clear;   /* GSTS bits that lie */
    bool lose_rtaddr, lose_iqa, lose_irta;   /* the register keeps 0 */
    bool stuck_prs;          /* protected memory never ends */
    uint32_t iqe_next;       /* this many good descriptors are refused */
    uint32_t ice_next, ite_next;       /* this many waits end in the error instead */
    bool iqe_forever;
    unsigned refuse_type;    /* descriptors of this type are always refused */
    uint32_t gone_on;        /* a command with one of these bits takes the unit away */
    /* registers */
    uint32_t gsts, fsts, fectl, fedata, feaddr, feuaddr, pmen;
    uint64_t rtaddr, iqa, iqh, iqt, irta, ccmd;
    uint64_t frcd[VM_FRCD][2];
    uint32_t frcd_next;
    uint64_t root, irt;      /* latched */
    uint32_t gcmd_pending;
    bool gcmd_waiting;
    uint64_t gcmd_at, queue_at;
    bool halted;             /* by a queue error */
    /* caches */
    struct { uint8_t state; uint64_t lo, hi; } *ctx;   /* by rid; state 0 empty, 1 cached */
    struct vm_tlb tlb[VM_TLB];
    uint32_t tlb_next;
    struct { bool valid; uint64_t lo, hi; } iec[VM_IEC];
    /* what the test may ask */
    uint64_t windows;        /* times DMA was open after having been closed */
    uint64_t ir_ended;       /* times interrupts were */
    uint64_t passed;         /* DMA that went through untranslated */
    uint64_t narrow;         /* accesses of 8 or 16 bits */
    uint64_t aborts;         /* waits with SW and IF, which end QEMU 7.2 */
    uint64_t bad_writes;     /* to registers that are read-only or unknown */
    uint64_t descriptors, events, wbf, drains, unchecked;
};

/* Fresh unit, registered at base. cap and ecap may be changed before the driver starts. */
void vtd_model_init(struct vtd_model *m, uint64_t base, uint64_t cap, uint64_t ecap);
void vtd_model_free(struct vtd_model *m);
/* DMA by a requester. 0 and *pa, or the fault reason that the unit recorded. */
unsigned vtd_model_dma(struct vtd_model *m, uint16_t rid, uint64_t addr, bool write, uint64_t *pa);
/* An interrupt message. 0 and where it went, or the reason. */
struct vm_intr { uint32_t dest; uint8_t vector; bool level; };
unsigned vtd_model_msi(struct vtd_model *m, uint16_t rid, uint64_t addr, uint32_t data, struct vm_intr *out);
/* A pin whose redirection entry holds rte. Vectors that differ give reason 0xfff. */
unsigned vtd_model_rte(struct vtd_model *m, uint16_t rid, uint64_t rte, struct vm_intr *out);
/* Records a fault as the hardware does. */
void vtd_model_fault(struct vtd_model *m, uint16_t rid, unsigned reason, uint64_t info, bool write);
/* Forgets everything cached, as power management may: never wrong. */
void vtd_model_forget(struct vtd_model *m);

