/* SPDX-License-Identifier: BSD-2-Clause */
/* Arithmetic of emulated instructions. */
#include "vmm/alu.h"

#define ARITH_FLAGS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

static uint64_t sign_bit(unsigned size) { return UINT64_C(1) << (8 * size - 1); }

static bool parity_even(uint64_t v)
{
    v ^= v >> 4;
    return !((UINT64_C(0x6996) >> (v & 15)) & 1);
}

static void flags_set(uint64_t *rflags, unsigned size, uint64_t result, uint64_t extra)
{
    uint64_t f = extra;
    if (result == 0)
        f |= RFLAGS_ZF;
    if (result & sign_bit(size))
        f |= RFLAGS_SF;
    if (parity_even(result & 0xff))
        f |= RFLAGS_PF;
    *rflags = (*rflags & ~(uint64_t)ARITH_FLAGS) | f;
}

static uint64_t alu_add(unsigned size, uint64_t dst, uint64_t src, unsigned carry, uint64_t *rflags)
{
    uint64_t result = insn_trim(dst + src + carry, size);
    uint64_t f = (dst ^ src ^ result) & RFLAGS_AF;
    if (result < dst || (carry && result == dst))
        f |= RFLAGS_CF;
    if (~(dst ^ src) & (dst ^ result) & sign_bit(size))
        f |= RFLAGS_OF;
    flags_set(rflags, size, result, f);
    return result;
}

static uint64_t alu_sub(unsigned size, uint64_t dst, uint64_t src, unsigned borrow, uint64_t *rflags)
{
    uint64_t result = insn_trim(dst - src - borrow, size);
    uint64_t f = (dst ^ src ^ result) & RFLAGS_AF;
    if (dst < src || (borrow && dst == src))
        f |= RFLAGS_CF;
    if ((dst ^ src) & (dst ^ result) & sign_bit(size))
        f |= RFLAGS_OF;
    flags_set(rflags, size, result, f);
    return result;
}

static uint64_t alu_logic(unsigned size, uint64_t result, uint64_t *rflags)
{
    flags_set(rflags, size, result, 0);
    return result;
}

/* INC and DEC keep CF. */
static uint64_t alu_step(unsigned size, uint64_t dst, bool up, uint64_t *rflags)
{
    uint64_t carry = *rflags & RFLAGS_CF;
    uint64_t result = up ? alu_add(size, dst, 1, 0, rflags) : alu_sub(size, dst, 1, 0, rflags);
    *rflags = (*rflags & ~(uint64_t)RFLAGS_CF) | carry;
    return result;
}

static uint64_t alu_bit(enum insn_op op, unsigned size, uint64_t dst, uint64_t src, uint64_t *rflags)
{
    uint64_t bit = UINT64_C(1) << (src & (8 * size - 1));
    *rflags = (*rflags & ~(uint64_t)RFLAGS_CF) | (dst & bit ? RFLAGS_CF : 0);
    if (op == OP_BTS)
        return dst | bit;
    if (op == OP_BTR)
        return dst & ~bit;
    return op == OP_BTC ? dst ^ bit : dst;
}

static uint64_t alu_two(enum insn_op op, unsigned size, uint64_t dst, uint64_t src, uint64_t *rflags)
{
    unsigned carry = *rflags & RFLAGS_CF ? 1 : 0;
    if (op == OP_ADD)
        return alu_add(size, dst, src, 0, rflags);
    if (op == OP_ADC)
        return alu_add(size, dst, src, carry, rflags);
    if (op == OP_SUB)
        return alu_sub(size, dst, src, 0, rflags);
    if (op == OP_SBB)
        return alu_sub(size, dst, src, carry, rflags);
    if (op == OP_AND)
        return alu_logic(size, dst & src, rflags);
    if (op == OP_OR)
        return alu_logic(size, dst | src, rflags);
    if (op == OP_XOR)
        return alu_logic(size, dst ^ src, rflags);
    if (op == OP_CMP)
        (void)alu_sub(size, dst, src, 0, rflags);
    else
        (void)alu_logic(size, dst & src, rflags);     /* TEST */
    return dst;
}

uint64_t alu_exec(enum insn_op op, unsigned size, uint64_t dst, uint64_t src, uint64_t *rflags)
{
    dst = insn_trim(dst, size);
    if (op >= OP_BT && op <= OP_BTC)
        return alu_bit(op, size, dst, src, rflags);
    src = insn_trim(src, size);
    if (op == OP_NOT)
        return insn_trim(~dst, size);
    if (op == OP_NEG)
        return alu_sub(size, 0, dst, 0, rflags);
    if (op == OP_INC || op == OP_DEC)
        return alu_step(size, dst, op == OP_INC, rflags);
    KASSERT(op >= OP_ADD && op <= OP_TEST);
    return alu_two(op, size, dst, src, rflags);
}
