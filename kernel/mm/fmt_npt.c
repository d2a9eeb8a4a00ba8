/* SPDX-License-Identifier: BSD-2-Clause */
/* Nested tables of SVM [APM2 15.25.5]: host entries, all of them user pages, none global. */
#include "kernel/mm/space.h"

#define NPT_P     BIT64(0)
#define NPT_W     BIT64(1)
#define NPT_U     BIT64(2)
#define NPT_PWT   BIT64(3)
#define NPT_PCD   BIT64(4)
#define NPT_A     BIT64(5)
#define NPT_D     BIT64(6)
#define NPT_PS    BIT64(7)
#define NPT_ADDR  MASK64(51, 12)
#define NPT_NX    BIT64(63)

const struct ptab_fmt ptab_fmt_npt = {
    .valid = NPT_P, .addr = NPT_ADDR, .leaf_large = NPT_PS, .table = NPT_P | NPT_W | NPT_U | NPT_A,
    .leaf_always = NPT_U | NPT_A | NPT_D, .r = NPT_P, .w = NPT_W, .nx = NPT_NX,
    .uc = NPT_PCD | NPT_PWT, .wc = NPT_PWT,
};
