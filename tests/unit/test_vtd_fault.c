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
/* Fault records: all read, decoded, cleared; overflow, limits, cut-off, the ring. */
#include "drivers/iommu/iommu.h"

#include "kernel/arch/hw.h"
#include "kernel/config.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/fake/vtd_rig.h"
#include "tests/unit/unit.h"

static struct vtd_model m;
static uint64_t seq;                       /* of the next record: the ring lives as long as the program */
static const struct bdf nic = { 0, 3, 0x28 }, disk = { 0, 3, 0x29 };

static void start(uint64_t cap)
{
    rig_reset();
    rig_function(3, 5, 0);
    CHECK_EQ(rig_start(&m, cap, VM_ECAP_QEMU), ST_OK);
}

static void end(void)
{
    CHECK_EQ(m.narrow + m.aborts + m.bad_writes + m.windows, 0);
    vtd_model_free(&m);
}

static struct info_fault next(void)
{
    struct info_fault f = { 0 };
    CHECK(iommu_fault_get(seq, &f));
    CHECK_EQ(f.seq, seq);
    seq++;
    return f;
}

static void none(void)
{
    struct info_fault f;
    CHECK(!iommu_fault_get(seq, &f));
}

static void skip_all(void)
{
    struct info_fault f;
    while (iommu_fault_get(seq, &f))
        seq = f.seq + 1;
}

static struct iommu_dom attach(struct bdf fn, uint32_t vm)
{
    struct iommu_dom dom;
    CHECK_EQ(iommu_dom_create(&dom, vm), ST_OK);
    CHECK_EQ(iommu_dom_map(&dom, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, PAGE_2M, PT_R), ST_OK);
    CHECK_EQ(iommu_attach(&dom, fn), ST_OK);
    return dom;
}

static void test_decode(void)
{
    uint64_t pa;
    struct vm_intr in;
    start(VM_CAP_QEMU | VM_CAP_NFR(8));
    (void)attach(nic, 42);
    CHECK_EQ(iommu_fault_irq(), 0);
    none();
    CHECK_EQ(vtd_model_dma(&m, bdf_rid(nic), 0x1234, true, &pa), 5);
    CHECK_EQ(vtd_model_dma(&m, bdf_rid(nic), 0x7654321, false, &pa), 6);
    CHECK_EQ(vtd_model_dma(&m, bdf_rid(disk), 0x9000, true, &pa), 2);
    CHECK_EQ(vtd_model_dma(&m, 0x7700, 0x9000, false, &pa), 1);
    CHECK_EQ(vtd_model_msi(&m, bdf_rid(nic), 0xfee00010 | 77 << 5, 0, &in), 0x22);
    CHECK_EQ(iommu_fault_irq(), 5);
    struct info_fault f = next();
    CHECK_EQ(f.bdf, bdf_u32(nic));
    CHECK_EQ(f.vm, 42);
    CHECK_EQ(f.address, 0x1000);
    CHECK_EQ(f.reason, 5);
    CHECK(f.write && !f.interrupt && !f.cut && f.tsc != 0);
    f = next();
    CHECK(!f.write && f.reason == 6 && f.address == 0x7654000);
    f = next();
    CHECK_EQ(f.bdf, bdf_u32(disk));
    CHECK_EQ(f.vm, 0);
    CHECK_EQ(f.reason, 2);
    f = next();
    CHECK_EQ(f.bdf, 0x7700);
    CHECK_EQ(f.reason, 1);
    f = next();
    CHECK(f.interrupt && !f.write);
    CHECK_EQ(f.address, 77);
    CHECK_EQ(f.vm, 42);
    CHECK_EQ(f.reason, 0x22);
    none();
    CHECK_EQ(m.fsts & 3, 0);                           /* all cleared */
    CHECK_EQ(iommu_fault_irq(), 0);
    struct info_iommu info;
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(info.faults, 5);
    end();
}

/* Records in a ring of the unit, first anywhere, lost ones counted by nobody but never stuck. */
static void test_overflow(unsigned records)
{
    uint64_t pa;
    start(VM_CAP_QEMU | VM_CAP_NFR(records));
    skip_all();
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < records + 3; i++)
            (void)vtd_model_dma(&m, (uint16_t)(0x4400 + round * 32 + i), (uint64_t)i << 12, true, &pa);
        CHECK_EQ(m.fsts & 1, 1);
        CHECK_EQ(iommu_fault_irq(), records);
        CHECK_EQ(m.fsts & 3, 0);
        for (unsigned i = 0; i < records; i++)
            CHECK_EQ(next().address, (uint64_t)i << 12);   /* oldest first, wherever it began */
        none();
        (void)vtd_model_dma(&m, (uint16_t)(0x5500 + round), 0, true, &pa);
        CHECK_EQ(iommu_fault_irq(), 1);                    /* recording goes on */
        CHECK_EQ(next().bdf, 0x5500 + round);
    }
    end();
}

static void test_cut(void)
{
    uint64_t pa;
    unsigned cuts = 0;
    start(VM_CAP_QEMU);
    skip_all();
    struct iommu_dom dom = attach(nic, 9);
    for (unsigned i = 0; i < 64; i++) {
        CHECK_EQ(vtd_model_dma(&m, bdf_rid(nic), 0, false, &pa), 0);       /* still served */
        CHECK_EQ(vtd_model_dma(&m, bdf_rid(nic), 0x10000000, true, &pa), 5);
        CHECK_EQ(iommu_fault_irq(), 1);
        struct info_fault f = next();
        CHECK_EQ(f.cut, i == 63);
        CHECK_EQ(f.vm, 9);
        cuts += f.cut;
    }
    CHECK_EQ(cuts, 1);
    CHECK_EQ(vtd_model_dma(&m, bdf_rid(nic), 0, false, &pa), 2);           /* cut off, confirmed */
    CHECK_EQ(iommu_fault_irq(), 0);                                        /* and silent */
    CHECK_EQ(dom.attached, 1);
    CHECK_EQ(iommu_detach(&dom, nic), ST_OK);
    CHECK_EQ(vtd_model_dma(&m, bdf_rid(nic), 0, false, &pa), 2);
    CHECK_EQ(iommu_fault_irq(), 1);                                        /* reported again */
    CHECK_EQ(iommu_attach(&dom, nic), ST_OK);                              /* restarted: served again */
    CHECK_EQ(vtd_model_dma(&m, bdf_rid(nic), 0, false, &pa), 0);
    skip_all();
    end();
}

/* A cut that the unit does not confirm is none; the log says so. */
static void test_cut_unconfirmed(void)
{
    start(VM_CAP_QEMU);
    skip_all();
    struct iommu_dom dom = attach(nic, 9);
    CHECK_EQ(dom.attached, 1);
    m.dead_queue = true;
    for (unsigned i = 0; i < 64; i++) {
        vtd_model_fault(&m, bdf_rid(nic), 5, 0x10000000, true);
        CHECK_EQ(iommu_fault_irq(), 1);
        CHECK(!next().cut);
    }
    CHECK(fake_log_has("does not confirm an invalidation"));
    vtd_model_free(&m);
}

/* A function that nobody owns and that firmware left running: silenced where a context
 * table is there, and never able to hold the CPU. */
static void test_stranger(void)
{
    uint64_t pa;
    uint32_t seen = 0;
    start(VM_CAP_QEMU);
    for (unsigned i = 0; i < 500; i++) {
        CHECK_EQ(vtd_model_dma(&m, bdf_rid(disk), 0, true, &pa), 2);
        seen += iommu_fault_irq();
    }
    CHECK_EQ(seen, 64);
    for (unsigned i = 0; i < 100; i++) {                                   /* its interrupts do not count for that */
        vtd_model_fault(&m, bdf_rid(nic), 0x22, 0, true);
        CHECK_EQ(iommu_fault_irq(), 1);
    }
    CHECK_EQ(vtd_model_dma(&m, bdf_rid(nic), 0, true, &pa), 2);
    CHECK_EQ(iommu_fault_irq(), 1);
    struct iommu_dom dom = attach(disk, 3);                                /* may be assigned all the same */
    CHECK_EQ(vtd_model_dma(&m, bdf_rid(disk), 0, false, &pa), 0);
    CHECK_EQ(iommu_detach(&dom, disk), ST_OK);
    skip_all();
    end();
}

static void test_route_and_storm(void)
{
    uint64_t pa;
    start(VM_CAP_QEMU);
    skip_all();
    CHECK_EQ(m.fectl, 0x80000000);
    (void)vtd_model_dma(&m, 0x7700, 0, true, &pa);
    CHECK_EQ(m.events, 0);
    CHECK_EQ(iommu_fault_route(0x123, 0x31), ST_OK);
    CHECK_EQ(m.events, 1);                                                 /* the one that waited */
    CHECK_EQ(m.fedata, 0x31);
    CHECK_EQ(m.feaddr, 0xfee00000 | 0x23 << 12);
    CHECK_EQ(m.feuaddr, 0x100);
    CHECK_EQ(m.fectl, 0);
    CHECK_EQ(iommu_fault_irq(), 1);
    fake_hw.now_us += 2000000;
    unsigned i = 0;
    for (; i < 5000 && m.fectl == 0; i++) {                                /* on a bus without a context table */
        (void)vtd_model_dma(&m, (uint16_t)(0x7700 + i % 7), 0, true, &pa);
        (void)iommu_fault_irq();
    }
    CHECK(i > 900 && i < 1100);
    CHECK_EQ(m.fectl, 0x80000000);
    uint64_t events = m.events;
    (void)vtd_model_dma(&m, 0x7700, 0, true, &pa);
    CHECK_EQ(m.events, events);
    CHECK_EQ(iommu_fault_irq(), 1);                                        /* polling works */
    fake_hw.now_us += 2000000;
    (void)iommu_fault_irq();
    CHECK_EQ(m.fectl, 0);                                                  /* the storm is over */
    skip_all();
    end();
}

static void test_ring(void)
{
    struct info_fault f;
    start(VM_CAP_QEMU);
    skip_all();
    uint64_t first = seq;
    for (unsigned i = 0; i < FAULT_RECORDS + 10; i++) {
        vtd_model_fault(&m, (uint16_t)(0x7700 + i % 200), 5, (uint64_t)i << 12, true);
        CHECK_EQ(iommu_fault_irq(), 1);
    }
    CHECK(iommu_fault_get(0, &f));
    CHECK_EQ(f.seq, first + 10);                                           /* the oldest ten are gone */
    CHECK_EQ(f.address, 10 << 12);
    CHECK(iommu_fault_get(first + 3, &f));
    CHECK_EQ(f.seq, first + 10);
    CHECK(iommu_fault_get(first + FAULT_RECORDS + 9, &f));
    CHECK_EQ(f.address, (uint64_t)(FAULT_RECORDS + 9) << 12);
    CHECK(!iommu_fault_get(first + FAULT_RECORDS + 10, &f));
    CHECK(!iommu_fault_get(~0ull, &f));
    skip_all();
    end();
}

/* A unit that went away or lies about waiting records cannot hang the reader. */
static void test_bad_unit(void)
{
    start(VM_CAP_QEMU);
    m.fsts |= 2;                                       /* says a record waits, none does */
    CHECK_EQ(iommu_fault_irq(), 0);
    m.fsts = 3;
    CHECK_EQ(iommu_fault_irq(), 0);
    CHECK_EQ(m.fsts & 1, 0);
    m.fsts = 0xff02;                                   /* first record beyond the last */
    m.frcd[0][1] = 1ull << 63 | 5ull << 32 | 0x7700;
    CHECK_EQ(iommu_fault_irq(), 1);
    CHECK_EQ(next().bdf, 0x7700);
    m.gone = true;
    CHECK_EQ(iommu_fault_irq(), 0);
    vtd_model_free(&m);
    start(VM_CAP_QEMU | VM_CAP_NFR(4));                /* the first record is not where it says */
    skip_all();
    m.fsts = 0x102;
    m.frcd[3][1] = 1ull << 63 | 5ull << 32 | 0x7701;
    m.frcd[0][1] = 1ull << 63 | 5ull << 32 | 0x7702;
    CHECK_EQ(iommu_fault_irq(), 2);
    CHECK_EQ(next().bdf, 0x7701);
    CHECK_EQ(next().bdf, 0x7702);
    vtd_model_free(&m);
}

int main(void)
{
    struct info_fault f;
    CHECK(!iommu_fault_get(0, &f));
    CHECK_EQ(iommu_fault_irq(), 0);
    seq = 1;
    test_decode();
    test_overflow(1);
    test_overflow(4);
    test_overflow(16);
    test_cut();
    test_cut_unconfirmed();
    test_stranger();
    test_route_and_storm();
    test_ring();
    test_bad_unit();
    return unit_done();
}
