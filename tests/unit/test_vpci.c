/* link: vmm/vpci.c vmm/vpci_image.c vmm/vpci_bar.c vmm/vmsi.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Assigned functions: image, width independence, BARs, MSI, MSI-X, reset, hostile guests. */
#include "vmm/vpci.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"

#define NIC   0x28u     /* 00:05.0: e1000e-like, MSI-X in BAR 3 */
#define NVME  0x30u     /* 00:06.0: table in the middle of BAR 0 */
#define SOUND 0x38u     /* 00:07.0: MSI only, 64-bit, maskable */

static struct vpci pci;
static struct vmm_start boot;

static void put32(unsigned dev, unsigned off, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        fake.cfg[dev][off + i] = (uint8_t)(v >> (8 * i));
}

static void describe(void)
{
    memset(&fake, 0, sizeof fake);
    memset(&boot, 0, sizeof boot);
    for (unsigned i = 0; i < VMM_MAX_IRQS; i++)
        fake.irq[i].flags = IRQ_OFF;
    fake.info[0] = (struct dev_info){ .vendor = 0x8086, .device = 0x10d3, .subvendor = 0x8086, .subdevice = 1,
        .class_rev = 0x02000000, .pin = 1, .flr = 1, .pm_off = 0xc8, .msi_off = 0xd0, .pcie_off = 0xe0,
        .msix_off = 0xa0, .msi_vectors = 1, .msi_64 = 1, .msix_bar = 3, .pba_bar = 3, .msix_count = 5,
        .pba_off = 0x2000, .bar = { { 0xfeb00000, 0x20000, 0, 0 }, { 0xfeb20000, 0x20000, 0, 0 },
                                    { 0xc000, 0x20, BAR_IO, 0 }, { 0xfeb40000, 0x4000, 0, 0 } } };
    fake.info[1] = (struct dev_info){ .vendor = 0x1b36, .device = 0x0010, .class_rev = 0x01080202, .pcie_off = 0x80,
        .msix_off = 0x40, .pm_off = 0x60, .msix_count = 65, .msix_table_off = 0x2000, .pba_off = 0x3000, .flr = 1,
        .bar = { { 0xfea00000, 0x4000, BAR_64, 0 }, { 0, 0, BAR_UPPER, 0 } } };
    fake.info[2] = (struct dev_info){ .vendor = 0x1234, .device = 0x5678, .class_rev = 0x04030001, .msi_off = 0x60,
        .msi_vectors = 8, .msi_64 = 1, .msi_maskable = 1, .bar = { { 0xfe900000, 0x100, 0, 0 },
            { 0xfe901100, 0x100, 0, 0 }, { 0x800000000, 0x40000000, BAR_64 | BAR_PREFETCH, 0 }, { 0, 0, BAR_UPPER, 0 } } };
    put32(0, 0xc8, 0xc8230001);
    put32(0, 0xe0, 0x00020010);
    put32(0, 0xe4, 0x10008cc1);
    put32(0, 0xe8, 0x00012810);
    put32(0, 0xec, 0x00036c11);
    put32(1, 0x80, 0x00020010);
    put32(1, 0x84, 0x10008000);
    put32(1, 0xa4, 0x0000001f);
    fake.cfg[0][7] = 0xff;
    boot.devices = 3;
    boot.device[0] = (struct vmm_device){ .devfn = NIC, .first_irq = 0, .irqs = 5, .msix = 1 };
    boot.device[1] = (struct vmm_device){ .devfn = NVME, .first_irq = 5, .irqs = 33, .msix = 1 };
    boot.device[2] = (struct vmm_device){ .devfn = SOUND, .first_irq = 38, .irqs = 8, .msix = 0 };
}

static uint32_t rd(uint8_t fn, unsigned off, unsigned size)
{
    uint32_t v = vpci_cfg_read(&pci, fn, off, size);

    return size == 4 ? v : v & ((1u << (8 * size)) - 1);
}
static void wr(uint8_t fn, unsigned off, unsigned size, uint32_t v) { vpci_cfg_write(&pci, fn, off, size, v); }

static void start(void)
{
    unsigned bad = 99;

    describe();
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_OK);
    CHECK_EQ(bad, 99);
    CHECK_EQ(fake.bad, 0);
}

static unsigned find_cap(uint8_t fn, unsigned id)
{
    unsigned off = rd(fn, 0x34, 1), n = 0;

    while (off && n++ < 48) {
        if (rd(fn, off, 1) == id)
            return off;
        off = rd(fn, off + 1, 1);
    }
    CHECK(n < 48);
    return 0;
}

static void image(void)
{
    start();
    CHECK_EQ(rd(NIC, 0, 4), 0x10d38086);
    CHECK_EQ(rd(NIC, 8, 4), 0x02000000);
    CHECK_EQ(rd(NIC, 0x2c, 4), 0x00018086);
    CHECK_EQ(rd(NIC, 4, 2), 0);
    CHECK_EQ(rd(NIC, 6, 2), 0xf910);
    CHECK_EQ(rd(NIC, 0x3d, 1), 0);                      /* no INTx */
    CHECK_EQ(rd(NIC, 0x30, 4), 0);                      /* no ROM */
    CHECK_EQ(rd(NIC, 0x0c, 4), 0);
    CHECK_EQ(rd(0x29, 0, 4), 0xffffffff);
    CHECK_EQ(find_cap(NIC, 0x11), 0xa0);
    CHECK_EQ(find_cap(NIC, 0x01), 0xc8);
    CHECK_EQ(find_cap(NIC, 0x10), 0);                   /* 60 bytes do not fit at e0: hidden */
    CHECK_EQ(find_cap(NIC, 0x05), 0);                   /* the interrupts are MSI-X */
    CHECK_EQ(rd(NIC, 0xa0, 4), 0x0004c811);
    CHECK_EQ(rd(NIC, 0xa4, 4), 3);
    CHECK_EQ(rd(NIC, 0xa8, 4), 0x2003);
    CHECK_EQ(rd(NIC, 0xca, 2), 0x0023);                 /* no PME */
    CHECK_EQ(rd(NVME, 0x42, 2), 32);                    /* as many as the monitor gave */
    CHECK_EQ(find_cap(NVME, 0x10), 0x80);
    CHECK_EQ(rd(NVME, 0x82, 2), 0x0092);                /* integrated endpoint */
    CHECK_EQ(rd(NVME, 0x84, 4), 0x10008000);
    CHECK_EQ(rd(NVME, 0xa4, 4), 0x1f);
    CHECK_EQ(rd(NVME, 0x8c, 4), 0);                     /* no link */
    CHECK_EQ(find_cap(SOUND, 0x05), 0x60);
    CHECK_EQ(rd(SOUND, 0x62, 2), 0x0186);
    for (unsigned off = 0x100; off < 0x1000; off += 4)
        CHECK_EQ(rd(NIC, off, 4), 0);
    describe();
    put32(0, 0xe0, 0x00010010);                         /* version 1 is short, and has no second half */
    {
        unsigned bad;
        CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_OK);
    }
    CHECK_EQ(find_cap(NIC, 0x10), 0xe0);
    CHECK_EQ(rd(NIC, 0xe2, 2), 0x0091);
    CHECK_EQ(rd(NIC, 0xe4, 4), 0x10008001);
    CHECK_EQ(rd(NIC, 0xe8, 2), 0x2810);
    CHECK_EQ(rd(NIC, 0xfe, 4) >> 16, 0);
    wr(NIC, 0x100, 4, ~0u);
    wr(NIC, 0xfff, 1, ~0u);
    wr(NIC, 0xfe, 4, ~0u);
    wr(0x29, 0, 4, ~0u);
    wr(NIC, 0, 4, 0);
    wr(NIC, 0x2c, 4, 0);
    CHECK_EQ(rd(NIC, 0, 4), 0x10d38086);
    wr(NIC, 0x3c, 4, 0x1234560b);
    CHECK_EQ(rd(NIC, 0x3c, 4), 0x0000000b);
    wr(NIC, 6, 2, 0xf900);                              /* W1C reaches the device */
    CHECK_EQ(fake.cfg[0][7], 0xf9);
}

static void widths(void)
{
    uint32_t x = 5;

    start();
    /* reads: every offset, every width, the same bits */
    for (unsigned off = 0; off < 0x104; off++)
        for (unsigned size = 2; size <= 4; size *= 2) {
            uint32_t whole = rd(NVME, off, size), bytes = 0;

            for (unsigned i = 0; i < size; i++)
                bytes |= rd(NVME, off + i, 1) << (8 * i);
            CHECK_EQ(whole, bytes);
        }
    /* writes: a dword and its four bytes leave the same image */
    for (unsigned n = 0; n < 2000; n++) {
        unsigned off;
        uint32_t value;
        struct vpci_fn before, one;

        x = x * 1664525 + 1013904223;
        off = x >> 10 & 0xfcu;
        value = (x ^ x << 13) & ~0x8000u;               /* no reset by chance */
        before = pci.fn[2];
        wr(SOUND, off, 4, value);
        one = pci.fn[2];
        memcpy(pci.fn[2].image, before.image, sizeof before.image);
        for (unsigned i = 0; i < 4; i++)
            wr(SOUND, off + i, 1, value >> (8 * i) & 0xff);
        CHECK(memcmp(one.image, pci.fn[2].image, sizeof one.image) == 0);
    }
}

static uint64_t bar64(uint8_t fn, unsigned reg) { return (rd(fn, reg, 4) & ~15u) | (uint64_t)rd(fn, reg + 4, 4) << 32; }

static uint32_t at0, at3;            /* where the NIC's BARs are at first */

static void bars_sized(void)
{
    start();
    CHECK_EQ(fake.maps, 0);                             /* decode is off */
    at0 = rd(NIC, 0x10, 4);
    at3 = rd(NIC, 0x1c, 4);
    CHECK(at0 >= GUEST_MMIO32_BASE && at0 < GUEST_MMIO32_END && (at0 & 0x1ffff) == 0);
    wr(NIC, 0x10, 4, ~0u);
    CHECK_EQ(rd(NIC, 0x10, 4), 0xfffe0000);
    wr(NIC, 0x10, 4, at0);
    wr(NIC, 0x1c, 4, ~0u);
    CHECK_EQ(rd(NIC, 0x1c, 4), 0xffffc000);
    wr(NIC, 0x1c, 4, at3);
    CHECK_EQ(rd(NVME, 0x10, 4) & 15, 4);
    wr(NVME, 0x10, 4, ~0u);
    wr(NVME, 0x14, 4, ~0u);
    CHECK_EQ(rd(NVME, 0x10, 4), 0xffffc004);
    CHECK_EQ(rd(NVME, 0x14, 4), 0xffffffff);
    start();
    CHECK_EQ(rd(SOUND, 0x18, 4) & 15, 12);
    CHECK_EQ(bar64(SOUND, 0x18), GUEST_MMIO64_BASE);    /* 1 GiB does not fit below */
    CHECK(bar64(NVME, 0x10) < GUEST_MMIO32_END);        /* 16 KiB does */
}

static void bars_mapped(void)
{
    wr(NIC, 4, 2, 2);
    CHECK_EQ(fake.maps, 4);                             /* BAR 0, 1, and 3 without table and pending bits */
    CHECK(fake_mapped(at0) && fake_mapped(at0)->bar == 0 && fake_mapped(at0)->len == 0x20000);
    CHECK(!fake_mapped(at3));
    CHECK(fake_mapped(at3 + 0x1000) && fake_mapped(at3 + 0x1000)->off == 0x1000);
    CHECK_EQ(fake_mapped(at3 + 0x1000)->len, 0x1000);
    CHECK(!fake_mapped(at3 + 0x2000));
    CHECK(fake_mapped(at3 + 0x3000) && fake_mapped(at3 + 0x3000)->off == 0x3000);
    wr(NVME, 4, 1, 6);
    CHECK_EQ(fake.maps, 5);                             /* below the table */
    CHECK_EQ(fake_mapped(bar64(NVME, 0x10))->len, 0x2000);
    CHECK(!fake_mapped(bar64(NVME, 0x10) + 0x3000));
    CHECK_EQ(fake.cfg[1][4] | fake.cfg[1][5] << 8, 0x0406);   /* bus master on, INTx off */
    wr(SOUND, 4, 2, 2);
    CHECK_EQ(rd(SOUND, 0x10, 4) & 0xfff, 0);            /* a page for 256 bytes */
    CHECK(fake_mapped(rd(SOUND, 0x10, 4)));
    CHECK(!fake_mapped(rd(SOUND, 0x14, 4)));            /* not at the start of a host page */
    CHECK(fake_mapped(GUEST_MMIO64_BASE + 0x3fffffff));
}

static void bars_moved(void)
{
    wr(NIC, 0x10, 4, 0xd0000000);                       /* moved while decoding */
    CHECK(fake_mapped(0xd0000000) && !fake_mapped(at0));
    wr(NIC, 0x10, 4, 0x00100000);                       /* over RAM */
    CHECK(!fake_mapped(0x00100000));
    wr(NIC, 0x10, 4, 0xe0000000);                       /* over ECAM */
    wr(NIC, 0x10, 4, 0xfee00000);                       /* over the APICs */
    CHECK_EQ(fake.bad, 0);
    wr(NIC, 0x10, 4, 0xd0000000);
    wr(NIC, 0x14, 4, 0xd0000000);                       /* over the other: stays unmapped */
    CHECK_EQ(fake_mapped(0xd0000000)->bar, 0);
    wr(NIC, 0x10, 4, at0);                              /* room is free now */
    CHECK_EQ(fake_mapped(0xd0000000)->bar, 1);
    wr(NVME, 0x14, 4, 0x90);                            /* a 64-bit BAR in the high window */
    CHECK(fake_mapped(0x9000000000ull + rd(NVME, 0x10, 4) - 4));
    wr(NVME, 0x14, 4, 0xffff0000);
    wr(NVME, 0x14, 4, 0);
    wr(NIC, 4, 2, 0);
    wr(NVME, 4, 2, 0);
    wr(SOUND, 4, 2, 0);
    CHECK_EQ(fake.maps, 0);
    CHECK_EQ(fake.cfg[1][4], 2);                        /* the device itself goes on decoding */
    wr(NIC, 0xcc, 1, 3);                                /* D3hot */
    wr(NIC, 4, 2, 2);
    CHECK_EQ(fake.maps, 0);
    CHECK_EQ(rd(NIC, 0xcc, 2), 0x000b);
    wr(NIC, 0xcc, 1, 1);                                /* D1 does not exist */
    CHECK_EQ(rd(NIC, 0xcc, 2), 0x000b);
    wr(NIC, 0xcc, 2, 0);
    CHECK_EQ(fake.maps, 4);
    wr(NIC, 4, 2, 0);
    fake.map_status = ST_NOSPACE;
    wr(NIC, 4, 2, 2);
    CHECK_EQ(fake.maps, 0);
    CHECK(fake.logs >= 3);
    fake.map_status = ST_OK;
    wr(NIC, 4, 2, 0);
    wr(NIC, 4, 2, 2);
    CHECK_EQ(fake.maps, 4);
    CHECK_EQ(fake.bad, 0);
}

static void bars(void)
{
    bars_sized();
    bars_mapped();
    bars_moved();
}

static void msix(void)
{
    uint64_t at, v;

    start();
    at = bar64(NVME, 0x10);
    CHECK(!vpci_mmio_read(&pci, at + 0x2000, 4, &v));
    wr(NVME, 4, 2, 6);
    CHECK(vpci_mmio_read(&pci, at + 0x200c, 4, &v));
    CHECK_EQ(v, 1);
    wr(NVME, 0x42, 2, 0xc000);
    CHECK_EQ(rd(NVME, 0x42, 2), 0xc020);
    CHECK(vpci_mmio_write(&pci, at + 0x2010, 8, 0xfee02004));
    CHECK(vpci_mmio_write(&pci, at + 0x2018, 4, 0x61));
    CHECK(vpci_mmio_write(&pci, at + 0x201c, 4, 0));
    CHECK_EQ(fake.irq[6].flags, IRQ_MASKED);
    CHECK_EQ(fake.irq[6].addr, 0xfee02004);
    wr(NVME, 0x43, 1, 0x80);                            /* one byte of the control register */
    CHECK_EQ(fake.irq[6].flags, 0);
    CHECK_EQ(fake.irq[6].data, 0x61);
    CHECK(vpci_mmio_read(&pci, at + 0x2000 + 33 * 16, 4, &v));   /* real, but not given */
    CHECK_EQ(v, 0xffffffff);
    CHECK(vpci_mmio_write(&pci, at + 0x2000 + 33 * 16, 4, 5));
    CHECK_EQ(fake.bar_writes, 0);
    CHECK_EQ(fake.logs, 0);
    CHECK_EQ(fake.bad, 0);
}

static void msi(void)
{
    start();
    wr(SOUND, 0x64, 4, 0xfee01000);
    wr(SOUND, 0x6c, 2, 0x4040);
    wr(SOUND, 0x62, 2, 0x0001);
    CHECK_EQ(fake.irq[38].addr, 0xfee01000);
    CHECK_EQ(fake.irq[38].data, 0x4040);
    CHECK_EQ(fake.irq[38].flags, 0);
    CHECK_EQ(fake.irq[39].flags, IRQ_OFF);
    wr(SOUND, 0x60, 4, 0x00310000);                     /* dword at the header: 8 vectors */
    CHECK_EQ(rd(SOUND, 0x60, 4), 0x01b70005);
    CHECK_EQ(fake.irq[45].data, 0x4047);
    wr(SOUND, 0x70, 1, 0x81);
    CHECK_EQ(fake.irq[38].flags, IRQ_MASKED);
    CHECK_EQ(fake.irq[45].flags, IRQ_MASKED);
    wr(SOUND, 0x6d, 1, 0x00);                           /* high byte of the data, enabled */
    CHECK_EQ(fake.irq[39].data, 0x41);
    wr(SOUND, 0x68, 4, 1);
    CHECK_EQ(fake.irq[39].flags, IRQ_OFF);
    wr(SOUND, 0x68, 4, 0);
    wr(SOUND, 0x62, 1, 0);
    for (unsigned i = 38; i < 46; i++)
        CHECK_EQ(fake.irq[i].flags, IRQ_OFF);
    wr(SOUND, 0x62, 1, 1);                              /* enable first, then the address: another order */
    wr(SOUND, 0x6c, 4, 0x45);
    wr(SOUND, 0x64, 4, 0xfee00000);
    wr(SOUND, 0x70, 4, 0);
    CHECK_EQ(fake.irq[38].data, 0x45);
    CHECK_EQ(fake.irq[38].flags, 0);
    CHECK_EQ(rd(SOUND, 0x74, 4), 0);
    CHECK_EQ(fake.bad, 0);
}

static void flr(void)
{
    start();
    wr(NVME, 4, 2, 6);
    wr(NVME, 0x42, 2, 0x8000);
    CHECK(vpci_mmio_write(&pci, bar64(NVME, 0x10) + 0x2000, 8, 0xfee00000));
    CHECK(vpci_mmio_write(&pci, bar64(NVME, 0x10) + 0x2008, 8, 0x55));
    CHECK_EQ(fake.irq[5].flags, 0);
    wr(NVME, 0x88, 2, 0x5810);
    CHECK_EQ(fake.cfg[1][0x89], 0x58);
    CHECK_EQ(fake.resets, 0);
    wr(NVME, 0x89, 1, 0x80);
    CHECK_EQ(fake.resets, 1);
    CHECK_EQ(fake.maps, 0);
    CHECK_EQ(rd(NVME, 4, 2), 0);
    CHECK_EQ(bar64(NVME, 0x10), 0);
    CHECK_EQ(rd(NVME, 0x88, 2), 0);
    CHECK_EQ(rd(NVME, 0x42, 2), 32);
    CHECK_EQ(fake.irq[5].flags, IRQ_OFF);
    CHECK_EQ(fake.cfg[1][4] & 4, 0);
    fake.reset_status = ST_TIMEOUT;
    wr(NVME, 0x88, 4, 0x8000);
    CHECK_EQ(fake.resets, 2);
    CHECK_EQ(fake.logs, 1);
    wr(NIC, 0xe8, 2, 0x8000);                           /* no PCIe capability there: nothing */
    CHECK_EQ(fake.resets, 2);
    fake.cfg[1][0x8a] = 0x2f;
    CHECK_EQ(rd(NVME, 0x8a, 1), 0x2f);
    wr(NVME, 0x8a, 1, 0xff);
    CHECK_EQ(fake.cfg[1][0x8a], 0x0f);
    CHECK_EQ(fake.bad, 0);
}

static status_t try_init(unsigned *bad)
{
    *bad = 99;
    return vpci_init(&pci, &boot, bad);
}

static void refusals(void)
{
    unsigned bad;

    describe();
    boot.device[1].devfn = NIC;
    CHECK_EQ(try_init(&bad), ST_OVERLAP);
    CHECK_EQ(bad, 1);
    describe();
    boot.device[2].devfn = 0xf8;
    CHECK_EQ(try_init(&bad), ST_OVERLAP);
    describe();
    boot.device[2].first_irq = VMM_MAX_IRQS - 7;
    CHECK_EQ(try_init(&bad), ST_RANGE);
    describe();
    fake.info[1].msix_bar = 7;
    CHECK_EQ(try_init(&bad), ST_CORRUPT);
    describe();
    fake.info[1].msix_table_off = 0x3c00;
    CHECK_EQ(try_init(&bad), ST_CORRUPT);
    describe();
    fake.info[0].bar[0].size = 0x3000;
    CHECK_EQ(try_init(&bad), ST_CORRUPT);
    CHECK_EQ(bad, 0);
    describe();
    fake.info[0].bar[5] = (struct dev_bar){ 0xfe000000, 0x1000, BAR_64, 0 };
    CHECK_EQ(try_init(&bad), ST_CORRUPT);
    describe();
    fake.info_status = ST_ABSENT;
    CHECK_EQ(try_init(&bad), ST_ABSENT);
    describe();                                         /* capabilities at mad places are hidden */
    fake.info[0].msix_off = 0xf8;
    fake.info[0].pm_off = 0x41;
    fake.info[0].pcie_off = 0x3c;
    fake.info[1].pm_off = 0x48;                         /* overlaps MSI-X at 40 */
    fake.info[2].msi_off = 0xfff4;
    CHECK_EQ(try_init(&bad), ST_OK);
    CHECK_EQ(rd(NIC, 0x34, 1), 0);
    CHECK_EQ(rd(NIC, 6, 1), 0);
    CHECK_EQ(find_cap(NVME, 0x11), 0);
    CHECK_EQ(find_cap(NVME, 1), 0x48);
    CHECK_EQ(rd(SOUND, 0x34, 1), 0);
    describe();
    boot.device[2].devfn = NVME + 1;
    CHECK_EQ(try_init(&bad), ST_OK);
    CHECK_EQ(rd(NVME, 0x0e, 1), 0x80);
    CHECK_EQ(rd(NVME + 1, 0x0e, 1), 0);
    boot.device[1].devfn = 0x80;
    CHECK_EQ(try_init(&bad), ST_OK);
    CHECK_EQ(fake.logs, 1);                             /* function 0 is missing */
    boot.devices = 1000;                                /* bounded */
    (void)try_init(&bad);
    boot.devices = 0;
    CHECK_EQ(try_init(&bad), ST_OK);
    CHECK_EQ(rd(NIC, 0, 4), 0xffffffff);
    CHECK_EQ(fake.bad, 0);
}

struct shot { unsigned off, size; uint32_t value; };

/* Random, but with what drivers do mixed in, so that the functions stay alive. */
static struct shot aim(uint64_t x)
{
    static const uint32_t tops[] = { 0xc0000000, 0xc0020000, 0xdfff0000, 0xe0000000, 0x80, 0xbf, 6, 2 };
    struct shot s = { x >> 12 & 15 ? x >> 16 & 0xff : 0x10 + (x >> 16 & 0x1f), 1u << (x >> 8 & 3) % 3, 0 };
    if ((x >> 13 & 31) == 0)
        s.off = x >> 16 & 0xfff;
    s.value = x >> 32 & 7 ? (uint32_t)(x >> 32) : tops[x >> 36 & 7];
    switch (x >> 40 & 15) {
    case 0:
        s.off = 4;
        s.value = 7;
        break;
    case 1:
        s.off = 0x10 + 4 * (x >> 44 & 3);
        s.value = s.off == 0x18 ? (uint32_t)(x >> 50 & 0x1ff) << 8
                                : (s.off & 4 ? 0 : tops[x >> 48 & 3]) + (uint32_t)(x >> 50 & 0xff) * 0x4000;
        s.size = 4;
        break;
    case 2:
        s = (struct shot){ 0x40, 4, 0x80000000 };
        break;
    default:
        break;
    }
    return s;
}

static void shoot_mmio(uint64_t x)
{
    uint64_t v, gpa = (x & 1 ? GUEST_MMIO32_BASE : GUEST_MMIO64_BASE) + (x >> 20 & 0xfffff);
    if (x & 2 && pci.fn[1].bar[0].placed)
        gpa = pci.fn[1].bar[0].at + (x & 16 ? x >> 20 & 0x3fff : 0x2000 + (x >> 20 & 0x1f8));
    if (x & 32)
        vpci_port_out(&pci, (uint16_t)(pci.fn[0].bar[2].at + (x >> 20 & 63) - 16), 1u << (x >> 9 & 3) % 3, (uint32_t)x);
    else if (x & 64)
        (void)vpci_port_in(&pci, (uint16_t)(x >> 20), 1u << (x >> 9 & 3) % 3);
    else if (x & 4)
        (void)vpci_mmio_write(&pci, gpa, 1u << (x >> 9 & 3), x & 8 ? x : 0xfee00040);
    else
        (void)vpci_mmio_read(&pci, gpa, 1u << (x >> 9 & 3), &v);
}

static void fuzz(void)
{
    static const uint8_t fns[] = { NIC, NVME, SOUND, 0x29, 0 };
    uint64_t x = 88172645463325252ull;
    unsigned mapped = 0;

    start();
    for (unsigned i = 0; i < 1000000; i++) {
        if (i % 256 == 0) {
            wr(NVME, 0x10, 4, 0xd0000000);
            wr(NVME, 0x14, 4, 0);
            wr(NVME, 0x40, 4, 0x80000000);
            wr(NVME, 0x64, 1, 0);
            wr(NVME, 4, 2, 6);
            wr(NIC, 0xcc, 1, 0);
            wr(NIC, 0x18, 4, 0xc000);
            wr(NIC, 4, 2, 7);
        }
        x ^= x << 13; x ^= x >> 7; x ^= x << 17;
        struct shot s = aim(x);
        uint8_t fn = fns[(x & 0xff) % 5];
        if (x >> 60 < 8)
            wr(fn, s.off, s.size, s.value);
        else if (x >> 60 < 12)
            (void)rd(fn, s.off, s.size);
        else
            shoot_mmio(x);
        mapped += fake.maps != 0;
    }
    CHECK_EQ(fake.bad, 0);
    CHECK(mapped > 1000);                               /* it went where it was meant to go */
    CHECK(fake.resets > 10);
    CHECK(fake.bar_reads > 10 && fake.bar_writes > 1000);
    CHECK(fake.irq_calls > 100);
    for (unsigned f = 0; f < 3; f++)
        wr(fns[f], 4, 2, 0);
    CHECK_EQ(fake.maps, 0);                             /* nothing is left behind */
}

int main(void)
{
    image();
    widths();
    bars();
    msix();
    msi();
    flr();
    refusals();
    fuzz();
    return unit_done();
}
