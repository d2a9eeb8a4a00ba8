/* SPDX-License-Identifier: BSD-2-Clause */
/* The wall clock, read once at boot from the CMOS [MC146818]. */
#include "kernel/arch/rtc.h"

#include "kernel/arch/hw.h"

#define PORT_INDEX   0x70u
#define PORT_DATA    0x71u
#define NMI_OFF      0x80u
#define REG_A        0x0au        /* bit 7: update in progress */
#define REG_B        0x0bu        /* bit 2: binary, bit 1: 24 hours */
#define REG_COUNT    6u
#define UPDATE_US    10000u

static const uint8_t registers[REG_COUNT] = { 0, 2, 4, 7, 8, 9 };   /* s min h day month year */

static uint8_t cmos(uint8_t reg)
{
    hw_out8(PORT_INDEX, (uint8_t)(NMI_OFF | reg));
    return hw_in8(PORT_DATA);
}

static unsigned decode(uint8_t v, uint8_t mode) { return mode & 4 ? v : (v >> 4) * 10u + (v & 15u); }

uint64_t rtc_seconds(const uint8_t raw[REG_COUNT], uint8_t mode)
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
    struct deadline d = deadline_in(UPDATE_US);
    while (cmos(REG_A) & 0x80)
        if (!spin(&d))
            return false;
    for (unsigned i = 0; i < REG_COUNT; i++)
        raw[i] = cmos(registers[i]);
    return true;
}

uint64_t rtc_epoch(void)
{
    uint8_t one[REG_COUNT], two[REG_COUNT];
    uint64_t first = 0, second = 1;
    for (unsigned tries = 0; first != second && tries < 4; tries++) {   /* an update may fall between */
        if (!read_once(one) || !read_once(two))
            return 0;
        first = rtc_seconds(one, cmos(REG_B));
        second = rtc_seconds(two, cmos(REG_B));
    }
    return first == second ? first : 0;
}
