/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/boot/clock.c kernel/lib/str.c */
/* The host's CMOS clock to seconds, against the C library. */
#define _DEFAULT_SOURCE
#include <time.h>

#include "kernel/boot/loader.h"
#include "tests/unit/unit.h"

static uint8_t bcd(int v) { return (uint8_t)(v / 10 << 4 | v % 10); }

static void against_libc(time_t t)
{
    struct tm tm;
    gmtime_r(&t, &tm);
    const int v[6] = { tm.tm_sec, tm.tm_min, tm.tm_hour, tm.tm_mday, tm.tm_mon + 1, tm.tm_year - 100 };
    uint8_t binary[6], coded[6], twelve[6];
    for (int i = 0; i < 6; i++) {
        binary[i] = (uint8_t)v[i];
        twelve[i] = coded[i] = bcd(v[i]);
    }
    twelve[2] = (uint8_t)(bcd(v[2] % 12 == 0 ? 12 : v[2] % 12) | (v[2] >= 12 ? 0x80 : 0));
    CHECK_EQ(clock_seconds(binary, 6), t);
    CHECK_EQ(clock_seconds(coded, 2), t);
    CHECK_EQ(clock_seconds(twelve, 0), t);
}

int main(void)
{
    for (time_t t = 946684800; t < 4102444800; t += 86400 * 13 + 12347)
        against_libc(t);
    against_libc(951782400);                 /* 29 February 2000 */
    against_libc(1709164800 + 86399);        /* 29 February 2024 */
    CHECK_EQ(clock_seconds((const uint8_t[6]){ 60, 0, 0, 1, 1, 24 }, 6), 0);
    CHECK_EQ(clock_seconds((const uint8_t[6]){ 0, 0, 24, 1, 1, 24 }, 6), 0);
    CHECK_EQ(clock_seconds((const uint8_t[6]){ 0, 0, 0, 0, 1, 24 }, 6), 0);
    CHECK_EQ(clock_seconds((const uint8_t[6]){ 0, 0, 0, 1, 13, 24 }, 6), 0);
    CHECK_EQ(clock_seconds((const uint8_t[6]){ 255, 255, 255, 255, 255, 255 }, 6), 0);
    return unit_done();
}
