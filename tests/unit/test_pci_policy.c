/* SPDX-License-Identifier: BSD-2-Clause */
/* link: drivers/pci/ecam.c drivers/pci/scan.c drivers/pci/cap.c drivers/pci/bar.c drivers/pci/group.c drivers/pci/cfgpolicy.c tests/unit/fake/hw.c tests/unit/fake/kmap.c tests/unit/fake/log.c tests/unit/fake/pci_model.c */
/* The owner's view of config space: masks, chains, every width at every offset. */
#include "drivers/pci/pci.h"
#include "drivers/pci/pci_regs.h"
#include "kernel/arch/hw.h"
#include "tests/unit/fake/pci_model.h"
#include "unit.h"

static struct pci_model_fn *m;
static struct pci_fn *f;

static uint32_t owner_read(struct pci_fn *fn, unsigned off, unsigned size)
{
    uint32_t value = 0x5a5a5a5a;
    CHECK_EQ(pci_owner_access(fn, off, size, false, &value), ST_OK);
    return value;
}

static void owner_write(struct pci_fn *fn, unsigned off, unsigned size, uint32_t value)
{
    uint32_t given = value;
    CHECK_EQ(pci_owner_access(fn, off, size, true, &given), ST_OK);
    CHECK_EQ(given, value);
}

static status_t illegal(uint64_t off, uint64_t size)
{
    uint32_t value = 0x5a5a5a5a;
    unsigned writes = m->writes;
    status_t st = pci_owner_access(f, off, size, true, &value);
    CHECK_EQ(m->writes, writes);
    CHECK_EQ(pci_owner_access(f, off, size, false, &value), st);
    CHECK_EQ(value, 0x5a5a5a5a);
    return st;
}

static void fresh(void)
{
    fake_hw_reset();
    pci_model_reset(true);
    pci_model_add(0, 0, 0, 0x8086, 0x29c0, 0x060000);
    m = pci_model_nic(0, 6, 0, 0xfe800000);
    uint16_t second = pci_model_cap(m, CAP_MSI, 10);         /* another one: hidden */
    pci_model_put32(m, second + 4u, 0xfee00000);
    uint16_t vendor = pci_model_cap(m, 0x09, 16);            /* vendor: hidden, in the middle of nothing */
    pci_model_put32(m, vendor + 4u, 0xdeadbeef);
    memset(m->wmask + vendor + 4, 0xff, 8);
    pci_model_cap(m, 0x03, 8);                               /* VPD: hidden */
    pci_model_acs(m, 0x7f);
    uint16_t ats = pci_model_ext(m, EXT_ATS, 8);
    pci_model_put16(m, ats + 6u, 0x8000);
    memset(m->wmask + ats + 6u, 0xff, 2);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    f = pci_find(bdf_make(0, 6, 0));
    CHECK_EQ(pci_model_get(m, ats + 6u, 2), 0);         /* the scan turned ATS off */
}

static void test_chain(void)
{
    unsigned seen = 0, n = 0;
    CHECK(owner_read(f, CFG_STATUS, 2) & STATUS_CAPS);
    for (unsigned off = owner_read(f, CFG_CAP_PTR, 1); off != 0 && n < 20; n++) {
        unsigned id = owner_read(f, off, 1);
        CHECK(id == CAP_PM || id == CAP_MSI || id == CAP_PCIE || id == CAP_MSIX);
        seen |= 1u << id;
        off = owner_read(f, off + 1, 1);
    }
    CHECK_EQ(n, 4);
    CHECK_EQ(seen, 1u << CAP_PM | 1u << CAP_MSI | 1u << CAP_PCIE | 1u << CAP_MSIX);
    for (unsigned off = m->msix + 12u; off < 0x100; off++)
        CHECK_EQ(owner_read(f, off, 1), 0);              /* vendor and VPD */
    CHECK_EQ(owner_read(f, 0x100, 4), (uint32_t)f->dsn_off << 20);
    CHECK_EQ(owner_read(f, f->dsn_off, 4), 0x00010003);
    CHECK_EQ(owner_read(f, f->dsn_off + 4u, 4), 0x00123456);
    CHECK_EQ(owner_read(f, f->dsn_off + 12u, 4), 0);     /* ACS */
    CHECK_EQ(owner_read(f, 0x104, 4), 0);
    f->dsn_off = 0;
    CHECK_EQ(owner_read(f, 0x100, 4), 0);
}

static void test_widths(void)
{
    static uint8_t bytes[4096];
    for (unsigned off = 0; off < 4096; off++)
        bytes[off] = (uint8_t)owner_read(f, off, 1);
    for (unsigned off = 0; off + 2 <= 4096; off++)
        CHECK_EQ(owner_read(f, off, 2), bytes[off] | bytes[off + 1] << 8);
    for (unsigned off = 0; off + 4 <= 4096; off++)
        CHECK_EQ(owner_read(f, off, 4), bytes[off] | bytes[off + 1] << 8 | bytes[off + 2] << 16 |
                                            (uint32_t)bytes[off + 3] << 24);
    CHECK_EQ(illegal(4096, 1), ST_RANGE);
    CHECK_EQ(illegal(4095, 2), ST_RANGE);
    CHECK_EQ(illegal(4093, 4), ST_RANGE);
    CHECK_EQ(illegal(~0u, 4), ST_RANGE);
    CHECK_EQ(illegal(~0ull, 1), ST_RANGE);
    CHECK_EQ(illegal(~0ull - 3, 4), ST_RANGE);
    CHECK_EQ(illegal(1ull << 32, 4), ST_RANGE);
    CHECK_EQ(illegal(0, 0), ST_INVAL);
    CHECK_EQ(illegal(0, 3), ST_INVAL);
    CHECK_EQ(illegal(0, 8), ST_INVAL);
    CHECK_EQ(illegal(0, (1ull << 32) + 4), ST_INVAL);
}

/* The bits that an owner's writes can move at all, found by writing ones and zeros everywhere. */
static uint32_t movable(unsigned off, unsigned size)
{
    uint8_t before[4096];
    memcpy(before, m->cfg, sizeof before);
    uint32_t moved = 0;
    for (int ones = 0; ones < 2; ones++) {
        owner_write(f, off, size, ones ? ~0u : 0);
        for (unsigned i = 0; i < 4096; i++) {
            uint8_t diff = m->cfg[i] ^ before[i];
            if (diff && (i < (off & ~3u) || i >= ((off + size - 1) & ~3u) + 4))
                return 0xbad;
            if (diff)
                moved |= (uint32_t)diff << 8 * (i & 3);
        }
        memcpy(m->cfg, before, sizeof before);
    }
    return moved;
}

/* With a line INTx is the owner's to switch, without one it stays as it is: off. */
static void test_writes(uint32_t intx)
{
    f->intx = intx != 0 ? (struct intx *)0x7000 : NULL;
    memset(m->wmask, 0xff, sizeof m->wmask);                 /* a device that lets everything move */
    memset(m->clear, 0, sizeof m->clear);
    m->wmask[0xc + 1] = 0xff;
    unsigned pcie = m->pcie;
    for (unsigned off = 0; off < 4096; off += 4) {
        uint32_t want = 0;
        if (off == 4)
            want = 0xf9000007 | intx;
        if (off == pcie + 8)
            want = 0x000f7810;
        if (off == pcie + 8)                                 /* FLR is never passed on */
            CHECK_EQ(m->resets, 0);
        CHECK_EQ(movable(off, 4), want);
    }
    CHECK_EQ(movable(4, 1), 0x07);
    CHECK_EQ(movable(5, 1), intx);
    CHECK_EQ(movable(5, 2), intx);                           /* status byte 6 has nothing */
    CHECK_EQ(movable(7, 1), 0xf9000000);
    CHECK_EQ(movable(7, 4), 0xf9000000);                     /* and the class behind it stays */
    CHECK_EQ(movable(2, 4), 7 | intx);                       /* crosses into the command dword */
    CHECK_EQ(m->resets, 0);
}

static void test_clear_bits(void)
{
    fresh();
    m->cfg[CFG_STATUS + 1] = 0xf9;
    m->cfg[m->pcie + PCIE_DEVSTA] = 0x0f;
    unsigned before = m->writes;
    owner_write(f, CFG_COMMAND, 2, 6);
    owner_write(f, m->pcie + PCIE_DEVCTL, 2, 0x5810);
    CHECK_EQ(m->writes, before + 2);                         /* the status registers are not written at all */
    CHECK_EQ(m->cfg[CFG_STATUS + 1], 0xf9);                  /* a merge clears nothing */
    CHECK_EQ(m->cfg[m->pcie + PCIE_DEVSTA], 0x0f);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), 6);
    CHECK_EQ(pci_model_get(m, m->pcie + PCIE_DEVCTL, 2), 0x5830);
    owner_write(f, CFG_COMMAND, 4, 0x80000006);
    CHECK_EQ(m->cfg[CFG_STATUS + 1], 0x79);
    owner_write(f, m->pcie + PCIE_DEVSTA, 1, 0x01);
    CHECK_EQ(m->cfg[m->pcie + PCIE_DEVSTA], 0x0e);
    owner_write(f, m->pcie + PCIE_DEVCTL, 2, 0xffff);
    CHECK_EQ(m->resets, 0);
    unsigned writes = m->writes;
    for (unsigned off = m->msi; off < m->msi + 16u; off++)   /* nothing of MSI and MSI-X arrives */
        owner_write(f, off, 1, 0xff);
    for (unsigned off = m->msix; off < m->msix + 12u; off++)
        owner_write(f, off, 1, 0xff);
    for (unsigned off = CFG_BAR0; off < 0x40; off++)
        owner_write(f, off, 1, 0xff);
    CHECK_EQ(m->writes, writes);
}

static void test_power_and_decode(void)
{
    fresh();
    owner_write(f, m->pm + PM_CSR, 2, 3);
    CHECK_EQ(pci_model_get(m, m->pm + PM_CSR, 2), 0);        /* D3hot would lose the registers */
    f->pm_keeps_state = true;
    m->cfg[m->pm + PM_CSR] = PM_NO_SOFT_RESET;
    m->clear[m->pm + PM_CSR + 1] = 0x80;
    m->cfg[m->pm + PM_CSR + 1] = 0x80;                       /* PME status: the host's */
    owner_write(f, m->pm + PM_CSR, 2, 0x103);
    CHECK_EQ(m->cfg[m->pm + PM_CSR + 1], 0x80);
    CHECK_EQ(pci_model_get(m, m->pm + PM_CSR, 2) & 3, 3);
    CHECK_EQ(owner_read(f, m->pm + PM_CSR, 2) & 3, 3);
    owner_write(f, m->pm + PM_CSR, 1, 0);
    f->info.bar[2].base = 0;                                 /* the I/O BAR has no address */
    pci_model_put16(m, CFG_COMMAND, 0);
    owner_write(f, CFG_COMMAND, 2, 7);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), 6);
    f->info.bar[0].base = 0;
    pci_model_put16(m, CFG_COMMAND, 0);
    owner_write(f, CFG_COMMAND, 2, 7);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), 4);
    f->pcie_version = 1;                                     /* no second half in version 1 */
    CHECK_EQ(owner_read(f, m->pcie + 0x24u, 4), 0);
    CHECK(owner_read(f, m->pcie + 0x0cu, 4) != 0);
    m->gone = true;
    CHECK_EQ(owner_read(f, 0, 4), ~0u);
    CHECK_EQ(owner_read(f, CFG_BAR0, 4), 0);
}

static void test_msi_forms(void)
{
    for (unsigned form = 0; form < 4; form++) {
        fake_hw_reset();
        pci_model_reset(true);
        m = pci_model_add(0, 3, 0, 0x1234, 1, 0x020000);
        pci_model_msi(m, 3, (form & 1) != 0, (form & 2) != 0);
        memset(m->cfg + m->msi + 4, 0xee, 20);
        CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
        f = pci_find(bdf_make(0, 3, 0));
        unsigned pending = !(form & 2) ? 0 : (form & 1) ? 0x14 : 0x10;
        for (unsigned rel = 4; rel < 0x18; rel += 4)
            CHECK_EQ(owner_read(f, m->msi + rel, 4), rel == pending ? 0xeeeeeeee : 0);
    }
}

int main(void)
{
    fresh();
    test_chain();
    fresh();
    test_widths();
    test_writes(0);
    test_writes(CMD_INTX_OFF);
    test_clear_bits();
    test_power_and_decode();
    test_msi_forms();
    CHECK_EQ(pci_model.off_size_errors, 0);
    pci_model_reset(false);
    return unit_done();
}
