/* link: vmm/pit.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* 8254: modes, latch and read-back, gate of channel 2, port 61h, deadlines. */
#include "vmm/pit.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"
#include "vmm/guest_hw.h"

#define TSC_HZ 3000000000ull

static struct clock clk;
static struct line_bus lines;
static struct pit pit;
static unsigned edges;

static void changed(void *sink, unsigned line, bool level)
{
    (void)sink;
    CHECK_EQ(line, GHW_IRQ_PIT);
    edges += level;
}

static void start(void)
{
    memset(&fake, 0, sizeof fake);
    fake.now = 777;
    clock_init(&clk, TSC_HZ);
    lines = (struct line_bus){ .changed = changed };
    edges = 0;
    pit_init(&pit, &clk, &lines);
}

/* Time at which exactly `tick` PIT ticks are over. */
static void at(uint64_t tick) { fake.now = clock_tsc_of(&clk, CLOCK_PIT_HZ, tick); }
static void out(uint16_t port, uint8_t value) { pit_port_out(&pit, port, value); }
static uint8_t in(uint16_t port) { return (uint8_t)pit_port_in(&pit, port); }

static unsigned latched(unsigned ch)
{
    unsigned low;

    out(0x43, (uint8_t)(ch << 6));
    low = in((uint16_t)(0x40 + ch));
    return low | (unsigned)in((uint16_t)(0x40 + ch)) << 8;
}

static void clock_math(void)
{
    start();
    for (uint64_t t = 0; t < 5000000000ull; t += 123456789) {
        uint64_t tsc = clock_tsc_of(&clk, CLOCK_PIT_HZ, t);

        CHECK_EQ(clock_ticks_at(&clk, CLOCK_PIT_HZ, tsc), t);
        if (t)
            CHECK_EQ(clock_ticks_at(&clk, CLOCK_PIT_HZ, tsc - 1), t - 1);
    }
    CHECK_EQ(clock_tsc_of(&clk, CLOCK_PIT_HZ, ~0ull), CLOCK_NEVER);
    CHECK_EQ(clock_ticks_at(&clk, CLOCK_PM_HZ, 0), 0);
    CHECK_EQ(clock_ticks_at(&clk, CLOCK_PM_HZ, 777 + TSC_HZ * 86400), 86400ull * CLOCK_PM_HZ);
}

static void periodic(void)
{
    start();
    CHECK_EQ(pit.deadline, CLOCK_NEVER);
    out(0x43, 0x34);                        /* ch0, low+high, mode 2 */
    CHECK_EQ(pit.deadline, CLOCK_NEVER);
    edges = 0;
    out(0x40, 0xe8);
    CHECK_EQ(pit.deadline, CLOCK_NEVER);
    out(0x40, 0x03);                        /* 1000 */
    CHECK_EQ(pit.deadline, clock_tsc_of(&clk, CLOCK_PIT_HZ, 1000));
    at(999);
    pit_run(&pit);
    CHECK_EQ(edges, 0);
    CHECK_EQ(latched(0), 1);
    at(1000);
    pit_run(&pit);
    CHECK_EQ(edges, 1);
    CHECK_EQ(pit.deadline, clock_tsc_of(&clk, CLOCK_PIT_HZ, 2000));
    at(1250);
    CHECK_EQ(latched(0), 750);
    at(7500);                               /* late: one interrupt, the next in its place */
    pit_run(&pit);
    pit_run(&pit);
    CHECK_EQ(edges, 2);
    CHECK_EQ(pit.deadline, clock_tsc_of(&clk, CLOCK_PIT_HZ, 8000));
    out(0x43, 0x30);                        /* a new control word stops it */
    CHECK_EQ(pit.deadline, CLOCK_NEVER);
    at(20000);
    pit_run(&pit);
    CHECK_EQ(edges, 2);
    out(0x43, 0x36);
    out(0x40, 0);
    out(0x40, 0);                           /* 0 = 65536, mode 3 counts by two */
    at(20000 + 100);
    CHECK_EQ(latched(0), 65336);
    at(20000 + 40000);
    CHECK_EQ(latched(0), 65536 - (80000 - 65536));
    CHECK_EQ(pit.deadline, clock_tsc_of(&clk, CLOCK_PIT_HZ, 20000 + 65536));
    out(0x43, 0x34);
    out(0x40, 1);
    out(0x40, 0);                           /* 1 is illegal in mode 2: must not hang or divide by 0 */
    at(90000);
    pit_run(&pit);
    (void)latched(0);
}

static void oneshot(void)
{
    start();
    out(0x43, 0x38);                        /* mode 4 */
    out(0x40, 0x10);
    out(0x40, 0x27);                        /* 10000 */
    edges = 0;
    at(10000);
    pit_run(&pit);
    CHECK_EQ(edges, 1);
    CHECK_EQ(pit.deadline, CLOCK_NEVER);
    out(0x43, 0x30);                        /* mode 0: output falls */
    CHECK_EQ(lines.level, 0);
    out(0x40, 0x64);
    out(0x40, 0x00);
    at(10099);
    pit_run(&pit);
    CHECK_EQ(lines.level, 0);
    at(10100);
    pit_run(&pit);
    CHECK_EQ(lines.level, 1);
    at(10103);
    CHECK_EQ(latched(0), 65533);            /* goes on below zero */
    out(0x40, 0x05);                        /* first byte stops the count */
    CHECK_EQ(pit.deadline, CLOCK_NEVER);
    at(10200);
    out(0x40, 0x00);
    CHECK_EQ(pit.deadline, clock_tsc_of(&clk, CLOCK_PIT_HZ, 10205));
}

static void access_modes(void)
{
    start();
    out(0x43, 0x94);                        /* ch2, low only, mode 2 */
    out(0x61, 1);
    out(0x42, 0x80);
    at(3);
    CHECK_EQ(in(0x42), 0x7d);
    CHECK_EQ(in(0x42), 0x7d);
    out(0x43, 0xa4);                        /* high only */
    out(0x42, 0x12);
    CHECK_EQ(in(0x42), 0x12);
    out(0x43, 0xb1);                        /* BCD, mode 0 */
    out(0x42, 0x34);
    out(0x42, 0x12);
    at(3 + 35);
    CHECK_EQ(latched(2), 0x1199);
    out(0x43, 0xb4);
    out(0x42, 0x00);
    out(0x42, 0x10);
    out(0x43, 0x80);                        /* latch, then later: the first one stands */
    at(100);
    out(0x43, 0x80);
    at(200);
    CHECK_EQ(in(0x42), 0x00);
    CHECK_EQ(in(0x42), 0x10);
    out(0x43, 0xc8);                        /* read-back: status and count of ch2 */
    CHECK_EQ(in(0x42), 0xb4);
    CHECK_EQ(in(0x42), (4096 - 162) & 0xff);
    CHECK_EQ(in(0x42), (4096 - 162) >> 8);
    out(0x43, 0xb0);
    out(0x43, 0xe8);                        /* status only: null count, out low */
    CHECK_EQ(in(0x42), 0x70);
    CHECK_EQ(in(0x43), 0xff);
}

static void gate(void)
{
    start();
    CHECK_EQ(in(0x61) & 0x2f, 0x20);
    out(0x61, 0x00);
    out(0x43, 0xb0);                        /* calibration as kernels do it */
    out(0x42, 0xff);
    out(0x42, 0xff);
    at(500);
    CHECK_EQ(latched(2), 0xffff);           /* gate low: stands still */
    out(0x61, 0x01);
    CHECK_EQ(in(0x61) & 0x23, 0x01);
    at(600);
    CHECK_EQ(latched(2), 0xffff - 100);
    out(0x61, 0x00);
    at(5000);
    CHECK_EQ(latched(2), 0xffff - 100);
    out(0x61, 0x03);
    at(5000 + 65434);
    CHECK_EQ(in(0x61) & 0x20, 0);
    at(5000 + 65435);
    CHECK_EQ(in(0x61) & 0x23, 0x23);
    out(0x61, 0);
    out(0x43, 0xb2);                        /* mode 1: triggered by the gate */
    out(0x42, 10);
    out(0x42, 0);
    CHECK_EQ(in(0x61) & 0x20, 0x20);
    out(0x61, 1);
    CHECK_EQ(in(0x61) & 0x20, 0);
    at(5000 + 65435 + 10);
    CHECK_EQ(in(0x61) & 0x20, 0x20);
    out(0x43, 0xb6);                        /* mode 3: square wave */
    out(0x42, 10);
    out(0x42, 0);
    at(70500);
    out(0x61, 0);
    CHECK_EQ(in(0x61) & 0x20, 0x20);        /* gate low: out high */
    out(0x61, 1);
    at(70504);
    CHECK_EQ(in(0x61) & 0x20, 0x20);
    at(70505);
    CHECK_EQ(in(0x61) & 0x20, 0);
    at(70510);
    CHECK_EQ(in(0x61) & 0x20, 0x20);
    {
        unsigned toggles = 0, last = in(0x61) & 0x10;

        for (unsigned i = 0; i < 180; i++) {
            at(80000 + i);
            toggles += (in(0x61) & 0x10) != last;
            last = in(0x61) & 0x10;
        }
        CHECK(toggles >= 9 && toggles <= 11);
    }
}

static void fuzz(void)
{
    uint32_t x = 99;

    start();
    for (unsigned i = 0; i < 300000; i++) {
        uint16_t port = (x >> 9 & 7) == 4 ? 0x61 : (uint16_t)(0x40 + (x >> 9 & 3));

        x = x * 1664525 + 1013904223;
        fake.now += x >> 12;
        if (x & 0x80000000u)
            out(port, (uint8_t)(x >> 16));
        else
            (void)in(port);
        pit_run(&pit);
        if (pit.deadline <= fake.now)
            unit_failures++;
    }
    CHECK(true);
}

int main(void)
{
    clock_math();
    periodic();
    oneshot();
    access_modes();
    gate();
    fuzz();
    return unit_done();
}
