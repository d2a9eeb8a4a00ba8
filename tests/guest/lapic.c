/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC in xAPIC and x2APIC mode: registers, priority, timer, IPIs to itself, errors. */
#include "tests/guest/lib/rt.h"

#define APIC_BASE  0x1bu
#define ID 0x02
#define VERSION 0x03
#define TPR 0x08
#define PPR 0x0a
#define LDR 0x0d
#define DFR 0x0e
#define SVR 0x0f
#define ISR 0x10
#define TMR 0x18
#define IRR 0x20
#define ESR 0x28
#define LVT_TIMER 0x32
#define LVT_ERROR 0x37
#define T_INIT 0x38
#define T_COUNT 0x39
#define T_DIV 0x3e
#define SELF 0x40000u

static volatile unsigned taken[256], order[16], orders;
static bool x2;

static void on(struct rt_frame *f)
{
    taken[f->vector]++;
    if (orders < 16)
        order[orders++] = (unsigned)f->vector;
    lapic_eoi();
}

static void on_spurious(struct rt_frame *f) { taken[f->vector]++; }

static void clear(void)
{
    for (unsigned i = 0; i < 256; i++)
        taken[i] = 0;
    orders = 0;
}

static const char *in_mode(const char *name)
{
    static char text[64];
    const char *prefix = x2 ? "x2-" : "x-";
    unsigned n = 0;
    while (*prefix)
        text[n++] = *prefix++;
    while (*name && n < sizeof text - 1)
        text[n++] = *name++;
    text[n] = 0;
    return text;
}
#define EQUAL(name, got, want) rt_equal(in_mode(name), (got), (want))
#define CHECK(ok, name)        rt_check((ok), in_mode(name))

static bool bit(unsigned reg, unsigned vector) { return lapic_rd(reg + vector / 32) >> vector % 32 & 1; }

static void self(unsigned vector) { lapic_icr(0, SELF | vector); }

static void registers(void)
{
    EQUAL("id", lapic_rd(ID), 0);
    EQUAL("version", lapic_rd(VERSION) & 0xff, 0x14);
    CHECK((lapic_rd(VERSION) >> 16 & 0xff) >= 5, "six-lvt-entries");
    lapic_wr(SVR, 0x1ff);
    EQUAL("svr", lapic_rd(SVR), 0x1ff);
    lapic_wr(LVT_ERROR, 0x10000 | 0xfe);
    EQUAL("lvt-error", lapic_rd(LVT_ERROR), 0x100fe);
    lapic_wr(SVR, 0xff);
    lapic_wr(LVT_ERROR, 0xfe);
    EQUAL("lvt-masked-while-disabled", lapic_rd(LVT_ERROR), 0x100fe);
    lapic_wr(SVR, 0x1ff);
}

static void priority(void)
{
    clear();
    cli();
    self(0x41);
    self(0x85);
    self(0x62);
    CHECK(bit(IRR, 0x41) && bit(IRR, 0x85) && bit(IRR, 0x62), "irr");
    lapic_wr(TPR, 0x70);
    EQUAL("ppr-is-tpr", lapic_rd(PPR), 0x70);
    sti_nop_cli();
    CHECK(orders == 1 && order[0] == 0x85, "tpr-holds-back");
    CHECK(!bit(ISR, 0x85) && !bit(IRR, 0x85), "eoi-clears");
    lapic_wr(TPR, 0x50);
    sti_nop_cli();
    CHECK(orders == 2 && order[1] == 0x62, "lower-tpr-lets-in");
    EQUAL("cr8-is-tpr", read_cr8(), 5);
    sti();
    write_cr8(0);
    __asm__ volatile ("nop");
    cli();
    CHECK(orders == 3 && order[2] == 0x41, "cr8-lets-in");
    EQUAL("tpr-after-cr8", lapic_rd(TPR), 0);
    clear();
    sti();
    self(0x41);
    __asm__ volatile ("nop");
    cli();
    EQUAL("self-ipi", taken[0x41], 1);
}

static void nested(struct rt_frame *f)
{
    taken[f->vector]++;
    CHECK(bit(ISR, 0x55), "isr-in-handler");
    EQUAL("ppr-in-handler", lapic_rd(PPR), 0x50);
    self(0x52);
    self(0x66);
    sti_nop_cli();
    CHECK(taken[0x66] == 1 && taken[0x52] == 0, "only-higher-class-nests");
    lapic_eoi();
}

static void nesting(void)
{
    clear();
    rt_on(0x55, nested);
    sti();
    self(0x55);
    __asm__ volatile ("nop; nop");
    cli();
    EQUAL("same-class-after-eoi", taken[0x52], 1);
    rt_on(0x55, on);
}

static bool wait(volatile unsigned *what, unsigned want, uint64_t ticks)
{
    uint64_t end = rdtsc() + ticks;
    while (*what < want && rdtsc() < end) {
        sti_hlt();
    }
    return *what >= want;
}

static void timer(void)
{
    clear();
    lapic_wr(T_DIV, 0xb);
    lapic_wr(LVT_TIMER, 0x10000 | 0x44);
    lapic_wr(T_INIT, 100000000);
    uint32_t a = lapic_rd(T_COUNT);
    for (unsigned i = 0; i < 100; i++)
        outb(0x80, 0);
    uint32_t b = lapic_rd(T_COUNT);
    CHECK(a <= 100000000 && b < a && b > 0, "timer-counts-down");
    lapic_wr(T_INIT, 0);
    EQUAL("timer-stops", lapic_rd(T_COUNT), 0);
    lapic_wr(LVT_TIMER, 0x44);
    lapic_wr(T_INIT, 1000000);
    CHECK(wait(&taken[0x44], 1, 10000000000ull), "timer-one-shot");
    EQUAL("one-shot-count-0", lapic_rd(T_COUNT), 0);
    lapic_wr(LVT_TIMER, 0x20044);
    lapic_wr(T_INIT, 1000000);
    CHECK(wait(&taken[0x44], 6, 10000000000ull), "timer-periodic");
    lapic_wr(T_INIT, 0);
    lapic_wr(LVT_TIMER, 0x10000);
    unsigned n = taken[0x44];
    sti_nop_cli();
    uint64_t end = rdtsc() + 10000000;
    sti();
    while (rdtsc() < end)
        pause();
    cli();
    CHECK(taken[0x44] <= n + 1, "timer-off");
}

static void deadline(void)
{
    if (!(cpuid(1, 0).ecx & 1u << 24)) {
        rt_print("note: no TSC deadline\n");
        return;
    }
    clear();
    lapic_wr(LVT_TIMER, 0x40044);
    uint64_t start = rdtsc(), due = start + 50000000;    /* far enough for a host that is late */
    wrmsr(0x6e0, due);
    EQUAL("deadline-reads-back", rdmsr(0x6e0), due);
    CHECK(wait(&taken[0x44], 1, 10000000000ull), "deadline-fires");
    CHECK(rdtsc() >= due, "deadline-not-early");
    EQUAL("deadline-0-after", rdmsr(0x6e0), 0);
    wrmsr(0x6e0, 1);
    sti_nop_cli();
    EQUAL("deadline-in-the-past", taken[0x44], 2);
    wrmsr(0x6e0, rdtsc() + 1000000000000ull);
    wrmsr(0x6e0, 0);
    EQUAL("deadline-disarmed", rdmsr(0x6e0), 0);
    lapic_wr(LVT_TIMER, 0x10000);
}

static void errors(void)
{
    lapic_wr(ESR, 0);
    clear();
    lapic_wr(LVT_ERROR, 0xe1);
    self(0x05);
    lapic_wr(ESR, 0);
    CHECK((lapic_rd(ESR) & 0x60) != 0, "illegal-vector-in-esr");
    sti_nop_cli();
    EQUAL("error-interrupt", taken[0xe1], 1);
    lapic_wr(ESR, 0);
    lapic_wr(ESR, 0);
    EQUAL("esr-clears", lapic_rd(ESR), 0);
    lapic_wr(LVT_ERROR, 0x10000);
}

static void logical(void)
{
    clear();
    if (!x2) {
        lapic_wr(DFR, 0xffffffffu);
        lapic_wr(LDR, 0x04000000);
        EQUAL("ldr", lapic_rd(LDR), 0x04000000);
    } else {
        EQUAL("ldr", lapic_rd(LDR), 1);
    }
    sti();
    lapic_icr(x2 ? 1 : 4, 0x800 | 0x47);
    __asm__ volatile ("nop");
    cli();
    EQUAL("logical-hit", taken[0x47], 1);
    sti();
    lapic_icr(x2 ? 2 : 2, 0x800 | 0x47);
    __asm__ volatile ("nop");
    cli();
    EQUAL("logical-miss", taken[0x47], 1);
    sti();
    lapic_icr(0, 0x80000 | 0x48);
    lapic_icr(0, 0xc0000 | 0x49);
    lapic_icr(x2 ? 0xffffffffu : 0xff, 0x4a);
    lapic_icr(0, 0x100 | 0x4b);
    __asm__ volatile ("nop");
    cli();
    EQUAL("all-shorthand", taken[0x48], 1);
    EQUAL("others-shorthand", taken[0x49], 0);
    EQUAL("broadcast", taken[0x4a], 1);
    EQUAL("lowest-priority", taken[0x4b], 1);
}

static void all(void)
{
    for (unsigned v = 0x20; v < 0xff; v++)
        rt_on(v, on);
    rt_on(0xff, on_spurious);
    registers();
    priority();
    nesting();
    logical();
    timer();
    deadline();
    errors();
}

static void gp(void *msr) { wrmsr((uint32_t)(uintptr_t)msr, 0xffffffffffffull); }
static void gp_read(void *msr) { (void)rdmsr((uint32_t)(uintptr_t)msr); }
static void base(void *value) { wrmsr(APIC_BASE, (uintptr_t)value); }

static void x2_faults(void)
{
    static const uint16_t write[] = { 0x802, 0x803, 0x808, 0x80a, 0x80b, 0x80d, 0x80e, 0x810, 0x828, 0x830, 0x831, 0x832, 0x839, 0x83f };
    static const uint16_t read[] = { 0x800, 0x801, 0x80b, 0x80e, 0x831, 0x83f, 0x809 };
    for (unsigned i = 0; i < sizeof write / sizeof write[0]; i++)
        EQUAL("write-gp", (uint64_t)rt_catch(gp, (void *)(uintptr_t)write[i]), 14);
    for (unsigned i = 0; i < sizeof read / sizeof read[0]; i++)
        EQUAL("read-gp", (uint64_t)rt_catch(gp_read, (void *)(uintptr_t)read[i]), 14);
    EQUAL("back-to-xapic-gp", (uint64_t)rt_catch(base, (void *)0xfee00900ul), 14);
    clear();
    sti();
    wrmsr(0x83f, 0x77);
    __asm__ volatile ("nop");
    cli();
    EQUAL("self-ipi-register", taken[0x77], 1);
}

static void disable(void)
{
    wrmsr(APIC_BASE, 0xfee00100u);
    rt_check(!(cpuid(1, 0).edx & 1u << 9), "cpuid-apic-clear-while-off");
    EQUAL("msr-gp-while-off", (uint64_t)rt_catch(gp_read, (void *)0x802ul), 14);
    EQUAL("x2-from-off-gp", (uint64_t)rt_catch(base, (void *)0xfee00d00ul), 14);
    wrmsr(APIC_BASE, 0xfee00900u);
    x2 = false;
    rt_equal("svr-after-off-and-on", lapic_rd(SVR), 0xff);
    rt_equal("lvt-after-off-and-on", lapic_rd(LVT_TIMER), 0x10000);
    lapic_wr(SVR, 0x1ff);
    clear();
    sti();
    self(0x50);
    __asm__ volatile ("nop");
    cli();
    rt_equal("works-after-off-and-on", taken[0x50], 1);
}

void guest_main(void)
{
    rt_equal("x2-msr-in-xapic-mode-gp", (uint64_t)rt_catch(gp_read, (void *)0x802ul), 14);
    all();
    if (!lapic_x2_on()) {
        rt_fail("x2apic", "not offered");
        return;
    }
    x2 = true;
    all();
    x2_faults();
    disable();
}
