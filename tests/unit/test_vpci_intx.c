/* link: vmm/vpci.c vmm/vpci_image.c vmm/vpci_bar.c vmm/vmsi.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* INTx in the config space of assigned functions: pin, line, off, status; MSI beside it. */
#include "vmm/vpci.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"

#define NIC   0x28u     /* 00:05.0: no line here */
#define SOUND 0x38u     /* 00:07.0: MSI at 60h, and a line */

static struct vpci pci;
static struct vmm_start boot;

static void describe(void)
{
    memset(&fake, 0, sizeof fake);
    memset(&boot, 0, sizeof boot);
    for (unsigned i = 0; i < VMM_MAX_IRQS; i++)
        fake.irq[i].flags = IRQ_OFF;
    fake.info[0] = (struct dev_info){ .vendor = 0x8086, .device = 0x10d3, .class_rev = 0x02000000, .pin = 1, .pm_off = 0xc8 };
    fake.info[1] = (struct dev_info){ .vendor = 0x1b36, .device = 0x0010, .class_rev = 0x01080202 };
    fake.info[2] = (struct dev_info){ .vendor = 0x1234, .device = 0x5678, .class_rev = 0x04030001, .pin = 1, .msi_off = 0x60,
        .msi_vectors = 1, .msi_64 = 1 };
    boot.devices = 3;
    boot.device[0] = (struct vmm_device){ .devfn = NIC };
    boot.device[1] = (struct vmm_device){ .devfn = 0x30 };
    boot.device[2] = (struct vmm_device){ .devfn = SOUND, .irqs = 1 };
}

static uint32_t rd(uint8_t fn, unsigned off, unsigned size)
{
    uint32_t v = vpci_cfg_read(&pci, fn, off, size);

    return size == 4 ? v : v & ((1u << (8 * size)) - 1);
}
static void wr(uint8_t fn, unsigned off, unsigned size, uint32_t v) { vpci_cfg_write(&pci, fn, off, size, v); }

/* A pin; INTx off by the guest, and while it uses MSI; the status bit is the device's. */
static void intx(void)
{
    describe();
    boot.device[2].pin = 3;
    boot.device[2].line = 5;
    unsigned bad;
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_OK);
    CHECK_EQ(rd(SOUND, 0x3c, 2), 0x30b);
    CHECK_EQ(rd(NIC, 0x3c, 2), 0);
    CHECK_EQ(fake.cfg[2][5], 0);
    CHECK_EQ(fake.cfg[0][5], 4);
    wr(SOUND, 4, 2, 0x402);
    CHECK_EQ(fake.cfg[2][5], 4);
    wr(SOUND, 4, 2, 2);
    CHECK_EQ(fake.cfg[2][5], 0);
    wr(SOUND, 0x60, 4, 0x10000);                                 /* MSI on: no route needs to be there */
    CHECK_EQ(fake.cfg[2][5], 4);
    wr(SOUND, 4, 2, 0x6);
    CHECK_EQ(fake.cfg[2][5], 4);
    wr(SOUND, 0x62, 1, 0);
    CHECK_EQ(fake.cfg[2][5], 0);
    CHECK_EQ(rd(SOUND, 6, 1) & 8, 0);
    fake.cfg[2][6] = fake.cfg[0][6] = 0xff;
    CHECK_EQ(rd(SOUND, 6, 1), 0x18);
    CHECK_EQ(rd(SOUND, 4, 4) >> 16 & 0xff, 0x18);
    CHECK_EQ(rd(NIC, 6, 1), 0x10);
    CHECK_EQ(vpci_intx_open(&pci, 5), ST_OK);
    CHECK(fake.intx_opens[2] == 1 && vpci_intx_open(&pci, 4) == ST_NOTFOUND);
    boot.device[2].pin = 5;
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_RANGE);
    boot.device[2].pin = 1;
    boot.device[2].line = 8;
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_RANGE);
}

int main(void)
{
    intx();
    return unit_done();
}
