/* SPDX-License-Identifier: BSD-2-Clause */
/* Mode, addresses, fetch and exceptions of one vCPU. */
#include "vmm/guest.h"

#define CR0_PE      BIT64(0)
#define EFER_LMA    BIT64(10)
#define RFLAGS_TF   BIT64(8)
#define RFLAGS_VM   BIT64(17)
#define RFLAGS_RF   BIT64(16)
#define ATTR_DPL    MASK64(6, 5)     /* struct vcpu_segment.attr */
#define ATTR_L      0x200u
#define ATTR_DB     0x400u

unsigned guest_mode(const struct vcpu_state *vs)
{
    unsigned attr = vs->seg[SEG_CS].attr;
    if ((vs->efer & EFER_LMA) && (attr & ATTR_L))
        return 64;
    return attr & ATTR_DB ? 32 : 16;
}

unsigned guest_cpl(const struct vcpu_state *vs)
{
    if (!(vs->cr0 & CR0_PE))
        return 0;
    if (vs->rflags & RFLAGS_VM)
        return 3;
    return (unsigned)FIELD_GET(ATTR_DPL, vs->seg[SEG_SS].attr);
}

struct mem_paging guest_paging(const struct vcpu_state *vs)
{
    return (struct mem_paging){ vs->cr0, vs->cr3, vs->cr4, vs->efer, vs->rflags, guest_cpl(vs) == 3 };
}

bool guest_linear(const struct vcpu_state *vs, unsigned mode, unsigned seg, uint64_t offset, uint64_t *out)
{
    if (mode != 64) {
        *out = (vs->seg[seg].base + offset) & 0xffffffffu;
        return true;
    }
    if (seg == SEG_FS || seg == SEG_GS)
        offset += vs->seg[seg].base;
    *out = offset;
    return insn_sign(offset, 6) == offset;          /* 48-bit canonical: LA57 is not offered */
}

/* A push goes below rsp, and those of an exception may begin in the page below. */
bool guest_stack_is_at(const struct vcpu_state *vs, const struct guest_mem *mem, gpa_t gpa)
{
    struct mem_paging paging = guest_paging(vs);
    for (unsigned below = 1; below <= 64; below += 63) {
        uint64_t linear;
        uint32_t error;
        gpa_t at;
        if (guest_linear(vs, guest_mode(vs), SEG_SS, vs->gpr[GPR_RSP] - below, &linear) &&
            mem_walk(mem, &paging, linear, WALK_SYSTEM, &at, &error) == ST_OK && PAGE_DOWN(at.v) == PAGE_DOWN(gpa.v))
            return true;
    }
    return false;
}

/* Bytes at rip up to the end of its page, and then those of the next page. */
static status_t fetch(struct vcpu_state *vs, const struct guest_mem *mem, unsigned mode, uint64_t rip,
                      uint8_t *dst, unsigned *got)
{
    struct mem_paging paging = guest_paging(vs);
    uint64_t linear;
    gpa_t gpa;
    uint32_t error;
    if (!guest_linear(vs, mode, SEG_CS, rip, &linear)) {
        guest_inject_error(vs, EXC_GP, 0);
        return ST_FAULT;
    }
    status_t st = mem_walk(mem, &paging, linear, WALK_FETCH, &gpa, &error);
    if (st == ST_FAULT)
        guest_inject_pf(vs, linear, error);
    if (st != ST_OK)
        return st;
    unsigned len = (unsigned)MIN(PAGE_SIZE - (linear & 0xfff), (uint64_t)INSN_MAX_LEN - *got);
    st = mem_read(mem, gpa, dst + *got, len);
    if (st == ST_OK)
        *got += len;
    return st;
}

status_t guest_decode(struct vcpu_state *vs, const struct guest_mem *mem, struct insn *out)
{
    uint8_t bytes[INSN_MAX_LEN];
    unsigned mode = guest_mode(vs), got = MIN((unsigned)vs->exit.bytes_len, INSN_MAX_LEN);
    status_t st = ST_AGAIN;
    if (got != 0) {
        memcpy(bytes, vs->exit.bytes, got);
        st = insn_decode(bytes, got, mode, out);
        if (st == ST_AGAIN)
            got = 0;                                /* fewer than it needs: fetch anew */
    }
    for (unsigned pages = 0; st == ST_AGAIN && pages < 2; pages++) {
        status_t fetched = fetch(vs, mem, mode, vs->rip + got, bytes, &got);
        if (fetched != ST_OK)
            return fetched;
        st = insn_decode(bytes, got, mode, out);
    }
    if (st == ST_INVAL)
        guest_inject(vs, EXC_UD);
    return st == ST_AGAIN ? ST_UNSUPP : st;
}

void guest_inject(struct vcpu_state *vs, unsigned vector)
{
    vs->pending_event = EVENT(EVENT_TYPE_EXCEPTION, vector);
    vs->dirty |= VS_EVENT;
}

void guest_inject_error(struct vcpu_state *vs, unsigned vector, uint32_t error)
{
    vs->pending_event = EVENT_ERR(vector, error);
    vs->dirty |= VS_EVENT;
}

void guest_inject_pf(struct vcpu_state *vs, uint64_t address, uint32_t error)
{
    vs->cr2 = address;
    vs->dirty |= VS_CR;
    guest_inject_error(vs, EXC_PF, error);
}

void guest_advance(struct vcpu_state *vs, unsigned mode, unsigned len)
{
    uint64_t rip = vs->rip + len;
    vs->rip = mode == 64 ? rip : insn_trim(rip, mode / 8);
    vs->rflags &= ~RFLAGS_RF;
    vs->int_shadow = 0;
    vs->dirty |= VS_RIP;
    if (vs->rflags & RFLAGS_TF)
        guest_inject(vs, EXC_DB);                   /* the kernel adds DR6.BS */
}
