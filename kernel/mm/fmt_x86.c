/* SPDX-License-Identifier: BSD-2-Clause */
/* Host page tables [SDM3 4.5], [APM2 5.3]. PAT as arch/boot.c sets it: PWT alone is write-combining, PCD+PWT uncached.
 * Nested tables of SVM are the same with every page a user page and none global [APM2 15.25.5]. */
#include "kernel/mm/ptab.h"

#define P     BIT64(0)
#define W     BIT64(1)
#define U     BIT64(2)
#define PWT   BIT64(3)
#define PCD   BIT64(4)
#define A     BIT64(5)
#define D     BIT64(6)
#define PS    BIT64(7)
#define G     BIT64(8)
#define ADDR  MASK64(51, 12)
#define NX    BIT64(63)

/* A and D are set from the start: hardware then never writes to a table. */
const struct ptab_fmt ptab_fmt_host = {
    .valid = P, .addr = ADDR, .leaf_large = PS, .table = P | W | U | A, .leaf_always = A | D,
    .r = P, .w = W, .nx = NX, .user = U, .uc = PCD | PWT, .wc = PWT, .global = G,
};
const struct ptab_fmt ptab_fmt_npt = {
    .valid = P, .addr = ADDR, .leaf_large = PS, .table = P | W | U | A, .leaf_always = U | A | D,
    .r = P, .w = W, .nx = NX, .uc = PCD | PWT, .wc = PWT,
};
