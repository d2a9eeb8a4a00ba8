/* SPDX-License-Identifier: BSD-2-Clause */
/* [VT-d 9.8] second-level entries: R 0, W 1, large 7, SNP 11, address 51:12. */
#include "drivers/iommu/vtd/fmt_slpt.h"

#define SL_R     BIT64(0)
#define SL_W     BIT64(1)
#define SL_LARGE BIT64(7)
#define SL_SNP   BIT64(11)
#define SL_ADDR  MASK64(51, 12)

const struct ptab_fmt fmt_slpt = {
    .valid = SL_R | SL_W, .addr = SL_ADDR, .leaf_large = SL_LARGE, .table = SL_R | SL_W, .r = SL_R, .w = SL_W,
};

const struct ptab_fmt fmt_slpt_snoop = {
    .valid = SL_R | SL_W, .addr = SL_ADDR, .leaf_large = SL_LARGE, .table = SL_R | SL_W, .r = SL_R, .w = SL_W,
    .leaf_always = SL_SNP,
};
