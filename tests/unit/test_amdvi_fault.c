/* SPDX-License-Identifier: BSD-2-Clause */
/* link: drivers/iommu/iommu.c drivers/iommu/dom.c drivers/iommu/ir.c drivers/iommu/fault.c
         drivers/iommu/vtd/vtd.c drivers/iommu/vtd/vtd_unit.c drivers/iommu/vtd/vtd_inv.c
         drivers/iommu/vtd/vtd_ctx.c drivers/iommu/vtd/vtd_ir.c
         drivers/iommu/vtd/vtd_fault.c drivers/iommu/vtd/dmar.c
         drivers/iommu/amdvi/amdvi.c drivers/iommu/amdvi/amdvi_unit.c drivers/iommu/amdvi/amdvi_cmd.c
         drivers/iommu/amdvi/amdvi_dte.c drivers/iommu/amdvi/amdvi_ir.c drivers/iommu/amdvi/amdvi_event.c
         drivers/iommu/amdvi/ivrs.c
         kernel/mm/ptab.c kernel/lib/idpool.c kernel/lib/fmt.c kernel/lib/str.c
         tests/unit/fake/hw.c tests/unit/fake/pmm.c tests/unit/fake/log.c tests/unit/fake/kmap.c
         tests/unit/fake/storelog.c tests/unit/fake/vtd_model.c tests/unit/fake/vtd_rig.c
         tests/unit/fake/amdvi_model.c tests/unit/fake/amdvi_rig.c */
/* AMD-Vi's event log: all read, decoded, cleared; overflow and restart, limits, cut-off, the unit's own interrupt. */
#include "drivers/iommu/iommu.h"

#include "kernel/arch/hw.h"
#include "kernel/config.h"
#include "tests/unit/fake/amdvi_rig.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/unit.h"

static struct amdvi_model m;
static uint64_t seq = 1;                   /* of the next record: the ring lives as long as the program */
static const struct bdf nic = { 0, 3, 0x28 }, disk = { 0, 3, 0x29 };

static void start(void)
{
    rig_reset();
    rig_function(0, 0, 2);
    CHECK_EQ(rig_start_amd(&m, AM_EFR_QEMU), ST_OK);
}

static void end(void)
{
    CHECK_EQ(m.narrow + m.bad_writes + m.windows + m.passed, 0);
    amdvi_model_free(&m);
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

static void check_decode(bool late)
{
    uint64_t pa;
    struct vm_intr in;
    start();
    m.late_event = late;
    (void)attach(nic, 42);
    CHECK_EQ(iommu_fault_irq(), 0);
    none();
    unsigned reason[4];
    reason[0] = amdvi_model_dma(&m, bdf_rid(nic), 0x1234, true, &pa);
    reason[1] = amdvi_model_dma(&m, bdf_rid(nic), 0x7654321, false, &pa);
    reason[2] = amdvi_model_dma(&m, bdf_rid(disk), 0x9000, true, &pa);
    reason[3] = amdvi_model_msi(&m, bdf_rid(nic), 0xfee00000, 77, &in);
    amdvi_model_event(&m, 0, 6u << 12, 0x5000);        /* the unit could not read a command */
    m.late_event = false;
    if (late)
        (void)amdvi_model_dma(&m, bdf_rid(nic), 0, false, &pa);        /* the last one arrives, too */
    CHECK_EQ(iommu_fault_irq(), 5);
    struct info_fault f = next();
    CHECK_EQ(f.bdf, bdf_u32(nic));
    CHECK_EQ(f.vm, 42);
    CHECK_EQ(f.address, 0x1234);
    CHECK(f.write && !f.interrupt && !f.cut && f.tsc != 0);
    CHECK_EQ(f.reason, reason[0]);
    f = next();
    CHECK(!f.write && f.address == 0x7654321 && f.reason == reason[1]);
    f = next();
    CHECK(f.bdf == bdf_u32(disk) && f.vm == 0 && f.reason == reason[2]);
    f = next();
    CHECK(f.interrupt && !f.write && f.vm == 42 && f.reason == reason[3]);
    CHECK_EQ(f.reason, AM_FAULT | AM_F_I);
    f = next();
    CHECK(f.bdf == 2 && f.vm == 0 && f.reason == 6u << 12 && f.address == 0x5000);
    none();
    CHECK_EQ(m.evt_head, m.evt_tail);
    CHECK_EQ(m.status & 3, 0);                         /* cleared */
    CHECK_EQ(iommu_fault_irq(), 0);
    struct info_iommu info;
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(info.faults, 5);
    end();
}

/* An entry that never arrives costs its time and is passed over. */
static void test_lost_entry(void)
{
    uint64_t pa;
    start();
    m.late_event = true;
    (void)amdvi_model_dma(&m, bdf_rid(disk), 0x9000, true, &pa);
    uint64_t before = fake_hw.now_us;
    CHECK_EQ(iommu_fault_irq(), 1);
    CHECK(fake_hw.now_us - before < 1000);
    CHECK_EQ(next().reason, 0);
    CHECK_EQ(iommu_fault_irq(), 0);
    end();
}

/* The log fills, events are lost, it is started again and goes on; the ring wraps more than once. */
static void test_overflow(void)
{
    start();
    skip_all();
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 300; i++)
            amdvi_model_event(&m, (uint16_t)(0x4400 + i % 50), AM_FAULT, (uint64_t)i << 12);
        CHECK_EQ(m.status & 9, 1);
        CHECK_EQ(iommu_fault_irq(), 255);
        CHECK_EQ(m.status & 0xb, 8);
        for (unsigned i = 0; i < 255; i++)
            CHECK_EQ(next().address, (uint64_t)i << 12);
        none();
        amdvi_model_event(&m, 0x5500, AM_FAULT, 0x1000);
        CHECK_EQ(iommu_fault_irq(), 1);                    /* recording goes on */
        CHECK_EQ(next().bdf, 0x5500);
    }
    end();
}

/* A log that does not come back: the unit blocks on, and nothing behind it changes owner any more. */
static void test_log_dies(bool stuck_bit)
{
    struct info_iommu info;
    struct iommu_dom dom;
    start();
    skip_all();
    dom = attach(nic, 9);
    for (unsigned i = 0; i < 300; i++)
        amdvi_model_event(&m, 0x4400, AM_FAULT, 0);
    m.stuck_overflow = stuck_bit;
    m.log_stays_off = !stuck_bit;
    uint64_t before = fake_hw.now_us;
    CHECK_EQ(iommu_fault_irq(), 255);
    CHECK(fake_hw.now_us - before < 500000);
    CHECK(fake_log_has("does not start its event log again"));
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(info.status, ST_TIMEOUT);
    CHECK_EQ(iommu_attach(&dom, disk), ST_TIMEOUT);
    CHECK_EQ(iommu_detach(&dom, nic), ST_TIMEOUT);
    CHECK_EQ(iommu_fault_irq(), 0);
    skip_all();
    amdvi_model_free(&m);
}

static void test_cut(void)
{
    uint64_t pa;
    unsigned cuts = 0;
    start();
    skip_all();
    struct iommu_dom dom = attach(nic, 9);
    for (unsigned i = 0; i < 64; i++) {
        CHECK_EQ(amdvi_model_dma(&m, bdf_rid(nic), 0, false, &pa), 0);     /* still served */
        CHECK(amdvi_model_dma(&m, bdf_rid(nic), 0x10000000, true, &pa) != 0);
        CHECK_EQ(iommu_fault_irq(), 1);
        struct info_fault f = next();
        CHECK_EQ(f.cut, i == 63);
        CHECK_EQ(f.vm, 9);
        cuts += f.cut;
    }
    CHECK_EQ(cuts, 1);
    CHECK(amdvi_model_dma(&m, bdf_rid(nic), 0, false, &pa) != 0);          /* cut off, confirmed */
    CHECK_EQ(iommu_fault_irq(), 0);                                        /* and silent */
    CHECK_EQ(dom.attached, 1);
    CHECK_EQ(iommu_detach(&dom, nic), ST_OK);
    CHECK(amdvi_model_dma(&m, bdf_rid(nic), 0, false, &pa) != 0);
    CHECK_EQ(iommu_fault_irq(), 1);                                        /* reported again */
    CHECK_EQ(iommu_attach(&dom, nic), ST_OK);                              /* restarted: served again */
    CHECK_EQ(amdvi_model_dma(&m, bdf_rid(nic), 0, false, &pa), 0);
    skip_all();
    end();
}

/* A cut that the unit does not confirm is none; the log says so. */
static void test_cut_unconfirmed(void)
{
    start();
    skip_all();
    struct iommu_dom dom = attach(nic, 9);
    CHECK_EQ(dom.attached, 1);
    m.dead_queue = true;
    for (unsigned i = 0; i < 64; i++) {
        amdvi_model_event(&m, bdf_rid(nic), AM_FAULT | AM_F_RW, 0x10000000);
        CHECK_EQ(iommu_fault_irq(), 1);
        CHECK(!next().cut);
    }
    CHECK(fake_log_has("does not confirm an invalidation"));
    amdvi_model_free(&m);
}

/* A function that nobody owns and that firmware left running: silenced, and assigned all the same. */
static void test_stranger(void)
{
    uint64_t pa;
    uint32_t seen = 0;
    start();
    for (unsigned i = 0; i < 500; i++) {
        CHECK(amdvi_model_dma(&m, bdf_rid(disk), 0, true, &pa) != 0);
        seen += iommu_fault_irq();
    }
    CHECK_EQ(seen, 64);
    for (unsigned i = 0; i < 100; i++) {                                   /* its interrupts do not count for that */
        amdvi_model_event(&m, bdf_rid(nic), AM_FAULT | AM_F_I, 0xfee00000);
        CHECK_EQ(iommu_fault_irq(), 1);
    }
    struct iommu_dom dom = attach(disk, 3);
    CHECK_EQ(amdvi_model_dma(&m, bdf_rid(disk), 0, false, &pa), 0);
    CHECK_EQ(iommu_detach(&dom, disk), ST_OK);
    skip_all();
    end();
}

static void test_route_and_storm(void)
{
    start();
    skip_all();
    CHECK_EQ(m.control & 8, 0);
    amdvi_model_event(&m, 0x7700, AM_FAULT, 0);
    CHECK_EQ(m.interrupts, 0);
    CHECK_EQ(iommu_fault_route(0x123, 0x31), ST_UNSUPP);                   /* its own message has 8 bits for it */
    CHECK_EQ(iommu_fault_route(0x23, 0x31), ST_OK);
    CHECK_EQ(m.interrupts, 1);                                             /* the one that waited */
    CHECK_EQ(bdf_rid(rig.msi_fn), 2);
    CHECK_EQ(rig.msi_addr, 0xfee00000 | 0x23 << 12);
    CHECK_EQ(rig.msi_data, 0x31);
    CHECK_EQ(iommu_fault_irq(), 1);
    amdvi_model_event(&m, 0x7700, AM_FAULT, 0);
    CHECK_EQ(m.interrupts, 2);                                             /* the status bit was cleared */
    fake_hw.now_us += 2000000;
    unsigned i = 0;
    for (; i < 5000 && m.control & 8; i++) {
        amdvi_model_event(&m, (uint16_t)(0x7700 + i % 7), AM_FAULT, 0);
        (void)iommu_fault_irq();
    }
    CHECK(i > 900 && i < 1100);
    uint64_t interrupts = m.interrupts;
    amdvi_model_event(&m, 0x7700, AM_FAULT, 0);
    CHECK_EQ(m.interrupts, interrupts);
    CHECK_EQ(iommu_fault_irq(), 1);                                        /* polling works */
    fake_hw.now_us += 2000000;
    (void)iommu_fault_irq();
    CHECK_EQ(m.control & 8, 8);                                            /* the storm is over */
    skip_all();
    end();
    start();
    rig.msi_fails = true;
    CHECK_EQ(iommu_fault_route(0x23, 0x31), ST_HW);
    CHECK_EQ(m.control & 8, 0);
    end();
    rig_reset();                                                           /* a unit that is no PCI function here */
    CHECK_EQ(rig_start_amd(&m, AM_EFR_QEMU), ST_OK);
    CHECK_EQ(iommu_fault_route(0x23, 0x31), ST_NOTFOUND);
    end();
}

/* A unit that went away or lies about its ring cannot hang the reader. */
static void test_bad_unit(void)
{
    start();
    skip_all();
    m.evt_tail = 0x7fff0;                              /* beyond the ring */
    CHECK(iommu_fault_irq() < 256);
    skip_all();
    m.gone = true;
    CHECK_EQ(iommu_fault_irq(), 0);
    amdvi_model_free(&m);
}

int main(void)
{
    struct info_fault f;
    CHECK(!iommu_fault_get(0, &f));
    CHECK_EQ(iommu_fault_irq(), 0);
    check_decode(false);
    check_decode(true);
    test_lost_entry();
    test_overflow();
    test_log_dies(false);
    test_log_dies(true);
    test_cut();
    test_cut_unconfirmed();
    test_stranger();
    test_route_and_storm();
    test_bad_unit();
    return unit_done();
}
