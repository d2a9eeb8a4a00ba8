/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory as the VMM sees it: guest-physical address to pointer with
 * bounds, and the walk of the guest's own page tables in every paging mode.
 * Pure. The guest's vCPUs and devices change this memory at any time: what is
 * judged must have been copied out first.
 */
#pragma once

#include "kernel/lib/base.h"

struct guest_mem {            /* const after mem_init */
    uint8_t *base;            /* guest-physical address 0 */
    uint64_t low;             /* RAM is [0, low) */
    uint64_t high_at, high;   /* and [high_at, high); high 0 = none */
    bool one_to_one;          /* the latter is at its host-physical address: the only memory for devices */
};

/* ram: bytes, the split is made here; at: vmm_start.ram_at. */
void mem_init(struct guest_mem *mem, void *base, uint64_t ram, uint64_t at);

/* Pointer to [addr, addr+len) if all of it is RAM, else NULL. len > 0. */
void *mem_ptr(const struct guest_mem *mem, gpa_t addr, uint64_t len);
MUST_USE status_t mem_read(const struct guest_mem *mem, gpa_t addr, void *dst, uint64_t len);
MUST_USE status_t mem_write(const struct guest_mem *mem, gpa_t addr, const void *src, uint64_t len);
MUST_USE status_t mem_zero(const struct guest_mem *mem, gpa_t addr, uint64_t len);

/* What decides a translation, copied from the vCPU state. */
struct mem_paging {
    uint64_t cr0, cr3, cr4, efer, rflags;
    bool user;                /* CPL 3 */
};

/* Access kinds for mem_walk: the page-fault error code's bits [SDM3 4.7]. */
#define WALK_READ    0x00u
#define WALK_WRITE   0x02u
#define WALK_FETCH   0x10u
#define WALK_SYSTEM  0x20u    /* implicit supervisor access: CPL ignored */

/*
 * Linear to guest-physical [SDM3 4.3-4.5]; sets accessed and dirty bits as the
 * CPU would. ST_FAULT: the guest gets #PF with *error and cr2 = va. ST_RANGE: a
 * table lies outside RAM. In 64-bit modes the caller checked that va is canonical.
 */
MUST_USE status_t mem_walk(const struct guest_mem *mem, const struct mem_paging *paging, uint64_t va,
                           unsigned access, gpa_t *out, uint32_t *error);

