/* SPDX-License-Identifier: BSD-2-Clause */
/* The I/O APIC: 24 pins, each turned into a message to the local APICs. */
#pragma once

#include "kernel/lib/base.h"
#include "vmm/guest_hw.h"

struct ioapic {
    uint64_t rte[GHW_IOAPIC_PINS];
    uint32_t lines;          /* levels of the pins */
    uint32_t edges;          /* rising edges not delivered yet */
    uint32_t held;           /* const: pins whose source waits for the EOI, which lowers them */
    uint32_t ended;          /* of those, the ones whose EOI has come; the board takes them */
    uint8_t  select, id;
};

void ioapic_init(struct ioapic *ioapic);
/* pin < 24 */
void ioapic_set_pin(struct ioapic *ioapic, unsigned pin, bool level);
/* A pin in edge mode has no EOI: a held source is heard once in it. */
void ioapic_eoi(struct ioapic *ioapic, uint8_t vector);
/* off < 4096; registers are 32 bits wide */
uint32_t ioapic_read(const struct ioapic *ioapic, unsigned off);
void ioapic_write(struct ioapic *ioapic, unsigned off, uint32_t value);
bool ioapic_is_masked(const struct ioapic *ioapic, unsigned pin);

