/* SPDX-License-Identifier: BSD-2-Clause */
/* Host I/O APICs [82093AA] and 8259s. Boot CPU. */
#include "kernel/irq/ioapic.h"

#include "kernel/irq/irq.h"
#include "kernel/log/console.h"
#include "kernel/mm/kmap.h"

#define IOAPIC_INDEX    0x00u            /* [82093AA 3.1.1] */
#define IOAPIC_WINDOW   0x10u
#define IOAPIC_LEN      0x20u
#define REG_VERSION     0x01u
#define   VERSION_TOP     MASK32(23, 16) /*   highest pin */
#define REG_RTE         0x10u            /*   two registers a pin */
#define   RTE_MASKED      BIT32(16)

/* 8259 pair [8259A]: initialised so that a spurious request cannot look like an exception. */
#define PIC1            0x20u
#define PIC2            0xa0u
#define PIC_BASE        0x20u
#define   ICW1_INIT       0x11u
#define   ICW4_8086       0x01u

struct ioapic { uintptr_t mmio; uint32_t gsi_base, pins; uint8_t id; };
static struct ioapic ioapics[BOOT_MAX_IOAPICS];
static uint32_t count;

static uint32_t rd(const struct ioapic *io, uint32_t reg)
{
    hw_mmio_wr32(io->mmio + IOAPIC_INDEX, reg);
    return hw_mmio_rd32(io->mmio + IOAPIC_WINDOW);
}

static void wr(const struct ioapic *io, uint32_t reg, uint32_t value)
{
    hw_mmio_wr32(io->mmio + IOAPIC_INDEX, reg);
    hw_mmio_wr32(io->mmio + IOAPIC_WINDOW, value);
}

/* Masked before it changes, unmasked last: no half entry ever fires. */
static void pin_set(const struct ioapic *io, uint32_t pin, uint64_t rte)
{
    wr(io, REG_RTE + 2 * pin, RTE_MASKED);
    wr(io, REG_RTE + 2 * pin + 1, (uint32_t)(rte >> 32));
    wr(io, REG_RTE + 2 * pin, (uint32_t)rte);
}

static void pics_mask(void)
{
    static const uint8_t outs[][2] = {   /* port, value: ICW1 to ICW4 with the cascade on line 2, all lines masked */
        { PIC1, ICW1_INIT }, { PIC1 + 1, PIC_BASE }, { PIC1 + 1, BIT32(2) }, { PIC1 + 1, ICW4_8086 }, { PIC1 + 1, 0xff },
        { PIC2, ICW1_INIT }, { PIC2 + 1, PIC_BASE + 8 }, { PIC2 + 1, 2 }, { PIC2 + 1, ICW4_8086 }, { PIC2 + 1, 0xff },
    };
    for (unsigned i = 0; i < ARRAY_LEN(outs); i++)
        hw_out8(outs[i][0], outs[i][1]);
}

static void add(const struct boot_ioapic *entry)
{
    struct ioapic io = { .gsi_base = entry->gsi_base, .id = (uint8_t)entry->id };
    io.mmio = (uintptr_t)kmap_mmio((hpa_t){ entry->base }, IOAPIC_LEN);
    uint32_t version = io.mmio != 0 ? rd(&io, REG_VERSION) : ~0u;
    if (version == ~0u) {
        log_line("irq: I/O APIC %u at %lx does not answer", entry->id, entry->base);
        return;
    }
    io.pins = (uint32_t)FIELD_GET(VERSION_TOP, version) + 1;
    for (uint32_t pin = 0; pin < io.pins; pin++)
        pin_set(&io, pin, RTE_MASKED);
    ioapics[count++] = io;
}

void ioapic_init(const struct bootinfo *bi)
{
    count = 0;
    pics_mask();
    for (uint32_t i = 0; i < bi->ioapics; i++)
        add(&bi->ioapic[i]);
}

status_t ioapic_route(uint32_t gsi, bool level, bool active_low, uint32_t apic_id, uint8_t vector)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct ioapic *io = &ioapics[i];
        if (gsi < io->gsi_base || gsi - io->gsi_base >= io->pins)
            continue;
        uint64_t rte;
        status_t st = irq_route_pin(io->id, apic_id, vector, level, active_low, &rte);
        if (st == ST_OK)
            pin_set(io, gsi - io->gsi_base, rte);
        return st;
    }
    return ST_NOTFOUND;
}
