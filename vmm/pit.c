/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 8254: counter values and outputs are functions of the time since the count
 * was loaded. Channel 0 alone has a deadline, one per interrupt that is due; lost
 * time gives one interrupt, not a burst. A count written while counting takes
 * effect at once (the chip waits for the end of the cycle in modes 2 and 3).
 */
#include "vmm/pit.h"

#include "vmm/guest_hw.h"

/* Control word, and the status that read-back latches */
#define CTL_CHANNEL    MASK32(7, 6)
#define   CTL_READBACK   3u
#define CTL_ACCESS     MASK32(5, 4)
#define CTL_MODE       MASK32(3, 1)
#define CTL_BCD        BIT32(0)
#define RB_NO_COUNT    BIT32(5)
#define RB_NO_STATUS   BIT32(4)
#define STATUS_OUT     BIT32(7)
#define STATUS_NULL    BIT32(6)
#define PORT61_GATE2   BIT32(0)
#define PORT61_REFRESH BIT32(4)
#define PORT61_OUT2    BIT32(5)
#define REFRESH_TICKS  18u          /* the refresh request toggles about every 15 us */

static uint32_t modulus(const struct pit_channel *ch) { return ch->bcd ? 10000 : 65536; }

static uint64_t elapsed(const struct pit_channel *ch, uint64_t now)
{
    if (!ch->gate && ch->mode != 1 && ch->mode != 5)
        return ch->paused;
    return now > ch->start ? now - ch->start : 0;
}

static uint16_t to_bcd(uint32_t v)
{
    return (uint16_t)(v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12);
}

static uint32_t from_bcd(uint32_t v)
{
    return (v & 15u) + (v >> 4 & 15u) * 10 + (v >> 8 & 15u) * 100 + (v >> 12 & 15u) * 1000;
}

static uint16_t counter(const struct pit_channel *ch, uint64_t now)
{
    uint64_t gone = elapsed(ch, now);
    uint32_t value = ch->count;

    if (ch->running && ch->mode == 2)
        value = ch->count - (uint32_t)(gone % ch->count);
    else if (ch->running && ch->mode == 3)
        value = ch->count - (uint32_t)(2 * gone % ch->count);
    else if (ch->running)           /* these go on below zero, through the top */
        value = (uint32_t)((ch->count + modulus(ch) - gone % modulus(ch)) % modulus(ch));
    value %= modulus(ch);
    return ch->bcd ? to_bcd(value) : (uint16_t)value;
}

static bool output(const struct pit_channel *ch, uint64_t now)
{
    uint64_t gone = elapsed(ch, now);

    switch (ch->mode) {
    case 0: return ch->running && gone >= ch->count;
    case 1: return !ch->running || gone >= ch->count;
    case 2: return !ch->running || !ch->gate || gone % ch->count != ch->count - 1;
    case 3: return !ch->running || !ch->gate || gone % ch->count < (ch->count + 1) / 2;
    default: return !ch->running || gone != ch->count;
    }
}

static uint64_t now_ticks(const struct pit *pit) { return clock_ticks(pit->clock, CLOCK_PIT_HZ); }

/* When channel 0 interrupts next, strictly after `now`. Its gate is tied high. */
static void schedule(struct pit *pit, uint64_t now)
{
    const struct pit_channel *ch = &pit->channel[0];
    uint64_t next = CLOCK_NEVER;

    if (ch->running && (ch->mode == 2 || ch->mode == 3))
        next = ch->start + ((now - ch->start) / ch->count + 1) * ch->count;
    else if (ch->running && now < ch->start + ch->count)
        next = ch->start + ch->count;
    pit->next_tick = next;
    pit->deadline = next == CLOCK_NEVER ? CLOCK_NEVER : clock_tsc_of(pit->clock, CLOCK_PIT_HZ, next);
}

void pit_run(struct pit *pit)
{
    uint64_t now;

    if (pit->next_tick == CLOCK_NEVER)
        return;
    now = now_ticks(pit);
    if (now < pit->next_tick)
        return;
    line_edge(pit->lines, GHW_IRQ_PIT);
    schedule(pit, now);
}

void pit_init(struct pit *pit, const struct clock *clock, struct line_bus *lines)
{
    memset(pit, 0, sizeof *pit);
    pit->clock = clock;
    pit->lines = lines;
    pit->next_tick = pit->deadline = CLOCK_NEVER;
    for (unsigned i = 0; i < 3; i++) {
        pit->channel[i].count = 65536;
        pit->channel[i].mode = 3;
        pit->channel[i].access = 3;
        pit->channel[i].gate = i != 2;
    }
}

static void load(struct pit *pit, unsigned index, uint32_t value)
{
    struct pit_channel *ch = &pit->channel[index];
    uint64_t now = now_ticks(pit);

    if (ch->bcd)
        value = from_bcd(value);
    ch->count = value ? value : modulus(ch);
    if (ch->count == 1 && (ch->mode == 2 || ch->mode == 3))
        ch->count = 2;                      /* 1 is not allowed there */
    ch->loaded = true;
    if (ch->mode != 1 && ch->mode != 5) {   /* those wait for the gate */
        ch->running = true;
        ch->start = now;
        ch->paused = 0;
    }
    if (index == 0) {
        if (ch->mode == 0)
            line_set(pit->lines, GHW_IRQ_PIT, false);
        schedule(pit, now);
    }
}

static void write_count(struct pit *pit, unsigned index, uint8_t value)
{
    struct pit_channel *ch = &pit->channel[index];

    if (ch->access == 1) {
        load(pit, index, value);
    } else if (ch->access == 2) {
        load(pit, index, (uint32_t)value << 8);
    } else if (!ch->write_high) {
        ch->low = value;
        ch->write_high = true;
        if (ch->mode == 0) {                /* the first byte stops the count */
            ch->running = false;
            if (index == 0)
                schedule(pit, 0);
        }
    } else {
        ch->write_high = false;
        load(pit, index, (uint32_t)value << 8 | ch->low);
    }
}

static void latch_count(struct pit_channel *ch, uint64_t now)
{
    if (ch->latched)
        return;                             /* the first latch stands until it is read */
    ch->latch = counter(ch, now);
    ch->latched = true;
}

static void latch_status(struct pit_channel *ch, uint64_t now)
{
    uint32_t value = (uint32_t)FIELD_PREP(CTL_ACCESS, ch->access) |
                     (uint32_t)FIELD_PREP(CTL_MODE, ch->mode) | (ch->bcd ? CTL_BCD : 0);

    if (ch->status_latched)
        return;
    if (output(ch, now))
        value |= STATUS_OUT;
    if (!ch->loaded)
        value |= STATUS_NULL;
    ch->status = (uint8_t)value;
    ch->status_latched = true;
}

static void write_control(struct pit *pit, uint8_t value)
{
    unsigned index = (unsigned)FIELD_GET(CTL_CHANNEL, value), access = (unsigned)FIELD_GET(CTL_ACCESS, value);
    unsigned mode = (unsigned)FIELD_GET(CTL_MODE, value);
    struct pit_channel *ch;

    if (index == CTL_READBACK) {
        for (unsigned i = 0; i < 3; i++) {
            if (!(value & BIT32(i + 1)))
                continue;
            if (!(value & RB_NO_COUNT))
                latch_count(&pit->channel[i], now_ticks(pit));
            if (!(value & RB_NO_STATUS))
                latch_status(&pit->channel[i], now_ticks(pit));
        }
        return;
    }
    ch = &pit->channel[index];
    if (access == 0) {
        latch_count(ch, now_ticks(pit));
        return;
    }
    *ch = (struct pit_channel){ .count = ch->count, .gate = ch->gate, .access = (uint8_t)access,
                                .mode = (uint8_t)(mode >= 6 ? mode - 4 : mode), .bcd = value & CTL_BCD };
    if (ch->count > modulus(ch))
        ch->count = modulus(ch);
    if (index == 0) {
        line_set(pit->lines, GHW_IRQ_PIT, ch->mode != 0);
        schedule(pit, 0);
    }
}

static uint8_t read_count(struct pit *pit, unsigned index)
{
    struct pit_channel *ch = &pit->channel[index];
    uint16_t value;
    bool high;

    if (ch->status_latched) {
        ch->status_latched = false;
        return ch->status;
    }
    value = ch->latched ? ch->latch : counter(ch, now_ticks(pit));
    high = ch->access == 2 || (ch->access == 3 && ch->read_high);
    if (ch->access == 3)
        ch->read_high = !ch->read_high;
    if (ch->access != 3 || high)
        ch->latched = false;
    return (uint8_t)(high ? value >> 8 : value);
}

static void set_gate2(struct pit *pit, bool gate)
{
    struct pit_channel *ch = &pit->channel[2];
    uint64_t now = now_ticks(pit);

    if (ch->gate == gate)
        return;
    if (!gate) {
        ch->paused = elapsed(ch, now);
        ch->gate = false;
        return;
    }
    ch->gate = true;
    if (ch->mode == 0 || ch->mode == 4) {   /* goes on where it stopped */
        ch->start = now - MIN(ch->paused, now);
        return;
    }
    ch->start = now;                        /* retrigger or reload */
    ch->running = ch->loaded;
}

static uint8_t read_port61(struct pit *pit)
{
    uint64_t now = now_ticks(pit);
    uint32_t value = pit->port61;

    if (now / REFRESH_TICKS & 1u)
        value |= PORT61_REFRESH;
    if (output(&pit->channel[2], now))
        value |= PORT61_OUT2;
    return (uint8_t)value;
}

uint32_t pit_port_in(struct pit *pit, uint16_t port)
{
    if (port == GHW_PORT61)
        return read_port61(pit);
    if (port - GHW_PIT < 3u)
        return read_count(pit, port - GHW_PIT);
    return 0xff;                            /* the control word cannot be read */
}

void pit_port_out(struct pit *pit, uint16_t port, uint8_t value)
{
    pit_run(pit);                           /* what was due under the old setting */
    if (port == GHW_PORT61) {
        pit->port61 = value & 0x0fu;
        set_gate2(pit, value & PORT61_GATE2);
    } else if (port - GHW_PIT < 3u) {
        write_count(pit, port - GHW_PIT, value);
    } else {
        write_control(pit, value);
    }
}
