/* SPDX-License-Identifier: BSD-2-Clause */
/* Which of the checks that VT-x makes on guest state fails [SDM3 27.3.1]: VM entry itself says only that one does. */
#pragma once

#include "kernel/abi/vcpu_state.h"

/* exit.code of EXIT_INVALID when VM entry refused the guest state, not the kernel. */
#define STATE_VMX_REFUSED  0x80000021u

/* The first check that fails on the whole state, in the manual's order and words, or NULL: none that is known here.
 * phys_bits is the CPU's. */
const char *state_check(const struct vcpu_state *vs, unsigned phys_bits);
