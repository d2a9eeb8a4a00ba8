/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The 16550's identification register in loop-back, where nothing reaches the line: priority of
 * the causes, FIFO depth and trigger levels, overrun. Results are collected first and printed after.
 */
#include "tests/guest/lib/rt.h"

#include "vmm/guest_hw.h"

#define COM  GHW_COM1
enum { DATA, IER, IIR, LCR, MCR, LSR, MSR };

#define LOOP     0x10u
#define NORMAL   0x0bu
#define FIFO     16u

static struct { const char *name; uint32_t got, want; } results[48];
static unsigned used;

static void note(const char *name, uint32_t got, uint32_t want)
{
    if (used < sizeof results / sizeof results[0]) {
        results[used].name = name;
        results[used].got = got;
        results[used].want = want;
    }
    used++;
}

static void out(unsigned reg, unsigned v) { outb((uint16_t)(COM + reg), (uint8_t)v); }
static uint8_t in(unsigned reg) { return inb((uint16_t)(COM + reg)); }

static void fill(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        out(DATA, 0x40 + i);
}

static unsigned drain(void)
{
    unsigned n = 0;
    while ((in(LSR) & 1) && n < 100) {
        (void)in(DATA);
        n++;
    }
    return n;
}

static void priority(void)
{
    out(IIR, 0xc7);                                  /* FIFO on and empty, 14 bytes to trigger */
    out(MCR, LOOP | 0x0f);
    (void)in(MSR);
    out(IER, 0x0f);
    fill(FIFO + 1);                                  /* one too many */
    out(MCR, LOOP | 0x08);                           /* RTS and DTR fall: CTS and DSR change */
    note("line-status-first", in(IIR) & 0xf, 6);
    uint8_t lsr = in(LSR);
    note("overrun", lsr & 3, 3);
    note("overrun-is-read-once", in(LSR) & 2, 0);
    note("then-data", in(IIR) & 0xf, 4);
    for (unsigned i = 0; i < 3; i++)
        note("oldest-bytes-first", in(DATA), 0x40 + i);
    note("below-the-trigger-time-out", in(IIR) & 0xf, 0xc);
    note("rest-of-the-fifo", drain(), FIFO - 3);
    note("then-transmitter", in(IIR) & 0xf, 2);
    note("read-clears-transmitter-then-modem", in(IIR) & 0xf, 0);
    note("modem-changes", in(MSR), 0x80 | 7);        /* DCD stays; CTS, DSR changed, RI fell */
    note("then-nothing", in(IIR) & 0xf, 1);
    out(IER, 0);
}

static void triggers(void)
{
    static const uint8_t level[4] = { 1, 4, 8, 14 };
    out(MCR, LOOP);
    for (unsigned i = 0; i < 4; i++) {
        out(IIR, i << 6 | 7);
        out(IER, 1);
        note("empty-is-silent", in(IIR) & 0xf, 1);
        fill(level[i] - 1u);
        note("below-trigger", in(IIR) & 0xf, level[i] > 1 ? 0xc : 1);
        fill(1);
        note("at-trigger", in(IIR) & 0xf, 4);
        out(IER, 0);
        note("disabled-is-silent", in(IIR) & 0xf, 1);
    }
    out(IIR, 3);
    note("clear-empties-the-fifo", in(LSR) & 1, 0);
    fill(2);
    out(IIR, 0);
    note("fifo-off", in(IIR) & 0xc0, 0);
    note("off-empties-too", in(LSR) & 1, 0);
    fill(2);
    note("one-byte-without-fifo", in(LSR) & 3, 3);
    (void)drain();
    out(LCR, 0x1b);
    note("lcr-reads-back", in(LCR), 0x1b);
    out(LCR, 3);
    out(MCR, 0xff);
    note("mcr-5-bits", in(MCR), 0x1f);
    out(MCR, LOOP);
    out(IER, 0xff);
    note("ier-4-bits", in(IER), 0x0f);
    out(IER, 0);
}

void guest_main(void)
{
    priority();
    triggers();
    out(MCR, NORMAL);
    out(IIR, 0xc7);
    (void)in(MSR);
    for (unsigned i = 0; i < used && i < sizeof results / sizeof results[0]; i++)
        rt_equal(results[i].name, results[i].got, results[i].want);
    rt_check(used <= sizeof results / sizeof results[0], "room-for-results");
}
