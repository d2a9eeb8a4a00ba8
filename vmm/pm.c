/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI fixed hardware [ACPI 4.8.3]: there is no legacy mode, SCI_EN always reads 1. */
#include "vmm/pm.h"

#include "vmm/guest_hw.h"

/* Offsets in the block */
#define OFF_STATUS     0u
#define OFF_ENABLE     2u
#define OFF_CONTROL    4u
#define OFF_TIMER      8u

#define STS_TIMER      BIT32(0)      /* [ACPI 4.8.3.1.1] bit of the enable register too */
#define STS_GLOBAL     BIT32(5)
#define STS_POWER      BIT32(8)
#define STS_SLEEP      BIT32(9)
#define STS_RTC        BIT32(10)
#define STS_WAKE       BIT32(15)
#define STS_ALL_W1C    (STS_TIMER | STS_GLOBAL | STS_POWER | STS_SLEEP | STS_RTC | STS_WAKE)
#define EN_ALL         (STS_TIMER | STS_GLOBAL | STS_POWER | STS_SLEEP | STS_RTC)
#define CNT_SCI_EN     BIT32(0)      /* [ACPI 4.8.3.2.1] */
#define CNT_BM_RLD     BIT32(1)
#define CNT_SLP_TYP    MASK32(12, 10)
#define CNT_SLP_EN     BIT32(13)     /* reads 0 */
#define TIMER_TOP_BIT  31u           /* its change sets STS_TIMER */

#define PORT_KBD_DATA  0x60u
#define PORT_KBD_CMD   0x64u
#define   KBD_RESET      0xfeu       /* pulse the CPU's reset pin */
#define PORT_92        0x92u
#define   P92_INIT       BIT32(0)    /* 0 -> 1 resets */
#define   P92_A20        BIT32(1)
#define RST_CPU        BIT32(2)      /* CF9: 0 -> 1 resets */

static uint64_t timer(const struct pm *pm) { return clock_ticks(pm->clock, CLOCK_PM_HZ); }

static void finish(struct pm *pm, enum pm_outcome outcome)
{
    if (pm->outcome == PM_RUNNING)
        pm->outcome = outcome;
}

void pm_run(struct pm *pm)
{
    uint64_t half = timer(pm) >> TIMER_TOP_BIT;

    if (half != pm->seen_half)
        pm->status |= STS_TIMER;
    pm->seen_half = half;
    pm->deadline = CLOCK_NEVER;
    if ((pm->enable & STS_TIMER) && !(pm->status & STS_TIMER))
        pm->deadline = clock_tsc_of(pm->clock, CLOCK_PM_HZ, (half + 1) << TIMER_TOP_BIT);
    line_set(pm->lines, GHW_IRQ_SCI, pm->status & pm->enable & EN_ALL);
}

void pm_init(struct pm *pm, const struct clock *clock, struct line_bus *lines)
{
    memset(pm, 0, sizeof *pm);
    pm->clock = clock;
    pm->lines = lines;
    pm->seen_half = timer(pm) >> TIMER_TOP_BIT;
    pm->deadline = CLOCK_NEVER;
    pm->control = CNT_SCI_EN;
    pm->port92 = P92_A20;
}

void pm_power_button(struct pm *pm)
{
    pm->status |= STS_POWER;
    pm_run(pm);
}

/* The registers of one dword of the block. */
static uint32_t block_dword(struct pm *pm, unsigned off)
{
    if (off == OFF_TIMER)
        return (uint32_t)timer(pm);
    if (off == OFF_CONTROL)
        return pm->control;
    if (off != OFF_STATUS)
        return 0;
    pm_run(pm);
    return pm->status | (uint32_t)pm->enable << 16;
}

uint32_t pm_block_in(struct pm *pm, unsigned off, unsigned size)
{
    uint64_t both;

    if (size == 0 || size > 4 || off > GHW_PM_LEN - size)
        return ~UINT32_C(0);
    both = block_dword(pm, off & ~3u);
    if ((off & 3u) + size > 4)
        both |= (uint64_t)block_dword(pm, (off & ~3u) + 4) << 32;
    return (uint32_t)(both >> (8 * (off & 3u)) & MASK64(8 * size - 1, 0));
}

static void write_control(struct pm *pm, uint16_t value)
{
    pm->control = (uint16_t)((value & (CNT_BM_RLD | CNT_SLP_TYP)) | CNT_SCI_EN);
    if ((value & CNT_SLP_EN) && FIELD_GET(CNT_SLP_TYP, value) == GHW_SLP_TYP_S5)
        finish(pm, PM_OFF);
}

/* One byte at a time: the registers are 16 bits wide and may be written in any way.
 * The byte with SLP_EN also holds SLP_TYP. */
static void block_byte_out(struct pm *pm, unsigned off, uint8_t value)
{
    unsigned shift = 8 * (off & 1u);
    uint16_t mask = (uint16_t)(0xffu << shift), wide = (uint16_t)((uint32_t)value << shift);

    switch (off & ~1u) {
    case OFF_STATUS:
        pm->status &= (uint16_t)~(wide & STS_ALL_W1C);
        break;
    case OFF_ENABLE:
        pm->enable = (uint16_t)(((pm->enable & ~mask) | wide) & EN_ALL);
        break;
    case OFF_CONTROL:
        write_control(pm, (uint16_t)((pm->control & ~mask) | wide));
        break;
    default:                        /* the timer is read-only */
        break;
    }
}

void pm_block_out(struct pm *pm, unsigned off, unsigned size, uint32_t value)
{
    if (size > 4 || off > GHW_PM_LEN - size)
        return;
    pm_run(pm);
    for (unsigned i = 0; i < size; i++)
        block_byte_out(pm, off + i, (uint8_t)(value >> (8 * i)));
    pm_run(pm);
}

uint32_t pm_port_in(const struct pm *pm, uint16_t port)
{
    if (port == PORT_92)
        return pm->port92;
    if (port == GHW_RESET)
        return pm->reset;
    return 0xff;                    /* no keyboard controller */
}

void pm_port_out(struct pm *pm, uint16_t port, uint8_t value)
{
    if (port == PORT_92) {
        if (value & ~pm->port92 & P92_INIT)
            finish(pm, PM_RESET);
        pm->port92 = value & (P92_INIT | P92_A20);
    } else if (port == GHW_RESET) {
        if (value & ~pm->reset & RST_CPU)
            finish(pm, PM_RESET);
        pm->reset = value & 0x0eu;
    } else if (port == PORT_KBD_CMD && value == KBD_RESET) {
        finish(pm, PM_RESET);
    }
}
