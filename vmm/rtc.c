/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MC146818 as in a PC chipset, with the century at 32h and the memory sizes
 * where boot firmware leaves them. The flags of register C are worked out when
 * somebody looks; a deadline exists only for an enabled interrupt that has not
 * been raised since C was read. The day of the week follows from the date.
 */
#include "vmm/rtc.h"

#include "vmm/guest_hw.h"
#include "vmm/start_page.h"

enum { R_SEC, R_SEC_ALARM, R_MIN, R_MIN_ALARM, R_HOUR, R_HOUR_ALARM, R_WDAY, R_MDAY, R_MONTH, R_YEAR,
       R_A, R_B, R_C, R_D };

#define A_UIP       0x80u
#define A_DV        0x70u           /* divider; 11x holds the clock in reset */
#define   A_DV_RESET  0x60u
#define A_RS        0x0fu           /* periodic rate */
#define B_SET       0x80u
#define B_PIE       0x40u
#define B_AIE       0x20u
#define B_UIE       0x10u
#define B_BINARY    0x04u
#define B_24H       0x02u
#define C_IRQF      0x80u
#define C_PF        0x40u
#define C_AF        0x20u
#define C_UF        0x10u
#define C_ANY       0x70u           /* same places as the enables in B */
#define D_VALID     0x80u
#define HOUR_PM     0x80u
#define ALARM_ANY   0xc0u           /* "don't care" */
#define UIP_TICKS   8u              /* 244 us of 32768 Hz before the update */
#define DAY         86400u
#define NO_CLOCK_EPOCH  UINT64_C(946684800)    /* 2000-01-01 */
#define MAX_SECONDS     UINT64_C(253402300799) /* end of 9999 */

struct date { unsigned year, month, day; };

/* Days since 1970-01-01, for years from 1970; months count from March within the year. */
static uint64_t days_of(struct date d)
{
    uint64_t y = d.month <= 2 ? d.year - 1u : d.year, m = d.month <= 2 ? d.month + 9u : d.month - 3u;

    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + d.day - 1 - 719468;
}

static struct date date_of(uint64_t days)
{
    struct date d = { 1970, 1, 1 };

    d.year = 1970 + (unsigned)(days / 366);     /* never too late, at most a few years early */
    while (days_of((struct date){ d.year + 1, 1, 1 }) <= days)
        d.year++;
    while (d.month < 12 && days_of((struct date){ d.year, d.month + 1, 1 }) <= days)
        d.month++;
    d.day = (unsigned)(days - days_of(d)) + 1;
    return d;
}

static bool is_stopped(const struct rtc *rtc)
{
    return (rtc->cmos[R_B] & B_SET) || (rtc->cmos[R_A] & A_DV_RESET) == A_DV_RESET;
}

static uint64_t ticks(const struct rtc *rtc) { return clock_ticks(rtc->clock, CLOCK_RTC_HZ); }

static uint64_t seconds_at(const struct rtc *rtc, uint64_t tick)
{
    uint64_t seconds = rtc->base_seconds;

    if (tick > rtc->base_tick)
        seconds += (tick - rtc->base_tick) / CLOCK_RTC_HZ;
    return MIN(seconds, MAX_SECONDS);
}

static uint8_t encode(const struct rtc *rtc, unsigned value)
{
    if (rtc->cmos[R_B] & B_BINARY)
        return (uint8_t)value;
    return (uint8_t)(value % 10 | value / 10 % 10 << 4);
}

static unsigned decode(const struct rtc *rtc, uint8_t value)
{
    if (rtc->cmos[R_B] & B_BINARY)
        return value;
    return (value & 15u) + (value >> 4) * 10u;
}

static uint8_t encode_hour(const struct rtc *rtc, unsigned hour)
{
    unsigned twelve = hour % 12 ? hour % 12 : 12;

    if (rtc->cmos[R_B] & B_24H)
        return encode(rtc, hour);
    return (uint8_t)(encode(rtc, twelve) | (hour >= 12 ? HOUR_PM : 0));
}

static unsigned decode_hour(const struct rtc *rtc, uint8_t value)
{
    unsigned twelve;

    if (rtc->cmos[R_B] & B_24H)
        return decode(rtc, value);
    twelve = decode(rtc, value & (uint8_t)~HOUR_PM) % 12;
    return value & HOUR_PM ? twelve + 12 : twelve;
}

/* Time to registers. While the clock is stopped they hold what the guest wrote. */
static void fill(struct rtc *rtc)
{
    uint64_t seconds;
    unsigned in_day;
    struct date date;

    if (is_stopped(rtc))
        return;
    seconds = seconds_at(rtc, ticks(rtc));
    in_day = (unsigned)(seconds % DAY);
    date = date_of(seconds / DAY);
    rtc->cmos[R_SEC] = encode(rtc, in_day % 60);
    rtc->cmos[R_MIN] = encode(rtc, in_day / 60 % 60);
    rtc->cmos[R_HOUR] = encode_hour(rtc, in_day / 3600);
    rtc->cmos[R_WDAY] = (uint8_t)((seconds / DAY + 4) % 7 + 1);
    rtc->cmos[R_MDAY] = encode(rtc, date.day);
    rtc->cmos[R_MONTH] = encode(rtc, date.month);
    rtc->cmos[R_YEAR] = encode(rtc, date.year % 100);
    rtc->cmos[GHW_CMOS_CENTURY] = encode(rtc, date.year / 100);
}

/* Registers to time, whatever the guest left in them. */
static void take(struct rtc *rtc)
{
    unsigned sec = MIN(decode(rtc, rtc->cmos[R_SEC]), 59u), min = MIN(decode(rtc, rtc->cmos[R_MIN]), 59u);
    unsigned hour = MIN(decode_hour(rtc, rtc->cmos[R_HOUR]), 23u);
    unsigned century = MIN(decode(rtc, rtc->cmos[GHW_CMOS_CENTURY]), 99u);
    struct date date = { century * 100 + MIN(decode(rtc, rtc->cmos[R_YEAR]), 99u),
                         decode(rtc, rtc->cmos[R_MONTH]), decode(rtc, rtc->cmos[R_MDAY]) };

    date.month = MIN(MAX(date.month, 1u), 12u);
    date.day = MIN(MAX(date.day, 1u), 31u);
    date.year = MAX(date.year, 1970u);
    rtc->base_seconds = days_of(date) * DAY + hour * 3600u + min * 60u + sec;
    rtc->base_tick = ticks(rtc);
    rtc->seen_second = rtc->base_seconds;
}

/* 32768 Hz ticks between periodic interrupts, 0 = off. Rates 1 and 2 are 8 and 9. */
static uint32_t period(const struct rtc *rtc)
{
    unsigned rate = rtc->cmos[R_A] & A_RS;

    if (rate == 0 || (rtc->cmos[R_A] & A_DV_RESET) == A_DV_RESET)
        return 0;
    if (rate <= 2)
        rate += 7;
    return UINT32_C(1) << (rate - 1);
}

static bool alarm_fits(uint8_t reg, unsigned alarm, unsigned value)
{
    return (reg & ALARM_ANY) == ALARM_ANY || alarm == value;
}

/* First second after `seconds` at which the alarm matches; within a day, or CLOCK_NEVER. */
static uint64_t next_alarm(const struct rtc *rtc, uint64_t seconds)
{
    uint8_t rs = rtc->cmos[R_SEC_ALARM], rm = rtc->cmos[R_MIN_ALARM], rh = rtc->cmos[R_HOUR_ALARM];
    unsigned as = decode(rtc, rs), am = decode(rtc, rm), ah = decode_hour(rtc, rh);
    uint64_t at = seconds + 1, end = at + DAY;

    while (at < end) {
        unsigned in_day = (unsigned)(at % DAY);

        if (!alarm_fits(rh, ah, in_day / 3600))
            at += 3600 - in_day % 3600;
        else if (!alarm_fits(rm, am, in_day / 60 % 60))
            at += 60 - in_day % 60;
        else if (!alarm_fits(rs, as, in_day % 60))
            at++;
        else
            return at;
    }
    return CLOCK_NEVER;
}

/* Brings the flags of register C up to date and drives the line. */
static void update(struct rtc *rtc)
{
    uint64_t now = ticks(rtc), seconds = seconds_at(rtc, now);
    uint8_t flags = rtc->cmos[R_C] & C_ANY;
    uint32_t step = period(rtc);

    if (step) {
        if (now / step > rtc->seen_period / step)
            flags |= C_PF;
        rtc->seen_period = now;
    }
    if (!is_stopped(rtc) && seconds > rtc->seen_second) {
        flags |= C_UF;
        if (next_alarm(rtc, rtc->seen_second) <= seconds)
            flags |= C_AF;
        rtc->seen_second = seconds;
    }
    if (flags & rtc->cmos[R_B] & C_ANY)
        flags |= C_IRQF;
    rtc->cmos[R_C] = flags;
    line_set(rtc->lines, GHW_IRQ_RTC, flags & C_IRQF);
}

static void sooner(struct rtc *rtc, uint64_t tick)
{
    rtc->deadline = MIN(rtc->deadline, clock_tsc_of(rtc->clock, CLOCK_RTC_HZ, tick));
}

static void schedule(struct rtc *rtc)
{
    uint8_t wanted = rtc->cmos[R_B] & C_ANY;
    uint32_t step = period(rtc);
    uint64_t at;

    rtc->deadline = CLOCK_NEVER;
    if (rtc->cmos[R_C] & C_IRQF)
        return;                     /* the line is up until C is read */
    if ((wanted & B_PIE) && step)
        sooner(rtc, (rtc->seen_period / step + 1) * step);
    if (is_stopped(rtc) || rtc->seen_second >= MAX_SECONDS)
        return;
    at = wanted & B_UIE ? rtc->seen_second + 1 : wanted & B_AIE ? next_alarm(rtc, rtc->seen_second) : CLOCK_NEVER;
    if (at <= MAX_SECONDS)
        sooner(rtc, rtc->base_tick + (at - rtc->base_seconds) * CLOCK_RTC_HZ);
}

void rtc_run(struct rtc *rtc)
{
    update(rtc);
    schedule(rtc);
}

static void put16(struct rtc *rtc, unsigned reg, uint64_t value)
{
    value = MIN(value, 0xffffu);
    rtc->cmos[reg] = (uint8_t)value;
    rtc->cmos[reg + 1] = (uint8_t)(value >> 8);
}

/* What PC firmware leaves in CMOS about memory. */
static void fill_sizes(struct rtc *rtc, uint64_t ram)
{
    uint64_t low = MIN(ram, GUEST_RAM_LOW_MAX), high = ram - low;

    put16(rtc, 0x15, 640);                                              /* base, KiB */
    put16(rtc, 0x17, low > 0x100000 ? (low - 0x100000) >> 10 : 0);      /* above 1 MiB, KiB */
    put16(rtc, 0x30, low > 0x100000 ? (low - 0x100000) >> 10 : 0);
    put16(rtc, 0x34, low > 0x1000000 ? (low - 0x1000000) >> 16 : 0);    /* above 16 MiB, 64 KiB */
    put16(rtc, 0x5b, high >> 16 & 0xffffu);                             /* above 4 GiB, 64 KiB */
    rtc->cmos[0x5d] = (uint8_t)(high >> 32);
}

void rtc_init(struct rtc *rtc, const struct clock *clock, struct line_bus *lines,
              uint64_t epoch, uint64_t epoch_tsc, uint64_t ram)
{
    uint64_t gone = clock->start > epoch_tsc ? clock->start - epoch_tsc : 0;

    memset(rtc, 0, sizeof *rtc);
    rtc->clock = clock;
    rtc->lines = lines;
    rtc->cmos[R_A] = 0x26;          /* 32768 Hz crystal, 1024 Hz rate */
    rtc->cmos[R_B] = B_24H;
    rtc->cmos[R_D] = D_VALID;
    fill_sizes(rtc, ram);
    rtc->base_seconds = epoch ? epoch + gone / clock->tsc_hz : NO_CLOCK_EPOCH;
    rtc->base_seconds = MIN(rtc->base_seconds, MAX_SECONDS);
    rtc->base_tick = rtc->seen_period = ticks(rtc);
    rtc->seen_second = rtc->base_seconds;
    rtc->deadline = CLOCK_NEVER;
}

static uint8_t read_a(const struct rtc *rtc)
{
    uint64_t now = ticks(rtc), in_second = (now - rtc->base_tick) % CLOCK_RTC_HZ;
    bool updating = !is_stopped(rtc) && in_second >= CLOCK_RTC_HZ - UIP_TICKS;

    return (uint8_t)((rtc->cmos[R_A] & ~A_UIP) | (updating ? A_UIP : 0));
}

static uint8_t read_c(struct rtc *rtc)
{
    uint8_t value;

    update(rtc);
    value = rtc->cmos[R_C];
    rtc->cmos[R_C] = 0;
    line_set(rtc->lines, GHW_IRQ_RTC, false);
    schedule(rtc);
    return value;
}

static bool is_time(unsigned reg)
{
    return reg == R_SEC || reg == R_MIN || reg == R_HOUR || (reg >= R_WDAY && reg <= R_YEAR) ||
           reg == GHW_CMOS_CENTURY;
}

uint32_t rtc_port_in(struct rtc *rtc, uint16_t port)
{
    unsigned reg = rtc->index;

    if (!(port & 1u))
        return 0xff;                /* the index cannot be read back */
    if (reg == R_A)
        return read_a(rtc);
    if (reg == R_C)
        return read_c(rtc);
    if (is_time(reg))
        fill(rtc);
    return rtc->cmos[reg];
}

static void write_control(struct rtc *rtc, unsigned reg, uint8_t value)
{
    bool was = is_stopped(rtc);

    fill(rtc);                      /* under the old format */
    rtc->cmos[reg] = reg == R_A ? value & (uint8_t)~A_UIP : value;
    if (reg == R_B && (value & B_SET))
        rtc->cmos[R_B] &= (uint8_t)~B_UIE;      /* SET clears UIE */
    if (was && !is_stopped(rtc))
        take(rtc);
}

void rtc_port_out(struct rtc *rtc, uint16_t port, uint8_t value)
{
    unsigned reg = rtc->index;

    if (!(port & 1u)) {
        rtc->index = value & 0x7fu; /* bit 7 is the NMI gate */
        return;
    }
    update(rtc);
    if (reg == R_A || reg == R_B) {
        write_control(rtc, reg, value);
    } else if (is_time(reg)) {
        fill(rtc);
        rtc->cmos[reg] = value;
        if (!is_stopped(rtc))
            take(rtc);
    } else if (reg != R_C && reg != R_D) {
        rtc->cmos[reg] = value;
    }
    rtc_run(rtc);
}
