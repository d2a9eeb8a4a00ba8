/* link: vmm/ioapic.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O APIC: registers, edge and level delivery, EOI, masks, what is not sent. */
#include "vmm/ioapic.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"

static struct ioapic io;

static uint32_t get(uint8_t reg)
{
    ioapic_write(&io, 0, reg);
    return ioapic_read(&io, 0x10);
}

static void put(uint8_t reg, uint32_t value)
{
    ioapic_write(&io, 0, reg);
    ioapic_write(&io, 0x10, value);
}

static void start(void)
{
    memset(&fake, 0, sizeof fake);
    ioapic_init(&io);
}

static void registers(void)
{
    start();
    CHECK_EQ(get(0), 0);
    put(0, 0xff000000);
    CHECK_EQ(get(0), 0x0f000000);
    CHECK_EQ(get(2), 0x0f000000);
    CHECK_EQ(get(1), 0x00170020);
    put(1, 0);
    CHECK_EQ(get(1), 0x00170020);
    CHECK_EQ(ioapic_read(&io, 0), 1);
    for (unsigned i = 0; i < 24; i++) {
        CHECK_EQ(get((uint8_t)(0x10 + 2 * i)), 0x10000);
        CHECK_EQ(get((uint8_t)(0x11 + 2 * i)), 0);
    }
    put(0x10, 0xffffffff);
    put(0x11, 0xffffffff);
    CHECK_EQ(get(0x10), 0x0001afff);        /* status and remote IRR are read-only */
    CHECK_EQ(get(0x11), 0xff000000);
    put(0x40, 0xffffffff);                  /* pin 24 does not exist */
    CHECK_EQ(get(0x40), 0);
    CHECK_EQ(get(0xff), 0);
    put(0xff, 1);
    CHECK_EQ(ioapic_read(&io, 0x20), 0);
    ioapic_write(&io, 0xff0, 1);
    ioapic_set_pin(&io, 24, true);
    ioapic_set_pin(&io, 99, true);
    CHECK(ioapic_is_masked(&io, 24) && ioapic_is_masked(&io, 0));
    CHECK_EQ(fake.msis, 0);
}

static void edge(void)
{
    start();
    put(0x11 + 2 * 4, 0x03000000);
    put(0x10 + 2 * 4, 0x00000834);          /* logical, fixed, vector 34 */
    ioapic_set_pin(&io, 4, true);
    CHECK_EQ(fake.msis, 1);
    CHECK_EQ(fake.msi_addr, 0xfee03004);
    CHECK_EQ(fake.msi_data, 0x4034);
    ioapic_set_pin(&io, 4, true);
    CHECK_EQ(fake.msis, 1);
    ioapic_set_pin(&io, 4, false);
    ioapic_set_pin(&io, 4, true);
    CHECK_EQ(fake.msis, 2);
    ioapic_eoi(&io, 0x34);
    CHECK_EQ(fake.msis, 2);
    put(0x10 + 2 * 4, 0x00010834);
    ioapic_set_pin(&io, 4, false);
    ioapic_set_pin(&io, 4, true);
    CHECK_EQ(fake.msis, 2);
    put(0x10 + 2 * 4, 0x00000135);          /* kept until it is unmasked; lowest priority */
    CHECK_EQ(fake.msis, 3);
    CHECK_EQ(fake.msi_addr, 0xfee03000);
    CHECK_EQ(fake.msi_data, 0x4135);
    put(0x10 + 2 * 5, 0x00000700);          /* ExtINT and SMI go nowhere */
    ioapic_set_pin(&io, 5, true);
    put(0x10 + 2 * 6, 0x00000200);
    ioapic_set_pin(&io, 6, true);
    CHECK_EQ(fake.msis, 3);
    put(0x10 + 2 * 7, 0x00000400);          /* NMI */
    ioapic_set_pin(&io, 7, true);
    CHECK_EQ(fake.msi_data, 0x4400);
}

static void level(void)
{
    start();
    put(0x10 + 2 * 9, 0x00008039);
    ioapic_set_pin(&io, 9, true);
    CHECK_EQ(fake.msis, 1);
    CHECK_EQ(fake.msi_data, 0xc039);
    CHECK_EQ(get(0x10 + 2 * 9), 0xc039);    /* remote IRR */
    put(0x10 + 2 * 9, 0x00008039);
    CHECK_EQ(fake.msis, 1);                 /* not twice before EOI */
    ioapic_eoi(&io, 0x38);
    CHECK_EQ(fake.msis, 1);
    ioapic_eoi(&io, 0x39);
    CHECK_EQ(fake.msis, 2);                 /* still asserted */
    ioapic_set_pin(&io, 9, false);
    ioapic_write(&io, 0x40, 0x39);          /* the EOI register */
    CHECK_EQ(fake.msis, 2);
    CHECK_EQ(get(0x10 + 2 * 9), 0x8039);
    put(0x10 + 2 * 9, 0x00018039);
    ioapic_set_pin(&io, 9, true);
    CHECK_EQ(fake.msis, 2);
    put(0x10 + 2 * 9, 0x00008039);
    CHECK_EQ(fake.msis, 3);
    put(0x10 + 2 * 9, 0x00010039);          /* mask and edge: clears remote IRR */
    put(0x10 + 2 * 9, 0x00018039);
    CHECK_EQ(get(0x10 + 2 * 9), 0x18039);
    ioapic_set_pin(&io, 9, false);
    put(0x10 + 2 * 9, 0x00008039);
    CHECK_EQ(fake.msis, 3);                 /* no stale edge, no level */
}

/* A source that waits for the EOI: the line goes down with it, and is not sent again by itself. */
static void held(void)
{
    start();
    io.held = 1u << 16;
    put(0x10 + 2 * 16, 0x0000a050);
    put(0x10 + 2 * 17, 0x0000a050);          /* shares the vector, but is no such source */
    ioapic_set_pin(&io, 16, true);
    ioapic_set_pin(&io, 17, true);
    CHECK_EQ(fake.msis, 2);
    CHECK_EQ(io.ended, 0);
    ioapic_eoi(&io, 0x51);
    CHECK_EQ(io.ended, 0);
    ioapic_eoi(&io, 0x50);
    CHECK_EQ(fake.msis, 3);                 /* 17, still asserted */
    CHECK_EQ(io.ended, 1u << 16);
    CHECK_EQ(get(0x10 + 2 * 16), 0xa050);
    io.ended = 0;
    ioapic_eoi(&io, 0x50);                  /* one without an interrupt */
    CHECK_EQ(io.ended, 0);
    ioapic_set_pin(&io, 16, true);
    put(0x10 + 2 * 16, 0x00010050);          /* mask and edge ends it too */
    CHECK_EQ(io.ended, 1u << 16);
    io.ended = 0;
    put(0x10 + 2 * 16, 0x0001a050);
    ioapic_set_pin(&io, 16, true);           /* while masked: waits, is not over */
    unsigned before = fake.msis;
    CHECK_EQ(io.ended, 0);
    put(0x10 + 2 * 16, 0x0000a050);
    CHECK_EQ(fake.msis, before + 1);
}

int main(void)
{
    registers();
    edge();
    level();
    held();
    return unit_done();
}
