/* SPDX-License-Identifier: BSD-2-Clause */
/* Opcode tables of the decoder; one row per opcode [SDM2 A.3]. */
#pragma once

#include "vmm/insn.h"

#define ROW_MODRM  0x01u      /* a ModRM byte follows */
#define ROW_BYTE   0x02u      /* operands are bytes */
#define ROW_IB     0x04u      /* 8-bit immediate, sign-extended */
#define ROW_IZ     0x08u      /* 16- or 32-bit immediate by operand size (byte with ROW_BYTE) */
#define ROW_SRC8   0x10u      /* the rm operand is a byte whatever the operand size */
#define ROW_SRC16  0x20u      /* ... or a word */
#define ROW_SRC32  0x40u      /* ... or a doubleword */

struct insn_row { uint8_t op, form, flags; };

extern const struct insn_row insn_one_byte[256];
extern const struct insn_row insn_two_byte[256];      /* after 0f */
extern const struct insn_row insn_three_byte_38[256]; /* after 0f 38 */

