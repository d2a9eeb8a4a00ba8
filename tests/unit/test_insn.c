/* link: vmm/insn.c vmm/insn_table.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The decoder: lengths with all kinds of prefixes, operands, refusals, cut-off bytes. */
#include "unit.h"

#include "kernel/abi/vcpu_state.h"
#include "vmm/insn.h"

/* bytes, all of which are the instruction */
#define I(m, o, ...) { m, o, sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ } }
static const struct { unsigned mode; enum insn_op op; unsigned len; uint8_t bytes[16]; } good[] = {
    I(64, OP_SYSTEM, 0x0f, 0xa2),                           /* cpuid */
    I(64, OP_SYSTEM, 0x66, 0x48, 0x0f, 0xa2),
    I(64, OP_SYSTEM, 0x0f, 0x32), I(64, OP_SYSTEM, 0x0f, 0x30), I(64, OP_SYSTEM, 0x2e, 0x0f, 0x30),
    I(64, OP_SYSTEM, 0xf4), I(16, OP_SYSTEM, 0x67, 0x66, 0xf4),
    I(64, OP_SYSTEM, 0x0f, 0x01, 0xd9),                     /* vmmcall */
    I(64, OP_SYSTEM, 0x0f, 0x01, 0xc1),                     /* vmcall */
    I(32, OP_SYSTEM, 0x0f, 0x01, 0xd1),                     /* xsetbv */
    I(64, OP_SYSTEM, 0x0f, 0x01, 0xf9),                     /* rdtscp */
    I(64, OP_SYSTEM, 0x0f, 0x01, 0xc8), I(64, OP_SYSTEM, 0x0f, 0x01, 0xc9),
    I(64, OP_SYSTEM, 0x0f, 0x08), I(64, OP_SYSTEM, 0x0f, 0x09), I(64, OP_SYSTEM, 0xf3, 0x0f, 0x09),
    I(64, OP_SYSTEM, 0x0f, 0x31), I(64, OP_SYSTEM, 0x0f, 0x33),
    I(64, OP_SYSTEM, 0xf3, 0x90),                           /* pause */
    I(64, OP_SYSTEM, 0x0f, 0x01, 0x3f),                     /* invlpg [rdi] */
    I(64, OP_SYSTEM, 0x41, 0x0f, 0x01, 0x7c, 0x24, 0x08),   /* invlpg [r12+8] */
    I(64, OP_SYSTEM, 0x0f, 0x01, 0x15, 1, 2, 3, 4),         /* lgdt [rip+x] */
    I(16, OP_SYSTEM, 0x0f, 0x01, 0x16, 1, 2),               /* lgdt [x] */
    I(16, OP_SYSTEM, 0x66, 0x2e, 0x0f, 0x01, 0x16, 1, 2),
    I(64, OP_SYSTEM, 0x0f, 0x00, 0xd8),                     /* ltr ax */
    I(64, OP_SYSTEM, 0x66, 0x0f, 0x38, 0x82, 0x07),         /* invpcid */
    I(64, OP_SYSTEM, 0x0f, 0x23, 0xf8),                     /* mov dr7 */
    I(64, OP_SYSTEM, 0xcd, 0x80), I(64, OP_SYSTEM, 0x48, 0xcf),
    I(64, OP_SYSTEM, 0xe4, 0x60), I(64, OP_SYSTEM, 0x66, 0xed),
    I(64, OP_SYSTEM, 0x0f, 0xc7, 0xf0),                     /* rdrand */
    I(64, OP_CLTS, 0x0f, 0x06), I(64, OP_LMSW, 0x0f, 0x01, 0xf0), I(64, OP_SMSW, 0x0f, 0x01, 0xe0),
    I(64, OP_MOV_TO_CR, 0x0f, 0x22, 0xe0), I(64, OP_MOV_FROM_CR, 0x44, 0x0f, 0x20, 0xc0),
    I(32, OP_MOV_TO_CR, 0xf0, 0x0f, 0x22, 0xc0),            /* AMD's way to CR8 */
    I(64, OP_MOV_TO_CR, 0x0f, 0x22, 0x1c),                  /* mod 0 counts as a register */
    I(64, OP_MOV, 0x89, 0x04, 0x25, 1, 2, 3, 4), I(64, OP_MOV, 0x89, 0x84, 0x88, 1, 2, 3, 4),
    I(64, OP_MOV, 0x48, 0xa1, 1, 2, 3, 4, 5, 6, 7, 8), I(64, OP_MOV, 0x67, 0xa1, 1, 2, 3, 4),
    I(32, OP_MOV, 0xa1, 1, 2, 3, 4), I(32, OP_MOV, 0x67, 0xa1, 1, 2), I(16, OP_MOV, 0xa1, 1, 2),
    I(32, OP_MOV, 0xc7, 0x00, 1, 2, 3, 4), I(32, OP_MOV, 0x66, 0xc7, 0x00, 1, 2),
    I(16, OP_MOV, 0xc7, 0x07, 1, 2), I(16, OP_MOV, 0x66, 0xc7, 0x07, 1, 2, 3, 4),
    I(64, OP_MOV, 0x48, 0xc7, 0x40, 8, 1, 2, 3, 4), I(64, OP_MOV, 0xc6, 0x00, 1),
    I(64, OP_TEST, 0xf6, 0x00, 1), I(64, OP_NOT, 0xf6, 0x10), I(64, OP_TEST, 0xf7, 0x00, 1, 2, 3, 4),
    I(32, OP_INC, 0xff, 0x00), I(64, OP_BTS, 0xf0, 0x0f, 0xba, 0x28, 3),
    I(64, OP_ADD, 0x83, 0x00, 1), I(64, OP_CMP, 0x81, 0x38, 1, 2, 3, 4), I(64, OP_XOR, 0x80, 0x30, 1),
    I(64, OP_MOVSX, 0x48, 0x63, 0x06), I(64, OP_MOVS, 0xf3, 0x48, 0xa5), I(16, OP_OUTS, 0xf3, 0x6e),
    I(16, OP_MOV, 0x8b, 0x86, 1, 2), I(16, OP_MOV, 0x67, 0x8b, 0x44, 0x20, 4),
    I(64, OP_MOV, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x89, 0x00),
};

#define B(m, s, ...) { m, s, sizeof((uint8_t[]){ __VA_ARGS__ }), { __VA_ARGS__ } }
static const struct { unsigned mode; status_t st; unsigned len; uint8_t bytes[16]; } bad[] = {
    B(64, ST_UNSUPP, 0x0f, 0x10, 0x00),                     /* movups */
    B(64, ST_UNSUPP, 0xc5, 0xf8, 0x10, 0x00),               /* vex */
    B(64, ST_UNSUPP, 0xff, 0x30),                           /* push m */
    B(64, ST_UNSUPP, 0xff, 0x10),                           /* call m */
    B(32, ST_UNSUPP, 0x63, 0x06),                           /* arpl */
    B(64, ST_UNSUPP, 0xd8, 0x00), B(64, ST_UNSUPP, 0x0f, 0xba, 0x00, 1), B(64, ST_UNSUPP, 0xf7, 0x20),
    B(64, ST_UNSUPP, 0x0f, 0x3a, 0x0f, 0x00, 0x00), B(64, ST_UNSUPP, 0x0f, 0x38, 0x00, 0x00),
    B(64, ST_UNSUPP, 0x8f, 0x00), B(64, ST_UNSUPP, 0xc7, 0xf8, 1, 2, 3, 4),
    B(64, ST_INVAL, 0xf0, 0x8b, 0x06),                      /* lock on a load */
    B(64, ST_INVAL, 0xf0, 0x01, 0xc0),                      /* lock on a register */
    B(64, ST_INVAL, 0xf0, 0x39, 0x06),                      /* lock cmp */
    B(64, ST_INVAL, 0xf0, 0x0f, 0xa2),
    B(64, ST_INVAL, 0xf0, 0x0f, 0x22, 0xe0),
    B(64, ST_INVAL, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x89, 0x00),
    B(64, ST_INVAL, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66),
};

static void lengths(void)
{
    struct insn insn;
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint8_t bytes[16];
        memset(bytes, 0xcc, sizeof bytes);
        memcpy(bytes, good[i].bytes, good[i].len);
        status_t st = insn_decode(bytes, 15, good[i].mode, &insn);
        if (st != ST_OK || insn.len != good[i].len || insn.op != good[i].op)
            printf("    case %u: %02x %02x %02x: st %d len %u op %u\n", i, bytes[0], bytes[1], bytes[2], st,
                   insn.len, insn.op);
        CHECK_EQ(st, ST_OK);
        CHECK_EQ(insn.len, good[i].len);
        CHECK_EQ(insn.op, good[i].op);
        for (unsigned n = 0; n < good[i].len; n++)          /* each cut asks for more */
            CHECK_EQ(insn_decode(bytes, n, good[i].mode, &insn), ST_AGAIN);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        CHECK_EQ(insn_decode(bad[i].bytes, MIN(bad[i].len, 16u), bad[i].mode, &insn), bad[i].st);
}

static struct insn decode(unsigned mode, const uint8_t *bytes, unsigned n)
{
    struct insn insn;
    CHECK_EQ(insn_decode(bytes, n, mode, &insn), ST_OK);
    return insn;
}
#define D(m, ...) decode(m, (const uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))

static void operands(void)
{
    uint64_t gpr[16];
    for (unsigned i = 0; i < 16; i++)
        gpr[i] = 0x1000000000ull * i + 0x100 * i;
    struct insn i = D(64, 0x64, 0x4a, 0x8b, 0x44, 0xa5, 0xf0);       /* mov rax,fs:[rbp+r12*4-10h] */
    CHECK_EQ(i.seg, SEG_FS);
    CHECK_EQ(i.size, 8);
    CHECK_EQ(insn_address(&i, gpr, 0), gpr[5] + 4 * gpr[12] - 16);
    i = D(64, 0x8b, 0x05, 0x00, 0x01, 0x00, 0x00);                   /* rip-relative */
    CHECK_EQ(insn_address(&i, gpr, 0x7000), 0x7100);
    CHECK_EQ(i.seg, SEG_DS);
    i = D(64, 0x67, 0x8b, 0x45, 0x04);                               /* 32-bit address of rbp */
    CHECK_EQ(insn_address(&i, gpr, 0), (uint32_t)(gpr[5] + 4));
    CHECK_EQ(i.seg, SEG_SS);
    i = D(32, 0x8b, 0x04, 0x24);
    CHECK_EQ(i.seg, SEG_SS);
    i = D(32, 0x8b, 0x0d, 0x78, 0x56, 0x34, 0x12);                   /* no RIP form in 32-bit mode */
    CHECK_EQ(insn_address(&i, gpr, 0x7000), 0x12345678);
    i = D(64, 0x8b, 0x04, 0x25, 0x00, 0x00, 0x00, 0x80);             /* sign-extended displacement */
    CHECK_EQ(insn_address(&i, gpr, 0), 0xffffffff80000000ull);
    i = D(64, 0x48, 0x66, 0x89, 0x00);                               /* a REX before a prefix is void */
    CHECK_EQ(i.size, 2);
    i = D(64, 0x0f, 0xb7, 0x00);
    CHECK_EQ(i.mem_size, 2);
    CHECK_EQ(i.size, 4);
    i = D(64, 0x48, 0xc7, 0x00, 0xfe, 0xff, 0xff, 0xff);
    CHECK_EQ(i.imm, 0xfffffffffffffffeull);
    i = D(64, 0x44, 0x0f, 0x22, 0xc3);                               /* mov cr8,rbx */
    CHECK_EQ(i.reg, 8);
    CHECK_EQ(i.rm, GPR_RBX);
    i = D(32, 0xf0, 0x0f, 0x20, 0xc1);                               /* lock mov ecx,cr0 = cr8 */
    CHECK_EQ(i.reg, 8);
    i = D(64, 0x48, 0x6f);
    CHECK_EQ(i.size, 4);
    for (unsigned rm = 0; rm < 8; rm++) {                            /* every 16-bit form */
        static const uint8_t want[8][2] = { { 3, 6 }, { 3, 7 }, { 5, 6 }, { 5, 7 }, { 6, 255 }, { 7, 255 },
                                            { 5, 255 }, { 3, 255 } };
        const uint8_t bytes[] = { 0x8b, (uint8_t)(0x40 | rm), 0x80 };
        i = decode(16, bytes, 3);
        uint64_t sum = gpr[want[rm][0]] + (want[rm][1] == 255 ? 0 : gpr[want[rm][1]]) - 128;
        CHECK_EQ(insn_address(&i, gpr, 0), sum & 0xffff);
        CHECK_EQ(i.seg, want[rm][0] == 5 ? SEG_SS : SEG_DS);
    }
}

static void registers(void)
{
    uint64_t gpr[16] = { 0x1122334455667788ull, 0, 0, 0, 0xaabbccdd };
    struct insn plain = { .rex = 0 }, rex = { .rex = 0x40 };
    CHECK_EQ(insn_reg_get(&plain, gpr, 4, 1), 0x77);                 /* AH */
    CHECK_EQ(insn_reg_get(&rex, gpr, 4, 1), 0xdd);                   /* SPL */
    insn_reg_set(&plain, gpr, 4, 1, 0x1ee);
    CHECK_EQ(gpr[0], 0x112233445566ee88ull);
    insn_reg_set(&plain, gpr, 0, 2, 0xffff1234);
    CHECK_EQ(gpr[0], 0x1122334455661234ull);
    insn_reg_set(&plain, gpr, 0, 4, 0x1ffffffffull);
    CHECK_EQ(gpr[0], 0xffffffff);
    insn_reg_set(&plain, gpr, 15, 8, ~0ull);
    CHECK_EQ(gpr[15], ~0ull);
    CHECK_EQ(insn_sign(0x80, 1), 0xffffffffffffff80ull);
    CHECK_EQ(insn_sign(0x17f, 1), 0x7f);
    CHECK_EQ(insn_trim(~0ull, 4), 0xffffffff);
}

int main(void)
{
    lengths();
    operands();
    registers();
    return unit_done();
}
