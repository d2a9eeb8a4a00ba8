/* SPDX-License-Identifier: BSD-2-Clause */
/* Why VT-x, or the kernel for it, refused to run the guest. Of guest state [SDM3 27.3.1] VM entry says only that a check
 * fails. */
#pragma once

#include "kernel/abi/vcpu_state.h"

/* exit.code of EXIT_INVALID: reason of a failed entry; VMfail, its error in info1; the kernel. info2: the event. */
#define STATE_VMX_REFUSED  0x80000021u
#define STATE_VMX_MSR      0x80000022u
#define STATE_VMX_MC       0x80000029u
#define STATE_VMX_FAILED   0x80000000u
#define STATE_KERNEL       0xffffffffu

/* The cause of an EXIT_INVALID in the manual's order and words, or NULL: none that is known here. phys_bits is the
 * CPU's. */
const char *state_check(const struct vcpu_state *vs, unsigned phys_bits);
