/* SPDX-License-Identifier: BSD-2-Clause */
/* The wall clock, read once, from the CMOS [MC146818]. */
#include "kernel/boot/loader.h"

#define PORT_INDEX   0x70u
#define PORT_DATA    0x71u
#define REG_A        0x0au        /* bit 7: update in progress */
#define REG_B        0x0bu        /* bit 2: binary, bit 1: 24 hours */
#define REG_COUNT    6u
#define MAX_POLLS    100000u      /* an update takes 2 ms, a read 1 us */

static const uint8_t registers[REG_COUNT] = { 0, 2, 4, 7, 8, 9 };   /* s min h day month year */

static uint8_t cmos(uint8_t reg)             /* bit 7 of the index stays 0: NMIs on */
{
    __asm__ volatile ("outb %0, %1\n\tinb %2, %0" : "+a"(reg) : "i"(PORT_INDEX), "i"(PORT_DATA));
    return reg;
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
    uint32_t low, high;
    for (unsigned tries = 0; first != second && tries < 4; tries++) {   /* an update may fall between */
        if (!read_once(one) || !read_once(two))
            return;
        first = clock_seconds(one, cmos(REG_B));
        second = clock_seconds(two, cmos(REG_B));
    }
    __asm__ volatile ("rdtsc" : "=a"(low), "=d"(high));
    info->epoch = first == second ? first : 0;
    info->epoch_tsc = (uint64_t)high << 32 | low;
}
