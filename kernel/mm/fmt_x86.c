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

/* A and D of the host are set from the start: hardware then never writes to its tables. */
const struct ptab_fmt ptab_fmt_host = {
    .valid = P, .addr = ADDR, .leaf_large = PS, .table = P | W | U | A, .leaf_always = A | D,
    .r = P, .w = W, .nx = NX, .user = U, .uc = PCD | PWT, .wc = PWT, .global = G,
};
const struct ptab_fmt ptab_fmt_npt = {
    .valid = P, .addr = ADDR, .leaf_large = PS, .table = P | W | U | A, .leaf_always = U,
    .r = P, .w = W, .nx = NX, .uc = PCD | PWT, .wc = PWT, .accessed = A, .dirty = D,
};

/* EPT [SDM3 29.3]. Memory types are the entry's; the guest's PAT weakens write-back and write-combining, but uncached
 * is not its choice: there its PAT is ignored. */
#define EPT_R     BIT64(0)
#define EPT_W     BIT64(1)
#define EPT_X     (BIT64(2) | BIT64(10))       /* in ring 0 and in ring 3; one right, bit 2, without MBEC [SDM3 29.3.3] */
#define EPT_IPAT  BIT64(6)
#define EPT_A     BIT64(8)
#define EPT_D     BIT64(9)
#define EPT_UC    (UINT64_C(0) << 3)
#define EPT_WC    (UINT64_C(1) << 3)
#define EPT_WB    (UINT64_C(6) << 3)

const struct ptab_fmt ptab_fmt_ept = {
    .valid = EPT_R | EPT_W | EPT_X, .addr = ADDR, .leaf_large = PS, .table = EPT_R | EPT_W | EPT_X,
    .r = EPT_R, .w = EPT_W, .x = EPT_X, .uc = EPT_UC | EPT_IPAT, .wc = EPT_WC, .wb = EPT_WB,
    .accessed = EPT_A, .dirty = EPT_D,
};
