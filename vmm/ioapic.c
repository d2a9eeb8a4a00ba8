/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O APIC version 20h (82093AA registers plus the EOI register). Polarity is
 * not modelled: the board's lines are "asserted" or not. An edge that comes
 * while a pin is masked is kept until it is unmasked.
 */
#include "vmm/ioapic.h"

#include "vmm/host.h"

#define OFF_SELECT     0x00u
#define OFF_WINDOW     0x10u
#define OFF_EOI        0x40u
#define REG_ID         0x00u
#define REG_VERSION    0x01u
#define REG_ARB        0x02u
#define REG_RTE        0x10u
#define VERSION        0x20u

#define RTE_VECTOR     MASK64(7, 0)
#define RTE_MODE       MASK64(10, 8)
#define   MODE_FIXED     0u
#define   MODE_LOWEST    1u
#define   MODE_SMI       2u
#define   MODE_EXTINT    7u
#define RTE_LOGICAL    BIT64(11)
#define RTE_STATUS     BIT64(12)     /* RO */
#define RTE_LOW_ACTIVE BIT64(13)
#define RTE_REMOTE     BIT64(14)     /* RO: level interrupt accepted, EOI outstanding */
#define RTE_LEVEL      BIT64(15)
#define RTE_MASK       BIT64(16)
#define RTE_DEST       MASK64(63, 56)
#define RTE_WRITABLE   (RTE_VECTOR | RTE_MODE | RTE_LOGICAL | RTE_LOW_ACTIVE | RTE_LEVEL | RTE_MASK | RTE_DEST)

/* Message to the local APICs [SDM3 10.11] */
#define MSI_BASE       UINT64_C(0xfee00000)
#define MSI_DEST       MASK64(19, 12)
#define MSI_LOGICAL    BIT64(2)
#define MSI_ASSERT     BIT64(14)

void ioapic_init(struct ioapic *ioapic)
{
    memset(ioapic, 0, sizeof *ioapic);
    ioapic->id = GHW_IOAPIC_ID;
    for (unsigned i = 0; i < GHW_IOAPIC_PINS; i++)
        ioapic->rte[i] = RTE_MASK;
}

static void send(uint64_t rte)
{
    uint64_t mode = FIELD_GET(RTE_MODE, rte);
    uint64_t addr = MSI_BASE | FIELD_PREP(MSI_DEST, FIELD_GET(RTE_DEST, rte));
    uint64_t data = (rte & (RTE_VECTOR | RTE_MODE | RTE_LEVEL)) | MSI_ASSERT;

    if (mode == MODE_SMI || mode == MODE_EXTINT)
        return;             /* no SMM here; the PIC reaches vCPU 0 by its own wire */
    if (rte & RTE_LOGICAL)
        addr |= MSI_LOGICAL;
    host_msi(addr, (uint32_t)data);
}

/* Sends what the pin has to say, if it may. */
static void service(struct ioapic *ioapic, unsigned pin)
{
    uint64_t *rte = &ioapic->rte[pin];
    uint32_t bit = BIT32(pin);

    if (*rte & RTE_MASK)
        return;
    if (!(*rte & RTE_LEVEL)) {
        if (!(ioapic->edges & bit))
            return;
        ioapic->edges &= ~bit;
        send(*rte);
        return;
    }
    if (!(ioapic->lines & bit) || (*rte & RTE_REMOTE))
        return;
    if (FIELD_GET(RTE_MODE, *rte) == MODE_FIXED || FIELD_GET(RTE_MODE, *rte) == MODE_LOWEST)
        *rte |= RTE_REMOTE;
    send(*rte);
}

/* Remote IRR goes. A held source is quiet until it is asked again, so its line goes down with it. */
static void end(struct ioapic *ioapic, unsigned pin)
{
    ioapic->rte[pin] &= ~RTE_REMOTE;
    ioapic->ended |= BIT32(pin) & ioapic->held;
    ioapic->lines &= ~(BIT32(pin) & ioapic->held);
}

void ioapic_set_pin(struct ioapic *ioapic, unsigned pin, bool level)
{
    uint32_t bit;

    if (pin >= GHW_IOAPIC_PINS)
        return;
    bit = BIT32(pin);
    if (!level) {
        ioapic->lines &= ~bit;
        return;
    }
    if (!(ioapic->lines & bit))
        ioapic->edges |= bit;
    ioapic->lines |= bit;
    service(ioapic, pin);
}

void ioapic_eoi(struct ioapic *ioapic, uint8_t vector)
{
    for (unsigned pin = 0; pin < GHW_IOAPIC_PINS; pin++) {
        uint64_t rte = ioapic->rte[pin];

        if (!(rte & RTE_LEVEL) || !(rte & RTE_REMOTE) || FIELD_GET(RTE_VECTOR, rte) != vector)
            continue;
        end(ioapic, pin);
        service(ioapic, pin);
    }
}

bool ioapic_is_masked(const struct ioapic *ioapic, unsigned pin)
{
    return pin >= GHW_IOAPIC_PINS || (ioapic->rte[pin] & RTE_MASK);
}

static uint32_t read_window(const struct ioapic *ioapic)
{
    unsigned reg = ioapic->select, index = reg - REG_RTE;

    if (reg == REG_ID || reg == REG_ARB)
        return (uint32_t)ioapic->id << 24;
    if (reg == REG_VERSION)
        return (GHW_IOAPIC_PINS - 1) << 16 | VERSION;
    if (reg < REG_RTE || index >= 2 * GHW_IOAPIC_PINS)
        return 0;
    return (uint32_t)(ioapic->rte[index / 2] >> (index & 1u ? 32 : 0));
}

uint32_t ioapic_read(const struct ioapic *ioapic, unsigned off)
{
    if (off == OFF_SELECT)
        return ioapic->select;
    return off == OFF_WINDOW ? read_window(ioapic) : 0;
}

static void write_window(struct ioapic *ioapic, uint32_t value)
{
    unsigned reg = ioapic->select, index = reg - REG_RTE, pin = index / 2;
    uint64_t old, new;

    if (reg == REG_ID)
        ioapic->id = value >> 24 & 0x0fu;
    if (reg < REG_RTE || index >= 2 * GHW_IOAPIC_PINS)
        return;
    old = ioapic->rte[pin];
    new = index & 1u ? (old & MASK64(31, 0)) | (uint64_t)value << 32 : (old & MASK64(63, 32)) | value;
    new = (new & RTE_WRITABLE) | (old & RTE_REMOTE);
    ioapic->rte[pin] = new;
    if (new & RTE_LEVEL)
        ioapic->edges &= ~BIT32(pin);
    else if (new & RTE_REMOTE)
        end(ioapic, pin);           /* switching to edge and back is how old kernels clear it */
    service(ioapic, pin);
}

void ioapic_write(struct ioapic *ioapic, unsigned off, uint32_t value)
{
    if (off == OFF_SELECT)
        ioapic->select = (uint8_t)value;
    else if (off == OFF_WINDOW)
        write_window(ioapic, value);
    else if (off == OFF_EOI)
        ioapic_eoi(ioapic, (uint8_t)value);
}
