/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt descriptor table, handlers, and exceptions that a test expects. */
#include "tests/guest/lib/rt.h"

struct gate { uint16_t low, sel; uint8_t ist, attr; uint16_t mid; uint32_t high, zero; };
struct table { uint16_t limit; uint64_t base; } __attribute__((packed));

extern uint8_t rt_stubs[];
extern uint64_t rt_gdt[], rt_pml4[];
void rt_trap(struct rt_frame *f);
void rt_traps_init(void);
void rt_load_tables(void);

uint64_t rt_catch_rip, rt_catch_rsp;
extern uint64_t rt_catch_rip, rt_catch_rsp;
struct rt_frame rt_trapped;
uint64_t rt_trapped_cr2;
static rt_handler *handlers[256];
static struct gate idt[256] __attribute__((aligned(16)));
static uint8_t tss[104] __attribute__((aligned(16)));
static uint8_t ring0_stack[8192] __attribute__((aligned(16)));

void rt_on(unsigned vector, rt_handler *handler) { handlers[vector & 255] = handler; }

void rt_trap(struct rt_frame *f)
{
    if (handlers[f->vector]) {
        handlers[f->vector](f);
        return;
    }
    if (rt_catch_rip) {
        rt_trapped = *f;
        rt_trapped_cr2 = read_cr2();
        f->rip = rt_catch_rip;
        f->rsp = rt_catch_rsp;
        f->cs = 8;
        f->ss = 16;
        f->rflags &= ~0x100ull;
        f->rax = f->vector + 1;
        rt_catch_rip = 0;
        return;
    }
    rt_fail("no-exception", "vector %lu error %lx rip %lx rsp %lx cr2 %lx", f->vector, f->error, f->rip, f->rsp,
            read_cr2());
    rt_done();
}

void rt_gate(unsigned vector, uint64_t handler, unsigned dpl)
{
    idt[vector & 255] = (struct gate){ (uint16_t)handler, 8, 0, (uint8_t)(0x8e | dpl << 5), (uint16_t)(handler >> 16),
                                       (uint32_t)(handler >> 32), 0 };
}

void rt_load_tables(void)
{
    const struct table d = { sizeof idt - 1, (uintptr_t)idt };
    __asm__ volatile ("lidt %0" : : "m"(d));
}

void rt_traps_init(void)
{
    uint64_t base = (uintptr_t)tss, top = (uintptr_t)(ring0_stack + sizeof ring0_stack);
    for (unsigned i = 0; i < 256; i++)
        rt_gate(i, (uintptr_t)rt_stubs + 16ul * i, 0);
    rt_load_tables();
    for (unsigned i = 0; i < 8; i++)
        tss[4 + i] = (uint8_t)(top >> (8 * i));
    rt_gdt[8] = 0x0000890000000067ull | (base & 0xffffff) << 16 | (base >> 24 & 0xff) << 56;
    rt_gdt[9] = base >> 32;
    __asm__ volatile ("ltr %w0" : : "r"(0x40));
}

/* Tables for what lies above the first 4 GiB come from a small pool. */
void rt_map(uint64_t pa, uint64_t len)
{
    static uint64_t pool[8][512] __attribute__((aligned(4096)));
    static unsigned used;
    for (uint64_t end = pa + len, at = pa & ~0x1fffffull; at < end; at += 0x200000) {
        uint64_t *l4 = &rt_pml4[at >> 39 & 511];
        if (!(*l4 & 1) && used < 8)
            *l4 = (uintptr_t)pool[used++] | 7;
        uint64_t *l3 = &((uint64_t *)(uintptr_t)(*l4 & ~0xfffull))[at >> 30 & 511];
        if (!(*l3 & 1) && used < 8)
            *l3 = (uintptr_t)pool[used++] | 7;
        uint64_t *l2 = &((uint64_t *)(uintptr_t)(*l3 & ~0xfffull))[at >> 21 & 511];
        if (!(*l2 & 1))
            *l2 = at | 0x9f;
    }
}
