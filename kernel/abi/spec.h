/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel does about speculation on this machine: bits of info_platform.spec. Assembly includes it too. */
#pragma once

/* when another owner's code comes next on a CPU */
#define SPEC_SWITCH_FILL   0x001  /* return stack buffer */
#define SPEC_SWITCH_IBPB   0x002  /* predictors */
#define SPEC_SWITCH_VERW   0x004  /* fill buffers, store buffers, load ports */
#define SPEC_SWITCH_L1D    0x008  /* first-level cache */
/* after an exit of a guest, before the kernel's first return that could be the guest's */
#define SPEC_EXIT_FILL     0x010  /* return stack buffer; when the exit leaves the fast path */
#define SPEC_EXIT_IBPB     0x020  /* predictors; every exit */
#define SPEC_AT_EXIT       (SPEC_EXIT_FILL | SPEC_EXIT_IBPB)
/* since boot */
#define SPEC_ON_IBRS       0x040  /* Intel's enhanced IBRS */
#define SPEC_ON_AUTO_IBRS  0x080  /* AMD's automatic IBRS */
#define SPEC_ON_STIBP      0x100
#define SPEC_ON_NO_TSX     0x200
#define SPEC_ON_FP_FIX     0x400  /* DE_CFG[9] of Zen 2 */
#define SPEC_ON_BP_REDUCE  0x800  /* BP_CFG[4] of Zen 5 */
