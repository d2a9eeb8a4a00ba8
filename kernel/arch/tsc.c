/* SPDX-License-Identifier: BSD-2-Clause */
/* Calibration of the TSC and the microsecond clock made from it. All loops are bounded by counts. */
#include "kernel/arch/cpu.h"

/* 8254 channel 2: gate and output in port 61h, one shot [8254 data sheet, mode 0] */
#define PIT_HZ          1193182u
#define PIT_CH2         0x42
#define PIT_MODE        0x43
#define   PIT_CH2_SHOT  0xb0      /* channel 2, low then high byte, mode 0 */
#define   PIT_CH2_LATCH 0x80
#define PORT_B          0x61
#define   PORT_B_GATE2  0x01
#define   PORT_B_SPKR   0x02

#define PIT_TICKS       11932u    /* 10 ms */
#define PIT_LATE        60000u    /* near its end the counter may have wrapped */
#define PIT_START       0xffffu
#define ROUNDS          10u
#define CLOSE           512u
#define MAX_POLLS       1000000u
#define TSC_HZ_MIN      100000000ull
#define TSC_HZ_MAX      20000000000ull
#define TSC_HZ_GUESS    1000000000ull

static uint64_t hz = TSC_HZ_GUESS;          /* const after calibration */
static uint64_t us_mult = ((UINT64_C(1000000) << 32) / TSC_HZ_GUESS);   /* us = tsc * mult >> 32 */
static const char *source = "guessed";

uint64_t tsc_hz(void) { return hz; }
const char *tsc_source(void) { return source; }
uint64_t hw_now_us(void) { return (uint64_t)(((unsigned __int128)hw_rdtsc() * us_mult) >> 32); }

static bool accept(uint64_t value, const char *from)
{
    if (value < TSC_HZ_MIN || value > TSC_HZ_MAX)
        return false;
    hz = value;
    us_mult = (UINT64_C(1000000) << 32) / value;
    source = from;
    return true;
}

/* Leaf 15h gives the ratio and often the crystal [SDM3 18.7.3]. */
static uint64_t from_cpuid(void)
{
    if (hw_cpuid(0, 0).eax < 0x15)
        return 0;
    struct cpuid_regs r = hw_cpuid(0x15, 0);
    return r.eax != 0 ? (uint64_t)r.ecx * r.ebx / r.eax : 0;
}

static uint32_t pit_count(void)
{
    hw_out8(PIT_MODE, PIT_CH2_LATCH);
    uint32_t low = hw_in8(PIT_CH2);
    return low | (uint32_t)hw_in8(PIT_CH2) << 8;
}

/* A point in time taken between two readings is good when they are close together. */
static bool is_close(uint64_t from, uint64_t to, uint64_t whole) { return to - from < whole / CLOSE; }

/* Hz by one run of channel 2; 0 when it does not count, or something came between (an SMI,
 * another job of an emulator's host) at both ends of each possible span. */
static uint64_t pit_round(void)
{
    uint8_t gate = (uint8_t)((hw_in8(PORT_B) & ~PORT_B_SPKR) | PORT_B_GATE2);
    hw_out8(PORT_B, (uint8_t)(gate & ~PORT_B_GATE2));
    hw_out8(PIT_MODE, PIT_CH2_SHOT);
    hw_out8(PIT_CH2, PIT_START & 0xff);
    hw_out8(PIT_CH2, PIT_START >> 8);
    uint64_t start = hw_rdtsc();
    hw_out8(PORT_B, gate);
    uint64_t started = hw_rdtsc();
    for (uint32_t i = 0; i < MAX_POLLS; i++) {
        uint64_t before = hw_rdtsc();
        uint32_t passed = PIT_START - pit_count();
        uint64_t after = hw_rdtsc();
        if (passed > PIT_LATE || (passed >= PIT_TICKS && !is_close(start, started, before - start)))
            return 0;
        if (passed >= PIT_TICKS && is_close(before, after, before - start))
            return (before - start) * PIT_HZ / passed;
        hw_pause();
    }
    return 0;
}

static uint64_t from_pit(void)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t found = pit_round();
        if (found != 0)
            return found;
    }
    return 0;
}

void tsc_calibrate(void)
{
    if (!accept(from_cpuid(), "CPUID"))
        (void)accept(from_pit(), "8254");
}
