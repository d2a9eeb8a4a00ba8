/* SPDX-License-Identifier: BSD-2-Clause */
/* The 8259 pair: masks, initialisation, in-service, priority, end of interrupt, with the PIT as the source. */
#include "tests/guest/lib/rt.h"

#define CMD1 0x20
#define DATA1 0x21
#define CMD2 0xa0
#define DATA2 0xa1
#define BASE1 0x30
#define BASE2 0x38

static volatile unsigned taken[16];
static volatile uint8_t in_service;

static void on(struct rt_frame *f)
{
    unsigned irq = (unsigned)f->vector - BASE1;
    taken[irq]++;
    outb(CMD1, 0x0b);
    in_service = inb(CMD1);
    if (irq >= 8)
        outb(CMD2, 0x20);
    outb(CMD1, 0x20);
}

static void init(void)
{
    outb(CMD1, 0x11);
    outb(DATA1, BASE1);
    outb(DATA1, 4);
    outb(DATA1, 1);
    outb(CMD2, 0x11);
    outb(DATA2, BASE2);
    outb(DATA2, 2);
    outb(DATA2, 1);
    outb(DATA1, 0xff);
    outb(DATA2, 0xff);
}

static void pit_periodic(uint16_t count)
{
    outb(0x43, 0x34);
    outb(0x40, (uint8_t)count);
    outb(0x40, (uint8_t)(count >> 8));
}

static bool wait(volatile unsigned *what, unsigned want)
{
    uint64_t end = rdtsc() + 20000000000ull;
    while (*what < want && rdtsc() < end)
        sti_hlt();
    return *what >= want;
}

void guest_main(void)
{
    for (unsigned i = 0; i < 16; i++)
        rt_on(BASE1 + i, on);
    init();
    rt_equal("imr-reset", inb(DATA1), 0xff);
    outb(DATA1, 0x5a);
    outb(DATA2, 0xa5);
    rt_equal("imr-1", inb(DATA1), 0x5a);
    rt_equal("imr-2", inb(DATA2), 0xa5);
    outb(DATA1, 0xff);
    outb(DATA2, 0xff);
    outb(CMD1, 0x0b);
    rt_equal("isr-empty", inb(CMD1), 0);
    pit_periodic(11932);                       /* 100 Hz */
    cli();
    outb(DATA1, 0xfe);
    rt_check(wait(&taken[0], 5), "irq0-wakes-hlt");
    rt_equal("isr-in-handler", in_service, 1);
    outb(DATA1, 0xff);
    sti_nop_cli();
    unsigned n = taken[0];
    uint64_t end = rdtsc() + 100000000;
    sti();
    while (rdtsc() < end)
        pause();
    cli();
    rt_equal("masked", taken[0], n);
    outb(CMD1, 0x0a);
    rt_equal("irr-shows-masked", inb(CMD1) & 1, 1);
    uint64_t start = rdtsc();
    outb(DATA1, 0xfe);
    for (unsigned tries = 0; tries < 4 && taken[0] == n; tries++)
        sti_nop_cli();                         /* QEMU 7.2 forgets STI's shadow when the host ticks in it: one more try */
    rt_check(taken[0] > n, "pending-comes-on-unmask");      /* a second tick may be due already */
    rt_check(rdtsc() > start, "time-moves");
    outb(DATA1, 0xff);
    outb(0x4d0, 0);
    outb(0x4d1, 0x0e);
    rt_equal("elcr-1", inb(0x4d0), 0);
    rt_equal("elcr-2", inb(0x4d1), 0x0e);
    outb(0x4d1, 0);
}
