/* SPDX-License-Identifier: BSD-2-Clause */
/* The 16550 at COM1: registers, loop-back, interrupts through IRQ 4. */
#include "tests/guest/lib/rt.h"

#define COM 0x3f8

static volatile unsigned taken;
static volatile uint8_t ids[8];

static void on(struct rt_frame *f)
{
    (void)f;
    uint8_t id = inb(COM + 2);
    if (taken < 8)
        ids[taken] = id;
    taken++;
    if ((id & 0xf) == 4 || (id & 0xf) == 0xc)
        (void)inb(COM);
    outb(0x20, 0x20);
}

static void wait(void)
{
    uint64_t end = rdtsc() + 5000000000ull;
    while (taken == 0 && rdtsc() < end)
        sti_nop_cli();
}

static void registers(uint8_t *scratch, uint8_t *divisor, uint8_t *lcr)
{
    outb(COM + 7, 0xa5);
    *scratch = inb(COM + 7);
    outb(COM + 3, 0x83);
    outb(COM, 0x34);
    outb(COM + 1, 0x12);
    *divisor = inb(COM) == 0x34 && inb(COM + 1) == 0x12;
    outb(COM, 1);
    outb(COM + 1, 0);
    *lcr = inb(COM + 3);
    outb(COM + 3, 3);
}

void guest_main(void)
{
    uint8_t scratch, divisor, lcr;
    registers(&scratch, &divisor, &lcr);
    rt_equal("scratch", scratch, 0xa5);
    rt_equal("divisor-latch", divisor, 1);
    rt_equal("lcr", lcr, 0x83);
    outb(COM + 2, 0xc7);
    rt_equal("fifo-on", inb(COM + 2) & 0xc0, 0xc0);
    rt_equal("lsr-empty", inb(COM + 5) & 0x60, 0x60);

    /* Loop-back: what is sent comes back, modem outputs show as inputs; nothing leaves. */
    outb(COM + 4, 0x1b);
    outb(COM, 0x5c);
    uint8_t lsr = inb(COM + 5), data = inb(COM), msr = inb(COM + 6), after = inb(COM + 5);
    outb(COM + 4, 0x0b);
    rt_equal("loop-data-ready", lsr & 1, 1);
    rt_equal("loop-data", data, 0x5c);
    rt_equal("loop-modem", msr & 0xf0, 0xb0);
    rt_equal("loop-empty", after & 1, 0);

    static const uint16_t seq[][2] = { { 0x20, 0x11 }, { 0x21, 0x30 }, { 0x21, 4 }, { 0x21, 1 }, { 0x21, 0xef } };
    for (unsigned i = 0; i < sizeof seq / sizeof seq[0]; i++)
        outb(seq[i][0], (uint8_t)seq[i][1]);
    rt_on(0x34, on);
    outb(COM + 1, 2);
    wait();
    outb(COM + 1, 0);
    rt_check(taken >= 1, "transmitter-empty-interrupt");
    rt_equal("identified-as-such", ids[0] & 0xf, 2);
    taken = 0;
    sti_nop_cli();
    taken = 0;
    outb(COM + 2, 0x07);                       /* one byte is enough */
    outb(COM + 4, 0x1b);
    outb(COM + 1, 1);
    outb(COM, 0x77);
    for (unsigned i = 0; i < 100; i++)
        sti_nop_cli();
    unsigned in_loop = taken;
    outb(COM + 4, 0x0b);
    wait();
    outb(COM + 1, 0);
    rt_equal("loop-back-cuts-the-line", in_loop, 0);
    rt_check(taken >= 1, "data-interrupt");
    rt_check((ids[0] & 0xf) == 4 || (ids[0] & 0xf) == 0xc, "identified-as-data");
    rt_equal("no-interrupt-pending", inb(COM + 2) & 1, 1);
}
