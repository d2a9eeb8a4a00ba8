/* SPDX-License-Identifier: BSD-2-Clause */
/* link: drivers/pci/ecam.c drivers/pci/scan.c drivers/pci/cap.c drivers/pci/bar.c drivers/pci/group.c drivers/pci/reset.c drivers/pci/msix.c tests/unit/fake/hw.c tests/unit/fake/kmap.c tests/unit/fake/log.c tests/unit/fake/pci_model.c */
/* Enumeration, capability walk, BAR sizing, isolation groups: against models, with faults. */
#include "drivers/pci/scan.h"
#include "kernel/arch/hw.h"
#include "kernel/arch/upcall.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pci_model.h"
#include "unit.h"

#include <stdlib.h>

void upcall_preempt_point(void) { fake_step(); }

static void fresh(bool ecam)
{
    fake_hw_reset();
    fake_log_reset();
    pci_model_reset(ecam);
    pci_model_add(0, 0, 0, 0x8086, 0x29c0, 0x060000);
}

static const struct pci_fn *at(unsigned bus, unsigned dev, unsigned fn)
{
    static const struct pci_fn none;
    const struct pci_fn *f = pci_find(bdf_make(bus, dev, fn));
    CHECK(f != NULL);
    return f != NULL ? f : &none;
}

/* Sizing must leave every byte of every function as it was. */
static void scan_unchanged(void)
{
    static uint8_t before[PCI_MODEL_MAX][4096];
    for (unsigned i = 0; i < pci_model.count; i++)
        memcpy(before[i], pci_model.fn[i]->cfg, 4096);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    for (unsigned i = 0; i < pci_model.count; i++)
        CHECK(memcmp(before[i], pci_model.fn[i]->cfg, 4096) == 0);
    CHECK_EQ(pci_model.off_size_errors, 0);
}

static void test_nic(bool ecam)
{
    fresh(ecam);
    pci_model_nic(0, 6, 0, 0xfe800000);
    scan_unchanged();
    CHECK_EQ(ecam_covers(0), ecam);
    CHECK_EQ(pci_count(), 2);
    const struct pci_fn *f = at(0, 6, 0);
    CHECK_EQ(f->info.vendor, 0x8086);
    CHECK_EQ(f->info.device, 0x10d3);
    CHECK_EQ(f->info.subvendor, 0x1af4);
    CHECK_EQ(f->info.subdevice, 1);
    CHECK_EQ(f->info.class_rev, 0x02000011);
    CHECK_EQ(f->info.bar[0].base, 0xfe800000);
    CHECK_EQ(f->info.bar[0].size, 0x20000);
    CHECK_EQ(f->info.bar[2].size, 0x20);
    CHECK_EQ(f->info.bar[2].flags, BAR_IO);
    CHECK_EQ(f->info.bar[3].size, 0x4000);
    CHECK_EQ(f->info.bar[4].size, 0);
    CHECK_EQ(f->info.flr, PCI_RESET_FLR | PCI_RESET_PM);
    CHECK_EQ(f->info.msi_vectors, 1);
    CHECK_EQ(f->info.msi_64, 1);
    CHECK_EQ(f->info.msix_count, 5);
    CHECK_EQ(f->info.msix_bar, 3);
    CHECK_EQ(f->info.pba_off, 0x2000);
    CHECK_EQ(f->info.firmware_dma, 1);
    CHECK_EQ(f->info.pin, 1);
    CHECK_EQ(f->info.line, 11);
    CHECK_EQ(f->info.up, 0);
    CHECK_EQ(f->info.refusals, 0);
    CHECK_EQ(f->devctl, 0x2830);
    CHECK_EQ(f->dsn_off != 0, ecam);
    CHECK_EQ(at(0, 0, 0)->info.refusals, BIT32(ST_UNSUPP));
}

static void test_bars(void)
{
    fresh(true);
    struct pci_model_fn *m = pci_model_add(0, 3, 0, 0x1234, 1, 0x010802);
    pci_model_bar(m, 0, 2, 0xe020000000ull, 0x4000);         /* 64-bit above 4 GiB */
    pci_model_bar(m, 2, 4 | 8, 0xfd000000, 0x1000000);       /* upper half hardwired zero */
    pci_model_bar(m, 4, 2, 0x8000000000ull, 0x200000000ull); /* larger than 4 GiB */
    struct pci_model_fn *partial = pci_model_add(0, 4, 0, 0x1234, 2, 0x010802);
    pci_model_bar(partial, 0, 2, 0xe040000000ull, 0x4000);   /* upper half decodes 8 bits only */
    uint32_t eight = 0xff;
    memcpy(partial->wmask + CFG_BAR0 + 4, &eight, 4);
    pci_model_bar(partial, 2, 1, 0x5000, 0x10);
    uint16_t ports = 0xfff0;                                 /* I/O BAR with 16 bits */
    memset(partial->wmask + CFG_BAR0 + 8, 0, 4);
    memcpy(partial->wmask + CFG_BAR0 + 8, &ports, 2);
    pci_model_bar(partial, 3, 0, 0xfc000010, 0x10);          /* smallest memory BAR */
    pci_model_bar(partial, 4, 1, 0x0ff0, 0x10);              /* ports of the board */
    pci_model_bar(partial, 5, 1, 0x10000, 0x100);            /* and beyond what a CPU has */
    scan_unchanged();
    const struct dev_bar *b = at(0, 3, 0)->info.bar;
    CHECK_EQ(b[0].base, 0xe020000000ull);
    CHECK_EQ(b[0].size, 0x4000);
    CHECK_EQ(b[0].flags, BAR_64);
    CHECK_EQ(b[1].flags, BAR_UPPER);
    CHECK_EQ(b[1].size, 0);
    CHECK_EQ(b[2].base, 0xfd000000);
    CHECK_EQ(b[2].size, 0x1000000);
    CHECK_EQ(b[2].flags, BAR_64 | BAR_PREFETCH);
    CHECK_EQ(b[4].size, 0x200000000ull);
    CHECK_EQ(at(0, 3, 0)->info.refusals, 0);
    b = at(0, 4, 0)->info.bar;
    CHECK_EQ(b[0].size, 0x4000);
    CHECK_EQ(b[2].size, 0x10);
    CHECK_EQ(b[2].base, 0x5000);
    CHECK_EQ(b[3].size, 0x10);
    CHECK_EQ(b[4].size, 0x10);
    CHECK_EQ(b[4].base, 0);
    CHECK_EQ(b[5].base, 0);
    CHECK_EQ(at(0, 4, 0)->info.refusals, 0);
}

static void lie(unsigned dev, uint32_t value, uint32_t mask)
{
    struct pci_model_fn *m = pci_model_add(0, dev, 0, 0x1234, 3, 0x020000);
    pci_model_put32(m, CFG_BAR0, value);
    memcpy(m->wmask + CFG_BAR0, &mask, 4);
}

static void test_bars_that_lie(void)
{
    fresh(true);
    lie(3, 0xf0000000, 0xf0f00000);          /* a hole in the mask */
    lie(4, 0xf0001000, 0xffffe000);          /* base below its own size: bit 12 is hardwired */
    lie(5, 0xf8000000, 0xffff0001);          /* the type bit can be written */
    lie(6, 0x80000000, 0x7ff00000);          /* bit 31 cannot */
    struct pci_model_fn *m = pci_model_add(0, 7, 0, 0x1234, 3, 0x020000);
    pci_model_bar(m, 5, 0, 0xf9000000, 0x1000);
    m->cfg[CFG_BAR0 + 20] |= 4;              /* 64-bit in the last register */
    scan_unchanged();
    for (unsigned dev = 3; dev <= 7; dev++) {
        CHECK_EQ(at(0, dev, 0)->info.refusals, BIT32(ST_CORRUPT));
        for (unsigned i = 0; i < 6; i++)
            CHECK_EQ(at(0, dev, 0)->info.bar[i].size, 0);
    }
    CHECK(fake_log_has("contradicts itself"));
}

static void test_overlaps(void)
{
    fresh(true);
    pci_model_nic(0, 3, 0, 0xfe000000);
    struct pci_model_fn *m = pci_model_add(0, 4, 0, 0x1234, 3, 0x020000);
    pci_model_bar(m, 0, 0, 0xfe010000, 0x1000);
    struct pci_model_fn *over_ram = pci_model_add(0, 5, 0, 0x1234, 3, 0x020000);
    pci_model_bar(over_ram, 0, 0, 0x7ff00000, 0x100000);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(at(0, 3, 0)->info.refusals, BIT32(ST_OVERLAP));
    CHECK_EQ(at(0, 4, 0)->info.refusals, BIT32(ST_OVERLAP));
    CHECK_EQ(at(0, 5, 0)->info.refusals, 0);
    pci_model.ram_end = 0x7ff00000;                          /* ends where the BAR begins */
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(at(0, 5, 0)->info.refusals, 0);
    pci_model.ram_end++;
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(at(0, 5, 0)->info.refusals, BIT32(ST_OVERLAP));
    CHECK_EQ(at(0, 0, 0)->info.refusals, BIT32(ST_UNSUPP));
    fresh(true);
    pci_model_bar(pci_model_add(0, 3, 0, 0x1234, 3, 0x020000), 0, 1, 0xc000, 0x40);          /* ports */
    pci_model_bar(pci_model_add(0, 4, 0, 0x1234, 3, 0x020000), 1, 1, 0xc020, 0x20);
    m = pci_model_add(0, 5, 0, 0x1234, 3, 0x020000);
    pci_model_bar(m, 1, 1, 0xc040, 0x20);
    pci_model_bar(m, 2, 0, 0xc000, 0x1000);                  /* memory of the same number is elsewhere */
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(at(0, 3, 0)->info.refusals, BIT32(ST_OVERLAP));
    CHECK_EQ(at(0, 4, 0)->info.refusals, BIT32(ST_OVERLAP));
    CHECK(fake_log_has("00:04.0: BAR 1 overlaps one of 0000:00:03.0"));
    fresh(true);
    m = pci_model_add(0, 6, 0, 0x1234, 3, 0x020000);         /* two BARs of one function */
    pci_model_bar(m, 0, 0, 0xfc000000, 0x10000);
    pci_model_bar(m, 3, 0, 0xfc00c000, 0x4000);
    pci_model_bar(pci_model_add(0, 7, 0, 0x1234, 3, 0x020000), 0, 0, 0xfc010000, 0x1000);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(at(0, 6, 0)->info.refusals, BIT32(ST_OVERLAP));
    CHECK_EQ(at(0, 7, 0)->info.refusals, 0);
}

static void test_caps(void)
{
    fresh(true);
    struct pci_model_fn *m = pci_model_nic(0, 3, 0, 0xfe000000);
    m->cfg[m->msix + 1] = (uint8_t)m->pm;                    /* a loop */
    m = pci_model_nic(0, 4, 0, 0xfe100000);
    m->cfg[m->pm + 1] = 0x10;                                /* into the header */
    m = pci_model_nic(0, 5, 0, 0xfe200000);
    pci_model_put32(m, 0x100, 0x1001 | 0x100u << 20 | 1u << 16);  /* extended list to itself */
    m = pci_model_add(0, 6, 0, 0x1234, 1, 0x020000);
    m->next_cap = 0xf8;
    pci_model_cap(m, CAP_MSI, 8);                            /* does not fit below 256 */
    pci_model_put16(m, 0xfa, 0x180);
    m = pci_model_nic(0, 7, 0, 0xfe300000);
    m->cfg[CFG_STATUS] = 0;                                  /* no list */
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(at(0, 3, 0)->info.msix_count, 5);               /* found before the loop */
    CHECK(fake_log_has("00:03.0: capability list is broken at 40"));
    CHECK_EQ(at(0, 4, 0)->info.msi_off, 0);
    CHECK(at(0, 4, 0)->info.pm_off != 0);
    CHECK(fake_log_has("00:04.0: capability list is broken at 10"));
    CHECK(fake_log_has("00:05.0: extended capability list is broken at 100"));
    CHECK_EQ(at(0, 6, 0)->info.msi_off, 0);
    CHECK_EQ(at(0, 6, 0)->cap_at[0xf8 / 4], 0);
    CHECK_EQ(at(0, 7, 0)->info.pm_off, 0);
    CHECK_EQ(at(0, 7, 0)->info.flr, 0);
    fresh(true);
    pci_model_msi(pci_model_add(0, 6, 0, 0x1234, 1, 0x020000), 5, true, false);
    pci_model_msi(pci_model_add(0, 7, 0, 0x1234, 1, 0x020000), 6, true, false);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(at(0, 6, 0)->info.msi_vectors, 32);
    CHECK_EQ(at(0, 7, 0)->info.msi_vectors, 0);              /* a reserved number */
    CHECK_EQ(at(0, 7, 0)->info.msi_off, 0);
}

/* What lets a device go round the IOMMU, or be more than one, is off after the scan. */
static void test_host_only(void)
{
    static const struct { uint16_t id, control, before, after; } services[] = {
        { EXT_ATS, 6, 0x801f, 0x001f }, { EXT_PRI, 4, 3, 0 }, { EXT_PASID, 6, 7, 0 }, { EXT_SRIOV, 8, 9, 0 } };
    unsigned at_off[4];
    fresh(true);
    struct pci_model_fn *m = pci_model_nic(0, 3, 0, 0xfe000000);
    for (unsigned i = 0; i < 4; i++) {
        at_off[i] = pci_model_ext(m, services[i].id, 16) + services[i].control;
        pci_model_put16(m, at_off[i], services[i].before);
        memset(m->wmask + at_off[i], 0xff, 2);
    }
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(pci_model_get(m, at_off[i], 2), services[i].after);
}

static void test_msix_lies(void)
{
    fresh(true);
    struct pci_model_fn *m = pci_model_add(0, 3, 0, 0x1234, 1, 0x020000);
    pci_model_bar(m, 0, 0, 0xfe000000, 0x1000);
    pci_model_msix(m, 0, 0xff0, 0x800, 2);                   /* ends past the BAR */
    m = pci_model_add(0, 4, 0, 0x1234, 1, 0x020000);
    pci_model_bar(m, 0, 1, 0x6000, 0x100);
    pci_model_msix(m, 0, 0, 0x40, 2);                        /* in ports */
    m = pci_model_add(0, 5, 0, 0x1234, 1, 0x020000);
    pci_model_bar(m, 0, 0, 0xfe010000, 0x1000);
    pci_model_msix(m, 0, 0, 0x1000, 2);                      /* pending bits outside */
    m = pci_model_add(0, 6, 0, 0x1234, 1, 0x020000);
    pci_model_msix(m, 7, 0, 0, 2);                           /* no such BAR */
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    for (unsigned dev = 3; dev <= 6; dev++) {
        CHECK_EQ(at(0, dev, 0)->info.refusals, BIT32(ST_CORRUPT));
        CHECK_EQ(at(0, dev, 0)->info.msix_count, 0);
    }
}

/* Root ports at 00:02.0 (ACS) and 00:03.0 (none), a switch without ACS behind 00:04.0, a
 * PCIe-to-PCI bridge at 00:1e.0, a device of two functions. */
static void topology_make(void)
{
    fresh(true);
    struct pci_model_fn *m = pci_model_bridge(0, 2, 0, 1, 1);
    pci_model_pcie(m, PCIE_T_ROOT_PORT, false);
    pci_model_acs(m, 0x5f);
    m = pci_model_bridge(0, 3, 0, 2, 2);
    pci_model_pcie(m, PCIE_T_ROOT_PORT, false);
    m = pci_model_bridge(0, 4, 0, 3, 6);
    pci_model_pcie(m, PCIE_T_ROOT_PORT, false);
    pci_model_acs(m, 0x1d);
    pci_model_pcie(pci_model_bridge(3, 0, 0, 4, 6), PCIE_T_UPSTREAM, false);
    pci_model_pcie(pci_model_bridge(4, 0, 0, 5, 5), PCIE_T_DOWNSTREAM, false);
    pci_model_pcie(pci_model_bridge(4, 1, 0, 6, 6), PCIE_T_DOWNSTREAM, false);
    pci_model_bridge(0, 0x1e, 0, 7, 7);
    pci_model_nic(1, 0, 0, 0xf0000000);
    pci_model_nic(2, 0, 0, 0xf0100000);
    pci_model_nic(5, 0, 0, 0xf0200000);
    pci_model_nic(6, 0, 0, 0xf0300000);
    pci_model_nic(7, 1, 0, 0xf0400000);
    pci_model_nic(7, 2, 0, 0xf0500000);
    pci_model_nic(1, 9, 0, 0xf0600000);                      /* an echo: ports have device 0 alone */
    m = pci_model_nic(0, 9, 0, 0xf0700000);
    m->cfg[CFG_HEADER] = 0x80;
    pci_model_nic(0, 9, 3, 0xf0800000);
    pci_model_nic(0, 10, 0, 0xf0900000);
    pci_model_nic(0, 10, 1, 0xf0a00000);                     /* function 0 does not say there are more */
    m = pci_model_nic(0, 11, 0, 0xf0b00000);                 /* two functions kept apart by ACS */
    m->cfg[CFG_HEADER] = 0x80;
    pci_model_acs(m, 0x0c);
    pci_model_acs(pci_model_nic(0, 11, 1, 0xf0c00000), 0x0c);
    m = pci_model_nic(0, 12, 0, 0xf0e00000);                 /* one of two has ACS */
    m->cfg[CFG_HEADER] = 0x80;
    pci_model_acs(m, 0x0c);
    pci_model_nic(0, 12, 1, 0xf0f00000);
    pci_model_nic(0x40, 0, 0, 0xf0d00000);                   /* a second host bridge's bus */
}

static void test_topology(void)
{
    topology_make();
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(pci_count(), pci_model.count - 2);
    CHECK(pci_find(bdf_make(1, 9, 0)) == NULL);
    for (uint32_t i = 1; i < pci_count(); i++)
        CHECK(bdf_u32(pci_at(i - 1)->bdf) < bdf_u32(pci_at(i)->bdf));
    CHECK(pci_at(pci_count()) == NULL);

    const struct pci_fn *deep = at(6, 0, 0);
    static const uint8_t path[] = { 0, 1 << 3, 0, 4 << 3 };  /* from there up to the root bus */
    const struct pci_fn *up = deep;
    for (unsigned i = 0; i < 4; up -= up->info.up, i++)
        CHECK(up->bdf.devfn == path[i] && (up->info.up == 0) == (i == 3));
    CHECK_EQ(at(0x40, 0, 0)->info.up, 0);
    CHECK_EQ(at(0, 4, 0)->info.secondary, 3);

    CHECK(at(1, 0, 0)->info.group != at(0, 2, 0)->info.group);
    CHECK(at(1, 0, 0)->info.group != at(2, 0, 0)->info.group);
    CHECK_EQ(at(2, 0, 0)->info.group, at(0, 3, 0)->info.group);
    CHECK_EQ(at(5, 0, 0)->info.group, at(6, 0, 0)->info.group);
    CHECK(at(5, 0, 0)->info.group != at(0, 4, 0)->info.group);
    CHECK_EQ(at(7, 1, 0)->info.group, at(7, 2, 0)->info.group);
    CHECK_EQ(at(0, 9, 0)->info.group, at(0, 9, 3)->info.group);
    CHECK(at(0, 9, 0)->info.group != at(0, 10, 0)->info.group);
    CHECK(at(0, 11, 0)->info.group != at(0, 11, 1)->info.group);
    CHECK_EQ(at(0, 12, 0)->info.group, at(0, 12, 1)->info.group);

    struct pci_fn *fn = pci_find(bdf_make(6, 0, 0));
    for (unsigned i = 0; i < pci_model.count; i++)
        pci_model_put16(pci_model.fn[i], CFG_COMMAND, 0);
    CHECK_EQ(pci_open_path(fn), ST_OK);
    unsigned open = 0;
    for (unsigned i = 0; i < pci_model.count; i++)
        open += pci_model_get(pci_model.fn[i], CFG_COMMAND, 2) == 6;
    CHECK_EQ(open, 3);
}

/* With ARI, device numbers are function numbers of one device: without ACS in each they are not apart. */
static void test_ari(void)
{
    fresh(true);
    struct pci_model_fn *m = pci_model_bridge(0, 2, 0, 1, 1);
    pci_model_pcie(m, PCIE_T_ROOT_PORT, false);
    pci_model_put16(m, m->pcie + PCIE_DEVCTL2, DEVCTL2_ARI);
    pci_model_acs(m, 0x1d);
    pci_model_nic(1, 0, 0, 0xf0000000);
    pci_model_nic(1, 1, 2, 0xf0100000);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(at(1, 0, 0)->info.group, at(1, 1, 2)->info.group);
    CHECK(at(1, 0, 0)->info.group != at(0, 2, 0)->info.group);
}

/* ACS in a switch is worth nothing when the root port above it may turn requests round. */
static void test_acs_path(void)
{
    for (unsigned i = 0; i < 3; i++) {
        fresh(true);
        pci_model_pcie(pci_model_bridge(0, 2, 0, 1, 4), PCIE_T_ROOT_PORT, false);
        if (i == 1)
            pci_model_acs(pci_model.fn[1], 0x1d);
        pci_model_pcie(pci_model_bridge(1, 0, 0, 2, 4), PCIE_T_UPSTREAM, false);
        for (unsigned port = 0; port < 2; port++) {
            struct pci_model_fn *m = pci_model_bridge(2, port, 0, 3 + port, 3 + port);
            pci_model_pcie(m, PCIE_T_DOWNSTREAM, false);
            if (i != 2 || port == 0)
                pci_model_acs(m, 0x1d);
            pci_model_nic(3 + port, 0, 0, 0xf0000000 + 0x100000 * port);
        }
        CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
        CHECK_EQ(at(3, 0, 0)->info.group == at(4, 0, 0)->info.group, i != 1);
        CHECK_EQ(at(3, 0, 0)->info.acs, 0);
        CHECK_EQ(at(2, 0, 0)->info.acs, 1);
    }
}

static void test_bad_bridges(void)
{
    fresh(true);
    pci_model_bridge(0, 2, 0, 0, 0);         /* firmware gave it no buses */
    pci_model_bridge(0, 3, 0, 1, 1);
    pci_model_bridge(0, 4, 0, 1, 2);         /* the same bus again */
    pci_model_bridge(1, 0, 0, 1, 1);         /* leads back */
    pci_model_bridge(1, 1, 0, 9, 5);         /* reversed */
    for (unsigned i = 2; i < 14; i++)        /* a chain of 12 */
        pci_model_bridge(i == 2 ? 1 : i - 1, i == 2 ? 2 : 0, 0, i, 20);
    pci_model_nic(13, 0, 0, 0xf0000000);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(pci_count(), pci_model.count);
    CHECK(fake_log_has("00:04.0: bridge with impossible buses"));
    CHECK(fake_log_has("01:00.0: bridge with impossible buses"));
    CHECK(fake_log_has("01:01.0: bridge with impossible buses"));
    CHECK_EQ(at(13, 0, 0)->info.refusals, 0);             /* deeper than a path can say: it has its address */
}

static void test_limits(void)
{
    fresh(true);
    for (unsigned i = 0; i < 290; i++) {
        struct pci_model_fn *m = pci_model_add(0, 1 + i / 8 % 31, i % 8, 0x1234, 1, 0x020000);
        m->cfg[CFG_HEADER] = 0x80;
        if (i >= 248)
            m->bdf.bus = 1;
    }
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK_EQ(pci_count(), PCI_MAX_FUNCTIONS);
    CHECK(fake_log_has("are left out"));
    fresh(true);
    pci_model.ecam_lies = true;
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    CHECK(!ecam_covers(0));
    CHECK(fake_log_has("disagrees"));
    fresh(true);
    pci_model.fn[0]->gone = true;
    CHECK_EQ(pci_init(pci_model_boot()), ST_ABSENT);
    CHECK_EQ(pci_cfg_read(bdf_make(9, 9, 1), 0x500, 4), ~0u);
    CHECK_EQ(pci_cfg_read(bdf_make(9, 9, 1), 0, 1), 0xff);
}

static void test_quiesce(void)
{
    fresh(true);
    struct pci_model_fn *m = pci_model_nic(0, 3, 0, 0xf0000000);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    struct pci_fn *f = pci_find(bdf_make(0, 3, 0));
    CHECK_EQ(pci_bus_master_off(f), ST_OK);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), 0x403);
    CHECK_EQ(pci_quiesce(f), ST_OK);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), 0x400);
    m->keeps_bus_master = true;
    CHECK_EQ(pci_quiesce(f), ST_HW);
    m->gone = true;
    CHECK_EQ(pci_quiesce(f), ST_ABSENT);
    CHECK_EQ(pci_bus_master_off(f), ST_ABSENT);
}

int main(void)
{
    test_nic(true);
    test_nic(false);
    test_bars();
    test_bars_that_lie();
    test_overlaps();
    test_caps();
    test_host_only();
    test_msix_lies();
    test_topology();
    test_ari();
    test_acs_path();
    test_bad_bridges();
    test_limits();
    test_quiesce();
    fake_hw_reset();
    pci_model_reset(false);
    return unit_done();
}
