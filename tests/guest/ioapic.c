/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O APIC: its registers, the PIT on pin 2 (edge), COM1 on pin 4 (level), masks, remote IRR, destinations. */
#include "tests/guest/lib/rt.h"

#include "vmm/guest_hw.h"

#define SELECT      GHW_IOAPIC_BASE
#define WINDOW      (GHW_IOAPIC_BASE + 0x10)
#define EOI         (GHW_IOAPIC_BASE + 0x40)
#define RTE(pin)    (0x10u + 2 * (pin))
#define LOW_ACTIVE  0x2000u
#define REMOTE      0x4000u
#define LEVEL       0x8000u
#define MASKED      0x10000u
#define LOGICAL     0x800u
#define LOWEST      0x100u
#define AS_NMI      0x400u
#define RTE_RW      0x1afffu        /* all but the two read-only bits */
#define IER         (GHW_COM1 + 1)
#define IIR         (GHW_COM1 + 2)
#define TICKS       2000000000ull   /* of the TSC: more than any wait for an interrupt */

static volatile unsigned taken[256], rounds;
static volatile uint32_t in_handler, after_source, after_eoi_register;
static bool x2;
#define NAME(n) (x2 ? "x2-" n : "x-" n)

static uint32_t rd(unsigned reg)
{
    mmio_wr32(SELECT, reg);
    return mmio_rd32(WINDOW);
}

static void wr(unsigned reg, uint32_t value)
{
    mmio_wr32(SELECT, reg);
    mmio_wr32(WINDOW, value);
}

static void route(unsigned pin, uint32_t low, unsigned dest)
{
    wr(RTE(pin), MASKED);
    wr(RTE(pin) + 1, (uint32_t)dest << 24);
    wr(RTE(pin), low);
}

static void on(struct rt_frame *f)
{
    taken[f->vector]++;
    if (f->vector != 2)
        lapic_eoi();
}

static void pit(unsigned hz)
{
    unsigned count = 1193182 / hz;
    outb(GHW_PIT + 3, 0x34);
    outb(GHW_PIT, (uint8_t)count);
    outb(GHW_PIT, (uint8_t)(count >> 8));
}

static bool wait(unsigned vector, unsigned want)
{
    uint64_t end = rdtsc() + 10 * TICKS;
    while (taken[vector] < want && rdtsc() < end)
        sti_nop_cli();
    return taken[vector] >= want;
}

/* How often a vector comes in a stretch of time in which the PIT ticks several times. */
static unsigned count(unsigned vector)
{
    unsigned before = taken[vector];
    uint64_t end = rdtsc() + 100ull * cpuid(0x40000010, 0).eax;       /* 100 ms by the TSC's rate in kHz */
    sti();
    while (rdtsc() < end)
        pause();
    cli();
    return taken[vector] - before;
}

static void registers(void)
{
    uint32_t version = rd(1);
    rt_equal("version", version & 0xff, 0x20);
    rt_equal("pins", (version >> 16 & 0xff) + 1, GHW_IOAPIC_PINS);
    wr(1, 0);
    rt_equal("version-is-read-only", rd(1), version);
    wr(0, 0xffffffffu);
    rt_equal("id-4-bits", rd(0), 0x0f000000);
    wr(0, GHW_IOAPIC_ID << 24);
    rt_equal("id", rd(0), GHW_IOAPIC_ID << 24);
    unsigned masked = 0, wrong = 0;
    for (unsigned pin = 0; pin < GHW_IOAPIC_PINS; pin++)
        masked += rd(RTE(pin)) == MASKED;
    rt_equal("all-masked-at-reset", masked, GHW_IOAPIC_PINS);
    for (unsigned pin = 0; pin < GHW_IOAPIC_PINS; pin++) {
        wr(RTE(pin), 0xffffffffu);
        wr(RTE(pin) + 1, 0xffffffffu);
        wrong += rd(RTE(pin)) != RTE_RW || rd(RTE(pin) + 1) != 0xff000000u;
        wr(RTE(pin), MASKED | pin);
        wr(RTE(pin) + 1, pin << 24);
    }
    rt_equal("entry-bits", wrong, 0);
    for (unsigned pin = 0; pin < GHW_IOAPIC_PINS; pin++)
        wrong += rd(RTE(pin)) != (MASKED | pin) || rd(RTE(pin) + 1) != pin << 24;
    rt_equal("entries-are-apart", wrong, 0);
    rt_equal("beyond-the-last-entry", rd(RTE(GHW_IOAPIC_PINS)) | rd(0xff), 0);
    mmio_wr32(SELECT, 1);
    *(volatile uint8_t *)(uintptr_t)SELECT = 0;
    rt_equal("select-by-byte", mmio_rd32(SELECT), 0);
    for (unsigned pin = 0; pin < GHW_IOAPIC_PINS; pin++)
        wr(RTE(pin), MASKED);
}

static void pit_edges(void)
{
    pit(200);
    route(0, 0x60, 0);
    route(GHW_GSI_PIT, 0x61, 0);
    rt_check(wait(0x61, 5), NAME("pit-on-pin-2"));
    rt_equal(NAME("pin-0-is-silent"), taken[0x60], 0);
    rt_equal(NAME("edge-has-no-remote-irr"), rd(RTE(GHW_GSI_PIT)) & REMOTE, 0);
    wr(RTE(GHW_GSI_PIT), MASKED | 0x61);
    sti_nop_cli();
    rt_equal(NAME("masked-is-silent"), count(0x61), 0);
    wr(RTE(GHW_GSI_PIT), 0x62);
    rt_check(wait(0x62, 3), NAME("other-vector-after-unmask"));
    rt_equal(NAME("old-vector-is-silent"), count(0x61), 0);
    wr(RTE(GHW_GSI_PIT), MASKED);
    wr(RTE(0), MASKED);
}

static void destinations(void)
{
    route(GHW_GSI_PIT, 0x63, 0x0e);
    rt_equal(NAME("nobody-has-that-id"), count(0x63), 0);
    if (!x2) {
        lapic_wr(0xe, 0xffffffffu);
        lapic_wr(0xd, 0x04000000);
    }
    route(GHW_GSI_PIT, LOGICAL | 0x64, x2 ? 1 : 4);
    rt_check(wait(0x64, 3), NAME("logical"));
    route(GHW_GSI_PIT, LOGICAL | 0x65, 2);
    rt_equal(NAME("logical-miss"), count(0x65), 0);
    route(GHW_GSI_PIT, LOGICAL | LOWEST | 0x66, x2 ? 1 : 4);
    rt_check(wait(0x66, 3), NAME("lowest-priority"));
    route(GHW_GSI_PIT, 0x67, 0xff);
    rt_check(wait(0x67, 3), NAME("broadcast"));
    unsigned nmis = taken[2];
    route(GHW_GSI_PIT, AS_NMI, 0);
    rt_check(wait(2, nmis + 3), NAME("as-nmi"));
    route(GHW_GSI_PIT, MASKED, 0);
}

/* COM1's transmitter-empty interrupt stays up until IIR is read: a level. */
static void on_level(struct rt_frame *f)
{
    taken[f->vector]++;
    if (rounds == 0) {
        in_handler = rd(RTE(GHW_IRQ_COM1));
    } else if (rounds == 3) {
        (void)inb(IIR);
        after_source = rd(RTE(GHW_IRQ_COM1));
    }
    rounds++;
    lapic_eoi();
}

static void level(void)
{
    taken[0x70] = rounds = 0;
    rt_on(0x70, on_level);
    outb(IER, 2);
    route(GHW_IRQ_COM1, LEVEL | 0x70, 0);
    bool came = wait(0x70, 4);
    unsigned more = count(0x70);
    uint32_t idle = rd(RTE(GHW_IRQ_COM1));
    route(GHW_IRQ_COM1, MASKED | LEVEL | 0x70, 0);
    outb(IER, 0);
    outb(IER, 2);
    unsigned masked = count(0x70);
    rounds = 3;
    unsigned before = taken[0x70];
    wr(RTE(GHW_IRQ_COM1), LEVEL | 0x70);
    bool after_unmask = wait(0x70, before + 1);
    wr(RTE(GHW_IRQ_COM1), MASKED);
    outb(IER, 0);
    rt_check(came, NAME("level-comes-again-until-cleared"));
    rt_equal(NAME("remote-irr-in-service"), in_handler & REMOTE, REMOTE);
    rt_equal(NAME("remote-irr-stays-until-eoi"), after_source & REMOTE, REMOTE);
    rt_equal(NAME("level-cleared-is-silent"), more, 0);
    rt_equal(NAME("remote-irr-after-eoi"), idle & REMOTE, 0);
    rt_equal(NAME("level-masked-is-silent"), masked, 0);
    rt_check(after_unmask, NAME("level-comes-on-unmask"));
}

/* Version 20h has an EOI register; older drivers switch to edge and back instead. */
static void on_directed(struct rt_frame *f)
{
    taken[f->vector]++;
    (void)inb(IIR);
    if (f->vector == 0x71) {
        mmio_wr32(EOI, 0x72);
        in_handler = rd(RTE(GHW_IRQ_COM1));
        mmio_wr32(EOI, f->vector & 0xff);
    } else {
        in_handler = rd(RTE(GHW_IRQ_COM1));
        wr(RTE(GHW_IRQ_COM1), MASKED | 0x72);
        wr(RTE(GHW_IRQ_COM1), MASKED | LEVEL | 0x72);
    }
    after_eoi_register = rd(RTE(GHW_IRQ_COM1));
    lapic_eoi();
}

static void directed(void)
{
    for (unsigned vector = 0x71; vector <= 0x72; vector++) {
        taken[vector] = 0;
        rt_on(vector, on_directed);
        outb(IER, 2);
        route(GHW_IRQ_COM1, LEVEL | vector, 0);
        bool came = wait(vector, 1);
        outb(IER, 0);
        wr(RTE(GHW_IRQ_COM1), MASKED);
        rt_check(came, NAME("level-for-the-eoi-register"));
        rt_equal(NAME("other-vector-leaves-remote-irr"), in_handler & REMOTE, REMOTE);
        rt_equal(vector == 0x71 ? NAME("eoi-register-clears-remote-irr") : NAME("edge-and-back-clears-remote-irr"),
                 after_eoi_register & REMOTE, 0);
    }
}

static void rtc(void)
{
    outb(GHW_CMOS, 0x0a);
    outb(GHW_CMOS + 1, 0x2a);                    /* 64 Hz */
    outb(GHW_CMOS, 0x0b);
    outb(GHW_CMOS + 1, 0x42);
    route(GHW_IRQ_RTC, 0x73, 0);
    bool all = true;
    taken[0x73] = 0;
    for (unsigned i = 1; i <= 3 && all; i++) {   /* an edge each time register C was read */
        outb(GHW_CMOS, 0x0c);
        (void)inb(GHW_CMOS + 1);
        all = wait(0x73, i);
    }
    unsigned unread = count(0x73);
    outb(GHW_CMOS, 0x0b);
    outb(GHW_CMOS + 1, 0x02);
    outb(GHW_CMOS, 0x0c);
    (void)inb(GHW_CMOS + 1);
    route(GHW_IRQ_RTC, MASKED, 0);
    rt_check(all, NAME("rtc-on-pin-8"));
    rt_equal(NAME("rtc-silent-while-c-is-unread"), unread, 0);
}

static void all(void)
{
    lapic_wr(0xf, 0x1ff);
    pit_edges();
    destinations();
    level();
    directed();
    rtc();
}

void guest_main(void)
{
    cli();
    for (unsigned v = 0x60; v < 0x80; v++)
        rt_on(v, on);
    rt_on(2, on);
    registers();
    all();
    x2 = lapic_x2_on();
    rt_check(x2, "x2apic");
    all();
}
