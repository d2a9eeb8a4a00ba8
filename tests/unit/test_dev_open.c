/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/dev/dev.c kernel/dev/dev_bar.c kernel/dev/dev_reserved.c kernel/obj/obj.c
   drivers/pci/ecam.c drivers/pci/scan.c drivers/pci/cap.c drivers/pci/bar.c drivers/pci/group.c
   drivers/pci/reset.c drivers/pci/msix.c drivers/pci/cfgpolicy.c
   tests/unit/fake/hw.c tests/unit/fake/kmap.c tests/unit/fake/log.c tests/unit/fake/pci_model.c */
/* Ports of I/O BARs, memory that cannot be mapped; functions without an IOMMU. */
#include "tests/unit/fake/dev_rig.h"

/* ---- ports ---- */
static struct { uint16_t port; unsigned size, ins, outs; uint32_t value; } ports;
static uint32_t port_in(uint16_t port, unsigned size)
{
    ports.ins++;
    ports.port = port;
    ports.size = size;
    return 0x81828384;
}
static void port_out(uint16_t port, unsigned size, uint32_t value)
{
    ports.outs++;
    ports.port = port;
    ports.size = size;
    ports.value = value;
}

/* Every width at every offset: inside the BAR it reaches that port and no other, outside none. */
static void port_sweep(unsigned size)
{
    const unsigned base = 0x60c0, len = 0x20;
    for (uint64_t off = 0; off < 0x11000; off += off < 0x40 ? 1 : 0xfff) {
        uint64_t v = 0x12345678;
        bool inside = off + size <= len;
        memset(&ports, 0, sizeof ports);
        CHECK_EQ(dev_bar_access(dev, 2, off, size, false, &v), inside ? ST_OK : ST_RANGE);
        CHECK_EQ(v, inside ? 0x81828384 & MASK64(8 * size - 1, 0) : 0x12345678);
        CHECK_EQ(ports.ins, inside);
        CHECK_EQ(ports.port, inside ? base + off : 0);
        CHECK_EQ(ports.size, inside ? size : 0);
        v = 0xa1a2a3a4;
        CHECK_EQ(dev_bar_access(dev, 2, off, size, true, &v), inside ? ST_OK : ST_RANGE);
        CHECK_EQ(ports.outs, inside);
        CHECK_EQ(ports.port, inside ? base + off : 0);
        CHECK_EQ(ports.value, inside ? 0xa1a2a3a4 : 0);
    }
}

static void test_ports(void)
{
    uint64_t v = 0;
    fresh();
    CHECK_EQ(dev_bar_access(dev, 2, 0, 4, false, &v), ST_STATE);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    fake_hw.in = port_in;
    fake_hw.out = port_out;
    for (unsigned size = 1; size <= 4; size *= 2)
        port_sweep(size);
    memset(&ports, 0, sizeof ports);
    for (unsigned write = 0; write < 2; write++) {
        CHECK_EQ(dev_bar_access(dev, 2, 0, 0, write, &v), ST_INVAL);
        CHECK_EQ(dev_bar_access(dev, 2, 0, 3, write, &v), ST_INVAL);
        CHECK_EQ(dev_bar_access(dev, 2, 0, 8, write, &v), ST_INVAL);
        CHECK_EQ(dev_bar_access(dev, 2, 0, 1ull << 32 | 4, write, &v), ST_INVAL);
        CHECK_EQ(dev_bar_access(dev, 2, ~0ull, 4, write, &v), ST_RANGE);
        CHECK_EQ(dev_bar_access(dev, 2, ~3ull, 4, write, &v), ST_RANGE);
        CHECK_EQ(dev_bar_access(dev, 0, 0, 4, write, &v), ST_UNSUPP);       /* memory */
        CHECK_EQ(dev_bar_access(dev, 4, 0, 4, write, &v), ST_UNSUPP);       /* none */
        CHECK_EQ(dev_bar_access(dev, 6, 0, 4, write, &v), ST_RANGE);
        CHECK_EQ(dev_bar_access(dev, ~0ull, 0, 4, write, &v), ST_RANGE);
        CHECK_EQ(dev_bar_access(dev, 1ull << 32 | 2, 0, 4, write, &v), ST_RANGE);
    }
    CHECK_EQ(ports.ins + ports.outs, 0);
    CHECK_EQ(dev_release(dev), ST_OK);
    CHECK_EQ(dev_bar_access(dev, 2, 0, 4, true, &v), ST_STATE);
    CHECK_EQ(ports.ins + ports.outs, 0);
    finish(ST_OK);
    fresh_models();
    pci_model_bar(m, 2, 1, 0x3e0, 0x20);                         /* over the board's own ports */
    start();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    CHECK_EQ(dev_bar_access(dev, 2, 0, 4, false, &v), ST_UNSUPP);
    CHECK_EQ(cfg_write(CFG_COMMAND, 2, 3), ST_OK);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2) & CMD_IO, 0);      /* nor does it decode them */
    finish(ST_OK);
}

/* ---- memory that cannot be mapped ---- */
static struct { uint64_t off, value; unsigned size, reads, writes; } mem;
static uint64_t mem_read(void *model, uint64_t off, unsigned size)
{
    (void)model;
    mem.reads++;
    mem.off = off;
    mem.size = size;
    return 0x8182838485868788 & MASK64(8 * size - 1, 0);
}
static void mem_write(void *model, uint64_t off, unsigned size, uint64_t v)
{
    (void)model;
    mem.writes++;
    mem.off = off;
    mem.size = size;
    mem.value = v;
}

/* One access in both directions: what the call says, and what reaches the device. */
static void mem_try(uint64_t bar, uint64_t off, uint64_t size, status_t want)
{
    uint64_t v = 0x1122334455667788, ones = size - 1 < 8 ? MASK64(8 * size - 1, 0) : 0;
    memset(&mem, 0, sizeof mem);
    CHECK_EQ(dev_bar_access(dev, bar, off, size, false, &v), want);
    CHECK_EQ(v, want == ST_OK ? 0x8182838485868788 & ones : 0x1122334455667788);
    CHECK_EQ(mem.reads, want == ST_OK);
    CHECK_EQ(mem.size, want == ST_OK ? size : 0);
    v = 0xa1a2a3a4a5a6a7a8;
    CHECK_EQ(dev_bar_access(dev, bar, off, size, true, &v), want);
    CHECK_EQ(mem.writes, want == ST_OK);
    CHECK_EQ(mem.off, want == ST_OK ? off : 0);
    CHECK_EQ(mem.value & ones, want == ST_OK ? 0xa1a2a3a4a5a6a7a8 & ones : 0);
}

/* Table of 5 entries at 1100h, pending bits at 1e00h, in a BAR of 16 KiB: its second page is the kernel's. */
static void test_beside_the_table(void)
{
    fresh_models();
    pci_model_put32(m, m->msix + MSIX_TABLE, 0x1100 | 3);
    pci_model_put32(m, m->msix + MSIX_PBA, 0x1e00 | 3);
    start();
    fake_mmio_register(0xfe840000, 0x4000, NULL, mem_read, mem_write);
    mem_try(3, 0x1000, 4, ST_STATE);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    for (uint64_t size = 1; size <= 8; size *= 2)
        for (uint64_t off = 0xff0; off < 0x2010; off++)
            mem_try(3, off, size, off % size != 0 ? ST_INVAL : off < 0x1000 || off >= 0x2000 ? ST_RANGE :
                    off >= 0x1100 && off < 0x1150 ? ST_OVERLAP : ST_OK);
    for (uint64_t size = 0; size < 20; size++)
        if (size != 1 && size != 2 && size != 4 && size != 8)
            mem_try(3, 0x1000, size, ST_INVAL);
    mem_try(3, ~7ull, 8, ST_RANGE);
    mem_try(3, 1ull << 32 | 0x1000, 4, ST_RANGE);
    mem_try(0, 0x1000, 4, ST_UNSUPP);                            /* can be mapped */
    mem_try(5, 0, 4, ST_UNSUPP);
    mem_try(6, 0x1000, 4, ST_RANGE);
    mem_try(1ull << 32 | 3, 0x1000, 4, ST_RANGE);
    /* pending: the device's bits and the kernel's */
    io.pending = 0x1f00000000000011;
    for (uint64_t size = 1; size <= 8; size *= 2)
        for (uint64_t off = 0; off < 16; off += size) {
            uint64_t v, mine = off < 8 ? io.pending >> 8 * off : 0;
            CHECK_EQ(dev_bar_access(dev, 3, 0x1e00 + off, size, false, &v), ST_OK);
            CHECK_EQ(v, (0x8182838485868788 | mine) & MASK64(8 * size - 1, 0));
        }
    hpa_t pa;
    bool pf;
    CHECK_EQ(dev_bar_range(dev, 3, 0x1000, 0x1000, &pa, &pf), ST_OVERLAP);
    CHECK_EQ(dev_bar_range(dev, 3, 0x2000, 0x2000, &pa, &pf), ST_OK);
    CHECK_EQ(dev_release(dev), ST_OK);
    mem_try(3, 0x1000, 4, ST_STATE);
    finish(ST_OK);
}

/* A table in two pages, pending bits in a third and in another BAR; a function of which too much is said. */
static void test_windows(void)
{
    fresh_models();
    pci_model_put16(m, m->msix + MSIX_CTL, 15);
    pci_model_put32(m, m->msix + MSIX_TABLE, 0x0f80 | 3);
    pci_model_put32(m, m->msix + MSIX_PBA, 0x3008 | 3);
    start();
    fake_mmio_register(0xfe840000, 0x4000, NULL, mem_read, mem_write);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    mem_try(3, 0xf7c, 4, ST_OK);
    mem_try(3, 0xf80, 4, ST_OVERLAP);
    mem_try(3, 0x1078, 8, ST_OVERLAP);
    mem_try(3, 0x1080, 8, ST_OK);
    mem_try(3, 0x3ff8, 8, ST_OK);
    finish(ST_OK);
    fresh_models();
    fake_mmio_register(0xfe820000, 0x20000, NULL, mem_read, mem_write);
    pci_model_put32(m, m->msix + MSIX_PBA, 0x8000 | 1);
    start();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    mem_try(1, 0x7ff8, 8, ST_RANGE);
    mem_try(1, 0x8000, 8, ST_OK);
    mem_try(1, 0x8ffc, 4, ST_OK);
    mem_try(1, 0x9000, 4, ST_RANGE);
    mem_try(3, 0x40, 4, ST_OVERLAP);
    finish(ST_OK);
    fresh_models();
    pci_model_put16(m, m->msix + MSIX_CTL, 2047);                /* 32 KiB in a BAR of 16 */
    start();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_CORRUPT);
    CHECK(fake_log_has("MSI-X table or PBA is outside its BAR"));
    finish(ST_OK);
    fresh_models();
    pci_model_put32(m, m->msix + MSIX_TABLE, 7);                 /* no such BAR */
    start();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_CORRUPT);
    finish(ST_OK);
}

/* BARs of 256 bytes: two in one page, of two functions, so that neither is mapped; nobody reaches the other one. */
static void test_shared_page(void)
{
    fresh_models();
    pci_model_bar(m, 4, 0, 0xfd002000, 0x100);
    struct pci_model_fn *other = pci_model_add(0, 9, 0, 0x1234, 1, 0x020000);
    pci_model_bar(other, 0, 0, 0xfd002800, 0x100);
    pci_model_pm(other, false);
    fake_mmio_register(0xfd002000, 0x100, NULL, mem_read, mem_write);
    fake_mmio_register(0xfd002800, 0x100, NULL, mem_read, mem_write);
    start();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    hpa_t pa;
    bool pf;
    CHECK_EQ(dev_bar_range(dev, 4, 0, 0x1000, &pa, &pf), ST_UNSUPP);
    for (uint64_t size = 1; size <= 8; size *= 2)
        for (uint64_t off = 0; off < 0x1000; off += size)
            mem_try(4, off, size, off < 0x100 ? ST_OK : ST_RANGE);
    finish(ST_OK);
}

/* ---- without an IOMMU ---- */
static void test_unprotected(void)
{
    fresh();                                     /* an IOMMU covers it: the flag is refused */
    CHECK_EQ(dev_assign(dev, vm_a, 1, NULL, DEV_UNPROTECTED), ST_STATE);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, DEV_UNPROTECTED | 3), ST_STATE);
    CHECK_EQ(m->resets, 0);
    CHECK_EQ(state(), DEV_BLOCKED);
    finish(ST_OK);
    for (unsigned machine = 0; machine < 2; machine++) {         /* no IOMMU; one that does not cover it */
        fresh_models();
        io.uncovered = true;
        io.ir = machine == 1;
        CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
        dev_init(pci_model_boot());
        CHECK_EQ(dev_open(bdf_make(0, 6, 0), &dev), ST_OK);
        CHECK_EQ(dev->fn->info.refusals, BIT32(ST_NOIOMMU));
        for (uint32_t flags = 0; flags < 4; flags++)
            CHECK_EQ(dev_assign(dev, vm_a, 1, NULL, flags), ST_NOIOMMU);
        CHECK_EQ(m->resets, 0);
        CHECK_EQ(dev_assign(dev, vm_a, 1, NULL, DEV_UNPROTECTED), ST_OK);
        CHECK_EQ(state(), DEV_ASSIGNED);
        CHECK_EQ(m->resets, 1);
        CHECK(fake_log_has("00:06.0: UNPROTECTED"));
        CHECK_EQ(cfg_write(CFG_COMMAND, 2, 7), ST_OK);
        CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), 7 | CMD_INTX_OFF);
        CHECK_EQ(dev_release(dev), ST_OK);
        CHECK_EQ(m->resets, 2);
        CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2) & 7, 0);
        CHECK_EQ(dev_assign(dev, vm_b, 2, NULL, DEV_UNPROTECTED), ST_OK);
        m->keeps_bus_master = true;
        CHECK_EQ(cfg_write(CFG_COMMAND, 2, 4), ST_OK);
        CHECK_EQ(dev_release(dev), ST_QUARANTINED);              /* nothing else would stop it */
        CHECK(fake_log_has("not proven to be cut off"));
        CHECK_EQ(dev_assign(dev, vm_a, 1, NULL, DEV_UNPROTECTED), ST_QUARANTINED);
        dev_destroy(&dev->obj);
        CHECK_EQ(io.attaches + io.detaches + io.maps, 0);
    }
    fresh_models();                              /* its own faults still refuse it */
    io.uncovered = true;
    pci_model_put32(m, m->pcie + PCIE_DEVCAP, 0);
    m->cfg[m->pm + PM_CSR] = PM_NO_SOFT_RESET;
    start();
    CHECK_EQ(dev_assign(dev, vm_a, 1, NULL, DEV_UNPROTECTED), ST_NORESET);
    CHECK_EQ(dev_assign(dev, vm_a, 1, NULL, DEV_UNPROTECTED | DEV_NO_RESET_OK), ST_OK);
    m->gone = true;
    CHECK_EQ(dev_release(dev), ST_OK);           /* pulled out: it reaches nothing */
    finish(ST_OK);
}

int main(void)
{
    test_ports();
    test_beside_the_table();
    test_windows();
    test_shared_page();
    test_unprotected();
    fake_hw_reset();
    pci_model_reset(false);
    return unit_done();
}
