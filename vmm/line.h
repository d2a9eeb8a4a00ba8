/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt lines of the board, by ISA number (0..15) or GSI (16..23). */
#pragma once

#include "kernel/lib/base.h"

#define LINE_COUNT    24u     /* numbers: GHW_IRQ_* of guest_hw.h */

/* One source drives each line. The sink (interrupt controllers) hears changes only. */
struct line_bus {
    uint32_t level;
    void *sink;
    void (*changed)(void *sink, unsigned line, bool level);
};

static inline void line_set(struct line_bus *bus, unsigned line, bool level)
{
    uint32_t bit = UINT32_C(1) << (line % LINE_COUNT);

    if (((bus->level & bit) != 0) == level)
        return;
    bus->level ^= bit;
    bus->changed(bus->sink, line, level);
}

/* A rising edge whatever the line was; it stays high. */
static inline void line_edge(struct line_bus *bus, unsigned line)
{
    line_set(bus, line, false);
    line_set(bus, line, true);
}

