/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/dev/dev.c kernel/dev/dev_bar.c kernel/dev/dev_reserved.c kernel/obj/obj.c
   drivers/pci/ecam.c drivers/pci/scan.c drivers/pci/cap.c drivers/pci/bar.c drivers/pci/group.c
   drivers/pci/reset.c drivers/pci/msix.c drivers/pci/cfgpolicy.c
   tests/unit/fake/hw.c tests/unit/fake/kmap.c tests/unit/fake/log.c tests/unit/fake/pci_model.c */
/* The ownership state machine over PCI models and a fake IOMMU with faults; BAR map checks. */
#include "tests/unit/fake/dev_rig.h"

/* ---- tests ---- */
static void test_life(void)
{
    fresh();
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), CMD_INTX_OFF);    /* silenced at boot */
    CHECK(fake_log_has("00:06.0 (8086:10d3): firmware left bus mastering on"));
    CHECK(!fake_log_has("00:00.0"));
    struct device *again;
    CHECK_EQ(dev_open(bdf_make(0, 6, 0), &again), ST_BUSY);
    CHECK_EQ(dev_open(bdf_make(0, 7, 0), &again), ST_NOTFOUND);
    uint32_t v;
    CHECK_EQ(dev_cfg_access(dev, 0, 4, false, &v), ST_STATE);
    CHECK_EQ(dev_owner_reset(dev), ST_STATE);
    CHECK_EQ(dev_release(dev), ST_STATE);
    CHECK_EQ(dev_assign(dev, vm_a, 3, dma, 0), ST_OK);
    CHECK_EQ(state(), DEV_ASSIGNED);
    CHECK_EQ(m->resets, 1);
    CHECK(preempts > 50);
    CHECK_EQ(dev->fn->info.vm, 3);
    CHECK_EQ(dev_assign(dev, vm_a, 3, dma, 0), ST_BUSY);
    CHECK_EQ(dev_assign(dev, vm_b, 4, dma, 0), ST_BUSY);
    CHECK_EQ(iommu_dom_destroy(dma), ST_BUSY);
    CHECK_EQ(dev_cfg_access(dev, 0, 4, false, &v), ST_OK);
    CHECK_EQ(v, 0x10d38086);
    CHECK_EQ(dev_cfg_access(dev, 4096, 1, false, &v), ST_RANGE);
    CHECK_EQ(dev_cfg_access(dev, 4094, 4, false, &v), ST_RANGE);
    CHECK_EQ(dev_cfg_access(dev, ~0ull, 4, false, &v), ST_RANGE);
    CHECK_EQ(dev_cfg_access(dev, 0, 8, false, &v), ST_INVAL);
    CHECK_EQ(cfg_write(0, 3, 0), ST_INVAL);
    CHECK_EQ(cfg_write(CFG_COMMAND, 2, 6), ST_OK);
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), 6 | CMD_INTX_OFF);        /* it has no line */
    CHECK_EQ(dev_irq_set(dev, 3, 0, 0, 0), ST_OK);
    CHECK_EQ(io.irq_sets, 1);
    CHECK_EQ(dev_release(dev), ST_OK);
    CHECK_EQ(dev_irq_set(dev, 3, 0, 0, 0), ST_STATE);
    CHECK_EQ(io.irq_sets, 1);
    CHECK_EQ(io.irq_closes, 1);
    CHECK(!io.irqs_at_detach);                   /* interrupts first */
    CHECK(!io.master_at_detach);                 /* bus master off, then detach, then reset */
    CHECK_EQ(io.resets_at_detach, 1);
    CHECK_EQ(m->resets, 2);
    CHECK_EQ(state(), DEV_BLOCKED);
    CHECK(dev->vm == NULL && dev->dma == NULL && dev->fn->info.vm == 0);
    CHECK_EQ(cfg_write(CFG_COMMAND, 2, 6), ST_STATE);
    for (unsigned i = 0; i < 5; i++) {           /* again and again, by another guest */
        CHECK_EQ(dev_assign(dev, vm_b, 5, dma, 0), ST_OK);
        CHECK_EQ(dev_release(dev), ST_OK);
    }
    CHECK_EQ(dev_assign(dev, vm_b, 5, dma, 0), ST_OK);
    dev_destroy(&dev->obj);                      /* releases */
    CHECK_EQ(m->resets, 14);
    CHECK_EQ(iommu_dom_destroy(dma), ST_OK);
    CHECK_EQ(live_objects, 0);
}

/* Interrupts, bus master, entry blocked and confirmed, reset, and only then is the owner forgotten: its references, and
 * with them the memory, are given back by the caller after dev_release. */
static void test_order(void)
{
    fresh();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    CHECK_EQ(cfg_write(CFG_COMMAND, 2, 6), ST_OK);
    hook_dev = dev;
    preempts = 0;
    order_hook = true;
    CHECK_EQ(dev_release(dev), ST_OK);
    order_hook = false;
    CHECK(preempts > 50);
    CHECK_EQ(m->resets, 2);
    CHECK(dev->vm == NULL && dev->fn->info.vm == 0);
    finish(ST_OK);
}

static void test_owner_reset(void)
{
    fresh();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    hook_dev = dev;
    in_reset_hook = true;
    CHECK_EQ(dev_owner_reset(dev), ST_OK);
    in_reset_hook = false;
    CHECK_EQ(state(), DEV_ASSIGNED);
    m->loses_identity = true;
    CHECK_EQ(dev_owner_reset(dev), ST_CORRUPT);
    CHECK_EQ(state(), DEV_ASSIGNED);             /* the owner's problem until the release */
    CHECK_EQ(dev_release(dev), ST_QUARANTINED);
    finish(ST_OK);
}

static void refuse(status_t want, uint32_t flags)
{
    CHECK(dev->fn->info.refusals & BIT32(want));
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, flags), want);
    CHECK_EQ(state(), DEV_BLOCKED);
    CHECK_EQ(io.attaches, 0);
    CHECK_EQ(m->resets, 0);
    finish(ST_OK);
}

static void test_refusals(void)
{
    fresh();
    io.ir = false;
    dev_init(pci_model_boot());
    refuse(ST_NOIR, 3);
    fresh_models();
    io.uncovered = true;
    start();
    CHECK_EQ(dev->fn->info.iommu_unit, ~0u);
    refuse(ST_NOIOMMU, 3);
    fresh_models();
    io.reserved = 2;
    start();
    CHECK_EQ(dev->fn->info.reserved, 2);
    refuse(ST_RESERVED, DEV_NO_RESET_OK);
    fresh_models();
    pci_model_put32(m, m->pcie + PCIE_DEVCAP, 0);
    m->cfg[m->pm + PM_CSR] = PM_NO_SOFT_RESET;
    start();
    refuse(ST_NORESET, DEV_RESERVED_MAP);
    fresh_models();
    pci_model_put32(m, CFG_CLASS_REV, 0x08060000);               /* an IOMMU */
    start();
    CHECK_EQ(pci_model_get(m, CFG_COMMAND, 2), 7);               /* goes on working */
    refuse(ST_UNSUPP, 3);
    fresh_models();
    pci_model_put32(m, m->msix + MSIX_TABLE, 0x3ff0 | 3);
    start();
    refuse(ST_CORRUPT, 3);
    fresh_models();
    io.ir = false;
    CHECK_EQ(iommu_dom_create(dma, 1), ST_NOIOMMU);
    CHECK_EQ(live_objects, 0);
}

/* The ROM's place is checked against nothing, so it never decodes: not from boot on, not in a life without a reset. */
static void test_rom(void)
{
    fresh_models();
    memset(m->wmask + CFG_ROM, 0xff, 4);
    pci_model_put32(m, CFG_ROM, 0xfe800001);                     /* over the function's own BAR */
    pci_model_put32(m, m->pcie + PCIE_DEVCAP, 0);
    m->cfg[m->pm + PM_CSR] = PM_NO_SOFT_RESET;
    start();
    CHECK_EQ(dev->fn->info.refusals, BIT32(ST_NORESET));
    CHECK_EQ(pci_model_get(m, CFG_ROM, 4), 0);
    pci_model_put32(m, CFG_ROM, 0xfe800001);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, DEV_NO_RESET_OK), ST_OK);
    CHECK_EQ(pci_model_get(m, CFG_ROM, 4), 0);
    uint32_t v = ~0u;
    CHECK_EQ(dev_cfg_access(dev, CFG_ROM, 4, true, &v), ST_OK);
    CHECK_EQ(pci_model_get(m, CFG_ROM, 4), 0);
    CHECK_EQ(dev_cfg_access(dev, CFG_ROM, 4, false, &v), ST_OK);
    CHECK_EQ(v, 0);
    finish(ST_OK);
}

/* The bridges above are opened first; one that is gone leaves the function as it was. */
static void test_path(void)
{
    fresh_models();
    struct pci_model_fn *bridge = pci_model_bridge(0, 2, 0, 1, 1);
    m = pci_model_nic(1, 0, 0, 0xfe900000);
    CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
    dev_init(pci_model_boot());
    CHECK_EQ(dev_open(bdf_make(1, 0, 0), &dev), ST_OK);
    CHECK_EQ(iommu_dom_create(dma, 1), ST_OK);
    bridge->gone = true;
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_ABSENT);
    CHECK_EQ(state(), DEV_BLOCKED);
    CHECK_EQ(m->resets, 0);
    bridge->gone = false;
    pci_model_put16(bridge, CFG_COMMAND, 0);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    CHECK_EQ(pci_model_get(bridge, CFG_COMMAND, 2), CMD_MEMORY | CMD_BUS_MASTER);
    finish(ST_OK);
}

static void test_flags(void)
{
    fresh_models();
    io.reserved = 1;
    io.map = ST_OVERLAP;                         /* guest RAM lies there */
    start();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, DEV_RESERVED_MAP), ST_OVERLAP);
    CHECK_EQ(io.maps, 0);
    CHECK_EQ(io.attaches, 0);
    CHECK_EQ(state(), DEV_BLOCKED);
    finish(ST_OK);
    fresh_models();
    io.reserved = 1;
    pci_model_put32(m, m->pcie + PCIE_DEVCAP, 0);
    m->cfg[m->pm + PM_CSR] = PM_NO_SOFT_RESET;
    start();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, DEV_NO_RESET_OK | DEV_RESERVED_MAP), ST_OK);
    CHECK_EQ(io.maps, 1);
    CHECK_EQ(io.mapped_base, 0x7f001000);
    CHECK_EQ(io.mapped_len, 0x2000);
    CHECK(fake_log_has("reserved memory"));
    CHECK_EQ(pci_msix_write(dev->fn, 0, 0, 0, false), ST_OK);
    CHECK_EQ(dev_release(dev), ST_OK);           /* silenced as well as it can be */
    CHECK_EQ(pci_model_get(m, m->msix + MSIX_CTL, 2) & MSIX_ENABLE, 0);
    CHECK_EQ(state(), DEV_BLOCKED);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, DEV_NO_RESET_OK | DEV_RESERVED_MAP), ST_OK);
    m->keeps_bus_master = true;
    pci_model_put16(m, CFG_COMMAND, 4);
    CHECK_EQ(dev_release(dev), ST_QUARANTINED);
    CHECK(fake_log_has("its bus mastering does not turn off"));
    finish(ST_OK);
}

/* Firmware may reserve what its own map reserves, page for page, and no registers. The answer is compared with a map of
 * one entry for each page. */
static void test_reserved_ranges(void)
{
    enum { PAGES = 64 };
    static const uint8_t bad_types[] = { BOOT_RAM, BOOT_POOL, BOOT_USED, BOOT_ACPI, BOOT_MMIO, BOOT_BAD };
    const uint64_t base = 0x7f000000;
    unsigned good = 0;
    for (unsigned i = 0; i < 3000; i++) {
        struct bootinfo bi = { .ranges = 0 };
        bool page_ok[PAGES + 8] = { false };
        for (unsigned at = 0; at < PAGES && bi.ranges < 12; ) {
            unsigned len = 1 + (unsigned)rand() % 12;
            bool hole = rand() % 6 == 0, ok = rand() % 4 != 0;
            len = MIN(len, PAGES - at);
            if (!hole)
                bi.range[bi.ranges++] = (struct boot_range){ base + at * 4096ull, len * 4096ull,
                    ok ? (rand() & 1 ? BOOT_RESERVED : BOOT_NVS) : bad_types[(unsigned)rand() % sizeof bad_types], 0 };
            for (unsigned k = at; k < at + len; k++)
                page_ok[k] = !hole && ok;
            at += len;
        }
        unsigned first = (unsigned)rand() % PAGES, count = 1 + (unsigned)rand() % 8;
        bool want = true;
        for (unsigned k = first; k < first + count; k++)
            want = want && page_ok[k];
        good += want;
        fresh_models();
        io.reserved = 1;
        io.region[0] = (struct iommu_region){ base + first * 4096ull, count * 4096ull, PT_R };
        CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
        dev_init(&bi);
        CHECK_EQ((pci_find(bdf_make(0, 6, 0))->info.refusals & BIT32(ST_RANGE)) == 0, want);
    }
    CHECK(good > 100 && good < 2900);
}

/* Registers in a reserved range, and low memory. A bad region refuses its function, whatever is waived. */
static void test_reserved_registers(void)
{
    static const struct { uint64_t base, len; bool good; } cases[] = {
        { 0x7f001000, 0x1000, true }, { 0x7f7ff000, 0x2000, false },         /* an IOMMU unit begins at 7f800000 */
        { 0x7f87f000, 0x1000, false }, { 0x7f880000, 0x1000, true },
        { 0x7fffe000, 0x2000, true }, { 0x7ffff000, 0x2000, false },         /* ends outside the map's range */
        { 0x7f400000, 0x1000, false }, { 0x7f3ff000, 0x1000, true },         /* a BAR of another function */
        { 0xfee00000, 0x1000, false }, { 0xfed90000, 0x1000, false }, { 0xfec00000, 0x1000, false },
        { 0xb0000000, 0x1000, false } };                                     /* config space */
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        fresh_models();
        pci_model_bar(pci_model_add(0, 9, 0, 0x1234, 1, 0x020000), 0, 0, 0x7f400000, 0x1000);
        io.reserved = 1;
        io.region[0].base = cases[i].base;
        io.region[0].len = cases[i].len;
        start();
        CHECK_EQ((dev->fn->info.refusals & BIT32(ST_RANGE)) == 0, cases[i].good);
        CHECK_EQ(fake_log_has("which is not reserved memory"), !cases[i].good);
        CHECK_EQ(dev_assign(dev, vm_a, 1, dma, DEV_RESERVED_MAP), cases[i].good ? ST_OK : ST_RANGE);
        CHECK_EQ(io.maps, cases[i].good);
        finish(ST_OK);
    }
    struct bootinfo low = { .ranges = 1, .range[0] = { .base = 0, .len = 0x100000, .type = BOOT_LOW } };
    for (uint64_t at = 0x9f000; at < 0x100000; at += 0x1000) {
        fresh_models();
        io.reserved = 1;
        io.region[0] = (struct iommu_region){ at, 0x1000, PT_R | PT_W };
        CHECK_EQ(pci_init(pci_model_boot()), ST_OK);
        dev_init(&low);
        CHECK_EQ((pci_find(bdf_make(0, 6, 0))->info.refusals & BIT32(ST_RANGE)) == 0, at >= 0xc0000);
    }
}

/* Rights as firmware says; a region that names two functions is mapped once, and for one guest only. */
static void test_reserved_shared(void)
{
    static const unsigned rights[] = { PT_R, PT_W, PT_R | PT_W, 0 };
    for (unsigned i = 0; i < ARRAY_LEN(rights); i++) {
        fresh_models();
        io.reserved = 1;
        io.region[0].prot = rights[i];
        start();
        CHECK_EQ(dev_assign(dev, vm_a, 1, dma, DEV_RESERVED_MAP), ST_OK);
        CHECK_EQ(io.maps, rights[i] != 0);
        CHECK_EQ(io.mapped_prot, rights[i]);
        finish(ST_OK);
    }
    fresh_models();
    pci_model_nic(0, 9, 0, 0xfe900000);
    io.reserved = 1;
    io.shares = 9;
    start();
    struct device *first = dev, *other;
    CHECK_EQ(dev_open(bdf_make(0, 9, 0), &other), ST_OK);
    CHECK_EQ(dev_assign(first, vm_a, 1, dma, DEV_RESERVED_MAP), ST_OK);
    m = pci_model.fn[2];
    CHECK_EQ(dev_assign(other, vm_b, 2, dma, DEV_RESERVED_MAP), ST_BUSY);
    CHECK_EQ(io.attaches, 1);
    CHECK_EQ(dev_assign(other, vm_a, 1, dma, DEV_RESERVED_MAP), ST_OK);
    CHECK_EQ(io.maps, 1);
    CHECK_EQ(io.attaches, 2);
    dev_destroy(&other->obj);
    m = pci_model.fn[1];
    finish(ST_OK);
}

static void test_quarantine(void)
{
    /* a detach that the IOMMU does not confirm: function and memory are lost */
    fresh();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    io.detach = ST_TIMEOUT;
    CHECK_EQ(dev_release(dev), ST_QUARANTINED);
    CHECK_EQ(state(), DEV_QUARANTINED);
    CHECK_EQ(m->resets, 2);                      /* still reset, so that it stops */
    CHECK_EQ(dev->fn->info.refusals, BIT32(ST_QUARANTINED));
    CHECK(dev->vm == NULL);
    io.detach = ST_OK;
    CHECK_EQ(dev_assign(dev, vm_b, 2, dma, 3), ST_QUARANTINED);
    dev_destroy(&dev->obj);                      /* the state outlives the object */
    CHECK_EQ(dev_open(bdf_make(0, 6, 0), &dev), ST_OK);
    CHECK_EQ(dev_assign(dev, vm_b, 2, dma, 3), ST_QUARANTINED);
    finish(ST_BUSY);
}

static void test_quarantine_by_reset(void)
{
    /* a reset that never completes */
    fresh();
    m->hang_in_reset = true;
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_TIMEOUT);
    CHECK_EQ(state(), DEV_QUARANTINED);
    CHECK_EQ(io.attaches, 0);
    CHECK(fake_log_has("its reset did not complete"));
    finish(ST_OK);

    fresh();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    m->resets = 0;
    m->hang_in_reset = true;
    CHECK_EQ(dev_release(dev), ST_QUARANTINED);
    CHECK_EQ(io.detaches, 1);
    finish(ST_OK);

    /* a reset that leaves MSI-X on */
    fresh();
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    CHECK_EQ(pci_msix_write(dev->fn, 0, 0, 0, false), ST_OK);
    m->msix_stuck = true;
    CHECK_EQ(dev_release(dev), ST_QUARANTINED);
    finish(ST_OK);
}

static void test_quarantine_by_attach(void)
{
    /* an attach that is not confirmed */
    fresh();
    io.attach = ST_TIMEOUT;
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_TIMEOUT);
    CHECK_EQ(state(), DEV_QUARANTINED);
    CHECK(dev->vm == NULL);
    CHECK(fake_log_has("did not confirm its attach"));
    finish(ST_OK);

    fresh();
    io.attach = ST_HW;
    io.attach_sticks = true;                     /* nor taken back: the domain is lost with it */
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_HW);
    CHECK_EQ(state(), DEV_QUARANTINED);
    finish(ST_BUSY);

    fresh();
    io.attach = ST_NOSPACE;                      /* an honest refusal is no reason for it */
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_NOSPACE);
    CHECK_EQ(state(), DEV_BLOCKED);
    CHECK_EQ(io.detaches, 0);
    finish(ST_OK);

    /* a domain that does not go */
    fresh();
    io.destroy = ST_TIMEOUT;
    finish(ST_TIMEOUT);
}

static void test_gone(void)
{
    fresh();
    m->gone = true;
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_ABSENT);
    CHECK_EQ(state(), DEV_BLOCKED);
    m->gone = false;
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    m->gone = true;                              /* pulled out while owned */
    uint32_t v = 0;
    CHECK_EQ(dev_cfg_access(dev, 0, 4, false, &v), ST_OK);
    CHECK_EQ(v, ~0u);
    CHECK_EQ(dev_owner_reset(dev), ST_ABSENT);
    CHECK_EQ(dev_release(dev), ST_OK);
    CHECK_EQ(io.detaches, 1);
    CHECK_EQ(state(), DEV_BLOCKED);
    CHECK_EQ(dev->fn->info.refusals, BIT32(ST_ABSENT));
    CHECK(fake_log_has("does not answer any more"));
    finish(ST_OK);
}

static void test_groups(void)
{
    fresh_models();
    m->cfg[CFG_HEADER] = 0x80;
    pci_model_nic(0, 6, 1, 0xfe900000);
    start();
    struct device *other;
    CHECK_EQ(dev_open(bdf_make(0, 6, 1), &other), ST_OK);
    CHECK_EQ(other->fn->info.group, dev->fn->info.group);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    struct pci_model_fn *first = m;
    m = pci_model.fn[2];
    CHECK_EQ(dev_assign(other, vm_b, 2, dma, 0), ST_BUSY);
    CHECK_EQ(dev_assign(other, vm_a, 1, dma, 0), ST_OK);
    CHECK_EQ(dev_release(other), ST_OK);
    m = first;
    CHECK_EQ(dev_release(dev), ST_OK);
    m = pci_model.fn[2];
    CHECK_EQ(dev_assign(other, vm_b, 2, dma, 0), ST_OK);
    dev_destroy(&other->obj);
    finish(ST_OK);
}

static void test_boot_classes(void)
{
    fresh_models();
    pci_model_add(0, 1, 0, 0x1b36, 13, 0x0c0330);
    pci_model_add(0, 2, 0, 0x1234, 0x1111, 0x030000);
    pci_model_add(0, 31, 0, 0x8086, 0x2918, 0x060100);
    pci_model_add(0, 3, 0, 0x1c00, 0x3253, 0x070002);
    pci_model_add(0, 4, 0, 0x8086, 0x100e, 0x020000)->wmask[CFG_COMMAND + 1] = 0;
    m->keeps_bus_master = true;
    start();
    CHECK_EQ(pci_model_get(pci_model.fn[2], CFG_COMMAND, 2), 3 | CMD_INTX_OFF);
    CHECK_EQ(pci_model_get(pci_model.fn[3], CFG_COMMAND, 2), 3 | CMD_INTX_OFF);
    CHECK_EQ(pci_model_get(pci_model.fn[4], CFG_COMMAND, 2), 7);
    CHECK_EQ(pci_model_get(pci_model.fn[5], CFG_COMMAND, 2), 3);         /* a serial port may be the console */
    CHECK_EQ(pci_at(2)->info.intx_off, 1);
    CHECK_EQ(pci_find(bdf_make(0, 4, 0))->info.intx_off, 0);             /* hardwired to zero */
    CHECK_EQ(pci_model_get(pci_model.fn[6], CFG_COMMAND, 2), 0);
    CHECK(fake_log_has("00:06.0: cannot be silenced"));
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 3), ST_HW);
    finish(ST_OK);
}

static void test_bars(void)
{
    hpa_t pa;
    bool pf;
    fresh_models();
    struct pci_model_fn *small = pci_model_add(0, 9, 0, 0x1234, 1, 0x020000);
    pci_model_bar(small, 0, 8, 0xfd000000, 0x100);           /* alone in its page, prefetchable */
    pci_model_bar(small, 1, 0, 0xfd001100, 0x100);           /* not at the start of one */
    pci_model_bar(small, 2, 0, 0xfd002000, 0x100);           /* shares with the next */
    pci_model_bar(small, 3, 0, 0xfd002800, 0x100);
    pci_model_bar(small, 4, 2, 0xe020000000ull, 0x10000);
    pci_model_pm(small, false);
    start();
    CHECK_EQ(dev_bar_range(dev, 0, 0, 0x1000, &pa, &pf), ST_STATE);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    CHECK_EQ(dev_bar_range(dev, 0, 0x1000, 0x1f000, &pa, &pf), ST_OK);
    CHECK_EQ(pa.v, 0xfe801000);
    CHECK(!pf);
    CHECK_EQ(dev_bar_range(dev, 0, 0, 0x21000, &pa, &pf), ST_RANGE);
    CHECK_EQ(dev_bar_range(dev, 0, 0x1000, 0x20000, &pa, &pf), ST_RANGE);
    CHECK_EQ(dev_bar_range(dev, 0, ~0xfffull, 0x2000, &pa, &pf), ST_RANGE);
    CHECK_EQ(dev_bar_range(dev, 0, 0, 0, &pa, &pf), ST_RANGE);
    CHECK_EQ(dev_bar_range(dev, 0, 0x800, 0x1000, &pa, &pf), ST_INVAL);
    CHECK_EQ(dev_bar_range(dev, 0, 0, 0x1800, &pa, &pf), ST_INVAL);
    CHECK_EQ(dev_bar_range(dev, 2, 0, 0x1000, &pa, &pf), ST_UNSUPP);       /* ports */
    CHECK_EQ(dev_bar_range(dev, 4, 0, 0x1000, &pa, &pf), ST_UNSUPP);       /* none */
    CHECK_EQ(dev_bar_range(dev, 6, 0, 0x1000, &pa, &pf), ST_RANGE);
    CHECK_EQ(dev_bar_range(dev, ~0ull, 0, 0x1000, &pa, &pf), ST_RANGE);
    CHECK_EQ(dev_bar_range(dev, 3, 0, 0x1000, &pa, &pf), ST_OVERLAP);      /* MSI-X table */
    CHECK_EQ(dev_bar_range(dev, 3, 0, 0x4000, &pa, &pf), ST_OVERLAP);
    CHECK_EQ(dev_bar_range(dev, 3, 0x1000, 0x3000, &pa, &pf), ST_OK);      /* pending bits */
    CHECK_EQ(pa.v, 0xfe841000);
    dev_destroy(&dev->obj);
    m = small;
    CHECK_EQ(dev_open(bdf_make(0, 9, 0), &dev), ST_OK);
    CHECK_EQ(dev_assign(dev, vm_a, 1, dma, 0), ST_OK);
    CHECK_EQ(dev_bar_range(dev, 0, 0, 0x1000, &pa, &pf), ST_OK);
    CHECK_EQ(pa.v, 0xfd000000);
    CHECK(pf);
    CHECK_EQ(dev_bar_range(dev, 0, 0, 0x2000, &pa, &pf), ST_RANGE);
    CHECK_EQ(dev_bar_range(dev, 0, 0x1000, 0x1000, &pa, &pf), ST_RANGE);
    CHECK_EQ(dev_bar_range(dev, 1, 0, 0x1000, &pa, &pf), ST_UNSUPP);
    CHECK_EQ(dev_bar_range(dev, 2, 0, 0x1000, &pa, &pf), ST_UNSUPP);
    CHECK_EQ(dev_bar_range(dev, 4, 0xf000, 0x1000, &pa, &pf), ST_OK);
    CHECK_EQ(pa.v, 0xe02000f000ull);
    CHECK_EQ(dev_bar_range(dev, 5, 0, 0x1000, &pa, &pf), ST_UNSUPP);       /* upper half */
    finish(ST_OK);
}

int main(void)
{
    test_life();
    test_order();
    test_owner_reset();
    test_refusals();
    test_path();
    test_rom();
    test_flags();
    test_reserved_ranges();
    test_reserved_registers();
    test_reserved_shared();
    test_quarantine();
    test_quarantine_by_reset();
    test_quarantine_by_attach();
    test_gone();
    test_groups();
    test_boot_classes();
    test_bars();
    fake_hw_reset();
    pci_model_reset(false);
    return unit_done();
}
