/* SPDX-License-Identifier: BSD-2-Clause */
/* Time: the CMOS clock [MC146818], read once, and how fast the TSC counts. All loops are bounded by counts. */
#include "kernel/boot/loader.h"

#define PORT_INDEX   0x70u
#define PORT_DATA    0x71u
#define REG_A        0x0au        /* bit 7: update in progress */
#define REG_B        0x0bu        /* bit 2: binary, bit 1: 24 hours */
#define REG_COUNT    6u
#define MAX_POLLS    100000u      /* an update takes 2 ms, a read 1 us */

/* 8254 channel 2: gate and output in port 61h, one shot [8254 data sheet, mode 0] */
enum { PIT_CH2 = 0x42, PIT_MODE = 0x43, PORT_B = 0x61 };
#define PIT_CH2_SHOT    0xb0      /* channel 2, low then high byte, mode 0 */
#define PIT_CH2_LATCH   0x80
#define PORT_B_GATE2    0x01
#define PORT_B_SPKR     0x02
#define PIT_HZ          1193182u
#define PIT_TICKS       11932u    /* 10 ms */
#define PIT_LATE        60000u    /* near its end the counter may have wrapped */
#define PIT_START       0xffffu
#define PIT_POLLS       1000000u
#define ROUNDS          10u
#define CLOSE           512u      /* a time between two readings is good when it is this part of the span */
#define TSC_HZ_GUESS    1000000000ull

static const uint8_t registers[REG_COUNT] = { 0, 2, 4, 7, 8, 9 };   /* s min h day month year */

static void out8(uint8_t port, uint8_t v) { __asm__ volatile ("outb %0, %w1" : : "a"(v), "Nd"((uint16_t)port)); }

static uint8_t in8(uint8_t port)
{
    uint8_t v;
    __asm__ volatile ("inb %w1, %0" : "=a"(v) : "Nd"((uint16_t)port));
    return v;
}

static uint64_t rdtsc(void)
{
    uint32_t low, high;
    __asm__ volatile ("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static uint8_t cmos(uint8_t reg)             /* bit 7 of the index stays 0: NMIs on */
{
    out8(PORT_INDEX, reg);
    return in8(PORT_DATA);
}

static unsigned decode(uint8_t v, uint8_t mode) { return mode & 4 ? v : (v >> 4) * 10u + (v & 15u); }

uint64_t clock_seconds(const uint8_t raw[REG_COUNT], uint8_t mode)
{
    static const uint16_t before[12] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
    unsigned hour = decode(raw[2] & 0x7f, mode), day = decode(raw[3], mode), month = decode(raw[4], mode);
    unsigned year = 2000 + decode(raw[5], mode), second = decode(raw[0], mode), minute = decode(raw[1], mode);
    if (!(mode & 2))
        hour = hour % 12 + (raw[2] & 0x80 ? 12u : 0);
    if (second > 59 || minute > 59 || hour > 23 || day < 1 || day > 31 || month < 1 || month > 12 || year > 2099)
        return 0;
    uint64_t days = (year - 1970) * UINT64_C(365) + (year - 1969) / 4 + before[month - 1] + day - 1;
    if (year % 4 == 0 && month > 2)
        days++;
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

static bool read_once(uint8_t raw[REG_COUNT])
{
    for (unsigned polls = 0; cmos(REG_A) & 0x80; polls++)
        if (polls == MAX_POLLS)
            return false;
    for (unsigned i = 0; i < REG_COUNT; i++)
        raw[i] = cmos(registers[i]);
    return true;
}

void clock_read(struct bootinfo *info)
{
    uint8_t one[REG_COUNT], two[REG_COUNT];
    uint64_t first = 0, second = 1;
    for (unsigned tries = 0; first != second && tries < 4; tries++) {   /* an update may fall between */
        if (!read_once(one) || !read_once(two))
            return;
        first = clock_seconds(one, cmos(REG_B));
        second = clock_seconds(two, cmos(REG_B));
    }
    info->epoch_tsc = rdtsc();
    info->epoch = first == second ? first : 0;
}

static bool accept(struct bootinfo *info, uint64_t hz, const char *by)
{
    if (hz < BOOT_TSC_HZ_MIN || hz > BOOT_TSC_HZ_MAX)
        return false;
    info->tsc_hz = hz;
    str_copy(info->tsc_by, sizeof info->tsc_by, by);
    return true;
}

/* The ratio to the crystal and often the crystal [SDM3 18.7.3]; 0: CPUID does not say. */
static uint64_t hz_from_cpuid(void)
{
    uint32_t a = 0, b, c = 0, d;
    __asm__ volatile ("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (a < 0x15)
        return 0;
    a = 0x15;
    c = 0;
    __asm__ volatile ("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return a != 0 ? (uint64_t)c * b / a : 0;
}

/* Hz by one run of channel 2; 0 when it does not count, or something came between (an SMI, another job of an
 * emulator's host) that took more than 1/part of the span, at both ends of each possible span. */
static uint64_t hz_from_pit(uint32_t part)
{
    uint8_t gate = (uint8_t)((in8(PORT_B) & ~PORT_B_SPKR) | PORT_B_GATE2);
    out8(PORT_B, (uint8_t)(gate & ~PORT_B_GATE2));
    out8(PIT_MODE, PIT_CH2_SHOT);
    out8(PIT_CH2, PIT_START & 0xff);
    out8(PIT_CH2, PIT_START >> 8);
    uint64_t start = rdtsc();
    out8(PORT_B, gate);
    uint64_t started = rdtsc();
    for (uint32_t i = 0, passed = 0; i < PIT_POLLS && passed < PIT_LATE; i++) {
        uint64_t before = rdtsc(), close = (before - start) / part;
        out8(PIT_MODE, PIT_CH2_LATCH);
        uint8_t low = in8(PIT_CH2);
        passed = PIT_START - (low | (uint32_t)in8(PIT_CH2) << 8);
        if (passed >= PIT_TICKS && passed < PIT_LATE && started - start < close && rdtsc() - before < close)
            return (before - start) * PIT_HZ / passed;
        __asm__ volatile ("pause");
    }
    return 0;
}

void clock_rate(struct bootinfo *info)
{
    if (accept(info, hz_from_cpuid(), "CPUID"))
        return;
    /* Where each port access takes long (an exit of the hypervisor below), a rougher figure is better than a guess. */
    for (unsigned i = 0; i < ROUNDS; i++)
        if (accept(info, hz_from_pit(CLOSE >> i / 3), "8254"))
            return;
    (void)accept(info, TSC_HZ_GUESS, "a guess");
}
