/* SPDX-License-Identifier: BSD-2-Clause */
/* The 8254: counting, latches, read-back, gate and output of channel 2, and its rate against the TSC. */
#include "tests/guest/lib/rt.h"

#define PIT_HZ  1193182ull

static uint16_t latch(unsigned channel)
{
    outb(0x43, (uint8_t)(channel << 6));
    uint8_t low = inb((uint16_t)(0x40 + channel));
    return (uint16_t)(low | inb((uint16_t)(0x40 + channel)) << 8);
}

static void load(unsigned channel, uint8_t mode, uint16_t count)
{
    outb(0x43, (uint8_t)(channel << 6 | 0x30u | (unsigned)mode << 1));
    outb((uint16_t)(0x40 + channel), (uint8_t)count);
    outb((uint16_t)(0x40 + channel), (uint8_t)(count >> 8));
}

/* The guest is told its TSC's rate in leaf 15h or 40000010h, kHz in the latter. */
static uint64_t tsc_khz(void)
{
    if (cpuid(0x40000000, 0).eax >= 0x40000010u)
        return cpuid(0x40000010, 0).eax;
    return 0;
}

static void rate(void)
{
    uint64_t khz = tsc_khz();
    outb(0x61, (uint8_t)((inb(0x61) & ~2u) | 1));
    load(2, 0, 59659);                               /* 50 ms */
    uint64_t start = rdtsc();
    while (!(inb(0x61) & 0x20) && rdtsc() - start < 100000000000ull)
        ;
    uint64_t spent = rdtsc() - start;
    if (khz == 0) {
        rt_print("note: the TSC's rate is not told\n");
        return;
    }
    uint64_t want = khz * 50;
    if (spent > want * 98 / 100 && spent < want * 120 / 100)
        rt_pass("rate-against-tsc");
    else
        rt_fail("rate-against-tsc", "50 ms took %lu ticks, %lu expected", spent, want);
}

void guest_main(void)
{
    load(0, 2, 0);
    uint16_t a = latch(0);
    for (unsigned i = 0; i < 200; i++)
        outb(0x80, 0);
    uint16_t b = latch(0);
    rt_check(a != b, "channel-0-counts");
    outb(0x61, (uint8_t)((inb(0x61) & ~3u) | 1));
    load(2, 0, 0xffff);
    rt_check(!(inb(0x61) & 0x20), "channel-2-output-low");
    a = latch(2);
    b = latch(2);
    rt_check(b <= a, "channel-2-counts-down");
    outb(0x61, (uint8_t)(inb(0x61) & ~1u));
    a = latch(2);
    for (unsigned i = 0; i < 200; i++)
        outb(0x80, 0);
    rt_equal("gate-stops-channel-2", latch(2), a);
    outb(0x43, 0xe2);                                /* read back status of channel 0 */
    rt_equal("read-back-mode", inb(0x40) & 0x3f, 0x34);
    outb(0x43, 0xc2);                                /* status and count */
    (void)inb(0x40);
    (void)inb(0x40);
    (void)inb(0x40);
    rt_check(inb(0x61) != 0xff, "port-61-is-there");
    rate();
}
