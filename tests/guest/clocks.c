/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time from the 8254 and the CMOS clock beyond pit.c and rtc.c: interrupt rates and modes of
 * channel 0, access modes and read-back, update cycle, alarm, formats and the turn of a century.
 */
#include "tests/guest/lib/rt.h"

#include "vmm/guest_hw.h"

#define BASE   0x50u
#define SLOW   100000000000ull

static volatile unsigned ticks, alarms;
static volatile uint8_t causes;

static uint8_t rd(uint8_t reg)
{
    outb(GHW_CMOS, reg);
    return inb(GHW_CMOS + 1);
}

static void wr(uint8_t reg, uint8_t value)
{
    outb(GHW_CMOS, reg);
    outb(GHW_CMOS + 1, value);
}

static void on_pit(struct rt_frame *f)
{
    (void)f;
    ticks++;
    outb(GHW_PIC1, 0x20);
}

static void on_rtc(struct rt_frame *f)
{
    (void)f;
    uint8_t c = rd(0x0c);
    causes |= c;
    alarms++;
    outb(GHW_PIC2, 0x20);
    outb(GHW_PIC1, 0x20);
}

static void pic_init(uint8_t imr1, uint8_t imr2)
{
    const uint16_t seq[][2] = { { GHW_PIC1, 0x11 }, { 0x21, BASE }, { 0x21, 4 }, { 0x21, 1 }, { GHW_PIC2, 0x11 },
                                { 0xa1, BASE + 8 }, { 0xa1, 2 }, { 0xa1, 1 }, { 0x21, imr1 }, { 0xa1, imr2 } };
    for (unsigned i = 0; i < sizeof seq / sizeof seq[0]; i++)
        outb(seq[i][0], (uint8_t)seq[i][1]);
}

/* Channel 0; a tick of the mode before does not count. */
static void pit(unsigned mode, uint16_t count)
{
    outb(GHW_PIT + 3, (uint8_t)(0x30 | mode << 1));
    for (unsigned i = 0; i < 10; i++)
        sti_nop_cli();
    ticks = 0;
    outb(GHW_PIT, (uint8_t)count);
    outb(GHW_PIT, (uint8_t)(count >> 8));
}

static uint64_t tsc_khz(void) { return cpuid(0x40000010, 0).eax; }

static void let_in(uint64_t tsc)
{
    uint64_t end = rdtsc() + tsc;
    sti();
    while (rdtsc() < end)
        pause();
    cli();
}

/* Lost time gives one interrupt, not a burst: fewer than the rate is possible, more is not. */
static void rate(const char *name, unsigned mode)
{
    uint64_t khz = tsc_khz();
    pit(mode, 11932);                       /* 100 Hz */
    let_in(khz * 400);
    unsigned got = ticks;
    outb(0x21, 0xff);
    let_in(khz * 20);
    outb(0x21, 0xfa);
    if (got >= 15 && got <= 41)
        rt_pass(name);
    else
        rt_fail(name, "%u interrupts in 400 ms, want 40", got);
}

static void once(const char *name, unsigned mode)
{
    pit(mode, 2000);
    let_in(tsc_khz() * 50);
    rt_equal(name, ticks, 1);
}

static void channel_0(void)
{
    pic_init(0xfa, 0xff);
    rt_check(tsc_khz() != 0, "tsc-rate-is-told");
    rate("mode-2-rate", 2);
    rate("mode-3-rate", 3);
    once("mode-0-once", 0);
    once("mode-4-once", 4);
    outb(GHW_PIT + 3, 0x30);
    sti_nop_cli();
    ticks = 0;
    let_in(tsc_khz() * 20);
    rt_equal("no-count-no-interrupt", ticks, 0);
    outb(0x21, 0xff);
}

static void access(void)
{
    outb(GHW_PORT61, (uint8_t)(inb(GHW_PORT61) & ~1u));      /* channel 2 stands still */
    outb(GHW_PIT + 3, 0xb0);
    outb(GHW_PIT + 2, 0x34);
    outb(GHW_PIT + 2, 0x12);
    outb(GHW_PIT + 3, 0x80);
    uint8_t low = inb(GHW_PIT + 2), high = inb(GHW_PIT + 2);
    rt_equal("latched-low-then-high", (uint64_t)high << 8 | low, 0x1234);
    outb(GHW_PIT + 3, 0xc8);                   /* read back count and status of channel 2 */
    uint8_t status = inb(GHW_PIT + 2);
    low = inb(GHW_PIT + 2);
    high = inb(GHW_PIT + 2);
    rt_equal("status-comes-first", status & 0x3f, 0x30);
    rt_equal("then-the-count", (uint64_t)high << 8 | low, 0x1234);
    outb(GHW_PIT + 3, 0x90);                   /* low byte only */
    outb(GHW_PIT + 2, 0x77);
    rt_equal("low-byte-only", inb(GHW_PIT + 2), 0x77);
    rt_equal("low-byte-only-again", inb(GHW_PIT + 2), 0x77);
    outb(GHW_PIT + 3, 0xa0);                   /* high byte only */
    outb(GHW_PIT + 2, 0x66);
    rt_equal("high-byte-only", inb(GHW_PIT + 2), 0x66);
    outb(GHW_PIT + 3, 0xb1);                   /* BCD */
    outb(GHW_PIT + 2, 0x99);
    outb(GHW_PIT + 2, 0x99);
    low = inb(GHW_PIT + 2);
    rt_equal("bcd", (uint64_t)inb(GHW_PIT + 2) << 8 | low, 0x9999);
    rt_equal("control-word-reads-ones", inb(GHW_PIT + 3), 0xff);
    uint8_t toggles = 0, was = inb(GHW_PORT61) & 0x10;
    for (unsigned i = 0; i < 2000; i++)
        toggles |= (uint8_t)(was ^ inb(GHW_PORT61)) & 0x10;
    rt_equal("refresh-bit-toggles", toggles, 0x10);
}

/* The update in progress bit comes in the last 244 us of a second, and the second follows. */
static void update_cycle(void)
{
    bool seen = false, followed = false;
    uint64_t start = rdtsc();
    while (!followed && rdtsc() - start < SLOW) {
        uint8_t second = rd(0);
        while (!(rd(0x0a) & 0x80) && rdtsc() - start < SLOW && rd(0) == second)
            pause();
        if (!(rd(0x0a) & 0x80))
            continue;                          /* a pause of the host hid it */
        seen = true;
        second = rd(0);
        while (rd(0x0a) & 0x80)
            pause();
        followed = rd(0) != second;
    }
    rt_check(seen, "update-in-progress-is-seen");
    rt_check(followed, "second-follows-it");
}

static bool same_time(uint8_t sec, uint8_t min, uint8_t hour) { return rd(0) == sec && rd(2) == min && rd(4) == hour; }

static void turn_of_century(void)
{
    static const uint8_t eve[][2] = { { 0, 59 }, { 2, 59 }, { 4, 23 }, { 7, 31 }, { 8, 12 }, { 9, 99 }, { 0x32, 19 } };
    wr(0x0b, 0x86);                            /* SET, binary, 24 hours */
    for (unsigned i = 0; i < sizeof eve / sizeof eve[0]; i++)
        wr(eve[i][0], eve[i][1]);
    let_in(tsc_khz() * 1200);
    rt_check(same_time(59, 59, 23), "set-holds-the-clock");
    wr(0x0b, 0x06);
    uint64_t start = rdtsc();
    while (rd(0) == 59 && rdtsc() - start < SLOW)
        pause();
    rt_check(rd(2) == 0 && rd(4) == 0, "midnight");
    rt_equal("day", rd(7), 1);
    rt_equal("month", rd(8), 1);
    rt_equal("year", rd(9), 0);
    rt_equal("century", rd(0x32), 20);
    rt_equal("saturday", rd(6), 7);
    wr(0x0b, 0x82);
    wr(4, 0x23);
    wr(0x0b, 0x02);
    rt_equal("bcd-hour", rd(4), 0x23);
    wr(0x0b, 0x00);
    rt_equal("twelve-hour-clock", rd(4), 0x91);
    wr(0x0b, 0x06);
    rt_equal("binary-hour", rd(4), 23);
}

static bool interrupt(uint8_t enable, uint8_t flag)
{
    alarms = 0;
    causes = 0;
    (void)rd(0x0c);
    wr(0x0b, (uint8_t)(0x06 | enable));
    uint64_t end = rdtsc() + SLOW;
    while (alarms == 0 && rdtsc() < end)
        sti_hlt();
    wr(0x0b, 0x06);
    return alarms != 0 && (causes & 0x80) && (causes & flag);
}

static void alarm(void)
{
    pic_init(0xfb, 0xfe);
    rt_on(BASE + 8, on_rtc);
    rt_check(interrupt(0x10, 0x10), "update-ended-interrupt");
    wr(1, 0xff);
    wr(3, 0xff);
    wr(5, 0xff);                               /* any time: each second */
    rt_check(interrupt(0x20, 0x20), "alarm-each-second");
    uint8_t want = (uint8_t)((rd(0) + 2) % 60);
    wr(1, want);
    rt_check(interrupt(0x20, 0x20), "alarm-at-a-second");
    rt_equal("alarm-on-time", rd(0), want);
    wr(5, (uint8_t)((rd(4) + 3) % 24));
    alarms = 0;
    wr(0x0b, 0x26);
    let_in(tsc_khz() * 1100);
    wr(0x0b, 0x06);
    rt_equal("alarm-of-another-hour-is-silent", alarms, 0);
    wr(0x0b, 0x02);
}

void guest_main(void)
{
    cli();
    rt_on(BASE, on_pit);
    channel_0();
    access();
    update_cycle();
    turn_of_century();
    alarm();
}
