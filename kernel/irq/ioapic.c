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
#define   RTE_VECTOR      MASK32(7, 0)   /*   0: the pin is free */
#define   RTE_LOW         BIT32(13)
#define   RTE_LEVEL       BIT32(15)
#define   RTE_MASKED      BIT32(16)

struct ioapic { uintptr_t mmio; uint32_t gsi_base, pins; uint8_t id; struct spinlock lock; };
static struct ioapic ioapics[BOOT_MAX_IOAPICS];
static uint32_t count;

/* Selects a register: where it is read and written. With the lock, from ioapic_init on. */
static uintptr_t at(const struct ioapic *io, uint32_t reg)
{
    hw_mmio_wr32(io->mmio + IOAPIC_INDEX, reg);
    return io->mmio + IOAPIC_WINDOW;
}

/* Masked before it changes: no half entry ever fires. */
static void entry_set(struct ioapic *io, uint32_t pin, uint64_t rte)
{
    spin_lock(&io->lock);
    hw_mmio_wr32(at(io, REG_RTE + 2 * pin), RTE_MASKED);
    hw_mmio_wr32(at(io, REG_RTE + 2 * pin + 1), (uint32_t)(rte >> 32));
    hw_mmio_wr32(at(io, REG_RTE + 2 * pin), (uint32_t)rte | RTE_MASKED);
    spin_unlock(&io->lock);
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
            entry_set(io, pin, 0);
        count++;
    }
}

/* Says in a pin's entry where it leads. */
static MUST_USE status_t aim(struct ioapic_pin *pin, uint32_t apic_id, uint8_t vector, bool level)
{
    struct bdf src;
    if (!iommu_has_ir()) {
        pin->rte |= (uint64_t)apic_id << 56;
        return apic_id <= 0xfe ? ST_OK : ST_UNSUPP;
    }
    TRY(iommu_ioapic_source(pin->io->id, &src));
    TRY(iommu_irte_alloc(src, 1, vector, &pin->run));
    TRY(iommu_irte_set(&pin->run, 0, apic_id, vector, level));
    pin->rte = iommu_irte_rte(&pin->run, pin->rte);
    return ST_OK;
}

status_t ioapic_pin_open(uint32_t gsi, bool level, bool active_low, uint32_t apic_id, uint8_t vector,
                         struct ioapic_pin *pin)
{
    *pin = (struct ioapic_pin){ .rte = vector | (level ? RTE_LEVEL : 0) | (active_low ? RTE_LOW : 0) };
    for (struct ioapic *io = ioapics; io < ioapics + count; io++) {
        const uint32_t index = gsi - io->gsi_base;
        if (gsi < io->gsi_base || index >= io->pins)
            continue;
        spin_lock(&io->lock);
        const bool taken = (hw_mmio_rd32(at(io, REG_RTE + 2 * index)) & RTE_VECTOR) != 0;
        spin_unlock(&io->lock);
        if (taken)
            return ST_BUSY;
        pin->io = io;
        pin->index = index;
        TRY(aim(pin, apic_id, vector, level));
        entry_set(io, index, pin->rte);
        return ST_OK;
    }
    return ST_NOTFOUND;
}

/* Read back, so that the I/O APIC has it before the CPU's EOI comes there. A pin that opens was edge-triggered for a moment:
 * that clears remote IRR where the EOI never came, as when remapping made the message an edge. */
void ioapic_pin_mask(const struct ioapic_pin *pin, bool masked)
{
    spin_lock(&pin->io->lock);
    const uintptr_t window = at(pin->io, REG_RTE + 2 * pin->index);
    if (!masked)
        hw_mmio_wr32(window, ((uint32_t)pin->rte & ~RTE_LEVEL) | RTE_MASKED);
    hw_mmio_wr32(window, (uint32_t)pin->rte | (masked ? RTE_MASKED : 0));
    (void)hw_mmio_rd32(window);
    spin_unlock(&pin->io->lock);
}

status_t ioapic_pin_close(struct ioapic_pin *pin)
{
    if (pin->io != NULL)
        entry_set(pin->io, pin->index, 0);
    return iommu_irte_free(&pin->run);
}
