/* SPDX-License-Identifier: BSD-2-Clause */
/* The 8254 timer and port 61h; every value is derived from the TSC when it is asked for. */
#pragma once

#include "vmm/clock.h"
#include "vmm/line.h"

struct pit_channel {
    uint64_t start;          /* tick at which the count was loaded */
    uint64_t paused;         /* ticks gone when the gate went low (modes 0, 4) */
    uint32_t count;          /* 1..65536, in BCD mode 1..10000 */
    uint16_t latch;
    uint8_t  mode;           /* 0..5 */
    uint8_t  access;         /* 1 low, 2 high, 3 low then high byte */
    uint8_t  status;         /* latched status */
    uint8_t  low;            /* low byte written, high byte to come */
    bool bcd, gate;
    bool loaded;             /* a count was written since the control word */
    bool running;            /* loaded, and in modes 1 and 5 triggered */
    bool write_high, read_high;  /* second byte of access 3 is next */
    bool latched, status_latched;
};

struct pit {
    struct pit_channel channel[3];
    const struct clock *clock;
    struct line_bus *lines;
    uint64_t next_tick;      /* of channel 0's next interrupt, CLOCK_NEVER = none */
    uint64_t deadline;       /* the same in TSC */
    uint8_t  port61;         /* bits 0..3 as written */
};

void pit_init(struct pit *pit, const struct clock *clock, struct line_bus *lines);
/* Raises the interrupts that are due. */
void pit_run(struct pit *pit);
/* Ports 40h..43h and 61h. */
uint32_t pit_port_in(struct pit *pit, uint16_t port);
void pit_port_out(struct pit *pit, uint16_t port, uint8_t value);

