/* link: vmm/vpci.c vmm/vpci_image.c vmm/vpci_bar.c vmm/vmsi.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* I/O BARs of assigned functions: shape, decode, moving, every width at every offset. */
#include "vmm/vpci.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"

#define NIC   0x28u     /* 00:05.0: ports, memory, power management */
#define NVME  0x30u     /* 00:06.0: memory only */
#define SOUND 0x38u     /* 00:07.0: ports only, one BAR without an address; no interrupts */

static struct vpci pci;
static struct vmm_start boot;

static void describe(void)
{
    memset(&fake, 0, sizeof fake);
    memset(&boot, 0, sizeof boot);
    for (unsigned i = 0; i < VMM_MAX_IRQS; i++)
        fake.irq[i].flags = IRQ_OFF;
    fake.info[0] = (struct dev_info){ .vendor = 0x8086, .device = 0x10d3, .class_rev = 0x02000000, .pin = 1,
        .pm_off = 0xc8, .msix_off = 0xa0, .msix_bar = 3, .pba_bar = 3, .msix_count = 5, .pba_off = 0x2000,
        .bar = { { 0xfeb00000, 0x20000, 0, 0 }, { 0, 0, 0, 0 }, { 0xc000, 0x20, BAR_IO, 0 },
                 { 0xfeb40000, 0x4000, 0, 0 } } };
    fake.info[1] = (struct dev_info){ .vendor = 0x1b36, .device = 0x0010, .class_rev = 0x01080202,
        .bar = { { 0xfea00000, 0x4000, BAR_64, 0 }, { 0, 0, BAR_UPPER, 0 } } };
    fake.info[2] = (struct dev_info){ .vendor = 0x1234, .device = 0x5678, .class_rev = 0x04030001,
        .bar = { [4] = { 0xc100, 0x40, BAR_IO, 0 }, [5] = { 0, 0x4, BAR_IO, 0 } } };
    boot.devices = 3;
    boot.device[0] = (struct vmm_device){ .devfn = NIC, .irqs = 5, .msix = 1 };
    boot.device[1] = (struct vmm_device){ .devfn = NVME };
    boot.device[2] = (struct vmm_device){ .devfn = SOUND };
}

static uint32_t rd(uint8_t fn, unsigned off, unsigned size)
{
    uint32_t v = vpci_cfg_read(&pci, fn, off, size);

    return size == 4 ? v : v & ((1u << (8 * size)) - 1);
}
static void wr(uint8_t fn, unsigned off, unsigned size, uint32_t v) { vpci_cfg_write(&pci, fn, off, size, v); }

static uint32_t in(uint32_t port, unsigned size) { return vpci_port_in(&pci, (uint16_t)port, size); }

/* What is behind the ports: the BAR's bytes, ones around it. */
static uint32_t expected(uint32_t base, uint32_t port, unsigned size)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)(port + i - base < 0x20 ? fake.mem[0][2][port + i - base] : 0xff) << (8 * i);
    return v;
}

static void port_widths(uint32_t base)
{
    for (unsigned i = 0; i < 0x20; i++)
        fake.mem[0][2][i] = (uint8_t)(0x40 + i);
    for (unsigned size = 1; size <= 4; size *= 2)
        for (uint32_t port = base - 6; port < base + 0x26; port++) {
            bool whole = port - base < 0x20 && port + size - base <= 0x20;
            uint8_t before[32];
            uint32_t v = 0xa1b2c3d4;

            fake.bar_size = 0;
            CHECK_EQ(in(port, size) & (uint32_t)MASK64(8 * size - 1, 0), expected(base, port, size));
            if (whole)
                CHECK_EQ(fake.bar_size, size);         /* one access of that width at the device */
            memcpy(before, fake.mem[0][2], 32);
            vpci_port_out(&pci, (uint16_t)port, size, v);
            for (unsigned i = 0; i < size; i++)
                if (port + i - base < 0x20)
                    before[port + i - base] = (uint8_t)(v >> (8 * i));
            CHECK(memcmp(before, fake.mem[0][2], 32) == 0);
        }
    CHECK_EQ(fake.bad, 0);
}

/* Nothing answers at [base, base + 32), and nothing reaches the device. */
static void port_silent(uint32_t base)
{
    unsigned reads = fake.bar_reads, writes = fake.bar_writes;

    for (uint32_t port = base; port < base + 0x20; port++) {
        CHECK_EQ(in(port, 1) & 0xff, 0xff);
        CHECK_EQ(in(port, 4), ~0u);
        vpci_port_out(&pci, (uint16_t)port, 2, 0);
    }
    CHECK_EQ(fake.bar_reads, reads);
    CHECK_EQ(fake.bar_writes, writes);
}

static void shape(void)
{
    unsigned bad;

    describe();
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_OK);
    CHECK_EQ(rd(SOUND, 0x34, 1), 0);                    /* it has no interrupts: no capability, no pin */
    CHECK_EQ(rd(SOUND, 0x3d, 1), 0);
    CHECK_EQ(fake.irq_calls, 0);
    CHECK_EQ(rd(SOUND, 0x20, 4), 0xc001);               /* the largest first */
    CHECK_EQ(rd(NIC, 0x18, 4), 0xc041);
    CHECK_EQ(rd(SOUND, 0x24, 4), 0xc061);
    CHECK_EQ(fake.cfg[0][4] | fake.cfg[0][5] << 8, 0x0403);     /* the device decodes, INTx off */
    CHECK_EQ(fake.cfg[1][4] | fake.cfg[1][5] << 8, 0x0402);
    wr(NIC, 0x18, 4, ~0u);
    CHECK_EQ(rd(NIC, 0x18, 4), 0xffffffe1);
    wr(NIC, 0x18, 4, 0xc040);
    CHECK_EQ(rd(NIC, 0x18, 4), 0xc041);
    wr(NVME, 4, 2, 1);                                  /* has no ports: the bit is not there */
    CHECK_EQ(rd(NVME, 4, 2), 0);
    port_silent(0xc040);
    wr(NIC, 4, 2, 2);                                   /* memory decode is something else */
    port_silent(0xc040);
    wr(NIC, 4, 2, 1);
    CHECK_EQ(rd(NIC, 4, 2), 1);
    CHECK_EQ(fake.maps, 0);
    port_widths(0xc040);
}

static void moved(void)
{
    wr(NIC, 0x18, 4, 0x10c0);                           /* moved while decoding */
    port_silent(0xc040);
    port_widths(0x10c0);
    wr(NIC, 0x18, 2, 0x20f0);                           /* aligned by its size, any width */
    port_widths(0x20e0);
    wr(NIC, 0x19, 1, 0x30);
    port_widths(0x30e0);
    wr(NIC, 0x18, 4, 0xffe0);                           /* the last ports */
    CHECK_EQ(in(0xffe0, 4), expected(0xffe0, 0xffe0, 4));
    CHECK_EQ(in(0xffff, 2) >> 8, 0xff);                 /* wraps to the board's: nobody here */
    wr(NIC, 0x18, 4, 0x0fe0);                           /* the board's own */
    port_silent(0x0fe0);
    wr(NIC, 0x18, 4, 0x100c0);                          /* beyond what a CPU can say */
    port_silent(0x00c0);
    wr(NIC, 0x18, 4, 0xc000);                           /* where the other is, which does not decode */
    port_widths(0xc000);
    wr(SOUND, 4, 2, 1);
    CHECK_EQ(in(0xc000, 1) & 0xff, fake.mem[0][2][0]);
    wr(NIC, 0x18, 4, 0xd000);                           /* the room is free */
    fake.mem[2][4][3] = 0x99;
    CHECK_EQ(in(0xc003, 1) & 0xff, 0x99);
    port_widths(0xd000);
    wr(NIC, 0xcc, 1, 3);                                /* D3hot */
    port_silent(0xd000);
    wr(NIC, 0xcc, 1, 0);
    port_widths(0xd000);
    wr(NIC, 4, 2, 0);
    port_silent(0xd000);
    CHECK_EQ(fake.bad, 0);
}

static void refusals(void)
{
    unsigned bad;

    describe();
    fake.info[2].bar[4].size = 0x20000;
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_CORRUPT);
    fake.info[2].bar[4].size = 2;
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_CORRUPT);
    fake.info[2].bar[4].size = 0;
    fake.info[0].msix_bar = 2;                          /* the table is in memory */
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_CORRUPT);
}

int main(void)
{
    shape();
    moved();
    refusals();
    return unit_done();
}
