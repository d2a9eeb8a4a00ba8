/* SPDX-License-Identifier: BSD-2-Clause */
/* Host page tables [SDM3 4.5], [APM2 5.3]. PAT as arch/boot.c sets it: PWT alone is write-combining, PCD+PWT uncached. */
#include "kernel/mm/space.h"

#define HPT_P     BIT64(0)
#define HPT_W     BIT64(1)
#define HPT_U     BIT64(2)
#define HPT_PWT   BIT64(3)
#define HPT_PCD   BIT64(4)
#define HPT_A     BIT64(5)
#define HPT_D     BIT64(6)
#define HPT_PS    BIT64(7)
#define HPT_G     BIT64(8)
#define HPT_ADDR  MASK64(51, 12)
#define HPT_NX    BIT64(63)

/* A and D are set from the start: hardware then never writes to a table. */
const struct ptab_fmt ptab_fmt_host = {
    .valid = HPT_P, .addr = HPT_ADDR, .leaf_large = HPT_PS, .table = HPT_P | HPT_W | HPT_U | HPT_A,
    .leaf_always = HPT_A | HPT_D, .r = HPT_P, .w = HPT_W, .nx = HPT_NX,
    .user = HPT_U, .uc = HPT_PCD | HPT_PWT, .wc = HPT_PWT, .global = HPT_G,
};
