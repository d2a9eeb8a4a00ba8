/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/dev/dev.c kernel/dev/dev_bar.c kernel/dev/dev_reserved.c kernel/obj/obj.c
   drivers/pci/ecam.c drivers/pci/scan.c drivers/pci/cap.c drivers/pci/bar.c drivers/pci/group.c
   drivers/pci/reset.c drivers/pci/msix.c drivers/pci/cfgpolicy.c
   tests/unit/fake/hw.c tests/unit/fake/kmap.c tests/unit/fake/log.c tests/unit/fake/pci_model.c */
/* Ports of I/O BARs; functions without an IOMMU. */
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
        uint32_t v = 0x12345678;
        bool inside = off + size <= len;
        memset(&ports, 0, sizeof ports);
        CHECK_EQ(dev_port_access(dev, 2, off, size, false, &v), inside ? ST_OK : ST_RANGE);
        CHECK_EQ(v, inside ? 0x81828384 & MASK64(8 * size - 1, 0) : 0x12345678);
        CHECK_EQ(ports.ins, inside);
        CHECK_EQ(ports.port, inside ? base + off : 0);
        CHECK_EQ(ports.size, inside ? size : 0);
        v = 0xa1a2a3a4;
        CHECK_EQ(dev_port_access(dev, 2, off, size, true, &v), inside ? ST_OK : ST_RANGE);
        CHECK_EQ(ports.outs, inside);
        CHECK_EQ(ports.port, inside ? base + off : 0);
        CHECK_EQ(ports.value, inside ? 0xa1a2a3a4 : 0);
    }
}

static void test_ports(void)
{
    uint32_t v = 0;
    fresh();
    CHECK_EQ(dev_port_access(dev, 2, 0, 4, false, &v), ST_STATE);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    fake_hw.in = port_in;
    fake_hw.out = port_out;
    for (unsigned size = 1; size <= 4; size *= 2)
        port_sweep(size);
    memset(&ports, 0, sizeof ports);
    for (unsigned write = 0; write < 2; write++) {
        CHECK_EQ(dev_port_access(dev, 2, 0, 0, write, &v), ST_INVAL);
        CHECK_EQ(dev_port_access(dev, 2, 0, 3, write, &v), ST_INVAL);
        CHECK_EQ(dev_port_access(dev, 2, 0, 8, write, &v), ST_INVAL);
        CHECK_EQ(dev_port_access(dev, 2, 0, 1ull << 32 | 4, write, &v), ST_INVAL);
        CHECK_EQ(dev_port_access(dev, 2, ~0ull, 4, write, &v), ST_RANGE);
        CHECK_EQ(dev_port_access(dev, 2, ~3ull, 4, write, &v), ST_RANGE);
        CHECK_EQ(dev_port_access(dev, 0, 0, 4, write, &v), ST_UNSUPP);       /* memory */
        CHECK_EQ(dev_port_access(dev, 4, 0, 4, write, &v), ST_UNSUPP);       /* none */
        CHECK_EQ(dev_port_access(dev, 6, 0, 4, write, &v), ST_RANGE);
        CHECK_EQ(dev_port_access(dev, ~0ull, 0, 4, write, &v), ST_RANGE);
        CHECK_EQ(dev_port_access(dev, 1ull << 32 | 2, 0, 4, write, &v), ST_RANGE);
    }
    CHECK_EQ(ports.ins + ports.outs, 0);
    CHECK_EQ(dev_release(dev), ST_OK);
    CHECK_EQ(dev_port_access(dev, 2, 0, 4, true, &v), ST_STATE);
    CHECK_EQ(ports.ins + ports.outs, 0);
    finish(ST_OK);
    fresh_models();
    pci_model_bar(m, 2, 1, 0x3e0, 0x20);                         /* over the board's own ports */
    start();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    CHECK_EQ(dev_port_access(dev, 2, 0, 4, false, &v), ST_UNSUPP);
    CHECK_EQ(cfg_write(CFG_COMMAND, 2, 3), ST_OK);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2) & CMD_IO, 0);      /* nor does it decode them */
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
    test_unprotected();
    fake_hw_reset();
    pci_model_reset(false);
    return unit_done();
}
