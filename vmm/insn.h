/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decoder of the instructions that reach a VMM: those that touch emulated
 * memory or a string port, and those whose length or operand the CPU did not
 * report. Pure: bytes in, record out. What is not in its tables is refused.
 */
#pragma once

#include "kernel/lib/base.h"

#define INSN_MAX_LEN  15u     /* [SDM2 2.3.11] */
#define INSN_NO_REG   0xffu

enum insn_op {
    OP_BAD,
    /* the eight in the order of their opcodes: op = OP_ADD + n */
    OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP,
    OP_TEST, OP_MOV, OP_MOVZX, OP_MOVSX, OP_XCHG, OP_XADD, OP_CMPXCHG,
    OP_NOT, OP_NEG, OP_INC, OP_DEC,
    OP_BT, OP_BTS, OP_BTR, OP_BTC,
    OP_MOVS, OP_STOS, OP_LODS, OP_SCAS, OP_CMPS, OP_INS, OP_OUTS,
    OP_MOV_TO_CR, OP_MOV_FROM_CR, OP_LMSW, OP_SMSW, OP_CLTS,
    OP_SYSTEM,                /* only its length is of interest */
    /* groups, resolved by ModRM.reg; never in a result */
    OP_GROUP1, OP_GROUP3, OP_GROUP4, OP_GROUP6, OP_GROUP7, OP_GROUP8, OP_GROUP9, OP_GROUP11
};

enum insn_form {
    FORM_NONE,                /* no operand that concerns us */
    FORM_RM_REG,              /* destination first */
    FORM_REG_RM,
    FORM_RM_IMM,
    FORM_RM,
    FORM_ACC_MOFFS,
    FORM_MOFFS_ACC,
    FORM_STRING,
    FORM_CR                   /* reg = control register, rm = general register */
};

struct insn {
    uint8_t  op, form;        /* enum insn_op, enum insn_form */
    uint8_t  len;
    uint8_t  mode;            /* 16, 32 or 64: the code segment's */
    uint8_t  size;            /* operand: 1, 2, 4, 8 */
    uint8_t  mem_size;        /* what is read or written at rm; differs for MOVZX, MOVSX */
    uint8_t  addr_size;       /* 2, 4, 8 */
    uint8_t  rep;             /* 0, 0xf2, 0xf3 */
    uint8_t  lock, rex;       /* rex: the prefix byte or 0 */
    uint8_t  seg;             /* enum vcpu_seg of the memory operand (string: of rSI) */
    uint8_t  reg;             /* register operand */
    uint8_t  is_mem;          /* rm is memory */
    uint8_t  rm;              /* register number when it is not */
    uint8_t  base, index, scale;  /* INSN_NO_REG = none; scale 0..3 */
    uint8_t  rip_relative;
    int64_t  disp;
    uint64_t imm;             /* sign-extended to 64 bits */
};

/*
 * bytes: what was fetched at rip, n of them. ST_OK; ST_AGAIN: more bytes are
 * needed; ST_INVAL: the CPU itself would refuse it (#UD, or #GP for length);
 * ST_UNSUPP: not in the tables.
 */
MUST_USE status_t insn_decode(const uint8_t *bytes, unsigned n, unsigned mode, struct insn *out);

/* Effective address (offset in its segment), cut to the address size. next_rip = address after it. */
uint64_t insn_address(const struct insn *insn, const uint64_t *gpr, uint64_t next_rip);

/* A general register as an operand of size 1, 2, 4 or 8; size 1 without REX knows AH..BH. */
uint64_t insn_reg_get(const struct insn *insn, const uint64_t *gpr, unsigned reg, unsigned size);
void insn_reg_set(const struct insn *insn, uint64_t *gpr, unsigned reg, unsigned size, uint64_t value);

/* Cuts v to size bytes. */
static inline uint64_t insn_trim(uint64_t v, unsigned size)
{
    return size >= 8 ? v : v & ((UINT64_C(1) << (8 * size)) - 1);
}

/* Sign-extends the low size bytes. */
static inline uint64_t insn_sign(uint64_t v, unsigned size)
{
    uint64_t top = UINT64_C(1) << (8 * size - 1);
    return (insn_trim(v, size) ^ top) - top;
}

