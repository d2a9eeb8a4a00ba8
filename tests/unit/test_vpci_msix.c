/* link: vmm/vpci.c vmm/vpci_image.c vmm/vpci_bar.c vmm/vmsi.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of BARs that is not mapped: what shares a page with an MSI-X table, pending bits, BARs below a page. */
#include "vmm/vpci.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"

#define NIC   0x28u     /* 00:05.0: e1000e-like, MSI-X in BAR 3 */
#define SMALL 0x30u     /* 00:06.0: two BARs of 256 bytes */

static struct vpci pci;
static struct vmm_start boot;

static void describe(void)
{
    memset(&fake, 0, sizeof fake);
    memset(&boot, 0, sizeof boot);
    for (unsigned i = 0; i < VMM_MAX_IRQS; i++)
        fake.irq[i].flags = IRQ_OFF;
    fake.info[0] = (struct dev_info){ .vendor = 0x8086, .device = 0x10d3, .class_rev = 0x02000000, .msi_off = 0xd0,
        .msix_off = 0xa0, .msi_vectors = 1, .msi_64 = 1, .msix_bar = 3, .pba_bar = 3, .msix_count = 5, .pba_off = 0x2000,
        .bar = { { 0xfeb00000, 0x20000, 0, 0 }, { 0xfeb20000, 0x20000, 0, 0 }, { 0xc000, 0x20, BAR_IO, 0 },
                 { 0xfeb40000, 0x4000, 0, 0 } } };
    fake.info[1] = (struct dev_info){ .vendor = 0x10ec, .device = 0x8139, .class_rev = 0x02000020,
        .bar = { { 0xfe900000, 0x100, 0, 0 }, { 0xfe901100, 0x100, 0, 0 } } };
    boot.devices = 2;
    boot.device[0] = (struct vmm_device){ .devfn = NIC, .irqs = 5, .msix = 1 };
    boot.device[1] = (struct vmm_device){ .devfn = SMALL };
}

static uint32_t rd(uint8_t fn, unsigned off, unsigned size) { return vpci_cfg_read(&pci, fn, off, size); }
static void wr(uint8_t fn, unsigned off, unsigned size, uint32_t v) { vpci_cfg_write(&pci, fn, off, size, v); }

/* A function whose table shares its page with registers; what is where is a parameter. */
static uint64_t mixed(uint32_t table, uint16_t count, unsigned pba_bar, uint32_t pba, unsigned given)
{
    unsigned bad;

    describe();
    fake.info[0].msix_table_off = table;
    fake.info[0].msix_count = count;
    fake.info[0].pba_bar = (uint8_t)pba_bar;
    fake.info[0].pba_off = pba;
    boot.device[0].irqs = (uint16_t)given;
    boot.devices = 1;
    for (unsigned i = 0; i < FAKE_BAR; i++)
        fake.mem[0][0][i] = fake.mem[0][3][i] = (uint8_t)(i * 7 + i / 256);
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_OK);
    wr(NIC, 4, 2, 2);
    return rd(NIC, 0x1c, 4);
}

/* Every access of a width in [off, off+len) of BAR 3: the device's bits, at that width, and writes arrive. */
static void registers(uint64_t at, unsigned off, unsigned len, unsigned size)
{
    for (unsigned i = off; i + size <= off + len; i++) {
        bool aligned = i % size == 0;
        uint64_t v, want = 0, before;

        memcpy(&want, &fake.mem[0][3][i], size);
        before = want;
        fake.bar_reads = fake.bar_writes = 0;
        CHECK(vpci_mmio_read(&pci, at + i, size, &v));
        CHECK_EQ(size == 8 ? v : v & (BIT64(8 * size) - 1), want);
        CHECK_EQ(fake.bar_reads, aligned ? 1 : size);       /* one access, or byte by byte */
        CHECK_EQ(fake.bar_size, aligned ? size : 1);
        CHECK(vpci_mmio_write(&pci, at + i, size, ~want));
        CHECK_EQ(fake.bar_writes, aligned ? 1 : size);
        want = ~want;
        CHECK(memcmp(&fake.mem[0][3][i], &want, size) == 0);
        memcpy(&fake.mem[0][3][i], &before, size);
    }
}

static void beside_the_table(void)
{
    uint64_t at, v;

    for (unsigned size = 1; size <= 8; size *= 2) {
        at = mixed(0x1100, 5, 3, 0x1e00, 5);
        registers(at, 0x1000, 0x100, size);
        registers(at, 0x1150, 0xcb0, size);
        registers(at, 0x1e08, 0x1f8, size);
        CHECK(fake_mapped(at) && fake_mapped(at)->len == 0x1000 && !fake_mapped(at + 0x1000) && fake_mapped(at + 0x2000));
        CHECK_EQ(fake.bad, 0);
    }
    at = mixed(0x1100, 5, 3, 0x1e00, 5);
    fake.bar_reads = fake.bar_writes = 0;
    for (unsigned i = 0x1100; i < 0x1150; i += 4) {      /* of the table nothing reaches the device */
        CHECK(vpci_mmio_write(&pci, at + i, 4, ~0u));
        CHECK(vpci_mmio_read(&pci, at + i, 4, &v));
        CHECK_EQ(v, i % 16 == 12 ? 1 : 0xffffffff);
    }
    CHECK_EQ(fake.bar_reads + fake.bar_writes, 0);
    fake.mem[0][3][0x10ff] = 0x5a;                       /* across its edges: each byte from where it is */
    fake.mem[0][3][0x1150] = 0xa5;
    CHECK(vpci_mmio_read(&pci, at + 0x10ff, 2, &v));
    CHECK_EQ(v, 0xff5a);
    CHECK(vpci_mmio_read(&pci, at + 0x114e, 4, &v));
    CHECK_EQ(v & 0xffffff, 0xa50000);
    CHECK(vpci_mmio_write(&pci, at + 0x114f, 2, 0x7700));
    CHECK_EQ(fake.mem[0][3][0x1150], 0x77);
    CHECK(!vpci_mmio_read(&pci, at + 0x3ffe, 4, &v));    /* leaves the BAR */
    CHECK_EQ(fake.bad, 0);
    /* the function's interrupts are MSI: the real table is still the kernel's */
    describe();
    boot.device[0].msix = 0;
    boot.device[0].irqs = 1;
    unsigned bad;
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_OK);
    wr(NIC, 4, 2, 2);
    CHECK(vpci_mmio_read(&pci, rd(NIC, 0x1c, 4), 4, &v));
    CHECK_EQ(v, 0xffffffff);
    CHECK(vpci_mmio_write(&pci, rd(NIC, 0x1c, 4), 4, 5));
    CHECK_EQ(fake.bar_reads + fake.bar_writes + fake.bad, 0);
}

/* What reads give of the pending bits at `at`, when the device has them all set. */
static void pending(uint64_t at, unsigned bar, uint32_t pba, unsigned count, unsigned given)
{
    for (unsigned i = 0; i < (count + 63) / 64 * 8; i++)
        fake.mem[0][bar][pba + i] = 0xff;
    for (unsigned size = 1; size <= 8; size *= 2)
        for (unsigned i = 0; i < (count + 63) / 64 * 8; i += size) {
            uint64_t v, want = 0;

            for (unsigned bit = 0; bit < 8 * size; bit++)
                want |= (uint64_t)(8 * i + bit < given) << bit;
            CHECK(vpci_mmio_read(&pci, at + i, size, &v));
            CHECK_EQ(size == 8 ? v : v & (BIT64(8 * size) - 1), want);
            CHECK(vpci_mmio_write(&pci, at + i, size, 0));
        }
    CHECK_EQ(fake.mem[0][bar][pba], 0xff);               /* software cannot write there */
    CHECK_EQ(fake.bad, 0);
}

static void pending_bits(void)
{
    static const struct { uint32_t table, pba; uint16_t count, given; uint8_t bar; } shape[] = {
        { 0, 0x800, 5, 5, 3 },           /* in the table's page */
        { 0, 0x2000, 5, 5, 3 },          /* in a page of their own */
        { 0x2000, 0x0ff8, 5, 3, 3 },     /* below the table, some not given */
        { 0, 0x1000, 5, 5, 0 },          /* in another BAR */
        { 0x2f80, 0x3c00, 16, 16, 3 },   /* a table in two pages */
        { 0, 0x3f00, 1000, 64, 3 },      /* more than a guest gets: the rest reads as zero */
    };
    uint64_t at, v;

    for (unsigned i = 0; i < ARRAY_LEN(shape); i++) {
        at = mixed(shape[i].table, shape[i].count, shape[i].bar, shape[i].pba, shape[i].given);
        CHECK_EQ(rd(NIC, 0xa2, 2) & 0xffff, shape[i].given - 1);
        CHECK_EQ(rd(NIC, 0xa4, 4), shape[i].table | 3);
        CHECK_EQ(rd(NIC, 0xa8, 4), shape[i].pba | shape[i].bar);
        CHECK(!fake_mapped(at + shape[i].table));
        CHECK(!fake_mapped(at + shape[i].table + 16 * shape[i].count - 1));
        pending((shape[i].bar == 3 ? at : rd(NIC, 0x10, 4)) + shape[i].pba, shape[i].bar, shape[i].pba,
                shape[i].count, shape[i].given);
        for (unsigned n = 0; n < shape[i].count; n++) {
            CHECK(vpci_mmio_read(&pci, at + shape[i].table + 16 * n + 12, 4, &v));
            CHECK_EQ(v, n < shape[i].given ? 1 : 0xffffffff);
        }
    }
}

/* A BAR below a page whose page is not its own, and one that does not begin a page: every access goes to the kernel. */
static void below_a_page(void)
{
    unsigned bad;
    uint64_t v;

    describe();
    fake.page_shared = true;
    CHECK_EQ(vpci_init(&pci, &boot, &bad), ST_OK);
    for (unsigned n = 0; n < 3; n++) {
        wr(SMALL, 4, 2, 2);
        for (unsigned bar = 0; bar < 2; bar++) {
            uint64_t at = rd(SMALL, 0x10 + 4 * bar, 4);

            CHECK(!fake_mapped(at));
            fake.mem[1][bar][0x44] = (uint8_t)(0x70 + bar);
            CHECK(vpci_mmio_read(&pci, at + 0x44, 1, &v));
            CHECK_EQ(v, 0x70 + bar);
            CHECK(vpci_mmio_write(&pci, at + 0xf8, 8, 0x1122334455667788));
            CHECK(vpci_mmio_read(&pci, at + 0xfc, 4, &v));
            CHECK_EQ(v, 0x11223344);
            CHECK(vpci_mmio_read(&pci, at + 0x100, 4, &v));      /* behind the real BAR */
            CHECK_EQ(v & 0xffffffff, 0xffffffff);
        }
        wr(SMALL, 4, 2, 0);
        CHECK(!vpci_mmio_read(&pci, rd(SMALL, 0x10, 4), 1, &v));
    }
    CHECK_EQ(fake.logs, 1);                              /* once, not at each decode */
    CHECK(strstr(fake.log, "goes through the kernel") != NULL);
    CHECK_EQ(fake.bad, 0);
}

int main(void)
{
    beside_the_table();
    pending_bits();
    below_a_page();
    return unit_done();
}
