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
/* The facade: which machine is refused and why, which unit covers which function, reserved regions. */
#include "drivers/iommu/iommu.h"

#include "kernel/arch/hw.h"
#include "kernel/config.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/fake/kmap.h"
#include "tests/unit/fake/vtd_rig.h"
#include "tests/unit/unit.h"

static struct vtd_model m[IOMMU_UNITS + 1];
static char reason[96];

static void units(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        vtd_model_init(&m[i], RIG_BASE0 + i * 0x1000, VM_CAP_QEMU, VM_ECAP_QEMU);
}

static void units_end(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(m[i].narrow + m[i].aborts + m[i].bad_writes + m[i].windows, 0);
        vtd_model_free(&m[i]);
    }
}

static void check_nothing_works(void)
{
    struct iommu_dom dom = { .domid = 0 };
    struct irte_run h = { .count = 0 };
    struct info_iommu info;
    struct info_fault f;
    struct bdf fn = bdf_make(0, 3, 0), src;
    struct iommu_region region;
    CHECK_EQ(iommu_vendor(), IOMMU_NONE);
    CHECK(!iommu_has_ir());
    CHECK_EQ(iommu_unit_of(fn), ~0u);
    CHECK(!iommu_reserved(fn, 0, &region));
    CHECK_EQ(iommu_dom_map(&dom, (iova_t){ 0 }, (hpa_t){ 0 }, 4096, PT_R), ST_INVAL);
    CHECK_EQ(iommu_dom_unmap(&dom, (iova_t){ 0 }, 4096), ST_INVAL);
    CHECK_EQ(iommu_attach(&dom, fn), ST_NOIOMMU);
    CHECK_EQ(iommu_detach(&dom, fn), ST_NOIOMMU);
    CHECK_EQ(iommu_dom_destroy(&dom), ST_INVAL);
    CHECK_EQ(iommu_dom_create(&dom, 1), ST_NOIOMMU);
    CHECK_EQ(iommu_irte_set(&h, 0, 0, 0x40, false), ST_INVAL);
    CHECK_EQ(iommu_irte_block(&h, 0), ST_INVAL);
    CHECK_EQ(iommu_irte_free(&h), ST_OK);
    CHECK_EQ(iommu_irte_alloc(fn, 1, 0, &h), ST_NOIOMMU);
    CHECK_EQ(h.count, 0);
    CHECK_EQ(iommu_ioapic_source(0, &src), ST_NOTFOUND);
    CHECK_EQ(iommu_fault_irq(), 0);
    CHECK(!iommu_fault_get(0, &f));
    CHECK_EQ(iommu_fault_route(0, 0x31), ST_NOIOMMU);
    CHECK(!iommu_unit_info(0, &info));
    iommu_emergency_block();
}

static void test_no_vtd(void)
{
    rig_reset();
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_ABSENT);
    CHECK_STR(reason, "no DMAR or IVRS table: the firmware reports no IOMMU (absent, or off in firmware setup)");
    check_nothing_works();
    rig.boot.iommu = BOOT_IOMMU_BAD;
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_CORRUPT);
    CHECK(strstr(reason, "checksum") != NULL);
    check_nothing_works();
    rig_reset();
    rig_dmar(1);
    fake_kmap.fail_after = 1;
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_CORRUPT);
    CHECK(strstr(reason, "mapped") != NULL);
    check_nothing_works();
    fake_kmap.fail_after = 0;
}

static void refused(status_t want, const char *part)
{
    CHECK_EQ(iommu_init(&rig.boot, reason), want);
    CHECK(strstr(reason, part) != NULL);
    CHECK_EQ(iommu_unit_of(bdf_make(0, 3, 0)), ~0u);
}

static void test_bad_tables(void)
{
    rig_reset();
    rig_dmar(1);
    rig.dmar[4] = 0xff;
    refused(ST_CORRUPT, "is broken: its length");
    rig_reset();
    rig_dmar(1);
    refused(ST_ABSENT, "lists no unit");
    rig_reset();                                   /* a hidden unit refuses the machine, others block */
    rig_dmar(1);
    rig_drhd(RIG_BASE0, true, 0);
    uint8_t junk[2] = { 1, 2 };
    rig_entry(0, junk, 2);
    units(1);
    refused(ST_CORRUPT, "one may be hidden");
    CHECK_EQ(m[0].gsts, 0xc5000000);
    CHECK(fake_log_has("DMAR offset 64, entry type 0: entry too short"));
    units_end(1);
    rig_reset();
    rig_dmar(1);
    for (unsigned i = 0; i <= IOMMU_UNITS; i++)
        rig_drhd(RIG_BASE0 + i * 0x1000, i == IOMMU_UNITS, 0);
    units(IOMMU_UNITS + 1);
    refused(ST_UNSUPP, "more units");
    units_end(IOMMU_UNITS + 1);
    rig_reset();
    rig_dmar(1);
    rig_drhd(0, true, 0);
    refused(ST_CORRUPT, "firmware's entry for it is broken");
}

/* A broken entry costs its own devices; those of the good units work. */
static void test_broken_unit(void)
{
    struct info_iommu info;
    rig_reset();
    rig_dmar(1);
    rig_drhd(0x1234, false, 0);
    rig_scope(1, 0, 0, 1, 2, 0);
    rig_drhd(RIG_BASE0, true, 0);
    units(1);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_unit_of(bdf_make(0, 2, 0)), ~0u);
    CHECK_EQ(iommu_unit_of(bdf_make(0, 3, 0)), 1);
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(info.status, ST_CORRUPT);
    CHECK(strstr(info.reason, "broken") != NULL);
    CHECK_EQ(iommu_fault_route(0, 0x31), ST_OK);
    iommu_emergency_block();
    units_end(1);

    rig_reset();                                   /* the broken one takes all the rest */
    rig_dmar(1);
    rig_drhd(RIG_BASE0, false, 0);
    rig_scope(1, 0, 0, 1, 2, 0);
    rig_drhd(0, true, 0);
    rig_drhd(RIG_BASE1, true, 0);                  /* and another says so too: whose are they? */
    units(2);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_unit_of(bdf_make(0, 2, 0)), 0);
    CHECK_EQ(iommu_unit_of(bdf_make(0, 3, 0)), ~0u);
    units_end(2);

    rig_reset();                                   /* the same in the other order */
    rig_dmar(1);
    rig_drhd(RIG_BASE0, true, 0);
    rig_drhd(0, true, 0);
    units(1);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_unit_of(bdf_make(0, 3, 0)), ~0u);
    units_end(1);

    rig_reset();                                   /* a broken one does not hide one that fails */
    rig_dmar(1);
    rig_drhd(0x1234, false, 0);
    rig_drhd(RIG_BASE0, false, 0);
    rig_drhd(RIG_BASE1, true, 0);
    units(2);
    m[0].dead = true;
    refused(ST_TIMEOUT, "unit 1");
    units_end(2);
}

/* 00:1c.0 -> 02 -> 02:03.0 -> 05..07; an unused port 00:1d.0; an endpoint behind two bridges. */
static void machine(void)
{
    rig_reset();
    rig_bridge(0, 0x1c, 0, 2, 7);
    rig_bridge(2, 3, 0, 5, 7);
    rig_bridge(0, 0x1d, 0, 0, 0);
    rig_bridge(0, 0x1e, 0, 9, 8);                  /* numbers that cannot be */
    rig_bridge(0x10, 0, 0, 4, 0x20);
    rig_function(5, 0, 0);
    rig_function(5, 1, 0);
    rig_function(7, 0, 0);
    rig_function(0, 2, 0);
    rig_function(0, 3, 0);
    rig_dmar(1);
}

static unsigned unit_for(unsigned bus, unsigned dev, unsigned fn)
{
    return iommu_unit_of(bdf_make(bus, dev, fn));
}

/* Entries go to the unit of the source. */
static void check_irte_unit(void)
{
    struct irte_run h;
    struct vm_intr in;
    uint64_t addr;
    uint32_t data;
    CHECK_EQ(iommu_irte_alloc(bdf_make(5, 1, 0), 1, 0, &h), ST_OK);
    CHECK_EQ(h.unit, 0);
    CHECK_EQ(iommu_irte_set(&h, 0, 1, 0x44, false), ST_OK);
    iommu_irte_msi(&h, &addr, &data);
    CHECK_EQ(vtd_model_msi(&m[0], 0x508, addr, data, &in), 0);
    CHECK_EQ(vtd_model_msi(&m[1], 0x508, addr, data, &in), 0x22);
}

static void test_scopes(void)
{
    struct bdf src, other = { 1, 0, 0x10 };
    machine();
    rig_drhd(RIG_BASE0, false, 0);
    rig_scope(1, 0, 0, 3, 0x1c, 0, 3, 0, 1, 0);    /* 05:01.0 by its path */
    rig_scope(3, 4, 0xf0, 1, 31, 0);
    rig_drhd(RIG_BASE0 + 0x1000, false, 0);
    rig_scope(2, 0, 0, 1, 0x1c, 0);                /* the subtree below 00:1c.0 */
    rig_scope(2, 0, 0, 1, 0x1d, 0);                /* nothing below */
    rig_scope(1, 0, 0, 2, 0x1d, 0, 0, 0);          /* leads nowhere */
    rig_scope(1, 0, 0, 2, 0x1e, 0, 0, 0);          /* through impossible bus numbers */
    rig_scope(1, 0, 0, 2, 2, 0, 0, 0);             /* through an endpoint */
    rig_scope(1, 0, 0, 2, 9, 0, 0, 0);             /* through nothing */
    rig_scope(3, 6, 0, 2, 9, 0, 0, 0);
    rig_scope(2, 0, 0x10, 1, 0, 0);                /* itself at the most */
    rig_drhd(RIG_BASE0 + 0x2000, true, 0);
    rig_scope(3, 5, 0xff, 1, 0, 0);
    rig_scope(5, 1, 0, 1, 0x15, 0);
    rig_drhd(RIG_BASE0 + 0x3000, true, 1);         /* all of segment 1 */
    rig_drhd(RIG_BASE0 + 0x4000, false, 1);
    rig_scope(1, 0, 0, 1, 4, 0);                   /* 00:04.0 of that segment */
    units(5);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(unit_for(5, 1, 0), 0);                /* the more exact one is first here */
    CHECK_EQ(unit_for(5, 0, 0), 1);
    CHECK_EQ(unit_for(7, 0, 0), 1);
    CHECK_EQ(unit_for(2, 3, 0), 1);
    CHECK_EQ(unit_for(2, 9, 5), 1);                /* also what appears there later */
    CHECK_EQ(unit_for(0, 0x1c, 0), 1);
    CHECK_EQ(unit_for(0, 0x1d, 0), 1);
    CHECK_EQ(unit_for(8, 0, 0), 2);
    CHECK_EQ(unit_for(9, 0, 0), 2);                /* not by a bridge that cannot be */
    CHECK_EQ(unit_for(1, 0, 0), 2);
    CHECK_EQ(unit_for(0, 2, 0), 2);
    CHECK_EQ(unit_for(0, 4, 0), 2);
    CHECK_EQ(unit_for(0x10, 0, 0), 1);
    CHECK_EQ(unit_for(0x12, 0, 0), 2);
    CHECK_EQ(iommu_unit_of(other), 3);
    other.bus = 5;                                 /* a bus of segment 0 is below the bridge, not this one */
    CHECK_EQ(iommu_unit_of(other), 3);
    CHECK_EQ(iommu_ioapic_source(4, &src), ST_OK);
    CHECK_EQ(bdf_rid(src), 0xf0f8);
    CHECK_EQ(iommu_unit_of(src), 0);
    CHECK_EQ(iommu_ioapic_source(5, &src), ST_OK);
    CHECK_EQ(bdf_rid(src), 0xff00);
    CHECK_EQ(iommu_ioapic_source(6, &src), ST_NOTFOUND);   /* its path leads nowhere */
    CHECK_EQ(iommu_ioapic_source(1, &src), ST_NOTFOUND);   /* ids of other scope types do not count */
    CHECK(fake_log_has("leads nowhere"));
    check_irte_unit();
    units_end(5);
}

static void test_no_unit_covers(void)
{
    struct iommu_dom dom;
    struct irte_run h;
    machine();
    rig_drhd(RIG_BASE0, false, 0);
    rig_scope(1, 0, 0, 1, 2, 0);
    units(1);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(unit_for(0, 2, 0), 0);
    CHECK_EQ(unit_for(0, 3, 0), ~0u);
    CHECK_EQ(iommu_dom_create(&dom, 1), ST_OK);
    CHECK_EQ(iommu_attach(&dom, bdf_make(0, 3, 0)), ST_NOIOMMU);   /* refused, no panic */
    CHECK_EQ(iommu_detach(&dom, bdf_make(0, 3, 0)), ST_NOIOMMU);
    CHECK_EQ(iommu_irte_alloc(bdf_make(0, 3, 0), 1, 0, &h), ST_NOIOMMU);
    CHECK_EQ(iommu_attach(&dom, bdf_make(0, 2, 0)), ST_OK);
    units_end(1);
}

static unsigned reserved_count(struct bdf fn)
{
    struct iommu_region region;
    unsigned n = 0;
    while (iommu_reserved(fn, n, &region))
        n++;
    return n;
}

static void test_reserved(void)
{
    struct iommu_region region;
    machine();
    rig_drhd(RIG_BASE0, true, 0);
    rig_rmrr(0xdb800000, 0xdfffffff);
    rig_scope(1, 0, 0, 1, 2, 0);
    rig_rmrr(0x7b000000, 0x7b00ffff);
    rig_scope(1, 0, 0, 1, 0x14, 0);
    rig_scope(1, 0, 0, 1, 2, 0);
    rig_rmrr(0x7c000000, 0x7c000fff);
    rig_scope(2, 0, 0, 2, 0x1c, 0, 3, 0);
    rig_rmrr(0x2000, 0x1fff);                      /* broken: costs itself */
    rig_scope(1, 0, 0, 1, 3, 0);
    rig_rmrr(0x9000, 0x9fff);                      /* names nobody */
    units(1);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK(fake_log_has("reserved range ends before it begins"));
    struct bdf gfx = bdf_make(0, 2, 0);
    CHECK_EQ(reserved_count(gfx), 2);
    CHECK(iommu_reserved(gfx, 0, &region));
    CHECK(region.base == 0xdb800000 && region.len == 0x4800000);
    CHECK(iommu_reserved(gfx, 1, &region));
    CHECK(region.base == 0x7b000000 && region.len == 0x10000 && region.prot == (PT_R | PT_W));
    CHECK(!iommu_reserved(gfx, 2, &region));
    CHECK_EQ(reserved_count(bdf_make(0, 0x14, 0)), 1);
    CHECK_EQ(reserved_count(bdf_make(0, 3, 0)), 0);
    CHECK_EQ(reserved_count(bdf_make(6, 0, 0)), 1);          /* below the bridge */
    CHECK(iommu_reserved(bdf_make(6, 0, 0), 0, &region));
    CHECK_EQ(region.base, 0x7c000000);
    CHECK_EQ(reserved_count((struct bdf){ 1, 0, 0x10 }), 0);
    units_end(1);
}

int main(void)
{
    test_no_vtd();
    test_bad_tables();
    test_broken_unit();
    test_scopes();
    test_no_unit_covers();
    test_reserved();
    return unit_done();
}
