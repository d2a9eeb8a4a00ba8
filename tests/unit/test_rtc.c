/* link: vmm/rtc.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Clock: dates, formats, setting, update-in-progress, the three interrupts, sizes. */
#include "vmm/rtc.h"

#include <time.h>

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"
#include "vmm/guest_hw.h"

#define TSC_HZ 1000000000ull

static struct clock clk;
static struct line_bus lines;
static struct rtc rtc;

static void changed(void *sink, unsigned line, bool level)
{
    (void)sink;
    (void)level;
    CHECK_EQ(line, GHW_IRQ_RTC);
}

static void start(uint64_t epoch, uint64_t ram)
{
    memset(&fake, 0, sizeof fake);
    fake.now = 5000000000ull;
    clock_init(&clk, TSC_HZ);
    lines = (struct line_bus){ .changed = changed };
    rtc_init(&rtc, &clk, &lines, epoch, 2000000000ull, ram);
}

static uint8_t get(uint8_t reg)
{
    rtc_port_out(&rtc, 0x70, reg | 0x80);
    return (uint8_t)rtc_port_in(&rtc, 0x71);
}

static void put(uint8_t reg, uint8_t value)
{
    rtc_port_out(&rtc, 0x70, reg);
    rtc_port_out(&rtc, 0x71, value);
}

static void ms(uint64_t n) { fake.now += n * 1000000; }

static void dates(void)
{
    /* 1970, leap days, century ends, far future */
    static const uint64_t t[] = { 4, 951782399, 951782400, 951868800, 1709164799, 1709164800, 1709251200,
                                  4107542399ull, 4107542400ull, 1735689599, 253402300799ull, 2147483647 };

    for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
        time_t want = (time_t)t[i];
        struct tm tm;

        if (want < 4)
            continue;                               /* epoch 0 means unknown */
        tm = *gmtime(&want);
        start((uint64_t)want - 3, 64 << 20);        /* three seconds pass before the clock starts */
        put(0x0b, 0x06);
        CHECK_EQ(get(0), tm.tm_sec);
        CHECK_EQ(get(2), tm.tm_min);
        CHECK_EQ(get(4), tm.tm_hour);
        CHECK_EQ(get(6), tm.tm_wday + 1);
        CHECK_EQ(get(7), tm.tm_mday);
        CHECK_EQ(get(8), tm.tm_mon + 1);
        CHECK_EQ(get(9), tm.tm_year % 100);
        CHECK_EQ(get(0x32), (tm.tm_year + 1900) / 100);
    }
    start(0, 0);
    CHECK_EQ(get(9), 0x00);
    CHECK_EQ(get(0x32), 0x20);
}

static void formats(void)
{
    start(1709164799 - 3, 0);                       /* 2024-02-28 23:59:59 */
    CHECK_EQ(get(0), 0x59);
    CHECK_EQ(get(4), 0x23);
    CHECK_EQ(get(9), 0x24);
    put(0x0b, 0x00);                                /* 12 hours, BCD */
    CHECK_EQ(get(4), 0x91);
    ms(1000);
    CHECK_EQ(get(4), 0x12);                         /* midnight is 12 AM */
    CHECK_EQ(get(7), 0x29);
    put(0x0b, 0x04);
    ms(12 * 3600 * 1000);
    CHECK_EQ(get(4), 0x8c);                         /* noon is 12 PM */
    put(0x0b, 0x06);
    CHECK_EQ(get(4), 12);
    CHECK_EQ(get(0x0d), 0x80);
    CHECK_EQ(rtc_port_in(&rtc, 0x70), 0xff);
    put(0x0d, 0);
    CHECK_EQ(get(0x0d), 0x80);
    put(0x0f, 0x5a);
    CHECK_EQ(get(0x0f), 0x5a);
    put(0x7f, 0xa5);
    CHECK_EQ(get(0x7f), 0xa5);
}

static void setting(void)
{
    start(1000000000, 0);
    put(0x0b, 0x82);                                /* SET */
    put(0, 0x58); put(2, 0x59); put(4, 0x23); put(7, 0x31); put(8, 0x12); put(9, 0x99); put(0x32, 0x19);
    ms(5000);
    CHECK_EQ(get(0), 0x58);                         /* stands still */
    CHECK_EQ(get(0x0a) & 0x80, 0);
    put(0x0b, 0x02);
    ms(1999);
    CHECK_EQ(get(0), 0x59);
    ms(1);
    CHECK_EQ(get(0), 0x00);
    CHECK_EQ(get(9), 0x00);
    CHECK_EQ(get(0x32), 0x20);
    CHECK_EQ(get(8), 0x01);
    put(4, 0x05);                                   /* while running */
    CHECK_EQ(get(4), 0x05);
    put(8, 0xff);                                   /* nonsense does no harm */
    put(7, 0x00);
    put(0x32, 0xff);
    (void)get(7);
    put(0x0a, 0x66);                                /* divider reset holds the clock */
    ms(10000);
    put(0x0a, 0x26);
    CHECK_EQ(get(0x0a) & 0x7f, 0x26);
}

static void uip(void)
{
    start(1000000000, 0);
    CHECK_EQ(get(0x0a), 0x26);
    ms(999);
    CHECK_EQ(get(0x0a), 0x26);
    fake.now += 900000;
    CHECK_EQ(get(0x0a), 0xa6);
    fake.now += 100000;
    CHECK_EQ(get(0x0a), 0x26);
}

static void interrupts(void)
{
    start(1000000000, 0);                           /* 2001-09-09 01:46:40, 3 s on */
    CHECK_EQ(rtc.deadline, CLOCK_NEVER);
    CHECK_EQ(get(0x0c), 0);
    ms(1500);
    CHECK_EQ(get(0x0c), 0x50);                      /* flags without interrupts */
    CHECK_EQ(get(0x0c), 0);
    CHECK_EQ(lines.level, 0);

    put(0x0b, 0x42);                                /* periodic, 1024 Hz */
    CHECK(rtc.deadline != CLOCK_NEVER && rtc.deadline - fake.now <= 976563);
    fake.now = rtc.deadline;
    rtc_run(&rtc);
    CHECK_EQ(lines.level, 1u << 8);
    CHECK_EQ(rtc.deadline, CLOCK_NEVER);            /* until C is read */
    CHECK_EQ(get(0x0c) & 0xc0, 0xc0);
    CHECK_EQ(lines.level, 0);
    CHECK(rtc.deadline != CLOCK_NEVER);
    put(0x0a, 0x20);                                /* rate 0: none */
    (void)get(0x0c);
    CHECK_EQ(rtc.deadline, CLOCK_NEVER);
    put(0x0a, 0x2f);                                /* 2 Hz */
    CHECK(rtc.deadline - fake.now > 100000000 && rtc.deadline - fake.now <= 500000000);

    put(0x0b, 0x12);                                /* update ended */
    (void)get(0x0c);
    CHECK(rtc.deadline - fake.now <= 1000000000);
    fake.now = rtc.deadline - 1;
    rtc_run(&rtc);
    CHECK_EQ(lines.level, 0);
    fake.now++;
    rtc_run(&rtc);
    CHECK_EQ(lines.level, 1u << 8);
    CHECK_EQ(get(0x0c) & 0x90, 0x90);
    CHECK_EQ(get(0x0a) & 0x80, 0);                  /* right after the update */
}

static void alarms(void)
{
    uint64_t t0;

    start(1000000000, 0);                           /* 01:46:43 now */
    t0 = fake.now;
    put(1, 0x50); put(3, 0x46); put(5, 0x01);
    put(0x0b, 0x22);
    CHECK_EQ(rtc.deadline, t0 + 7000000000ull);
    fake.now = rtc.deadline;
    rtc_run(&rtc);
    CHECK_EQ(lines.level, 1u << 8);
    CHECK_EQ(get(0x0c) & 0xa0, 0xa0);
    CHECK_EQ(rtc.deadline, t0 + 7000000000ull + 86400ull * 1000000000);
    put(5, 0xff);                                   /* every hour */
    CHECK_EQ(rtc.deadline, t0 + 7000000000ull + 3600ull * 1000000000);
    put(3, 0xc0);
    CHECK_EQ(rtc.deadline, t0 + 7000000000ull + 60ull * 1000000000);
    put(1, 0xff);
    CHECK_EQ(rtc.deadline, t0 + 7000000000ull + 1000000000);
    put(1, 0x77);                                   /* never */
    CHECK_EQ(rtc.deadline, CLOCK_NEVER);
    put(5, 0x00); put(3, 0x00); put(1, 0x00);       /* midnight */
    CHECK_EQ(rtc.deadline, t0 + (86400ull - (3600 + 46 * 60 + 43)) * 1000000000);
    (void)get(0x0c);
    ms(200000000);                                  /* more than two days: the flag is there */
    CHECK_EQ(get(0x0c) & 0x20, 0x20);
}

static void sizes(void)
{
    start(1, 512ull << 20);
    CHECK_EQ(get(0x15) | get(0x16) << 8, 640);
    CHECK_EQ(get(0x17) | get(0x18) << 8, 0xffff);
    CHECK_EQ(get(0x34) | get(0x35) << 8, 496 * 16);
    CHECK_EQ(get(0x5b) + get(0x5c) * 256 + get(0x5d) * 65536, 0);
    start(1, 5ull << 30);
    CHECK_EQ(get(0x34) | get(0x35) << 8, (3072 - 16) * 16);
    CHECK_EQ(get(0x5b) + get(0x5c) * 256 + get(0x5d) * 65536, 2 * 1024 * 16);
    start(1, 8ull << 20);
    CHECK_EQ(get(0x17) | get(0x18) << 8, 7 * 1024);
    CHECK_EQ(get(0x34) | get(0x35) << 8, 0);
}

static void fuzz(void)
{
    uint32_t x = 4;

    start(1700000000, 0);
    for (unsigned i = 0; i < 300000; i++) {
        x = x * 1664525 + 1013904223;
        fake.now += (uint64_t)(x & 0xffff) << (x >> 28);
        if (x & 0x8000000u)
            put((uint8_t)(x >> 8 & 0x3f), (uint8_t)(x >> 16));
        else
            (void)get((uint8_t)(x >> 8));
        rtc_run(&rtc);
    }
    CHECK(true);
}

int main(void)
{
    dates();
    formats();
    setting();
    uip();
    interrupts();
    alarms();
    sizes();
    fuzz();
    return unit_done();
}
