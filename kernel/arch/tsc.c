/* SPDX-License-Identifier: BSD-2-Clause */
/* Calibration of the TSC and the microsecond clock made from it. All loops are bounded by counts. */
#include "kernel/arch/cpu.h"

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
#define MAX_POLLS       1000000u
#define TSC_HZ_MIN      50000000ull
#define TSC_HZ_MAX      20000000000ull
#define TSC_HZ_GUESS    1000000000ull

static uint64_t hz = TSC_HZ_GUESS;          /* const after calibration */

uint64_t tsc_hz(void) { return hz; }
uint64_t hw_now_us(void) { return hw_rdtsc() / tsc_from_us(1); }

static bool accept(uint64_t value)
{
    if (value < TSC_HZ_MIN || value > TSC_HZ_MAX)
        return false;
    hz = value;
    return true;
}

/* Hz by one run of channel 2; 0 when it does not count, or something came between (an SMI, another job of an
 * emulator's host) that took more than 1/part of the span, at both ends of each possible span. */
static uint64_t from_pit(uint32_t part)
{
    uint8_t gate = (uint8_t)((hw_in8(PORT_B) & ~PORT_B_SPKR) | PORT_B_GATE2);
    hw_out8(PORT_B, (uint8_t)(gate & ~PORT_B_GATE2));
    hw_out8(PIT_MODE, PIT_CH2_SHOT);
    hw_out8(PIT_CH2, PIT_START & 0xff);
    hw_out8(PIT_CH2, PIT_START >> 8);
    uint64_t start = hw_rdtsc();
    hw_out8(PORT_B, gate);
    uint64_t started = hw_rdtsc();
    for (uint32_t i = 0, passed = 0; i < MAX_POLLS && passed < PIT_LATE; i++) {
        uint64_t before = hw_rdtsc(), close = (before - start) / part;
        hw_out8(PIT_MODE, PIT_CH2_LATCH);
        uint8_t low = hw_in8(PIT_CH2);
        passed = PIT_START - (low | (uint32_t)hw_in8(PIT_CH2) << 8);
        if (passed >= PIT_TICKS && passed < PIT_LATE && started - start < close && hw_rdtsc() - before < close)
            return (before - start) * PIT_HZ / passed;
        hw_pause();
    }
    return 0;
}

const char *tsc_calibrate(void)
{
    struct cpuid_regs r = cpuid_leaf(0x15);    /* the ratio and often the crystal [SDM3 18.7.3] */
    if (r.eax != 0 && accept((uint64_t)r.ecx * r.ebx / r.eax))
        return "CPUID";
    /* Where each port access takes long (an exit of the hypervisor below), a rougher figure is better than a guess. */
    for (unsigned i = 0; i < CALIBRATE_ROUNDS; i++)
        if (accept(from_pit(CALIBRATE_CLOSE >> i / 3)))
            return "8254";
    return "a guess";
}
