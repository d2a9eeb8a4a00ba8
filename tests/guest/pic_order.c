/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 8259 pair under several requests at once: priorities and their rotation, nesting,
 * special mask, automatic end of interrupt, poll, level inputs, and the way through LINT0.
 * Sources are IRQ 0 (PIT), 4 (COM1 transmitter) and 8 (RTC).
 */
#include "tests/guest/lib/rt.h"

#include "vmm/guest_hw.h"

#define CMD1     GHW_PIC1
#define DATA1    (GHW_PIC1 + 1)
#define CMD2     GHW_PIC2
#define DATA2    (GHW_PIC2 + 1)
#define BASE     0x50u
#define IER      (GHW_COM1 + 1)
#define IIR      (GHW_COM1 + 2)
#define LINT0    0x35u
#define MASKED   0x10000u
#define EXTINT   0x700u
#define OPEN1    0xeau              /* IRQ 0, the cascade and IRQ 4 */

static volatile unsigned order[16], taken, nested_early, served;
static volatile uint8_t isr_seen;
static volatile bool auto_eoi, rotate, clear_source = true;

static void quiet(unsigned irq)
{
    if (irq == GHW_IRQ_COM1)
        (void)inb(IIR);
    if (irq == GHW_IRQ_RTC) {                  /* off: it would come again */
        outb(GHW_CMOS, 0x0b);
        outb(GHW_CMOS + 1, 0x02);
        outb(GHW_CMOS, 0x0c);
        (void)inb(GHW_CMOS + 1);
    }
}

static void eoi(unsigned irq)
{
    if (auto_eoi)
        return;
    if (irq >= 8)
        outb(CMD2, 0x20);
    outb(CMD1, rotate ? 0xa0 : 0x20);
}

static uint8_t isr(uint16_t port)
{
    outb(port, 0x0b);
    return inb(port);
}

static uint8_t irr(uint16_t port)
{
    outb(port, 0x0a);
    return inb(port);
}

static void on(struct rt_frame *f)
{
    unsigned irq = (unsigned)f->vector - BASE;
    if (taken < 16)
        order[taken] = irq;
    taken++;
    isr_seen = isr(irq < 8 ? CMD1 : CMD2);
    if (clear_source)
        quiet(irq);
    else if (taken >= 4)
        outb(DATA1, 0xff);                     /* it would come for ever */
    eoi(irq);
}

/* Initialised with icw4, everything masked, no request pending. */
static void init(uint8_t icw4)
{
    static const uint16_t seq[][2] = { { CMD1, 0x11 }, { DATA1, BASE }, { DATA1, 4 }, { CMD2, 0x11 }, { DATA2, BASE + 8 },
                                       { DATA2, 2 } };
    for (unsigned i = 0; i < sizeof seq / sizeof seq[0]; i++) {
        outb(seq[i][0], (uint8_t)seq[i][1]);
        if (i == 2)
            outb(DATA1, icw4);
    }
    outb(DATA2, 1);
    outb(DATA1, 0xff);
    outb(DATA2, 0xff);
}

static void pit_once(void)
{
    outb(GHW_PIT + 3, 0x30);
    outb(GHW_PIT, 1);
    outb(GHW_PIT, 0);
}

static void rtc_once(void)
{
    quiet(GHW_IRQ_RTC);
    outb(GHW_CMOS, 0x0a);
    outb(GHW_CMOS + 1, 0x2a);                  /* 64 Hz */
    outb(GHW_CMOS, 0x0b);
    outb(GHW_CMOS + 1, 0x42);
}

static bool until_requested(uint8_t want1, uint8_t want2)
{
    uint64_t end = rdtsc() + 10000000000ull;
    while (((irr(CMD1) & want1) != want1 || (irr(CMD2) & want2) != want2) && rdtsc() < end)
        pause();
    return rdtsc() < end;
}

/* Requests at inputs 0, 4 and 8, all at the same moment for the CPU. */
static bool request_all(void)
{
    taken = 0;
    outb(DATA1, 0xff);
    outb(DATA2, 0xff);
    outb(IER, 0);
    quiet(GHW_IRQ_COM1);
    pit_once();
    rtc_once();
    outb(IER, 2);
    return until_requested(0x11, 1);
}

static void take_all(void)
{
    outb(DATA2, 0xfe);
    outb(DATA1, OPEN1);
    for (unsigned i = 0; i < 200; i++)
        sti_nop_cli();
    outb(DATA1, 0xff);
    outb(IER, 0);
    quiet(GHW_IRQ_RTC);
}

static void expect(const char *name, unsigned a, unsigned b, unsigned c)
{
    if (taken == 3 && order[0] == a && order[1] == b && order[2] == c)
        rt_pass(name);
    else
        rt_fail(name, "%u taken: %u %u %u, want %u %u %u", taken, order[0], order[1], order[2], a, b, c);
}

static void priorities(void)
{
    init(1);
    bool up = request_all();
    take_all();
    rt_check(up, "three-requests");
    expect("fixed-order-0-8-4", 0, 8, 4);
    (void)request_all();
    outb(CMD1, 0xc3);                          /* 3 is the lowest now: 4 is first */
    take_all();
    expect("set-priority-4-0-8", 4, 0, 8);
    init(1);
    (void)request_all();
    outb(CMD1, 0xc7);
    rotate = true;
    take_all();
    rotate = false;
    expect("rotating-eoi-0-8-4", 0, 8, 4);
    (void)request_all();                       /* 4 was served last, so 0 comes before it again */
    take_all();
    rt_check(order[0] == 0, "rotated-order-begins-with-0");
}

/* IRQ 0's handler lets interrupts in while it is in service. */
static void on_nest(struct rt_frame *f)
{
    (void)f;
    served++;
    for (unsigned i = 0; i < 20; i++)
        sti_nop_cli();
    nested_early = taken;
    if (served == 2) {                         /* special mask mode opens the lower ones */
        outb(DATA1, OPEN1 | 1);
        outb(CMD1, 0x68);
        for (unsigned i = 0; i < 20; i++)
            sti_nop_cli();
        nested_early = taken;
        outb(CMD1, 0x48);
        outb(DATA1, OPEN1);
    }
    outb(CMD1, 0x60);                          /* specific: input 0 */
}

static void nesting(void)
{
    init(1);
    rt_on(BASE, on_nest);
    (void)request_all();
    take_all();
    unsigned early = nested_early, late = taken;
    (void)request_all();
    take_all();
    unsigned special = nested_early;
    rt_on(BASE, on);
    rt_equal("in-service-holds-lower-back", early, 0);
    rt_check(late >= 2, "they-come-after-specific-eoi");
    rt_equal("handler-ran-twice", served, 2);
    rt_check(special >= 1, "special-mask-lets-them-in");
}

static void automatic(void)
{
    init(3);
    auto_eoi = true;
    taken = 0;
    pit_once();
    (void)until_requested(1, 0);
    outb(DATA1, 0xfe);
    for (unsigned i = 0; i < 20; i++)
        sti_nop_cli();
    unsigned first = taken;
    uint8_t seen = isr_seen;
    pit_once();
    uint64_t end = rdtsc() + 5000000000ull;
    while (taken < first + 1 && rdtsc() < end)
        sti_nop_cli();
    auto_eoi = false;
    outb(DATA1, 0xff);
    rt_equal("aeoi-one", first, 1);
    rt_equal("aeoi-isr-empty-in-handler", seen, 0);
    rt_equal("aeoi-next-comes-without-eoi", taken, first + 1);
}

static void poll(void)
{
    init(1);
    taken = 0;
    pit_once();
    (void)until_requested(1, 0);
    outb(DATA1, 0xfe);
    outb(CMD1, 0x0c);
    uint8_t answer = inb(CMD1), serving = isr(CMD1);
    outb(CMD1, 0x20);
    outb(CMD1, 0x0c);
    uint8_t none = inb(CMD1);
    for (unsigned i = 0; i < 20; i++)
        sti_nop_cli();
    outb(DATA1, 0xff);
    rt_equal("poll-names-the-input", answer, 0x80);
    rt_equal("poll-puts-it-in-service", serving, 1);
    rt_equal("poll-of-nothing", none & 0x80, 0);
    rt_equal("polled-does-not-interrupt", taken, 0);
}

static void level(void)
{
    init(1);
    outb(GHW_ELCR, 0x10);
    clear_source = false;
    taken = 0;
    outb(IER, 0);
    outb(IER, 2);
    outb(DATA1, 0xef);
    uint64_t end = rdtsc() + 5000000000ull;
    while (taken < 4 && rdtsc() < end)
        sti_nop_cli();
    unsigned again = taken;
    clear_source = true;
    /* The request is withdrawn: nothing comes, or a spurious 7 that is not in service. */
    quiet(GHW_IRQ_COM1);
    outb(DATA1, 0xef);
    for (unsigned i = 0; i < 20; i++)
        sti_nop_cli();
    unsigned more = taken - again;
    uint8_t left = irr(CMD1) | isr(CMD1);
    bool spurious = more == 1 && order[again] == 7 && !(isr_seen & 0x80);
    outb(IER, 0);
    outb(DATA1, 0xff);
    outb(GHW_ELCR, 0);
    rt_check(again >= 4, "level-comes-again-after-eoi");
    rt_check(more == 0 || spurious, "withdrawn-level-is-gone");
    rt_equal("withdrawn-level-leaves-nothing", left & 0x10, 0);
}

static void pulse(unsigned *got)
{
    taken = 0;
    pit_once();
    (void)until_requested(1, 0);
    outb(DATA1, 0xfe);
    for (unsigned i = 0; i < 20; i++)
        sti_nop_cli();
    *got = taken;
}

static void virtual_wire(void)
{
    unsigned shut, open, off;
    init(1);
    lapic_wr(0xf, 0x1ff);
    rt_equal("lint0-is-extint-at-reset", lapic_rd(LINT0) & (MASKED | EXTINT), EXTINT);
    lapic_wr(LINT0, MASKED | EXTINT);
    pulse(&shut);
    lapic_wr(LINT0, EXTINT);
    for (unsigned i = 0; i < 20; i++)
        sti_nop_cli();
    open = taken;
    outb(DATA1, 0xff);
    lapic_wr(LINT0, MASKED | EXTINT);
    wrmsr(0x1b, 0xfee00100u);                  /* no APIC: INTR is the PIC's */
    pulse(&off);
    outb(DATA1, 0xff);
    wrmsr(0x1b, 0xfee00900u);
    rt_equal("lint0-masked", shut, 0);
    rt_equal("lint0-open", open, 1);
    rt_equal("apic-off-pic-reaches-the-cpu", off, 1);
}

void guest_main(void)
{
    cli();
    for (unsigned i = 0; i < 16; i++)
        rt_on(BASE + i, on);
    priorities();
    nesting();
    automatic();
    poll();
    level();
    virtual_wire();
}
