/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own address space (layout.h). mm/ and smp.c only. */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/mm/plan.h"
#include "kernel/mm/ptab.h"

/* Builds image (W^X, stack guards left out) and pool, loads CR3. Needs no memory but the image's. */
void kspace_switch(const struct bootinfo *bi, const struct plan *plan);
/* The pool works: makes the top-level entries of the other slots, and the clearing windows. */
void kspace_init(const struct plan *plan);
const uint64_t *kspace_root(void);
/* Adds a mapping in the stack or kmap slot; never removed. Own lock. */
MUST_USE status_t kspace_map(uint64_t va, hpa_t pa, uint64_t len, unsigned prot);

/* This CPU's windows: maps the 2 MiB, or the page, at pa there. Good until the next call on this CPU. */
void *kspace_window_large(hpa_t pa);
void *kspace_window_page(hpa_t pa);

/* Starting other CPUs: a writable page below 1 MiB (cleared, NULL = none) with the tables that map it
 * one to one beside the kernel; their root (0 = the image is above 4 GiB). Closed by the last call. */
void *kspace_low_page(hpa_t *pa);
uint64_t kspace_start_tables(void);
void kspace_start_tables_end(void);

