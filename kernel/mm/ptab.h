/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One page-table walker for all formats with 512 entries of 8 bytes a table:
 * host, NPT, EPT, VT-d second level, AMD-Vi. The format is const data, no
 * callbacks. Tables come from pmm. Callers hold the lock of what owns the table
 * and flush TLBs themselves; a page table page removed by unmap is kept on the
 * ptab's free list until ptab_reap, which the caller calls after the flush.
 */
#pragma once

#include "kernel/mm/pmm.h"

/* Neutral protection bits for ptab_map. */
#define PT_R     0x01u
#define PT_W     0x02u
#define PT_X     0x04u
#define PT_USER  0x08u    /* host format: user page */
#define PT_UC    0x10u    /* uncached */
#define PT_WC    0x20u    /* write-combining */
#define PT_GLOBAL 0x40u

#define PTAB_NO_LIMIT  UINT32_MAX

struct ptab_fmt {
    uint64_t valid;        /* entry is present when (entry & valid) != 0 */
    uint64_t addr;         /* address bits of an entry */
    uint64_t leaf_large;   /* bit that makes a level 2 or 3 entry a leaf */
    uint64_t table;        /* bits of an entry that points to a table, without next-level */
    uint64_t next_level;   /* mask for the level of the table pointed at (AMD-Vi), 0 = none */
    uint64_t leaf_always;  /* bits of every leaf */
    uint64_t r, w, x, nx;  /* PT_R adds r, PT_W adds w, PT_X adds x, its absence adds nx */
    uint64_t user, uc, wc, wb, global;   /* wb: neither PT_UC nor PT_WC */
    uint64_t accessed, dirty;            /* what hardware sets in a leaf */
};

struct ptab {
    const struct ptab_fmt *fmt;
    uint64_t *root;        /* kernel pool page */
    unsigned levels;       /* 3, 4 or 5 */
    unsigned leaf_max;     /* 1 = 4K only, 2 = 2M too, 3 = 1G too */
    bool flush;            /* hardware does not snoop: flush each store */
    uint64_t *reap;        /* removed table pages, linked by their first word */
    unsigned pages, limit; /* table pages in use, root included; no more than limit, which the owner may lower */
};

/* Allocates the root. ST_NOSPACE. */
MUST_USE status_t ptab_init(struct ptab *pt, const struct ptab_fmt *fmt, unsigned levels, unsigned leaf_max, bool flush);
/* Maps [va, va+len) to [pa, ...) with the largest leaves that fit. All three
 * page-aligned, else ST_INVAL; beyond the levels ST_RANGE; anything already
 * mapped ST_OVERLAP; no page ST_NOSPACE. On error nothing of the range is mapped. */
MUST_USE status_t ptab_map(struct ptab *pt, uint64_t va, hpa_t pa, uint64_t len, unsigned prot);
/* Unmaps every whole page in the range; a large leaf that is only partly inside
 * gives ST_INVAL and nothing changes. Holes are fine. */
MUST_USE status_t ptab_unmap(struct ptab *pt, uint64_t va, uint64_t len);
/* The leaf at va and how much it maps; both 0: none. */
uint64_t ptab_leaf(const struct ptab *pt, uint64_t va, uint64_t *span);
/* After the TLB flush: gives removed table pages back. */
void ptab_reap(struct ptab *pt);
/* Frees every table page, root included; hardware must no longer know it. */
void ptab_destroy(struct ptab *pt);

extern const struct ptab_fmt ptab_fmt_host;   /* the kernel's and tasks' */
extern const struct ptab_fmt ptab_fmt_npt;    /* SVM's nested tables */
extern const struct ptab_fmt ptab_fmt_ept;    /* VT-x's */
