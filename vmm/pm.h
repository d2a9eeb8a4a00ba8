/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI fixed hardware (event, control, PM timer), and the ways in which a PC is
 * reset: ports CF9h, 64h and 92h. ACPI mode is always on.
 */
#pragma once

#include "vmm/clock.h"
#include "vmm/line.h"

enum pm_outcome { PM_RUNNING, PM_OFF, PM_RESET };

struct pm {
    const struct clock *clock;
    struct line_bus *lines;
    uint64_t seen_half;      /* PM timer half periods judged */
    uint64_t deadline;       /* TSC of the next timer event, CLOCK_NEVER unless enabled */
    uint16_t status, enable, control;
    uint8_t  port92, reset;
    enum pm_outcome outcome; /* the first one stands */
};

void pm_init(struct pm *pm, const struct clock *clock, struct line_bus *lines);
void pm_run(struct pm *pm);
void pm_power_button(struct pm *pm);
/* off = port - GHW_PM1A_EVT, off + size <= GHW_PM_LEN, size 1, 2, 4 */
uint32_t pm_block_in(struct pm *pm, unsigned off, unsigned size);
void pm_block_out(struct pm *pm, unsigned off, unsigned size, uint32_t value);
/* Ports 60h, 64h, 92h, CF9h */
uint32_t pm_port_in(const struct pm *pm, uint16_t port);
void pm_port_out(struct pm *pm, uint16_t port, uint8_t value);

