/* SPDX-License-Identifier: BSD-2-Clause */
/* link: drivers/pci/ecam.c drivers/pci/scan.c drivers/pci/cap.c drivers/pci/bar.c drivers/pci/group.c drivers/pci/reset.c drivers/pci/msix.c tests/unit/fake/hw.c tests/unit/fake/kmap.c tests/unit/fake/log.c tests/unit/fake/pci_model.c */
/* Resets with proof and MSI, MSI-X programming, against models with faults. */
#include "drivers/pci/pci.h"
#include "drivers/pci/pci_regs.h"
#include "kernel/arch/hw.h"
#include "kernel/arch/upcall.h"
#include "tests/unit/fake/kmap.h"
#include "tests/unit/fake/pci_model.h"
#include "unit.h"

static struct pci_model_fn *m;
static struct pci_fn *f;

static unsigned preempts;
void upcall_preempt_point(void)
{
    preempts++;
    fake_step();
}

/* On, with every entry masked. */
static status_t msix_on(void) { return pci_msix_write(f, 0, 0, 0, true); }

static void scan(void)
{
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    f = pci_find(m->bdf);
    fake_hw.step_us = 10;
}

static void fresh(void)
{
    fake_hw_reset();
    pci_model_reset(true);
    m = pci_model_nic(0, 6, 0, 0xfe800000);
    scan();
}

static void test_flr(void)
{
    fresh();
    CHECK_EQ(msix_on(), ST_OK);
    pci_model_put16(m, m->pcie + PCIE_DEVCTL, 0x5010);           /* what an owner left behind */
    pci_model_put16(m, m->pcie + PCIE_DEVCTL2, 0x0049);
    memset(m->wmask + CFG_ROM, 0xff, 4);
    pci_model_put32(m, CFG_ROM, 0xfea00001);                     /* and firmware */
    uint64_t start = fake_hw.now_us;
    CHECK_EQ(pci_reset(f, true), ST_OK);
    CHECK_EQ(pci_model_get(m, CFG_ROM, 4), 0);
    CHECK_EQ(pci_model_get(m, m->pcie + PCIE_DEVCTL2, 2), 0);
    CHECK_EQ(m->resets, 1);
    CHECK_EQ(m->early_accesses, 0);
    CHECK(fake_hw.now_us - start >= 100000 && fake_hw.now_us - start < 200000);
    CHECK_EQ(pci_model_get(m, CFG_BAR0, 4), 0xfe800000);
    CHECK_EQ(pci_model_get(m, CFG_BAR0 + 8, 4), 0x60c1);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), CMD_INTX_OFF);
    CHECK_EQ(pci_model_get(m, m->pcie + PCIE_DEVCTL, 2), 0x2830);  /* firmware's payload size */
    CHECK_EQ(pci_model_get(m, m->msix + MSIX_CTL, 2), 4);
    CHECK_EQ(m->cfg[CFG_INTERRUPT], 11);
    m->reset_us = 700000;                                        /* slow, within the second */
    CHECK_EQ(pci_reset(f, true), ST_OK);
    CHECK_EQ(m->early_accesses, 0);
    m->pending_forever = true;                                   /* goes on after its deadline */
    start = fake_hw.now_us;
    CHECK_EQ(pci_reset(f, true), ST_OK);
    CHECK(fake_hw.now_us - start > 2100000);                     /* before and after */
    CHECK_EQ(m->resets, 3);
}

static void test_faults(void)
{
    fresh();
    m->hang_in_reset = true;
    uint64_t start = fake_hw.now_us;
    CHECK_EQ(pci_reset(f, true), ST_TIMEOUT);
    CHECK(fake_hw.now_us - start < 1300000);
    fresh();
    m->dies_in_reset = true;
    CHECK_EQ(pci_reset(f, true), ST_ABSENT);
    fresh();
    m->gone = true;
    CHECK_EQ(pci_reset(f, true), ST_ABSENT);
    CHECK_EQ(m->resets, 0);
    fresh();
    m->loses_identity = true;
    CHECK_EQ(pci_reset(f, true), ST_CORRUPT);
    CHECK_EQ(m->resets, 2);                                      /* FLR, then PM: neither is proven */
    fresh();
    m->keeps_bus_master = true;
    CHECK_EQ(pci_reset(f, true), ST_CORRUPT);
    fresh();
    m->msix_stuck = true;
    CHECK_EQ(msix_on(), ST_OK);
    CHECK_EQ(pci_reset(f, true), ST_CORRUPT);
    fresh();
    m->wmask[CFG_BAR0 + 2] = 0;                                  /* a BAR that cannot be restored */
    pci_model_put32(m, CFG_BAR0, 0xfe900000);
    CHECK_EQ(pci_reset(f, true), ST_CORRUPT);
}

/* Each thing that the proof compares, one at a time: the scan saw it otherwise. */
static void test_proof(void)
{
    static const uint16_t compared = 0x0bf5;                     /* ids, class, BARs, subsystem: by dword */
    for (unsigned i = 0; i < 16; i++) {
        fresh();
        f->header[i] ^= 1;
        CHECK_EQ(pci_reset(f, true), (compared & 1u << i) != 0 ? ST_CORRUPT : ST_OK);
    }
    fresh();
    f->cap_at[m->msi / 4] = 0x7f;
    CHECK_EQ(pci_reset(f, true), ST_CORRUPT);
    fresh();
    m->wmask[CFG_COMMAND] &= (uint8_t)~CMD_MEMORY;               /* memory decode is stuck */
    m->cfg[CFG_COMMAND] = CMD_MEMORY;
    CHECK_EQ(pci_quiesce(f), ST_HW);
    fresh();
    preempts = 0;
    CHECK_EQ(pci_reset(f, true), ST_OK);
    CHECK(preempts > 1000);                                      /* others ran all along */
}

static void test_ladder(void)
{
    fake_hw_reset();
    pci_model_reset(true);
    m = pci_model_add(0, 3, 0, 0x1234, 1, 0x0c0320);
    pci_model_bar(m, 0, 2, 0xe020000000ull, 0x4000);
    pci_model_pm(m, true);                                       /* D3hot keeps everything */
    scan();
    CHECK_EQ(f->info.flr, 0);
    CHECK_EQ(pci_reset(f, true), ST_NORESET);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), 7);               /* not even touched */

    fake_hw_reset();
    pci_model_reset(true);
    m = pci_model_add(0, 3, 0, 0x1234, 1, 0x0c0320);
    pci_model_bar(m, 0, 2, 0xe020000000ull, 0x4000);
    pci_model_pm(m, false);
    scan();
    CHECK_EQ(f->info.flr, PCI_RESET_PM);
    CHECK_EQ(pci_reset(f, true), ST_OK);
    CHECK_EQ(m->resets, 1);
    CHECK_EQ(pci_model_get(m, CFG_BAR0 + 4, 4), 0xe0);

    fake_hw_reset();
    pci_model_reset(true);
    m = pci_model_add(0, 3, 0, 0x1234, 1, 0x0c0320);
    pci_model_af(m);
    scan();
    CHECK_EQ(f->info.flr, PCI_RESET_AF);
    CHECK_EQ(pci_reset(f, true), ST_OK);
    CHECK_EQ(m->resets, 1);
    CHECK_EQ(m->early_accesses, 0);
}

/* A device of two functions without a reset of their own behind a port, or a conventional bus with two devices. */
static struct pci_model_fn *bridge, *peer;
static void bus_machine(bool conventional, unsigned caps)
{
    fake_hw_reset();
    pci_model_reset(true);
    bridge = pci_model_bridge(0, 2, 0, 1, 1);
    if (!conventional) {
        pci_model_pcie(bridge, PCIE_T_ROOT_PORT, false);
        pci_model_put32(bridge, bridge->pcie + PCIE_LNKCAP, LNKCAP_REPORTS);
    }
    m = pci_model_add(1, 0, 0, 0x1234, 1, 0x0c0320);
    m->cfg[CFG_HEADER] = 0x80;
    pci_model_bar(m, 0, 2, 0xe020000000ull, 0x4000);
    if (caps & PCI_RESET_PM)
        pci_model_pm(m, false);
    peer = pci_model_add(1, conventional ? 3 : 0, 1, 0x1234, 2, 0x0c0320);
    if (conventional)
        peer->bdf = bdf_make(1, 3, 0);
    pci_model_bar(peer, 0, 0, 0xfd000000, 0x1000);
    pci_model_bar(peer, 1, 1, 0x6000, 0x20);
    scan();
}

static void test_bus(void)
{
    for (unsigned conventional = 0; conventional < 2; conventional++) {
        bus_machine(conventional, 0);
        CHECK_EQ(f->info.flr, PCI_RESET_BUS);
        bridge->link_us = conventional ? 0 : 300000;
        bridge->cfg[CFG_BRIDGE_CTL] = 3;                         /* what else is in the register stays */
        uint64_t start = fake_hw.now_us;
        CHECK_EQ(pci_reset(f, false), ST_NORESET);
        CHECK_EQ(bridge->bus_resets, 0);
        CHECK_EQ(pci_reset(f, true), ST_OK);
        CHECK_EQ(bridge->bus_resets, 1);
        CHECK_EQ(bridge->short_resets, 0);
        CHECK_EQ(bridge->cfg[CFG_BRIDGE_CTL], 3);
        CHECK_EQ(m->resets, 1);
        CHECK_EQ(peer->resets, 1);
        CHECK_EQ(m->early_accesses + peer->early_accesses, 0);
        CHECK(fake_hw.now_us - start < (conventional ? 1100000 : 500000));
        CHECK_EQ(pci_model_get(m, CFG_BAR0 + 4, 4), 0xe0);       /* both are as they were, and silent */
        CHECK_EQ(pci_model_get(peer, CFG_BAR0, 4), 0xfd000000);
        CHECK_EQ(pci_model_get(peer, CFG_BAR0 + 4, 4), 0x6001);
        CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), CMD_INTX_OFF);
        CHECK_EQ(pci_model_get(peer, CFG_COMMAND, 2), CMD_INTX_OFF);
    }
    bus_machine(false, 0);
    peer->loses_identity = true;                                 /* of all functions the image is compared */
    CHECK_EQ(pci_reset(f, true), ST_CORRUPT);
    bus_machine(false, 0);
    peer->keeps_bus_master = true;
    CHECK_EQ(pci_reset(f, true), ST_CORRUPT);
    bus_machine(false, 0);
    m->hang_in_reset = true;
    CHECK_EQ(pci_reset(f, true), ST_TIMEOUT);
    bus_machine(false, 0);
    bridge->link_us = 5000000;                                   /* the link does not come up */
    CHECK_EQ(pci_reset(f, true), ST_TIMEOUT);
    bus_machine(false, 0);
    bridge->gone = true;
    CHECK_EQ(pci_reset(f, true), ST_HW);
    bus_machine(false, 0);
    bridge->wmask[CFG_BRIDGE_CTL] = 0;                           /* nothing was reset, though all looks well */
    CHECK_EQ(pci_reset(f, true), ST_HW);
    CHECK_EQ(m->resets, 0);
}

/* The last rung: after one of the function's own that is not proven, or that it did not survive. */
static void test_bus_last(void)
{
    bus_machine(false, PCI_RESET_PM);
    CHECK_EQ(f->info.flr, PCI_RESET_PM | PCI_RESET_BUS);         /* the peer needs the bus, so all of it is one group */
    CHECK_EQ(pci_reset(f, true), ST_OK);
    CHECK_EQ(bridge->bus_resets, 0);
    m->loses_identity = true;
    CHECK_EQ(pci_reset(f, false), ST_CORRUPT);
    CHECK_EQ(bridge->bus_resets, 0);
    CHECK_EQ(pci_reset(f, true), ST_CORRUPT);
    CHECK_EQ(bridge->bus_resets, 1);
    bus_machine(false, PCI_RESET_PM);
    m->gone = true;                                              /* asks the bus, does not come back */
    CHECK_EQ(pci_reset(f, true), ST_ABSENT);
    CHECK_EQ(bridge->bus_resets, 1);
}

/* Not offered where somebody else needs what is there; it joins what ACS would keep apart. */
static void test_bus_offer(void)
{
    for (unsigned i = 0; i < 4; i++) {
        bus_machine(false, 0);
        if (i == 1)
            pci_model_put32(peer, CFG_CLASS_REV, 0x03800000);    /* may be the screen */
        if (i == 2)
            pci_model_put32(peer, CFG_CLASS_REV, 0x06010000);    /* a part of the machine */
        for (unsigned k = 0; i == 3 && k < 2; k++) {
            struct pci_model_fn *fn = k ? peer : m;
            pci_model_pcie(fn, 0, k == 1);
            pci_model_acs(fn, 0x0c);
        }
        if (i == 3)
            pci_model_acs(bridge, 0x1d);
        scan();
        CHECK_EQ(f->info.flr, i == 1 || i == 2 ? 0 : PCI_RESET_BUS);
        CHECK_EQ(pci_find(peer->bdf)->info.flr, i == 2 ? 0 : i == 3 ? PCI_RESET_FLR | PCI_RESET_BUS : PCI_RESET_BUS);
        CHECK_EQ(f->info.group, pci_find(peer->bdf)->info.group);
    }
    /* each with a reset of its own: ACS keeps them apart, and nobody resets the bus */
    bus_machine(false, 0);
    pci_model_acs(bridge, 0x1d);
    for (unsigned k = 0; k < 2; k++) {
        pci_model_pcie(k ? peer : m, 0, true);
        pci_model_acs(k ? peer : m, 0x0c);
    }
    scan();
    CHECK_EQ(f->info.flr, PCI_RESET_FLR);
    CHECK(f->info.group != pci_find(peer->bdf)->info.group);
}

/* A reset turns access control off, which keeps the functions of a device apart. */
static void test_acs_returns(void)
{
    fresh();
    m->cfg[CFG_HEADER] = 0x80;
    pci_model_acs(m, 0x0c);
    scan();
    CHECK_EQ(f->info.acs, 1);
    CHECK_EQ(pci_reset(f, true), ST_OK);
    CHECK_EQ(pci_model_get(m, m->acs + ACS_CTL, 2), 0x0c);
    memset(m->wmask + m->acs + ACS_CTL, 0, 2);
    CHECK_EQ(pci_reset(f, true), ST_CORRUPT);
}

static void test_asleep(void)
{
    fresh();
    f->pm_keeps_state = true;
    pci_model_put16(m, m->pm + PM_CSR, 0x0b);                    /* the owner left it in D3hot */
    CHECK_EQ(pci_reset(f, true), ST_OK);
    CHECK_EQ(pci_model_get(m, m->pm + PM_CSR, 2) & 3, 0);
}

static void test_msix(void)
{
    fresh();
    CHECK_EQ(pci_quiesce(f), ST_OK);                             /* decode is off all along */
    CHECK_EQ(msix_on(), ST_OK);
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQ(pci_model_msix_word(m, i, 3), 1);
    CHECK_EQ(pci_model_get(m, m->msix + MSIX_CTL, 2), 0x8004);
    uint64_t from = fake_hw.traced;
    CHECK_EQ(pci_msix_write(f, 2, 0x1fee00010ull, 0x55, false), ST_OK);
    CHECK_EQ(pci_model_msix_word(m, 2, 0), 0xfee00010);
    CHECK_EQ(pci_model_msix_word(m, 2, 1), 1);
    CHECK_EQ(pci_model_msix_word(m, 2, 2), 0x55);
    CHECK_EQ(pci_model_msix_word(m, 2, 3), 0);
    /* every table write of address or data happens while the entry is masked */
    bool masked = false;
    for (uint64_t i = from; i < fake_hw.traced; i++) {
        const struct fake_access *a = &fake_hw.trace[i % FAKE_TRACE_MAX];
        if (a->addr < 0xfe840020 || a->addr > 0xfe84002f || !a->write)
            continue;
        CHECK_EQ(a->size, 4);
        if (a->addr == 0xfe84002c)
            masked = a->value & 1;
        else
            CHECK(masked);
    }
    CHECK(!masked);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), CMD_INTX_OFF);    /* and decode is off again */
    CHECK_EQ(pci_msix_write(f, 2, 0xfee00010, 0x55, true), ST_OK);
    CHECK_EQ(pci_model_msix_word(m, 2, 3), 1);
    CHECK_EQ(pci_model_msix_word(m, 2, 0), 0xfee00010);
    CHECK_EQ(pci_msix_write(f, 2, 0xfee00010, 0x55, false), ST_OK);
    CHECK_EQ(msix_on(), ST_OK);                                  /* again: the other entries are kept */
    CHECK_EQ(pci_model_msix_word(m, 2, 0), 0xfee00010);
    CHECK_EQ(pci_model_msix_word(m, 2, 3), 0);
    CHECK_EQ(pci_msix_write(f, 5, 0, 0, false), ST_RANGE);
    CHECK_EQ(pci_msix_write(f, ~0u, 0, 0, true), ST_RANGE);
    CHECK_EQ(pci_msi_off(f), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msix + MSIX_CTL, 2), 4);
    m->gone = true;
    CHECK_EQ(pci_msi_off(f), ST_HW);

    const unsigned maps = fake_kmap.maps;
    fresh();
    fake_kmap.fail_after = fake_kmap.maps - maps;                /* the table is the last that the scan maps */
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(msix_on(), ST_UNSUPP);
    fake_kmap.fail_after = 0;
    pci_model_put32(m, CFG_BAR0 + 4 * 3, 0);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(f->info.bar[3].base, 0);
    CHECK_EQ(msix_on(), ST_UNSUPP);
}

static void test_msi(void)
{
    fresh();
    CHECK_EQ(pci_msi_write(f, 0xfee00018, 0x1234, 1, ~0u), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + 4u, 4), 0xfee00018);
    CHECK_EQ(pci_model_get(m, m->msi + 12u, 2), 0x1234);
    CHECK_EQ(pci_model_get(m, m->msi + 2u, 2), 0x81);
    CHECK_EQ(pci_msi_write(f, 0, 0, 0, ~0u), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + 2u, 2), 0x80);
    CHECK_EQ(pci_msi_write(f, 0, 0, 2, 0), ST_RANGE);            /* one vector only */
    CHECK_EQ(pci_msi_write(f, 0, 0x10000, 1, 0), ST_RANGE);
    CHECK_EQ(pci_msi_write(f, 0, 0, ~0u, 0), ST_RANGE);
    CHECK_EQ(pci_msi_write(f, 0xfee00018, 0x1234, 1, 0), ST_OK);
    CHECK_EQ(pci_msi_off(f), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + 2u, 2), 0x80);
    unsigned writes = m->writes;
    CHECK_EQ(pci_msi_write(f, 0, 0, 0, ~0u), ST_OK);             /* no mask register: off, address, data, off */
    CHECK_EQ(m->writes, writes + 5);

    fake_hw_reset();
    pci_model_reset(true);
    m = pci_model_add(0, 3, 0, 0x1234, 1, 0x020000);
    pci_model_msi(m, 2, false, true);
    scan();
    CHECK_EQ(pci_msi_write(f, 0x1fee00000ull, 0, 4, 0), ST_RANGE);
    CHECK_EQ(pci_msi_write(f, 0xfee00000, 0x40, 3, ~8u), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + 8u, 2), 0x40);
    CHECK_EQ(pci_model_get(m, m->msi + 2u, 2), 0x125);
    CHECK_EQ(pci_model_get(m, m->msi + 12u, 4), 7);              /* of its four vectors */
    CHECK_EQ(pci_msi_write(f, 0xfee00000, 0x40, 4, 8), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + 12u, 4), 8);
    CHECK_EQ(pci_msi_write(f, 0xfee00000, 0x40, 4, 0), ST_OK);
    CHECK_EQ(pci_model_get(m, m->msi + 12u, 4), 0);
    CHECK_EQ(pci_msi_write(f, 0xfee00000, 0x40, 5, 0), ST_RANGE);
    CHECK_EQ(pci_msix_write(f, 0, 0, 0, true), ST_UNSUPP);
    CHECK_EQ(msix_on(), ST_UNSUPP);
}

int main(void)
{
    test_flr();
    test_faults();
    test_proof();
    test_ladder();
    test_bus();
    test_bus_last();
    test_bus_offer();
    test_acs_returns();
    test_asleep();
    test_msix();
    test_msi();
    CHECK_EQ(pci_model.off_size_errors, 0);
    fake_hw_reset();
    pci_model_reset(false);
    return unit_done();
}
