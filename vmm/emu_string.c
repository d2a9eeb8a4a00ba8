/* SPDX-License-Identifier: BSD-2-Clause */
/* String instructions, single and repeated, on memory and ports. */
#include "vmm/alu.h"
#include "vmm/emu.h"

struct string_op {            /* one element's work, worked out once */
    bool source, dest;        /* uses [seg:rSI], [ES:rDI] */
    unsigned dest_access;
};

static struct string_op string_op_of(unsigned op)
{
    switch (op) {
    case OP_MOVS: return (struct string_op){ true, true, WALK_WRITE };
    case OP_CMPS: return (struct string_op){ true, true, WALK_READ };
    case OP_STOS:
    case OP_INS:  return (struct string_op){ false, true, WALK_WRITE };
    case OP_SCAS: return (struct string_op){ false, true, WALK_READ };
    default:      return (struct string_op){ true, false, WALK_READ };   /* LODS, OUTS */
    }
}

static void step(struct emu *emu, const struct insn *insn, unsigned reg)
{
    uint64_t *gpr = emu->vs->gpr;
    uint64_t delta = emu->vs->rflags & RFLAGS_DF ? (uint64_t)0 - insn->size : insn->size;
    uint64_t value = insn_trim(gpr[reg] + delta, insn->addr_size);
    if (insn->addr_size == 2)
        value |= gpr[reg] & ~UINT64_C(0xffff);
    gpr[reg] = value;
}

static void port_out(struct emu *emu, const struct insn *insn, uint64_t value)
{
    (void)bus_port_out(emu->bus, (uint16_t)emu->vs->gpr[GPR_RDX], insn->size, (uint32_t)value);
}

static uint64_t port_in(struct emu *emu, const struct insn *insn)
{
    uint32_t value = 0;
    (void)bus_port_in(emu->bus, (uint16_t)emu->vs->gpr[GPR_RDX], insn->size, &value);
    return value;
}

/* Both operands are translated before anything happens. */
static status_t one_element(struct emu *emu, const struct insn *insn, const struct string_op *op)
{
    struct vcpu_state *vs = emu->vs;
    struct emu_span src = { .size = 0 }, dst = { .size = 0 };
    uint64_t acc = insn_trim(vs->gpr[GPR_RAX], insn->size);
    status_t st = ST_OK;
    if (op->source)
        st = emu_span(emu, insn, insn->seg, insn_trim(vs->gpr[GPR_RSI], insn->addr_size), insn->size, WALK_READ, &src);
    if (st == ST_OK && op->dest)
        st = emu_span(emu, insn, SEG_ES, insn_trim(vs->gpr[GPR_RDI], insn->addr_size), insn->size,
                      op->dest_access, &dst);
    if (st != ST_OK)
        return st;
    switch (insn->op) {
    case OP_MOVS: emu_write(emu, &dst, emu_read(emu, &src)); break;
    case OP_STOS: emu_write(emu, &dst, acc); break;
    case OP_INS:  emu_write(emu, &dst, port_in(emu, insn)); break;
    case OP_OUTS: port_out(emu, insn, emu_read(emu, &src)); break;
    case OP_LODS: insn_reg_set(insn, vs->gpr, GPR_RAX, insn->size, emu_read(emu, &src)); break;
    case OP_SCAS: (void)alu_exec(OP_CMP, insn->size, acc, emu_read(emu, &dst), &vs->rflags); break;
    default: {
        uint64_t left = emu_read(emu, &src);
        (void)alu_exec(OP_CMP, insn->size, left, emu_read(emu, &dst), &vs->rflags);
    }
    }
    if (op->source)
        step(emu, insn, GPR_RSI);
    if (op->dest)
        step(emu, insn, GPR_RDI);
    return ST_OK;
}

/* REPE and REPNE end early for the comparing ones. */
static bool ended(const struct emu *emu, const struct insn *insn)
{
    if (insn->op != OP_SCAS && insn->op != OP_CMPS)
        return false;
    bool zero = (emu->vs->rflags & RFLAGS_ZF) != 0;
    return zero != (insn->rep == 0xf3);
}

status_t emu_string(struct emu *emu, const struct insn *insn, bool *again)
{
    struct string_op op = string_op_of(insn->op);
    uint64_t *gpr = emu->vs->gpr;
    *again = false;
    if (insn->rep == 0)
        return one_element(emu, insn, &op);
    for (unsigned done = 0; done < EMU_REP_MAX; done++) {
        uint64_t count = insn_trim(gpr[GPR_RCX], insn->addr_size);
        if (count == 0)
            return ST_OK;
        status_t st = one_element(emu, insn, &op);
        if (st != ST_OK)
            return st;
        insn_reg_set(insn, gpr, GPR_RCX, insn->addr_size, count - 1);
        emu->vs->dirty |= VS_RIP;                   /* rflags of the comparing ones */
        if (ended(emu, insn))
            return ST_OK;
    }
    *again = insn_trim(gpr[GPR_RCX], insn->addr_size) != 0;
    return ST_OK;
}
