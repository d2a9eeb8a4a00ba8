/* SPDX-License-Identifier: BSD-2-Clause */
/* Host I/O APICs [82093AA]. Boot CPU. */
#include "kernel/irq/irq.h"

#include "kernel/log/console.h"
#include "kernel/mm/kmap.h"

#define IOAPIC_INDEX    0x00u            /* [82093AA 3.1.1] */
#define IOAPIC_WINDOW   0x10u
#define IOAPIC_LEN      0x20u
#define REG_VERSION     0x01u
#define   VERSION_TOP     MASK32(23, 16) /*   highest pin */
#define REG_RTE         0x10u            /*   two registers a pin */
#define   RTE_LOW         BIT32(13)
#define   RTE_LEVEL       BIT32(15)
#define   RTE_MASKED      BIT32(16)

struct ioapic { uintptr_t mmio; uint32_t gsi_base, pins; uint8_t id; };
static struct ioapic ioapics[BOOT_MAX_IOAPICS];
static uint32_t count;

/* Selects a register: where it is read and written. */
static uintptr_t at(const struct ioapic *io, uint32_t reg)
{
    hw_mmio_wr32(io->mmio + IOAPIC_INDEX, reg);
    return io->mmio + IOAPIC_WINDOW;
}

/* Masked before it changes, unmasked last: no half entry ever fires. */
static void pin_set(const struct ioapic *io, uint32_t pin, uint64_t rte)
{
    hw_mmio_wr32(at(io, REG_RTE + 2 * pin), RTE_MASKED);
    hw_mmio_wr32(at(io, REG_RTE + 2 * pin + 1), (uint32_t)(rte >> 32));
    hw_mmio_wr32(at(io, REG_RTE + 2 * pin), (uint32_t)rte);
}

void ioapic_init(const struct bootinfo *bi)
{
    count = 0;
    for (const struct boot_ioapic *entry = bi->ioapic; entry < bi->ioapic + bi->ioapics; entry++) {
        struct ioapic *io = &ioapics[count];
        *io = (struct ioapic){ .gsi_base = entry->gsi_base, .id = (uint8_t)entry->id };
        io->mmio = (uintptr_t)kmap_mmio((hpa_t){ entry->base }, IOAPIC_LEN);
        uint32_t version = io->mmio != 0 ? hw_mmio_rd32(at(io, REG_VERSION)) : ~0u;
        if (version == ~0u) {
            log_line("irq: I/O APIC %u at %lx does not answer", entry->id, entry->base);
            continue;
        }
        io->pins = (uint32_t)FIELD_GET(VERSION_TOP, version) + 1;
        for (uint32_t pin = 0; pin < io->pins; pin++)
            pin_set(io, pin, RTE_MASKED);
        count++;
    }
}

/* Says in a pin's entry where it leads. */
static MUST_USE status_t aim(const struct ioapic *io, uint32_t apic_id, uint8_t vector, bool level, uint64_t *rte)
{
    struct irte_run run;
    struct bdf src;
    if (!iommu_has_ir()) {
        *rte |= (uint64_t)apic_id << 56;
        return apic_id <= 0xfe ? ST_OK : ST_UNSUPP;
    }
    TRY(iommu_ioapic_source(io->id, &src));
    TRY(iommu_irte_alloc(src, 1, vector, &run));
    TRY(iommu_irte_set(&run, 0, apic_id, vector, level));        /* on error it stays taken, and blocked */
    *rte = iommu_irte_rte(&run, *rte);
    return ST_OK;
}

status_t ioapic_route(uint32_t gsi, bool level, bool active_low, uint32_t apic_id, uint8_t vector)
{
    uint64_t rte = vector | (level ? RTE_LEVEL : 0) | (active_low ? RTE_LOW : 0);
    for (const struct ioapic *io = ioapics; io < ioapics + count; io++) {
        const uint32_t pin = gsi - io->gsi_base;
        if (gsi < io->gsi_base || pin >= io->pins)
            continue;
        TRY(aim(io, apic_id, vector, level, &rte));
        pin_set(io, pin, rte);
        return ST_OK;
    }
    return ST_NOTFOUND;
}
