/* SPDX-License-Identifier: BSD-2-Clause */
/* link: drivers/iommu/iommu.c drivers/iommu/dom.c drivers/iommu/ir.c drivers/iommu/fault.c
         drivers/iommu/vtd/vtd.c drivers/iommu/vtd/vtd_unit.c drivers/iommu/vtd/vtd_inv.c
         drivers/iommu/vtd/vtd_ctx.c drivers/iommu/vtd/vtd_ir.c
         drivers/iommu/vtd/vtd_fault.c drivers/iommu/vtd/dmar.c
         drivers/iommu/amdvi/amdvi.c drivers/iommu/amdvi/amdvi_unit.c drivers/iommu/amdvi/amdvi_cmd.c
         drivers/iommu/amdvi/amdvi_dte.c drivers/iommu/amdvi/amdvi_ir.c drivers/iommu/amdvi/amdvi_event.c
         drivers/iommu/amdvi/ivrs.c
         kernel/mm/ptab.c kernel/lib/idpool.c
         kernel/lib/fmt.c kernel/lib/str.c
         tests/unit/fake/hw.c tests/unit/fake/pmm.c tests/unit/fake/log.c tests/unit/fake/kmap.c
         tests/unit/fake/storelog.c tests/unit/fake/vtd_model.c tests/unit/fake/vtd_rig.c */
/* More than one VT-d unit, of different capabilities: a domain gets what all have, a device what its own has. */
#include "drivers/iommu/iommu.h"

#include "kernel/arch/hw.h"
#include "tests/unit/fake/vtd_rig.h"
#include "tests/unit/unit.h"

#define K4 0x1000ull
#define M2 PAGE_2M

static struct vtd_model m, m2;
static const struct bdf nic = { 0, 3, 0x28 };

static void test_two_units(void)
{
    struct iommu_dom a;
    uint64_t pa;
    rig_reset();
    rig_dmar(1);
    rig_drhd(RIG_BASE0, false, 0);
    rig_scope(1, 0, 0, 1, 2, 0);
    rig_drhd(RIG_BASE1, true, 0);
    /* 39 and 48 bits, 2M only, 16 domains, coherent; 48 bits, 1G, 64K domains, not coherent */
    vtd_model_init(&m, RIG_BASE0, (VM_CAP_QEMU & ~(7ull | 8ull << 32)), VM_ECAP_QEMU | VM_ECAP_C | VM_ECAP_SC);
    vtd_model_init(&m2, RIG_BASE1, VM_CAP_QEMU, VM_ECAP_QEMU);
    char reason[96];
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_dom_create(&a, 3), ST_OK);
    CHECK_EQ(a.pt.levels, 4);
    CHECK_EQ(a.pt.leaf_max, 2);
    CHECK(a.pt.flush);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, 0x40000000, PT_R | PT_W), ST_OK);
    struct bdf gfx = bdf_make(0, 2, 0);
    CHECK_EQ(iommu_unit_of(gfx), 0);
    CHECK_EQ(iommu_unit_of(nic), 1);
    CHECK_EQ(iommu_attach(&a, gfx), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(a.units, 3);
    CHECK_EQ(vtd_model_dma(&m, bdf_rid(gfx), 0x3000, true, &pa), 0);
    CHECK_EQ(vtd_model_dma(&m2, bdf_rid(nic), 0x3000, true, &pa), 0);
    CHECK_EQ(pa, 0x40003000);
    CHECK(vtd_model_dma(&m2, bdf_rid(gfx), 0x3000, true, &pa) != 0);    /* each in its own unit only */
    CHECK(vtd_model_dma(&m, bdf_rid(nic), 0x3000, true, &pa) != 0);
    CHECK_EQ(iommu_dom_unmap(&a, (iova_t){ 0 }, M2), ST_OK);             /* flushed in both */
    CHECK_EQ(vtd_model_dma(&m, bdf_rid(gfx), 0x3000, true, &pa), 5);
    CHECK_EQ(vtd_model_dma(&m2, bdf_rid(nic), 0x3000, true, &pa), 5);
    m2.dead_queue = true;                                                /* one unit dies: the domain stays */
    CHECK_EQ(iommu_detach(&a, gfx), ST_OK);
    CHECK_EQ(iommu_detach(&a, nic), ST_TIMEOUT);
    CHECK_EQ(iommu_dom_destroy(&a), ST_BUSY);
    vtd_model_free(&m);
    vtd_model_free(&m2);
}

/* FreeBSD bug 229852: four units that differ in device-TLB, address width, page sizes, number of domains and
 * coherency; one domain gets what all have, and its ids fit the least. */
static void test_four_units_229852(void)
{
    static struct vtd_model unit[4];
    static struct iommu_dom doms[17];
    static const struct { uint64_t cap, ecap; } can[4] = {
        { VM_CAP_QEMU, VM_ECAP_QEMU | 0x4 },                                    /* the only one with device-TLBs */
        { VM_CAP_QEMU & ~7ull, VM_ECAP_QEMU | VM_ECAP_C },                      /* 16 domains, coherent */
        { VM_CAP_QEMU & ~(2ull << 34), VM_ECAP_QEMU | VM_ECAP_SC | VM_ECAP_C }, /* no 1G pages */
        { VM_CAP_QEMU39, VM_ECAP_QEMU | VM_ECAP_EIM },                          /* 39 bits, 3 levels */
    };
    char reason[96];
    uint64_t pa;
    unsigned made = 0;
    rig_reset();
    rig_dmar(1);
    for (unsigned i = 0; i < 4; i++) {
        rig_drhd(RIG_BASE0 + 0x1000 * i, i == 3, 0);
        if (i < 3)
            rig_scope(1, 0, 0, 1, 2 + i, 0);
        vtd_model_init(&unit[i], RIG_BASE0 + 0x1000 * i, can[i].cap, can[i].ecap);
    }
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    while (made < 17 && iommu_dom_create(&doms[made], made + 1) == ST_OK)
        made++;
    CHECK_EQ(made, 15);
    struct iommu_dom *a = &doms[14];
    CHECK(a->pt.levels == 3 && a->pt.leaf_max == 2 && a->pt.flush && a->pt.fmt->leaf_always == 0);
    CHECK_EQ(iommu_dom_map(a, (iova_t){ 1ull << 39 }, (hpa_t){ 0 }, K4, PT_R), ST_RANGE);
    CHECK_EQ(iommu_dom_map(a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, 0x40000000, PT_R | PT_W), ST_OK);
    for (unsigned i = 0; i < 4; i++) {
        struct bdf fn = bdf_make(0, 2 + i, 0);
        CHECK_EQ(iommu_unit_of(fn), i);
        CHECK_EQ(iommu_attach(a, fn), ST_OK);
        CHECK_EQ(vtd_model_dma(&unit[i], bdf_rid(fn), 0x5000, true, &pa), 0);
        CHECK_EQ(pa, 0x40005000);
        CHECK_EQ(unit[i].ctx[bdf_rid(fn)].lo & 0xc, 0);    /* T: what device-TLBs ask stays blocked */
    }
    CHECK_EQ(iommu_dom_unmap(a, (iova_t){ 0 }, 0x40000000), ST_OK);
    for (unsigned i = 0; i < 4; i++) {
        struct bdf fn = bdf_make(0, 2 + i, 0);
        CHECK_EQ(vtd_model_dma(&unit[i], bdf_rid(fn), 0x5000, true, &pa), 5);
        CHECK_EQ(iommu_detach(a, fn), ST_OK);
        CHECK_EQ(unit[i].narrow + unit[i].aborts + unit[i].bad_writes + unit[i].windows, 0);
    }
    CHECK_EQ(iommu_dom_destroy(a), ST_OK);
    for (unsigned i = 0; i < 4; i++)
        vtd_model_free(&unit[i]);
}

static void test_two_units_common(void)
{
    struct iommu_dom a;
    char reason[96];
    rig_reset();                                                         /* the coherent one last */
    rig_dmar(1);
    rig_drhd(RIG_BASE0, false, 0);
    rig_drhd(RIG_BASE1, true, 0);
    vtd_model_init(&m, RIG_BASE0, VM_CAP_QEMU & ~(8ull << 32), VM_ECAP_QEMU);
    vtd_model_init(&m2, RIG_BASE1, VM_CAP_QEMU, VM_ECAP_QEMU | VM_ECAP_C | VM_ECAP_SC);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_dom_create(&a, 3), ST_OK);
    CHECK(a.pt.flush && a.pt.leaf_max == 2 && a.pt.fmt->leaf_always == 0);
    vtd_model_free(&m);
    vtd_model_free(&m2);

    rig_reset();                                                         /* nothing in common */
    rig_dmar(1);
    rig_drhd(RIG_BASE0, false, 0);
    rig_drhd(RIG_BASE1, true, 0);
    vtd_model_init(&m, RIG_BASE0, VM_CAP_QEMU39, VM_ECAP_QEMU);
    vtd_model_init(&m2, RIG_BASE1, (VM_CAP_QEMU & ~0x1f00ull) | 0x400, VM_ECAP_QEMU);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_dom_create(&a, 3), ST_UNSUPP);
    vtd_model_free(&m);
    vtd_model_free(&m2);
}

int main(void)
{
    test_two_units();
    test_four_units_229852();
    test_two_units_common();
    return unit_done();
}
