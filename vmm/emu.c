/* SPDX-License-Identifier: BSD-2-Clause */
/* Execution of instructions on emulated memory. */
#include "vmm/emu.h"

#include "vmm/alu.h"
#include "vmm/guest_hw.h"
#include "vmm/host_vcpu.h"

/* ---- physical accesses ---- */

static bool is_lapic(uint64_t gpa) { return gpa - GHW_LAPIC_BASE < GHW_LAPIC_SIZE; }

/* xAPIC registers are 32 bits wide at 16-byte steps; narrower reads see their bytes [SDM3 11.4.1]. */
static uint64_t lapic_read(struct emu *emu, uint64_t gpa, unsigned size)
{
    unsigned offset = (unsigned)(gpa & 0xfff), byte = offset & 15;
    if (byte + size > 4)
        return 0;
    return insn_trim(host_lapic_read(emu->vcpu, offset & 0xff0) >> (8 * byte), size);
}

static uint64_t phys_read(struct emu *emu, uint64_t gpa, unsigned size)
{
    uint64_t value = 0;
    void *ram = mem_ptr(emu->mem, (gpa_t){ gpa }, size);
    if (ram != NULL)
        memcpy(&value, ram, size);
    else if (is_lapic(gpa))
        value = lapic_read(emu, gpa, size);
    else
        (void)bus_mmio_read(emu->bus, gpa, size, &value);   /* absent: ones */
    return value;
}

static void phys_write(struct emu *emu, uint64_t gpa, unsigned size, uint64_t value)
{
    void *ram = mem_ptr(emu->mem, (gpa_t){ gpa }, size);
    if (ram != NULL) {
        memcpy(ram, &value, size);
    } else if (is_lapic(gpa)) {
        if (size == 4 && (gpa & 15) == 0)
            host_lapic_write(emu->vcpu, (unsigned)(gpa & 0xff0), (uint32_t)value);
    } else {
        (void)bus_mmio_write(emu->bus, gpa, size, value);   /* absent: dropped */
    }
}

/* ---- operands ---- */

static status_t translate(struct emu *emu, uint64_t linear, unsigned access, gpa_t *out)
{
    struct mem_paging paging = guest_paging(emu->vs);
    uint32_t error;
    status_t st = mem_walk(emu->mem, &paging, linear, access, out, &error);
    if (st == ST_FAULT)
        guest_inject_pf(emu->vs, linear, error);
    return st;
}

/* The CPU already translated the only memory operand of most instructions. */
static bool known_gpa(const struct emu *emu, const struct insn *insn, uint64_t linear, unsigned size)
{
    return emu->vs->exit.reason == EXIT_MMIO && insn->form != FORM_STRING
           && (linear & 0xfff) == (emu->vs->exit.gpa & 0xfff) && (linear & 0xfff) + size <= PAGE_SIZE;
}

status_t emu_span(struct emu *emu, const struct insn *insn, unsigned seg, uint64_t offset,
                  unsigned size, unsigned access, struct emu_span *out)
{
    uint64_t linear;
    if (!guest_linear(emu->vs, insn->mode, seg, offset, &linear)) {
        guest_inject_error(emu->vs, seg == SEG_SS ? EXC_SS : EXC_GP, 0);
        return ST_FAULT;
    }
    uint64_t room = PAGE_SIZE - (linear & 0xfff);
    out->size = (uint8_t)size;
    out->first = (uint8_t)MIN(room, (uint64_t)size);
    if (known_gpa(emu, insn, linear, size)) {
        out->gpa[0] = (gpa_t){ emu->vs->exit.gpa };
        return ST_OK;
    }
    status_t st = translate(emu, linear, access, &out->gpa[0]);
    if (st == ST_OK && out->first < size)
        st = translate(emu, insn->mode == 64 ? linear + room : (linear + room) & 0xffffffffu, access, &out->gpa[1]);
    return st;
}

static uint64_t span_byte(const struct emu_span *span, unsigned i)
{
    return i < span->first ? span->gpa[0].v + i : span->gpa[1].v + (i - span->first);
}

uint64_t emu_read(struct emu *emu, const struct emu_span *span)
{
    if (span->first == span->size)
        return phys_read(emu, span->gpa[0].v, span->size);
    uint64_t value = 0;
    for (unsigned i = 0; i < span->size; i++)
        value |= phys_read(emu, span_byte(span, i), 1) << (8 * i);
    return value;
}

void emu_write(struct emu *emu, const struct emu_span *span, uint64_t value)
{
    if (span->first == span->size) {
        phys_write(emu, span->gpa[0].v, span->size, value);
        return;
    }
    for (unsigned i = 0; i < span->size; i++)
        phys_write(emu, span_byte(span, i), 1, value >> (8 * i) & 0xff);
}

/* ---- one instruction with one memory operand ---- */

static bool is_bit_op(unsigned op) { return op >= OP_BT && op <= OP_BTC; }

/* Does it store to its memory operand? */
static bool stores(const struct insn *insn)
{
    if (insn->form == FORM_REG_RM || insn->form == FORM_ACC_MOFFS)
        return false;
    return insn->op != OP_CMP && insn->op != OP_TEST && insn->op != OP_BT;
}

/* A register bit number reaches beyond the operand [SDM2 BT]. */
static uint64_t operand_offset(const struct emu *emu, const struct insn *insn)
{
    uint64_t offset = insn_address(insn, emu->vs->gpr, emu->vs->rip + insn->len);
    if (is_bit_op(insn->op) && insn->form == FORM_RM_REG) {
        uint64_t bit = insn_sign(emu->vs->gpr[insn->reg], insn->size);
        int64_t unit = (int64_t)bit >> (insn->size == 8 ? 6 : insn->size == 4 ? 5 : 4);
        offset = insn_trim(offset + (uint64_t)unit * insn->size, insn->addr_size);
    }
    return offset;
}

static void exec_to_reg(struct emu *emu, const struct insn *insn, uint64_t value)
{
    struct vcpu_state *vs = emu->vs;
    unsigned reg = insn->form == FORM_ACC_MOFFS ? GPR_RAX : insn->reg;
    if (insn->op == OP_MOVSX)
        value = insn_sign(value, insn->mem_size);
    else if (insn->op != OP_MOV && insn->op != OP_MOVZX) {
        uint64_t old = insn_reg_get(insn, vs->gpr, reg, insn->size);
        value = alu_exec(insn->op, insn->size, old, value, &vs->rflags);
        if (insn->op == OP_CMP)
            return;
    }
    insn_reg_set(insn, vs->gpr, reg, insn->size, value);
}

/* The compare decides: memory gets the register, or rAX gets memory. */
static uint64_t exec_cmpxchg(struct vcpu_state *vs, const struct insn *insn, uint64_t old, uint64_t src)
{
    uint64_t acc = insn_trim(vs->gpr[GPR_RAX], insn->size);
    (void)alu_exec(OP_CMP, insn->size, acc, old, &vs->rflags);
    if (acc == old)
        return src;
    insn_reg_set(insn, vs->gpr, GPR_RAX, insn->size, old);
    return old;
}

static uint64_t exec_on_memory(struct emu *emu, const struct insn *insn, uint64_t old, uint64_t src)
{
    struct vcpu_state *vs = emu->vs;
    uint64_t result;
    if (insn->op == OP_XCHG) {
        insn_reg_set(insn, vs->gpr, insn->reg, insn->size, old);
        return src;
    }
    if (insn->op == OP_CMPXCHG)
        return exec_cmpxchg(vs, insn, old, src);
    if (insn->op == OP_XADD) {
        result = alu_exec(OP_ADD, insn->size, old, src, &vs->rflags);
        insn_reg_set(insn, vs->gpr, insn->reg, insn->size, old);
        return result;
    }
    return alu_exec(insn->op, insn->size, old, src, &vs->rflags);
}

static uint64_t source_of(const struct emu *emu, const struct insn *insn)
{
    if (insn->form == FORM_RM_IMM)
        return insn->imm;
    if (insn->form == FORM_MOFFS_ACC)
        return insn_trim(emu->vs->gpr[GPR_RAX], insn->size);
    return insn->form == FORM_RM_REG ? insn_reg_get(insn, emu->vs->gpr, insn->reg, insn->size) : 0;
}

static status_t exec_memory(struct emu *emu, const struct insn *insn)
{
    struct emu_span span;
    bool store = stores(insn);
    status_t st = emu_span(emu, insn, insn->seg, operand_offset(emu, insn), insn->mem_size,
                           store ? WALK_WRITE : WALK_READ, &span);
    if (st != ST_OK)
        return st;
    if (insn->form == FORM_REG_RM || insn->form == FORM_ACC_MOFFS) {
        exec_to_reg(emu, insn, emu_read(emu, &span));
        return ST_OK;
    }
    uint64_t value = source_of(emu, insn);
    if (insn->op != OP_MOV)
        value = exec_on_memory(emu, insn, emu_read(emu, &span), value);
    if (store)
        emu_write(emu, &span, insn_trim(value, insn->size));
    return ST_OK;
}

status_t emu_run(struct emu *emu)
{
    struct insn insn;
    bool again = false;
    status_t st = guest_decode(emu->vs, emu->mem, &insn);
    if (st == ST_FAULT || st == ST_INVAL)
        return ST_OK;                               /* an exception is queued */
    if (st != ST_OK)
        return st;
    if (insn.form == FORM_STRING)
        st = emu_string(emu, &insn, &again);
    else if (insn.is_mem && insn.op >= OP_ADD && insn.op <= OP_BTC)
        st = exec_memory(emu, &insn);
    else
        return ST_UNSUPP;
    if (st == ST_FAULT)
        return ST_OK;
    if (st == ST_OK && !again)
        guest_advance(emu->vs, insn.mode, insn.len);
    return st;
}
