/* SPDX-License-Identifier: BSD-2-Clause */
/* Address spaces: the kernel's, and tasks': a lower half of their own, the kernel's upper half. */
#pragma once

#include "kernel/config.h"
#include "kernel/mm/ptab.h"

/* The kernel half. All its top-level entries are made at boot, so every space just copies them. */
#define VA_SLOT(n)     (0xffff000000000000ull | (uint64_t)(n) << 39)
#define STACK_VA       VA_SLOT(509)               /* stacks with guards, from below */
#define WINDOW_VA      (STACK_VA + 128 * PAGE_1G) /* clearing windows, per CPU */
#define KMAP_VA        (STACK_VA + 256 * PAGE_1G) /* kmap.h */
#define KMAP_SIZE      (256 * PAGE_1G)
#define POOL_VA        VA_SLOT(510)               /* + physical address, below 4 GiB; 511 has the image */
#define KSTACK_BYTES   (KSTACK_PAGES * (uint64_t)PAGE_SIZE)

struct space {
    struct ptab pt;
    uint64_t cr3;
};

/* On the loader's tables, which map low memory one to one: starts the pool, builds the kernel's
 * space of image (W^X, without stack guards) and pool, and switches to it. image is kernel_base. */
void space_init(hpa_t image, hpa_t pool, uint64_t pool_len);
/* ST_NOSPACE. */
MUST_USE status_t space_create(struct space *space);
/* User pages in the user half; PT_R with PT_W or PT_X, never both: callers have validated it. ST_INVAL: not
 * page-aligned; ST_OVERLAP, ST_NOSPACE. */
MUST_USE status_t space_map(struct space *space, uint64_t va, hpa_t pa, uint64_t len, unsigned prot);
/* No CPU runs in it: idle CPUs use the kernel's own space. */
void space_destroy(struct space *space);

/* Adds a mapping to the kernel half, for ever: no TLB ever needs a flush. */
MUST_USE status_t space_map_kernel(uint64_t va, hpa_t pa, uint64_t len, unsigned prot);
/* This CPU's window for PAGE_SIZE or PAGE_2M at pa. Good until the next call for the size on this CPU. */
void *space_window(hpa_t pa, uint64_t size);

/* A kernel stack of KSTACK_BYTES over an unmapped guard, aligned to its size: lowest address, zeroed;
 * NULL = no memory. Boot, then root thread. */
MUST_USE void *kstack_alloc(void);
/* Nothing runs on it. Cleared and kept mapped for the next. */
void kstack_free(void *stack);

