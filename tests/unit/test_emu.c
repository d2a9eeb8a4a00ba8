/* link: vmm/emu.c vmm/emu_string.c vmm/guest.c vmm/insn.c vmm/insn_table.c vmm/alu.c vmm/mem.c vmm/bus.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The emulator against this machine's own CPU: every instruction runs natively
 * on a buffer and emulated on a device that holds a copy; registers, flags and
 * bytes must agree. Then what only the emulator has: faults, bounds, ports, APIC.
 */
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "kernel/abi/vcpu_state.h"
#include "vmm/emu.h"
#include "vmm/host_vcpu.h"

#define BUF       0x50000000ull
#define BUF_LEN   0x2000u
#define F_ALL     0x8d5u
#define F_LOGIC   0x8c5u            /* AF is not defined */
#define F_CF      0x001u            /* nothing else is defined */

enum reg_mode { MODE_A, MODE_B, MODE_C };   /* r12, r13: addresses; bit numbers; address and index */

static const struct { unsigned len; uint8_t bytes[15]; enum reg_mode mode; unsigned flags; const char *text; } cases[] = {
    { 2, { 0x89, 0x06 }, MODE_A, F_ALL, "mov %eax,(%rsi)" },
    { 2, { 0x8b, 0x06 }, MODE_A, F_ALL, "mov (%rsi),%eax" },
    { 4, { 0x44, 0x88, 0x56, 0x03 }, MODE_A, F_ALL, "mov %r10b,0x3(%rsi)" },
    { 3, { 0x88, 0x66, 0x03 }, MODE_A, F_ALL, "mov %ah,0x3(%rsi)" },
    { 3, { 0x8a, 0x7e, 0x03 }, MODE_A, F_ALL, "mov 0x3(%rsi),%bh" },
    { 4, { 0x40, 0x88, 0x76, 0x01 }, MODE_A, F_ALL, "mov %sil,0x1(%rsi)" },
    { 5, { 0x4c, 0x8b, 0x4c, 0x8e, 0x08 }, MODE_A, F_ALL, "mov 0x8(%rsi,%rcx,4),%r9" },
    { 6, { 0x66, 0x44, 0x89, 0x4c, 0x4e, 0x08 }, MODE_A, F_ALL, "mov %r9w,0x8(%rsi,%rcx,2)" },
    { 7, { 0xc7, 0x46, 0x04, 0x78, 0x56, 0x34, 0x12 }, MODE_A, F_ALL, "movl $0x12345678,0x4(%rsi)" },
    { 8, { 0x48, 0xc7, 0x46, 0x04, 0xfe, 0xff, 0xff, 0xff }, MODE_A, F_ALL, "movq $0xfffffffffffffffe,0x4(%rsi)" },
    { 5, { 0x66, 0xc7, 0x06, 0x34, 0x12 }, MODE_A, F_ALL, "movw $0x1234,(%rsi)" },
    { 3, { 0xc6, 0x06, 0x99 }, MODE_A, F_ALL, "movb $0x99,(%rsi)" },
    { 3, { 0x0f, 0xb6, 0x16 }, MODE_A, F_ALL, "movzbl (%rsi),%edx" },
    { 5, { 0x44, 0x0f, 0xb7, 0x5e, 0x02 }, MODE_A, F_ALL, "movzwl 0x2(%rsi),%r11d" },
    { 4, { 0x66, 0x0f, 0xb6, 0x16 }, MODE_A, F_ALL, "movzbw (%rsi),%dx" },
    { 4, { 0x48, 0x0f, 0xbe, 0x16 }, MODE_A, F_ALL, "movsbq (%rsi),%rdx" },
    { 3, { 0x0f, 0xbf, 0x16 }, MODE_A, F_ALL, "movswl (%rsi),%edx" },
    { 3, { 0x48, 0x63, 0x16 }, MODE_A, F_ALL, "movslq (%rsi),%rdx" },
    { 5, { 0x48, 0x0f, 0xc3, 0x46, 0x08 }, MODE_A, F_ALL, "movnti %rax,0x8(%rsi)" },
    { 2, { 0x01, 0x06 }, MODE_A, F_ALL, "add %eax,(%rsi)" },
    { 3, { 0x66, 0x03, 0x06 }, MODE_A, F_ALL, "add (%rsi),%ax" },
    { 2, { 0x10, 0x0e }, MODE_A, F_ALL, "adc %cl,(%rsi)" },
    { 4, { 0x48, 0x13, 0x56, 0x04 }, MODE_A, F_ALL, "adc 0x4(%rsi),%rdx" },
    { 3, { 0x4c, 0x19, 0x06 }, MODE_A, F_ALL, "sbb %r8,(%rsi)" },
    { 2, { 0x1a, 0x1e }, MODE_A, F_ALL, "sbb (%rsi),%bl" },
    { 2, { 0x09, 0x16 }, MODE_A, F_LOGIC, "or %edx,(%rsi)" },
    { 2, { 0x23, 0x0e }, MODE_A, F_LOGIC, "and (%rsi),%ecx" },
    { 3, { 0x66, 0x29, 0x16 }, MODE_A, F_ALL, "sub %dx,(%rsi)" },
    { 3, { 0x83, 0x36, 0x55 }, MODE_A, F_LOGIC, "xorl $0x55,(%rsi)" },
    { 3, { 0x80, 0x36, 0x80 }, MODE_A, F_LOGIC, "xorb $0x80,(%rsi)" },
    { 7, { 0x48, 0x81, 0x06, 0x78, 0x56, 0x34, 0x12 }, MODE_A, F_ALL, "addq $0x12345678,(%rsi)" },
    { 5, { 0x66, 0x81, 0x2e, 0x34, 0x12 }, MODE_A, F_ALL, "subw $0x1234,(%rsi)" },
    { 3, { 0x83, 0x3e, 0xff }, MODE_A, F_ALL, "cmpl $0xffffffff,(%rsi)" },
    { 3, { 0x48, 0x39, 0x16 }, MODE_A, F_ALL, "cmp %rdx,(%rsi)" },
    { 3, { 0x44, 0x3a, 0x0e }, MODE_A, F_ALL, "cmp (%rsi),%r9b" },
    { 2, { 0x85, 0x06 }, MODE_A, F_LOGIC, "test %eax,(%rsi)" },
    { 3, { 0xf6, 0x06, 0x81 }, MODE_A, F_LOGIC, "testb $0x81,(%rsi)" },
    { 6, { 0xf7, 0x06, 0x01, 0x00, 0x00, 0x80 }, MODE_A, F_LOGIC, "testl $0x80000001,(%rsi)" },
    { 5, { 0x66, 0xf7, 0x06, 0x01, 0x80 }, MODE_A, F_LOGIC, "testw $0x8001,(%rsi)" },
    { 2, { 0x87, 0x06 }, MODE_A, F_ALL, "xchg %eax,(%rsi)" },
    { 2, { 0x86, 0x1e }, MODE_A, F_ALL, "xchg %bl,(%rsi)" },
    { 4, { 0xf0, 0x0f, 0xc1, 0x0e }, MODE_A, F_ALL, "lock xadd %ecx,(%rsi)" },
    { 3, { 0x0f, 0xc0, 0x3e }, MODE_A, F_ALL, "xadd %bh,(%rsi)" },
    { 4, { 0xf0, 0x0f, 0xb1, 0x0e }, MODE_A, F_ALL, "lock cmpxchg %ecx,(%rsi)" },
    { 4, { 0x44, 0x0f, 0xb0, 0x0e }, MODE_A, F_ALL, "cmpxchg %r9b,(%rsi)" },
    { 4, { 0x48, 0x0f, 0xb1, 0x16 }, MODE_A, F_ALL, "cmpxchg %rdx,(%rsi)" },
    { 2, { 0xf7, 0x16 }, MODE_A, F_ALL, "notl (%rsi)" },
    { 2, { 0xf6, 0x1e }, MODE_A, F_ALL, "negb (%rsi)" },
    { 3, { 0x48, 0xf7, 0x1e }, MODE_A, F_ALL, "negq (%rsi)" },
    { 2, { 0xff, 0x06 }, MODE_A, F_ALL, "incl (%rsi)" },
    { 3, { 0x66, 0xff, 0x0e }, MODE_A, F_ALL, "decw (%rsi)" },
    { 4, { 0xf0, 0x48, 0xff, 0x06 }, MODE_A, F_ALL, "lock incq (%rsi)" },
    { 2, { 0xfe, 0x0e }, MODE_A, F_ALL, "decb (%rsi)" },
    { 4, { 0x0f, 0xba, 0x26, 0x05 }, MODE_A, F_CF, "btl $0x5,(%rsi)" },
    { 5, { 0xf0, 0x0f, 0xba, 0x2e, 0x25 }, MODE_A, F_CF, "lock btsl $0x25,(%rsi)" },
    { 5, { 0x48, 0x0f, 0xba, 0x36, 0x3f }, MODE_A, F_CF, "btrq $0x3f,(%rsi)" },
    { 5, { 0x66, 0x0f, 0xba, 0x3e, 0x03 }, MODE_A, F_CF, "btcw $0x3,(%rsi)" },
    { 3, { 0x0f, 0xa3, 0x0e }, MODE_A, F_CF, "bt %ecx,(%rsi)" },
    { 5, { 0x4c, 0x0f, 0xab, 0x66, 0x10 }, MODE_B, F_CF, "bts %r12,0x10(%rsi)" },
    { 5, { 0x44, 0x0f, 0xb3, 0x6e, 0x20 }, MODE_B, F_CF, "btr %r13d,0x20(%rsi)" },
    { 6, { 0x66, 0x44, 0x0f, 0xbb, 0x76, 0x40 }, MODE_B, F_CF, "btc %r14w,0x40(%rsi)" },
    { 9, { 0xa2, 0x00, 0x08, 0x00, 0x50, 0x00, 0x00, 0x00, 0x00 }, MODE_A, F_ALL, "movabs %al,0x50000800" },
    { 9, { 0xa3, 0x00, 0x08, 0x00, 0x50, 0x00, 0x00, 0x00, 0x00 }, MODE_A, F_ALL, "movabs %eax,0x50000800" },
    { 10, { 0x48, 0xa1, 0x00, 0x08, 0x00, 0x50, 0x00, 0x00, 0x00, 0x00 }, MODE_A, F_ALL, "movabs 0x50000800,%rax" },
    { 10, { 0x66, 0xa1, 0x00, 0x08, 0x00, 0x50, 0x00, 0x00, 0x00, 0x00 }, MODE_A, F_ALL, "movabs 0x50000800,%ax" },
    { 7, { 0x89, 0x04, 0x25, 0x00, 0x09, 0x00, 0x50 }, MODE_A, F_ALL, "mov %eax,0x50000900" },
    { 7, { 0x8b, 0x14, 0xcd, 0x00, 0x09, 0x00, 0x50 }, MODE_A, F_ALL, "mov 0x50000900(,%rcx,8),%edx" },
    { 3, { 0x8b, 0x55, 0xf8 }, MODE_A, F_ALL, "mov -0x8(%rbp),%edx" },
    { 4, { 0x41, 0x8b, 0x55, 0x00 }, MODE_A, F_ALL, "mov 0x0(%r13),%edx" },
    { 4, { 0x41, 0x8b, 0x14, 0x24 }, MODE_A, F_ALL, "mov (%r12),%edx" },
    { 4, { 0x43, 0x8b, 0x14, 0x2c }, MODE_C, F_ALL, "mov (%r12,%r13,1),%edx" },
    { 3, { 0x67, 0x8b, 0x16 }, MODE_A, F_ALL, "mov (%esi),%edx" },
    { 1, { 0xaa }, MODE_A, F_ALL, "stos %al,%es:(%rdi)" },
    { 1, { 0xab }, MODE_A, F_ALL, "stos %eax,%es:(%rdi)" },
    { 2, { 0x48, 0xab }, MODE_A, F_ALL, "stos %rax,%es:(%rdi)" },
    { 3, { 0x66, 0xf3, 0xab }, MODE_A, F_ALL, "rep stos %ax,%es:(%rdi)" },
    { 2, { 0xf3, 0xab }, MODE_A, F_ALL, "rep stos %eax,%es:(%rdi)" },
    { 1, { 0xa4 }, MODE_A, F_ALL, "movsb %ds:(%rsi),%es:(%rdi)" },
    { 2, { 0x48, 0xa5 }, MODE_A, F_ALL, "movsq %ds:(%rsi),%es:(%rdi)" },
    { 2, { 0xf3, 0xa4 }, MODE_A, F_ALL, "rep movsb %ds:(%rsi),%es:(%rdi)" },
    { 2, { 0xf3, 0xa5 }, MODE_A, F_ALL, "rep movsl %ds:(%rsi),%es:(%rdi)" },
    { 1, { 0xac }, MODE_A, F_ALL, "lods %ds:(%rsi),%al" },
    { 1, { 0xad }, MODE_A, F_ALL, "lods %ds:(%rsi),%eax" },
    { 2, { 0x48, 0xad }, MODE_A, F_ALL, "lods %ds:(%rsi),%rax" },
    { 1, { 0xae }, MODE_A, F_ALL, "scas %es:(%rdi),%al" },
    { 2, { 0xf2, 0xae }, MODE_A, F_ALL, "repnz scas %es:(%rdi),%al" },
    { 2, { 0xf3, 0xaf }, MODE_A, F_ALL, "repz scas %es:(%rdi),%eax" },
    { 1, { 0xa6 }, MODE_A, F_ALL, "cmpsb %es:(%rdi),%ds:(%rsi)" },
    { 2, { 0xf3, 0xa6 }, MODE_A, F_ALL, "repz cmpsb %es:(%rdi),%ds:(%rsi)" },
    { 3, { 0x66, 0xf2, 0xa7 }, MODE_A, F_ALL, "repnz cmpsw %es:(%rdi),%ds:(%rsi)" },
    { 3, { 0x67, 0xf3, 0xa4 }, MODE_A, F_ALL, "rep movsb %ds:(%esi),%es:(%edi)" },
};

/* Loads all registers but rsp from [rdi], runs what follows, stores them back. Built from: push rbx rbp r12-r15
 * rdi; pushq 128(rdi); popfq; loads - pushfq; xchg rdi,8(rsp); stores; pops; ret. */
static const uint8_t prologue[] = {
    0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57, 0x57, 0xff, 0xb7, 0x80, 0x00, 0x00,
    0x00, 0x9d, 0x48, 0x8b, 0x07, 0x48, 0x8b, 0x4f, 0x08, 0x48, 0x8b, 0x57, 0x10, 0x48, 0x8b, 0x5f,
    0x18, 0x48, 0x8b, 0x6f, 0x28, 0x48, 0x8b, 0x77, 0x30, 0x4c, 0x8b, 0x47, 0x40, 0x4c, 0x8b, 0x4f,
    0x48, 0x4c, 0x8b, 0x57, 0x50, 0x4c, 0x8b, 0x5f, 0x58, 0x4c, 0x8b, 0x67, 0x60, 0x4c, 0x8b, 0x6f,
    0x68, 0x4c, 0x8b, 0x77, 0x70, 0x4c, 0x8b, 0x7f, 0x78, 0x48, 0x8b, 0x7f, 0x38,
};
static const uint8_t epilogue[] = {
    0x9c, 0x48, 0x87, 0x7c, 0x24, 0x08, 0x48, 0x89, 0x07, 0x48, 0x89, 0x4f, 0x08, 0x48, 0x89, 0x57,
    0x10, 0x48, 0x89, 0x5f, 0x18, 0x48, 0x89, 0x6f, 0x28, 0x48, 0x89, 0x77, 0x30, 0x4c, 0x89, 0x47,
    0x40, 0x4c, 0x89, 0x4f, 0x48, 0x4c, 0x89, 0x57, 0x50, 0x4c, 0x89, 0x5f, 0x58, 0x4c, 0x89, 0x67,
    0x60, 0x4c, 0x89, 0x6f, 0x68, 0x4c, 0x89, 0x77, 0x70, 0x4c, 0x89, 0x7f, 0x78, 0x48, 0x8b, 0x44,
    0x24, 0x08, 0x48, 0x89, 0x47, 0x38, 0x8f, 0x87, 0x80, 0x00, 0x00, 0x00, 0xfc, 0x58, 0x41, 0x5f,
    0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3,
};

struct native { uint64_t gpr[16], rflags; };

static uint8_t shadow[BUF_LEN], before[BUF_LEN];
static uint8_t ram[0x20000];
static uint8_t *code;
static struct guest_mem mem;
static struct bus bus;
static struct vcpu_state vs;
static unsigned lapic_reads, lapic_writes;
static uint32_t lapic_offset, lapic_value;

uint32_t host_lapic_read(unsigned vcpu, unsigned offset)
{
    (void)vcpu;
    lapic_reads++;
    lapic_offset = offset;
    return 0x00050014;
}

void host_lapic_write(unsigned vcpu, unsigned offset, uint32_t value)
{
    (void)vcpu;
    lapic_writes++;
    lapic_offset = offset;
    lapic_value = value;
}

static bool dev_read(void *dev, uint64_t gpa, unsigned size, uint64_t *value)
{
    (void)dev;
    *value = 0;
    memcpy(value, shadow + (gpa - BUF), size);
    return true;
}

static bool dev_write(void *dev, uint64_t gpa, unsigned size, uint64_t value)
{
    (void)dev;
    memcpy(shadow + (gpa - BUF), &value, size);
    return true;
}

static uint32_t port_log[64], port_count;
static uint32_t port_in(void *dev, uint16_t port, unsigned size)
{
    (void)dev; (void)port; (void)size;
    return 0x11223344 + port_count++;
}

static void port_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    (void)dev; (void)size;
    CHECK_EQ(port, 0x1f0);
    port_log[port_count++ % 64] = value;
}

static uint64_t rng = 88172645463325252ull;
static uint64_t rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static uint64_t value(void)
{
    static const uint64_t edge[] = { 0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
                                     0x7fffffffffffffff, 0x8000000000000000, ~0ull };
    return rnd() % 3 == 0 ? edge[rnd() % 13] : rnd();
}

static void start_state(void)
{
    memset(&vs, 0, sizeof vs);
    vs.efer = 0x500;                       /* long mode; without paging linear = physical here */
    vs.seg[SEG_CS].attr = 0xa9b;
    vs.seg[SEG_SS].attr = 0xc93;
    vs.rip = 0x1000;
    vs.rflags = 2;
    vs.exit.reason = EXIT_IO_STRING;       /* no known address: everything is translated */
}

static status_t emulate(const uint8_t *bytes, unsigned len)
{
    struct emu emu = { &vs, &mem, &bus, 0 };
    memcpy(ram + vs.rip, bytes, len);
    return emu_run(&emu);
}

static void random_state(struct native *n, enum reg_mode mode, uint8_t *buf)
{
    for (unsigned i = 0; i < 16; i++)
        n->gpr[i] = value();
    n->gpr[GPR_RSI] = BUF + 0x400 + rnd() % 64;
    n->gpr[GPR_RDI] = BUF + 0x800 + rnd() % 64;
    n->gpr[GPR_RBP] = BUF + 0x1000;
    n->gpr[GPR_RCX] = rnd() % 24;
    n->gpr[GPR_R12] = mode == MODE_B ? rnd() % 4000 - 2000 : BUF + 0x300;
    n->gpr[GPR_R13] = mode == MODE_A ? BUF + 0x200 : rnd() % 400;
    n->gpr[GPR_R14] = rnd() % 400 - 200;
    if (mode == MODE_B)
        n->gpr[GPR_R13] = (uint32_t)(rnd() % 4000 - 2000);
    n->rflags = 0x202 | (rnd() & 0xcd5);   /* DF too */
    n->rflags &= ~0x300ull;
    n->rflags |= 0x200;
    bool few = rnd() % 2;
    for (unsigned i = 0; i < BUF_LEN; i++)
        buf[i] = few ? (uint8_t)(rnd() % 8 ? n->gpr[GPR_RAX] : 0) : (uint8_t)rnd();
}

static void differential(void)
{
    for (unsigned c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        bool same = true;
        memcpy(code, prologue, sizeof prologue);
        memcpy(code + sizeof prologue, cases[c].bytes, cases[c].len);
        memcpy(code + sizeof prologue + cases[c].len, epilogue, sizeof epilogue);
        for (unsigned round = 0; round < 400 && same; round++) {
            struct native n, start;
            random_state(&n, cases[c].mode, before);
            start = n;
            memcpy(shadow, before, BUF_LEN);
            memcpy((void *)BUF, before, BUF_LEN);
            void (*run)(struct native *);
            memcpy(&run, &code, sizeof run);
            run(&n);
            start_state();
            memcpy(vs.gpr, start.gpr, sizeof vs.gpr);
            vs.rflags = start.rflags;
            status_t st = emulate(cases[c].bytes, cases[c].len);
            n.gpr[GPR_RSP] = start.gpr[GPR_RSP];
            same = st == ST_OK && (vs.dirty & VS_EVENT) == 0 && vs.rip == 0x1000 + cases[c].len
                   && memcmp(vs.gpr, n.gpr, sizeof n.gpr) == 0
                   && ((vs.rflags ^ n.rflags) & cases[c].flags) == 0
                   && memcmp(shadow, (void *)BUF, BUF_LEN) == 0;
            if (!same) {
                printf("    %s: st %d rip %lx flags %lx want %lx\n", cases[c].text, st, vs.rip, vs.rflags, n.rflags);
                for (unsigned i = 0; i < 16; i++)
                    if (vs.gpr[i] != n.gpr[i])
                        printf("    r%u was %lx is %lx want %lx\n", i, start.gpr[i], vs.gpr[i], n.gpr[i]);
            }
        }
        unit_checks++;
        if (!same)
            unit_fail(__FILE__, __LINE__, cases[c].text);
    }
}

static void put64(uint64_t at, uint64_t v) { memcpy(ram + at, &v, 8); }

/* 4-level tables at 10000h: va 0 = ram 0 (code), va 200000.. = device page, va 201000 absent, 202000 read-only. */
static void paging_state(void)
{
    start_state();
    memset(ram + 0x10000, 0, 0x5000);
    put64(0x10000, 0x11007);
    put64(0x11000, 0x12007);
    put64(0x12000, 0x13007);
    put64(0x12008, 0x14007);
    put64(0x13008, 0x1007);                /* va 1000 */
    put64(0x14000, BUF | 7);
    put64(0x14010, (BUF + 0x1000) | 5);
    put64(0x14018, 0x5007);                /* va 203000 = ram 5000 */
    put64(0x14020, 0x7007);                /* va 204000 = ram 7000: not adjacent */
    vs.cr0 = 0x80010001;
    vs.cr3 = 0x10000;
    vs.cr4 = 0x20;
}

/* Whose page a fault hit: the stack's, or something else's. */
static void stack(void)
{
    static const struct { uint64_t rsp, gpa; bool hit; } row[] = {
        { 0x201000, BUF + 0xff8, true },                 /* pushed to 200ff8 */
        { 0x201000, BUF + 0x1000, false },
        { 0x203010, BUF + 0x1000, true },                /* the frame of an exception reaches the page below */
        { 0x203010, 0x5000, true },
        { 0x202000, BUF + 0xff8, false },                /* a page that is not there */
        { 0x8000000000200800, BUF, false },
    };
    for (unsigned i = 0; i < sizeof row / sizeof row[0]; i++) {
        paging_state();
        vs.gpr[GPR_RSP] = row[i].rsp;
        CHECK_EQ(guest_stack_is_at(&vs, &mem, (gpa_t){ row[i].gpa }), row[i].hit);
    }
}

static void faults(void)
{
    static const uint8_t store[] = { 0x89, 0x06 }, load8[] = { 0x48, 0x8b, 0x06 }, push[] = { 0xff, 0x36 };
    static const uint8_t vex[] = { 0xc5, 0xf8, 0x10, 0x06 }, badlock[] = { 0xf0, 0x8b, 0x06 };
    paging_state();
    vs.gpr[GPR_RSI] = 0x201004;
    CHECK_EQ(emulate(store, 2), ST_OK);
    CHECK_EQ(vs.pending_event, EVENT_ERR(14, 2));
    CHECK_EQ(vs.cr2, 0x201004);
    CHECK_EQ(vs.rip, 0x1000);
    CHECK((vs.dirty & (VS_EVENT | VS_CR)) == (VS_EVENT | VS_CR));
    paging_state();
    vs.gpr[GPR_RSI] = 0x202000;            /* read-only */
    CHECK_EQ(emulate(store, 2), ST_OK);
    CHECK_EQ(vs.pending_event, EVENT_ERR(14, 3));
    paging_state();
    vs.gpr[GPR_RSI] = 0x8000000000200000ull;
    CHECK_EQ(emulate(store, 2), ST_OK);
    CHECK_EQ(vs.pending_event, EVENT_ERR(13, 0));
    paging_state();
    vs.gpr[GPR_RSI] = 0x200ffc;            /* second page of the load is absent */
    CHECK_EQ(emulate(load8, 3), ST_OK);
    CHECK_EQ(vs.pending_event, EVENT_ERR(14, 0));
    CHECK_EQ(vs.cr2, 0x201000);
    paging_state();
    vs.gpr[GPR_RSI] = 0x203ffc;            /* crosses into another frame */
    put64(0x5ff8, 0x1111111122222222ull);
    put64(0x7000, 0x3333333344444444ull);
    CHECK_EQ(emulate(load8, 3), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RAX], 0x4444444411111111ull);
    paging_state();
    vs.gpr[GPR_RSI] = 0x200000;
    CHECK_EQ(emulate(push, 2), ST_UNSUPP);
    CHECK_EQ(emulate(vex, 4), ST_UNSUPP);
    CHECK_EQ(vs.rip, 0x1000);
    CHECK_EQ(vs.dirty, 0);
    CHECK_EQ(emulate(badlock, 3), ST_OK);
    CHECK_EQ(vs.pending_event, EVENT(3, 6));
    paging_state();
    vs.rip = 0x300000;                     /* no code there */
    struct emu emu = { &vs, &mem, &bus, 0 };
    CHECK_EQ(emu_run(&emu), ST_OK);
    CHECK_EQ(vs.pending_event, EVENT_ERR(14, 0));
}

/* The address that the CPU reported is used, and is right for a plain operand. */
static void known_address(void)
{
    static const uint8_t store[] = { 0x89, 0x06 };
    start_state();
    vs.exit.reason = EXIT_MMIO;
    vs.exit.gpa = BUF + 0x123;
    vs.cr0 = 0x80000001;
    vs.cr3 = 0xfffff000;                   /* tables that no walk could use */
    vs.exit.bytes_len = 2;
    memcpy(vs.exit.bytes, store, 2);
    vs.gpr[GPR_RSI] = 0xffff800000000123ull;
    vs.gpr[GPR_RAX] = 0xcafebabe;
    memset(shadow, 0, sizeof shadow);
    struct emu emu = { &vs, &mem, &bus, 0 };
    CHECK_EQ(emu_run(&emu), ST_OK);
    CHECK_EQ(shadow[0x123], 0xbe);
    CHECK_EQ(shadow[0x126], 0xca);
    CHECK_EQ(vs.rip, 0x1002);
}

static void lapic(void)
{
    static const uint8_t store[] = { 0x89, 0x06 }, load[] = { 0x8b, 0x06 }, load1[] = { 0x8a, 0x46, 0x02 };
    start_state();
    vs.gpr[GPR_RSI] = 0xfee000b0;
    vs.gpr[GPR_RAX] = 0x1234;
    CHECK_EQ(emulate(store, 2), ST_OK);
    CHECK_EQ(lapic_writes, 1);
    CHECK_EQ(lapic_offset, 0xb0);
    CHECK_EQ(lapic_value, 0x1234);
    vs.gpr[GPR_RSI] = 0xfee00030;
    CHECK_EQ(emulate(load, 2), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RAX], 0x50014);
    CHECK_EQ(emulate(load1, 3), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RAX], 0x50005);
    CHECK_EQ(lapic_reads, 2);
    vs.gpr[GPR_RSI] = 0xfee00034;          /* between registers */
    CHECK_EQ(emulate(load, 2), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RAX], 0);
    CHECK_EQ(emulate(store, 2), ST_OK);
    CHECK_EQ(lapic_writes, 1);
    vs.gpr[GPR_RSI] = 0xd0000000;          /* nobody: ones */
    CHECK_EQ(emulate(load, 2), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RAX], 0xffffffff);
}

static void ports(void)
{
    static const uint8_t outsw[] = { 0xf3, 0x66, 0x6f }, insb[] = { 0x6c }, insd[] = { 0xf3, 0x6d };
    start_state();
    memcpy(ram + 0x2000, "abcdef", 6);
    vs.gpr[GPR_RDX] = 0xffff01f0;
    vs.gpr[GPR_RCX] = 3;
    vs.gpr[GPR_RSI] = 0x2000;
    port_count = 0;
    CHECK_EQ(emulate(outsw, 3), ST_OK);
    CHECK_EQ(port_count, 3);
    CHECK_EQ(port_log[0], 'a' | 'b' << 8);
    CHECK_EQ(port_log[2], 'e' | 'f' << 8);
    CHECK_EQ(vs.gpr[GPR_RSI], 0x2006);
    CHECK_EQ(vs.gpr[GPR_RCX], 0);
    CHECK_EQ(vs.rip, 0x1003);
    start_state();
    port_count = 0;
    vs.gpr[GPR_RDX] = 0x1f0;
    vs.gpr[GPR_RDI] = 0x3000;
    vs.rflags |= 0x400;
    CHECK_EQ(emulate(insb, 1), ST_OK);
    CHECK_EQ(ram[0x3000], 0x44);
    CHECK_EQ(vs.gpr[GPR_RDI], 0x2fff);
    start_state();
    vs.gpr[GPR_RDX] = 0x1f0;
    vs.gpr[GPR_RDI] = 0x3000;
    vs.gpr[GPR_RCX] = 2 * EMU_REP_MAX;     /* bounded: the rest at the next exit */
    CHECK_EQ(emulate(insd, 2), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RCX], EMU_REP_MAX);
    CHECK_EQ(vs.rip, 0x1000);
    CHECK_EQ(emulate(insd, 2), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RCX], 0);
    CHECK_EQ(vs.rip, 0x1002);
    CHECK_EQ(vs.gpr[GPR_RDI], 0x3000 + 8 * EMU_REP_MAX);
}

/* 16-bit code: segment base, 16-bit addressing and wrap of IP and SI. */
static void real_mode(void)
{
    static const uint8_t mov16[] = { 0x8b, 0x40, 0x10 };        /* mov ax,[bx+si+10h] */
    static const uint8_t mov32[] = { 0x66, 0x67, 0x8b, 0x06 };  /* mov eax,[esi] */
    static const uint8_t ovr[] = { 0x26, 0xa1, 0x34, 0x12 };    /* mov ax,es:[1234h] */
    static const uint8_t stack[] = { 0x8b, 0x46, 0xfe };        /* mov ax,[bp-2]: SS */
    static const uint8_t lods[] = { 0xac };
    start_state();
    vs.efer = 0;
    vs.seg[SEG_CS] = (struct vcpu_segment){ 0x100, 0x93, 0xffff, 0x1000 };
    vs.seg[SEG_DS].base = 0x2000;
    vs.seg[SEG_ES].base = 0x4000;
    vs.seg[SEG_SS].base = 0x6000;
    vs.rip = 0x20;
    struct emu emu = { &vs, &mem, &bus, 0 };
    vs.gpr[GPR_RBX] = 0xffffff00;
    vs.gpr[GPR_RSI] = 0x80;
    vs.gpr[GPR_RAX] = 0xdddddddddddddddd;
    memcpy(ram + 0x1020, mov16, 3);
    put64(0x2000 + 0xff90, 0x5678);
    CHECK_EQ(emu_run(&emu), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RAX], 0xdddddddddddd5678);
    CHECK_EQ(vs.rip, 0x23);
    memcpy(ram + 0x1023, mov32, 4);
    put64(0x2080, 0x12345678);
    CHECK_EQ(emu_run(&emu), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RAX], 0x12345678);
    memcpy(ram + 0x1027, ovr, 4);
    put64(0x4000 + 0x1234, 0xaaaa);
    CHECK_EQ(emu_run(&emu), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RAX], 0x1234aaaa);
    memcpy(ram + 0x102b, stack, 3);
    vs.gpr[GPR_RBP] = 0x102;
    put64(0x6100, 0xbbbb);
    CHECK_EQ(emu_run(&emu), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RAX], 0x1234bbbb);
    vs.rip = 0xffff;
    memcpy(ram + 0x10fff, lods, 1);
    vs.gpr[GPR_RSI] = 0x7777ffff;
    ram[0x2000 + 0xffff] = 0x5a;
    CHECK_EQ(emu_run(&emu), ST_OK);
    CHECK_EQ(vs.gpr[GPR_RAX] & 0xff, 0x5a);
    CHECK_EQ(vs.gpr[GPR_RSI], 0x77770000);
    CHECK_EQ(vs.rip, 0);
}

int main(void)
{
    static const struct bus_mmio_ops mmio = { dev_read, dev_write };
    static const struct bus_port_ops port = { port_in, port_out, 4 };
    void *buf = mmap((void *)BUF, BUF_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buf == MAP_FAILED || code == MAP_FAILED)
        return 1;
    mem_init(&mem, ram, sizeof ram, 0);
    bus_init(&bus);
    bus_attach_mmio(&bus, BUF, BUF_LEN, &mmio, NULL);
    bus_attach_port(&bus, 0x1f0, 4, &port, NULL);
    differential();
    faults();
    stack();
    known_address();
    lapic();
    ports();
    real_mode();
    return unit_done();
}
