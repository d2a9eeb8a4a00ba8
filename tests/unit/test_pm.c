/* link: vmm/pm.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* ACPI fixed hardware: events, SCI, timer and its overflow, power-off, resets. */
#include "vmm/pm.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"
#include "vmm/guest_hw.h"

static struct clock clk;
static struct line_bus lines;
static struct pm pm;

static void changed(void *sink, unsigned line, bool level)
{
    (void)sink;
    (void)level;
    CHECK_EQ(line, GHW_IRQ_SCI);
}

static void start(void)
{
    memset(&fake, 0, sizeof fake);
    clock_init(&clk, 1000000000);
    lines = (struct line_bus){ .changed = changed };
    pm_init(&pm, &clk, &lines);
}

static void events(void)
{
    start();
    pm_power_button(&pm);
    CHECK_EQ(lines.level, 0);
    CHECK_EQ(pm_block_in(&pm, 0, 2), 0x0100);
    pm_block_out(&pm, 2, 2, 0xffff);
    CHECK_EQ(pm_block_in(&pm, 2, 2), 0x0721);
    CHECK_EQ(lines.level, 1u << 9);
    pm_block_out(&pm, 0, 2, 0x0001);
    CHECK_EQ(lines.level, 1u << 9);
    pm_block_out(&pm, 1, 1, 0x01);          /* W1C by the byte */
    CHECK_EQ(lines.level, 0);
    pm_block_out(&pm, 0, 4, 0x01000000);    /* both registers as a dword */
    CHECK_EQ(pm_block_in(&pm, 0, 4), 0x01000000);
    pm_power_button(&pm);
    CHECK_EQ(lines.level, 1u << 9);
    pm_block_out(&pm, 3, 1, 0);
    CHECK_EQ(lines.level, 0);
    CHECK_EQ(pm_block_in(&pm, 1, 1), 1);
}

static void timer(void)
{
    start();
    CHECK_EQ(pm_block_in(&pm, 8, 4), 0);
    fake.now = 1000000000;
    CHECK_EQ(pm_block_in(&pm, 8, 4), 3579545);
    CHECK_EQ(pm_block_in(&pm, 9, 1), 3579545 >> 8 & 0xff);
    CHECK_EQ(pm_block_in(&pm, 0xa, 2), 3579545 >> 16);
    CHECK_EQ(pm_block_in(&pm, 0xc, 4), 0);
    pm_block_out(&pm, 8, 4, 0);
    CHECK_EQ(pm_block_in(&pm, 8, 4), 3579545);
    CHECK_EQ(pm.deadline, CLOCK_NEVER);
    pm_block_out(&pm, 2, 2, 1);
    CHECK_EQ(pm.deadline, clock_tsc_of(&clk, CLOCK_PM_HZ, 1ull << 31));
    fake.now = pm.deadline - 1;
    pm_run(&pm);
    CHECK_EQ(lines.level, 0);
    fake.now++;
    pm_run(&pm);
    CHECK_EQ(lines.level, 1u << 9);
    CHECK_EQ(pm.deadline, CLOCK_NEVER);
    CHECK_EQ(pm_block_in(&pm, 0, 2), 1);
    CHECK_EQ(pm_block_in(&pm, 8, 4), 0x80000000);
    pm_block_out(&pm, 0, 2, 1);
    CHECK_EQ(lines.level, 0);
    CHECK_EQ(pm.deadline, clock_tsc_of(&clk, CLOCK_PM_HZ, 1ull << 32));
    fake.now = pm.deadline;
    CHECK_EQ(pm_block_in(&pm, 8, 4), 0);
    CHECK_EQ(pm_block_in(&pm, 0, 1), 1);    /* seen even without the timer's call */
    CHECK_EQ(pm_block_in(&pm, 0x0e, 4), 0xffffffff);
}

static void power(void)
{
    start();
    CHECK_EQ(pm_block_in(&pm, 4, 2), 1);
    pm_block_out(&pm, 4, 2, 0);             /* ACPI cannot be switched off */
    CHECK_EQ(pm_block_in(&pm, 4, 2), 1);
    pm_block_out(&pm, 4, 2, 3u << 10 | 1u << 13);
    CHECK_EQ(pm.outcome, PM_RUNNING);       /* only S5 exists */
    CHECK_EQ(pm_block_in(&pm, 4, 2), 3u << 10 | 1);
    pm_block_out(&pm, 4, 2, 5u << 10);
    CHECK_EQ(pm.outcome, PM_RUNNING);
    pm_block_out(&pm, 4, 2, 5u << 10 | 1u << 13);
    CHECK_EQ(pm.outcome, PM_OFF);
    pm_port_out(&pm, GHW_RESET, 6);
    CHECK_EQ(pm.outcome, PM_OFF);           /* the first one stands */
    start();
    pm_block_out(&pm, 5, 1, 0x34);          /* by the byte */
    CHECK_EQ(pm.outcome, PM_OFF);
}

static void resets(void)
{
    start();
    CHECK_EQ(pm_port_in(&pm, 0x92), 2);
    pm_port_out(&pm, 0x92, 0x00);
    CHECK_EQ(pm_port_in(&pm, 0x92), 0);
    pm_port_out(&pm, 0x92, 0x02);
    CHECK_EQ(pm.outcome, PM_RUNNING);
    pm_port_out(&pm, 0x92, 0x03);
    CHECK_EQ(pm.outcome, PM_RESET);
    start();
    CHECK_EQ(pm_port_in(&pm, 0x64), 0xff);
    pm_port_out(&pm, 0x64, 0xd1);
    CHECK_EQ(pm.outcome, PM_RUNNING);
    pm_port_out(&pm, 0x64, 0xfe);
    CHECK_EQ(pm.outcome, PM_RESET);
    start();
    pm_port_out(&pm, 0xcf9, 0x02);
    CHECK_EQ(pm.outcome, PM_RUNNING);
    CHECK_EQ(pm_port_in(&pm, 0xcf9), 0x02);
    pm_port_out(&pm, 0xcf9, 0x06);
    CHECK_EQ(pm.outcome, PM_RESET);
}

int main(void)
{
    events();
    timer();
    power();
    resets();
    return unit_done();
}
