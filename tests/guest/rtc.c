/* SPDX-License-Identifier: BSD-2-Clause */
/* CMOS clock and memory: update cycle, formats, interrupts through IRQ 8. */
#include "tests/guest/lib/rt.h"

static volatile unsigned taken;
static volatile uint8_t cause;

static uint8_t rd(uint8_t reg)
{
    outb(0x70, reg);
    return inb(0x71);
}

static void wr(uint8_t reg, uint8_t value)
{
    outb(0x70, reg);
    outb(0x71, value);
}

static void on(struct rt_frame *f)
{
    (void)f;
    taken++;
    cause |= rd(0x0c);
    outb(0xa0, 0x20);
    outb(0x20, 0x20);
}

static unsigned bcd(uint8_t v) { return (unsigned)(v >> 4) * 10 + (v & 15); }

static void date(void)
{
    uint8_t b = rd(0x0b);
    unsigned sec = rd(0), min = rd(2), hour = rd(4), day = rd(7), month = rd(8);
    if (!(b & 4)) {
        sec = bcd((uint8_t)sec);
        min = bcd((uint8_t)min);
        hour = bcd((uint8_t)(hour & 0x7f));
        day = bcd((uint8_t)day);
        month = bcd((uint8_t)month);
    }
    rt_check(sec < 60 && min < 60 && hour < 24 && day >= 1 && day <= 31 && month >= 1 && month <= 12, "date-in-range");
    rt_check((rd(0x0d) & 0x80) != 0, "battery-good");
}

static void second(void)
{
    uint8_t s = rd(0);
    uint64_t start = rdtsc();
    while (rd(0) == s && rdtsc() - start < 100000000000ull)
        pause();
    rt_check(rd(0) != s, "seconds-advance");
}

static void periodic(void)
{
    rt_on(0x38, on);
    static const uint16_t seq[][2] = { { 0x20, 0x11 }, { 0x21, 0x30 }, { 0x21, 4 }, { 0x21, 1 }, { 0xa0, 0x11 },
                                       { 0xa1, 0x38 }, { 0xa1, 2 }, { 0xa1, 1 }, { 0x21, 0xfb }, { 0xa1, 0xfe } };
    for (unsigned i = 0; i < sizeof seq / sizeof seq[0]; i++)
        outb(seq[i][0], (uint8_t)seq[i][1]);
    wr(0x0a, 0x26 + 4);                /* 64 Hz */
    (void)rd(0x0c);
    wr(0x0b, (uint8_t)(rd(0x0b) | 0x40));
    uint64_t end = rdtsc() + 20000000000ull;
    while (taken < 8 && rdtsc() < end)
        sti_hlt();
    wr(0x0b, (uint8_t)(rd(0x0b) & ~0x40));
    rt_check(taken >= 8, "periodic-interrupt");
    rt_check((cause & 0xc0) == 0xc0, "register-c-says-periodic");
    (void)rd(0x0c);
    rt_equal("register-c-clears", rd(0x0c) & 0xf0, 0);
}

void guest_main(void)
{
    date();
    wr(0x50, 0xa5);
    wr(0x51, 0x5a);
    rt_equal("memory-50", rd(0x50), 0xa5);
    rt_equal("memory-51", rd(0x51), 0x5a);
    second();
    periodic();
}
