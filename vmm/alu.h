/* SPDX-License-Identifier: BSD-2-Clause */
/* Arithmetic of emulated instructions with their flags [SDM1 3.4.3.1]. Pure. */
#pragma once

#include "vmm/insn.h"

#define RFLAGS_CF  0x001u
#define RFLAGS_PF  0x004u
#define RFLAGS_AF  0x010u
#define RFLAGS_ZF  0x040u
#define RFLAGS_SF  0x080u
#define RFLAGS_DF  0x400u
#define RFLAGS_OF  0x800u

/*
 * dst op src in size bytes (1, 2, 4, 8); sets *rflags as the CPU does and returns
 * what is written back (CMP and TEST: dst as it was). op: OP_ADD .. OP_TEST,
 * OP_NOT, OP_NEG, OP_INC, OP_DEC, OP_BT .. OP_BTC (src = bit number).
 */
uint64_t alu_exec(enum insn_op op, unsigned size, uint64_t dst, uint64_t src, uint64_t *rflags);

