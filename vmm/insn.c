/* SPDX-License-Identifier: BSD-2-Clause */
/* Instruction decoder: prefixes, opcode, ModRM and SIB, displacement, immediate [SDM2 2.1, 2.2]. */
#include "vmm/insn.h"

#include "kernel/abi/vcpu_state.h"
#include "vmm/insn_table.h"

struct cursor {
    const uint8_t *bytes;
    unsigned n, pos;
    status_t st;              /* first trouble; reads return 0 from then on */
};

static uint8_t next(struct cursor *c)
{
    if (c->st != ST_OK)
        return 0;
    if (c->pos >= INSN_MAX_LEN)
        c->st = ST_INVAL;
    else if (c->pos >= c->n)
        c->st = ST_AGAIN;
    else
        return c->bytes[c->pos++];
    return 0;
}

static uint64_t next_value(struct cursor *c, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t)next(c) << (8 * i);
    return v;
}

struct prefixes { bool opsize, addrsize; };

/* True when the byte was a prefix and has been recorded. */
static bool take_legacy_prefix(uint8_t byte, struct insn *out, struct prefixes *pre)
{
    switch (byte) {
    case 0x26: out->seg = SEG_ES; return true;
    case 0x2e: out->seg = SEG_CS; return true;
    case 0x36: out->seg = SEG_SS; return true;
    case 0x3e: out->seg = SEG_DS; return true;
    case 0x64: out->seg = SEG_FS; return true;
    case 0x65: out->seg = SEG_GS; return true;
    case 0x66: pre->opsize = true; return true;
    case 0x67: pre->addrsize = true; return true;
    case 0xf0: out->lock = 1; return true;
    case 0xf2:
    case 0xf3: out->rep = byte; return true;
    default:   return false;
    }
}

/* Reads prefixes and returns the first opcode byte. A REX that is not last counts for nothing. */
static uint8_t take_prefixes(struct cursor *c, struct insn *out, struct prefixes *pre)
{
    for (;;) {
        uint8_t byte = next(c);
        if (c->st != ST_OK)
            return 0;
        if (take_legacy_prefix(byte, out, pre)) {
            out->rex = 0;
            continue;
        }
        if (out->mode == 64 && (byte & 0xf0) == 0x40) {
            out->rex = byte;
            continue;
        }
        return byte;
    }
}

static struct insn_row take_opcode(struct cursor *c, uint8_t byte)
{
    if (byte != 0x0f)
        return insn_one_byte[byte];
    byte = next(c);
    if (byte != 0x38)
        return insn_two_byte[byte];
    return insn_three_byte_38[next(c)];
}

static void set_sizes(struct insn *out, const struct prefixes *pre, struct insn_row row)
{
    unsigned size = out->mode == 16 ? 2 : 4;
    if (pre->opsize)
        size = out->mode == 16 ? 4 : 2;
    if (out->rex & 8)
        size = 8;
    if (row.flags & ROW_BYTE)
        size = 1;
    if (row.form == FORM_CR)
        size = out->mode == 64 ? 8 : 4;
    if ((row.op == OP_INS || row.op == OP_OUTS) && size == 8)
        size = 4;
    out->size = (uint8_t)size;
    out->mem_size = (uint8_t)(row.flags & ROW_SRC8 ? 1 : row.flags & ROW_SRC16 ? 2 : row.flags & ROW_SRC32 ? 4 : size);
    if (out->mode == 64)
        out->addr_size = pre->addrsize ? 4 : 8;
    else
        out->addr_size = (out->mode == 16) != pre->addrsize ? 2 : 4;
}

/* 16-bit forms: base and index per rm [SDM2 table 2-1]. */
static void take_address16(struct cursor *c, unsigned mod, unsigned rm, struct insn *out)
{
    static const uint8_t base[8] = { GPR_RBX, GPR_RBX, GPR_RBP, GPR_RBP, GPR_RSI, GPR_RDI, GPR_RBP, GPR_RBX };
    static const uint8_t index[8] = { GPR_RSI, GPR_RDI, GPR_RSI, GPR_RDI,
                                      INSN_NO_REG, INSN_NO_REG, INSN_NO_REG, INSN_NO_REG };
    out->base = base[rm];
    out->index = index[rm];
    if (mod == 0 && rm == 6) {
        out->base = INSN_NO_REG;
        out->disp = (int64_t)insn_sign(next_value(c, 2), 2);
    } else if (mod == 1) {
        out->disp = (int64_t)insn_sign(next_value(c, 1), 1);
    } else if (mod == 2) {
        out->disp = (int64_t)insn_sign(next_value(c, 2), 2);
    }
}

static void take_sib(struct cursor *c, unsigned mod, struct insn *out)
{
    uint8_t sib = next(c);
    unsigned index = ((unsigned)sib >> 3 & 7) | (out->rex & 2 ? 8u : 0);
    out->scale = sib >> 6;
    out->index = index == 4 ? INSN_NO_REG : (uint8_t)index;
    out->base = (uint8_t)((sib & 7u) | (out->rex & 1 ? 8u : 0));
    if ((sib & 7) == 5 && mod == 0) {
        out->base = INSN_NO_REG;
        out->disp = (int64_t)insn_sign(next_value(c, 4), 4);
    }
}

/* 32- and 64-bit forms [SDM2 tables 2-2, 2-3]. */
static void take_address(struct cursor *c, unsigned mod, unsigned rm, struct insn *out)
{
    if (rm == 4) {
        take_sib(c, mod, out);
    } else if (rm == 5 && mod == 0) {
        out->rip_relative = out->mode == 64;
        out->disp = (int64_t)insn_sign(next_value(c, 4), 4);
    } else {
        out->base = (uint8_t)(rm | (out->rex & 1 ? 8u : 0));
    }
    if (mod == 1)
        out->disp = (int64_t)insn_sign(next_value(c, 1), 1);
    else if (mod == 2)
        out->disp = (int64_t)insn_sign(next_value(c, 4), 4);
}

static uint8_t take_modrm(struct cursor *c, struct insn *out)
{
    uint8_t modrm = next(c);
    unsigned mod = modrm >> 6, rm = modrm & 7u;
    out->reg = (uint8_t)(((unsigned)modrm >> 3 & 7) | (out->rex & 4 ? 8u : 0));
    if (mod == 3 || out->form == FORM_CR) {          /* MOV CRn ignores mod [SDM2 MOV CR] */
        out->rm = (uint8_t)(rm | (out->rex & 1 ? 8u : 0));
        return modrm;
    }
    out->is_mem = 1;
    if (out->addr_size == 2)
        take_address16(c, mod, rm, out);
    else
        take_address(c, mod, rm, out);
    return modrm;
}

/* 0f 01: with a register form every rm is an instruction of its own, but for SMSW and LMSW. */
static status_t resolve_group7(struct insn *out, unsigned sub)
{
    out->op = OP_SYSTEM;
    if (sub == 4 || sub == 6) {
        out->op = sub == 4 ? OP_SMSW : OP_LMSW;
        out->mem_size = 2;
        return ST_OK;
    }
    if (sub == 5)
        return out->is_mem ? ST_INVAL : ST_UNSUPP;
    return ST_OK;
}

/* ModRM.reg of the group opcodes gives the operation [SDM2 A.4]. */
static status_t resolve_group(struct insn *out, struct insn_row *row, unsigned sub)
{
    static const uint8_t group3[8] = { OP_TEST, OP_TEST, OP_NOT, OP_NEG, OP_BAD, OP_BAD, OP_BAD, OP_BAD };
    static const uint8_t group8[8] = { OP_BAD, OP_BAD, OP_BAD, OP_BAD, OP_BT, OP_BTS, OP_BTR, OP_BTC };
    switch (row->op) {
    case OP_GROUP1:
        out->op = (uint8_t)(OP_ADD + sub);
        return ST_OK;
    case OP_GROUP3:
        out->op = group3[sub];
        if (out->op == OP_TEST) {
            out->form = FORM_RM_IMM;
            row->flags |= ROW_IZ;
        }
        break;
    case OP_GROUP4:
        out->op = sub == 0 ? OP_INC : sub == 1 ? OP_DEC : OP_BAD;
        break;
    case OP_GROUP6:
        out->op = sub < 6 ? OP_SYSTEM : OP_BAD;
        break;
    case OP_GROUP7: return resolve_group7(out, sub);
    case OP_GROUP8:
        out->op = group8[sub];
        break;
    case OP_GROUP9:
        out->op = sub >= 6 ? OP_SYSTEM : OP_BAD;
        break;
    case OP_GROUP11:
        out->op = sub == 0 ? OP_MOV : OP_BAD;
        break;
    default: return ST_OK;
    }
    return out->op == OP_BAD ? ST_UNSUPP : ST_OK;
}

static void take_immediate(struct cursor *c, struct insn *out, struct insn_row row)
{
    if (row.form == FORM_ACC_MOFFS || row.form == FORM_MOFFS_ACC) {
        out->is_mem = 1;
        out->disp = (int64_t)next_value(c, out->addr_size);
    } else if (row.flags & ROW_IB) {
        out->imm = insn_sign(next_value(c, 1), 1);
    } else if (row.flags & ROW_IZ) {
        unsigned size = MIN(out->size, 4u);
        out->imm = insn_sign(next_value(c, size), size);
    }
}

/* LOCK on anything else is #UD [SDM2 LOCK]; on AMD LOCK MOV CR0 means CR8 [APM3 MOV CRn]. */
static bool lock_is_legal(struct insn *out)
{
    if (out->op == OP_MOV_TO_CR || out->op == OP_MOV_FROM_CR) {
        if (out->reg != 0)
            return false;
        out->reg = 8;
        return true;
    }
    bool writes_rm = out->form == FORM_RM_REG || out->form == FORM_RM_IMM || out->form == FORM_RM;
    bool rmw = (out->op >= OP_ADD && out->op <= OP_XOR)
               || (out->op >= OP_XCHG && out->op <= OP_DEC) || (out->op >= OP_BTS && out->op <= OP_BTC);
    return out->is_mem && writes_rm && rmw;
}

/* Segment of the operand when no prefix names one; in 64-bit mode only FS and GS count. */
static void settle_segment(struct insn *out)
{
    if (out->seg == INSN_NO_REG)
        out->seg = out->base == GPR_RSP || out->base == GPR_RBP ? SEG_SS : SEG_DS;
}

status_t insn_decode(const uint8_t *bytes, unsigned n, unsigned mode, struct insn *out)
{
    struct cursor c = { bytes, n, 0, ST_OK };
    struct prefixes pre = { false, false };
    *out = (struct insn){ .mode = (uint8_t)mode, .seg = INSN_NO_REG, .base = INSN_NO_REG, .index = INSN_NO_REG };
    struct insn_row row = take_opcode(&c, take_prefixes(&c, out, &pre));
    if (c.st != ST_OK)
        return c.st;
    if (row.op == OP_BAD || (row.flags & ROW_SRC32 && mode != 64))
        return ST_UNSUPP;
    out->op = row.op;
    out->form = row.form;
    set_sizes(out, &pre, row);
    if (row.flags & ROW_MODRM) {
        unsigned sub = (unsigned)take_modrm(&c, out) >> 3 & 7;
        status_t st = c.st == ST_OK ? resolve_group(out, &row, sub) : c.st;
        if (st != ST_OK)
            return st;
    }
    take_immediate(&c, out, row);
    if (c.st != ST_OK)
        return c.st;
    if (out->lock && !lock_is_legal(out))
        return ST_INVAL;
    settle_segment(out);
    out->len = (uint8_t)c.pos;
    return ST_OK;
}

uint64_t insn_address(const struct insn *insn, const uint64_t *gpr, uint64_t next_rip)
{
    uint64_t address = (uint64_t)insn->disp;
    if (insn->rip_relative)
        address += next_rip;
    if (insn->base != INSN_NO_REG)
        address += gpr[insn->base];
    if (insn->index != INSN_NO_REG)
        address += gpr[insn->index] << insn->scale;
    return insn_trim(address, insn->addr_size);
}

/* SPL..DIL need a REX; without one, 4..7 are AH, CH, DH, BH. */
static bool is_high_byte(const struct insn *insn, unsigned reg, unsigned size)
{
    return size == 1 && insn->rex == 0 && reg >= 4 && reg < 8;
}

uint64_t insn_reg_get(const struct insn *insn, const uint64_t *gpr, unsigned reg, unsigned size)
{
    if (is_high_byte(insn, reg, size))
        return gpr[reg - 4] >> 8 & 0xff;
    return insn_trim(gpr[reg & 15], size);
}

void insn_reg_set(const struct insn *insn, uint64_t *gpr, unsigned reg, unsigned size, uint64_t value)
{
    value = insn_trim(value, size);
    if (is_high_byte(insn, reg, size)) {
        gpr[reg - 4] = (gpr[reg - 4] & ~UINT64_C(0xff00)) | value << 8;
        return;
    }
    uint64_t *slot = &gpr[reg & 15];
    if (size >= 4)
        *slot = value;                   /* 32-bit results clear the upper half */
    else
        *slot = (*slot & ~insn_trim(~UINT64_C(0), size)) | value;
}
