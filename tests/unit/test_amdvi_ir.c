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
/* Interrupt remapping on AMD-Vi: a table for each requester, both formats, cache flush, messages and pins, failures. */
#include "drivers/iommu/iommu.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/arch/hw.h"
#include "tests/unit/fake/amdvi_rig.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/fake/storelog.h"
#include "tests/unit/unit.h"

#define BLOCKED  (AM_FAULT | AM_F_I)

static struct amdvi_model m;
static const struct bdf nic = { 0, 3, 0x28 }, disk = { 0, 3, 0x29 };

static void start(uint64_t efr)
{
    rig_reset();
    CHECK_EQ(rig_start_amd(&m, efr), ST_OK);
}

static void end(void)
{
    CHECK_EQ(m.narrow + m.bad_writes + m.windows + m.passed, 0);
    amdvi_model_free(&m);
}

/* What arrives when the function sends the message of the run with `add`. */
static unsigned send(const struct irte_run *h, uint32_t add, struct bdf from, struct vm_intr *out)
{
    uint64_t addr;
    uint32_t data;
    *out = (struct vm_intr){ 0 };
    m.evt_head = m.evt_tail;
    iommu_irte_msi(h, &addr, &data);
    CHECK(data & add ? add == 0 : true);                    /* the device replaces bits, it does not add */
    return amdvi_model_msi(&m, bdf_rid(from), addr, data | add, out);
}

/* Whether the kernel ends itself rather than use the run. */
static bool set_ends(const struct irte_run *run)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        CHECK(freopen("/dev/null", "w", stdout) != NULL);
        _exit(iommu_irte_set(run, 0, 5, 0x41, false) == ST_OK);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_one(uint64_t efr, bool x2apic)
{
    struct irte_run h;
    struct vm_intr in;
    const bool wide = x2apic && efr & AM_EFR_XT;
    rig_reset();
    rig.apic_base |= x2apic ? 0x400 : 0;
    CHECK_EQ(rig_start_amd(&m, efr), ST_OK);
    uint64_t pages = fake_pmm.in_use;
    CHECK_EQ(amdvi_model_msi(&m, bdf_rid(nic), 0xfee00000, 1, &in), BLOCKED);      /* cached: aborts */
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_OK);
    CHECK(h.count == 1 && bdf_eq(h.src, nic) && h.unit == 0 && h.rid == bdf_rid(nic));
    CHECK_EQ(send(&h, 0, nic, &in), BLOCKED);               /* allocated blocked */
    CHECK_EQ(iommu_irte_set(&h, 0, 5, 0x41, false), ST_OK);
    CHECK_EQ(send(&h, 0, nic, &in), 0);
    CHECK_EQ(in.dest, 5);
    CHECK_EQ(in.vector, 0x41);
    CHECK(!in.level);
    CHECK_EQ(send(&h, 0, disk, &in), BLOCKED);              /* somebody else's number */
    CHECK_EQ(amdvi_model_msi(&m, bdf_rid(nic), 0xfee00000, 0x41, &in), BLOCKED);   /* a vector is no index */
    CHECK_EQ(amdvi_model_msi(&m, bdf_rid(nic), 0xfee00000, 0x101, &in), BLOCKED | AM_F_RZ);   /* beyond the table */
    CHECK_EQ(amdvi_model_msi(&m, bdf_rid(nic), 0xfee00000, 0x401, &in), AM_ABORT); /* NMI */
    /* changed while live: confirmed in the unit, which had it cached */
    CHECK_EQ(iommu_irte_set(&h, 0, 9, 0x52, true), ST_OK);
    CHECK_EQ(send(&h, 0, nic, &in), 0);
    CHECK_EQ(in.dest, 9);
    CHECK_EQ(in.vector, 0x52);
    CHECK(in.level);
    CHECK_EQ(iommu_irte_set(&h, 0, 0x12345, 0x52, false), wide ? ST_OK : ST_RANGE);
    CHECK_EQ(send(&h, 0, nic, &in), 0);
    CHECK_EQ(in.dest, wide ? 0x12345 : 9);
    CHECK_EQ(iommu_irte_set(&h, 0, 1u << 24, 0x52, false), ST_RANGE);
    CHECK_EQ(iommu_irte_set(&h, 0, 1, 0x0f, false), ST_RANGE);  /* no vector below 10h */
    CHECK_EQ(iommu_irte_block(&h, 0), ST_OK);
    CHECK_EQ(send(&h, 0, nic, &in), BLOCKED);
    CHECK_EQ(iommu_irte_set(&h, 0, 5, 0x41, false), ST_OK);
    struct irte_run copy = h;
    CHECK_EQ(iommu_irte_set(&h, 1, 5, 0x41, false), ST_INVAL);  /* beyond its end */
    CHECK_EQ(iommu_irte_block(&h, 1), ST_INVAL);
    CHECK_EQ(iommu_irte_free(&h), ST_OK);
    CHECK_EQ(h.count, 0);
    CHECK_EQ(fake_pmm.in_use, pages);                       /* the last one took the table with it */
    CHECK_EQ(send(&copy, 0, nic, &in), BLOCKED);
    CHECK_EQ(iommu_irte_set(&h, 0, 5, 0x41, false), ST_INVAL);
    CHECK_EQ(iommu_irte_free(&h), ST_OK);                   /* nothing to free */
    CHECK(set_ends(&copy));                                 /* a stale run changes nothing */
    end();
}

/* MSI with several vectors: the device puts its number into the low bits. */
static void test_run(uint64_t efr)
{
    struct irte_run h, one, h2;
    struct vm_intr in;
    start(efr);
    CHECK_EQ(iommu_irte_alloc(nic, 3, 0, &one), ST_OK);
    CHECK_EQ(one.first, 4);
    CHECK_EQ(iommu_irte_alloc(nic, 8, 0, &h), ST_OK);
    CHECK_EQ(h.first % 8, 0);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(iommu_irte_set(&h, i, i, (uint8_t)(0x60 + i), false), ST_OK);
    for (uint32_t i = 0; i < 8; i++) {
        CHECK_EQ(send(&h, i, nic, &in), 0);
        CHECK(in.dest == i && in.vector == 0x60 + i);
    }
    CHECK_EQ(iommu_irte_block(&h, 3), ST_OK);               /* its neighbours live on */
    CHECK_EQ(send(&h, 3, nic, &in), BLOCKED);
    CHECK_EQ(send(&h, 2, nic, &in), 0);
    CHECK_EQ(send(&h, 4, nic, &in), 0);
    CHECK_EQ(iommu_irte_alloc(nic, 256, 0, &h2), ST_NOSPACE);
    CHECK_EQ(h2.count, 0);
    CHECK_EQ(iommu_irte_alloc(nic, 128, 0, &h2), ST_OK);
    CHECK_EQ(iommu_irte_alloc(disk, 128, 0, &h2), ST_OK);   /* a table of its own */
    unsigned n = 0;
    while (iommu_irte_alloc(nic, 1, 0, &h2) == ST_OK)
        n++;
    CHECK_EQ(n, 255 - 3 - 8 - 128);
    CHECK_EQ(iommu_irte_free(&h), ST_OK);
    CHECK_EQ(send(&one, 0, nic, &in), BLOCKED);
    end();
}

/* Attaching and detaching leave a requester's interrupts alone, and the other way round. */
static void test_beside_domain(void)
{
    struct iommu_dom a;
    struct irte_run h;
    struct vm_intr in;
    uint64_t pa;
    start(AM_EFR_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, PAGE_2M, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_OK);
    CHECK_EQ(iommu_irte_set(&h, 0, 5, 0x41, false), ST_OK);
    CHECK_EQ(amdvi_model_dma(&m, bdf_rid(nic), 0, true, &pa), 0);
    CHECK_EQ(iommu_detach(&a, nic), ST_OK);
    CHECK(amdvi_model_dma(&m, bdf_rid(nic), 0, true, &pa) != 0);
    CHECK_EQ(send(&h, 0, nic, &in), 0);
    CHECK_EQ(iommu_irte_free(&h), ST_OK);
    CHECK_EQ(send(&h, 0, nic, &in), BLOCKED);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(amdvi_model_dma(&m, bdf_rid(nic), 0, true, &pa), 0);
    end();
}

static void test_ioapic(uint64_t efr)
{
    struct bdf src;
    struct irte_run h, again;
    struct vm_intr in;
    start(efr);
    CHECK_EQ(iommu_ioapic_source(0, &src), ST_OK);
    CHECK_EQ(bdf_rid(src), 0xa0);
    CHECK_EQ(iommu_irte_alloc(src, 1, 0x38, &h), ST_OK);
    CHECK_EQ(h.first, 0x38);                                /* so that the pin's entry keeps its vector */
    CHECK_EQ(iommu_irte_alloc(src, 1, 0x38, &again), ST_BUSY);
    CHECK_EQ(again.count, 0);
    CHECK_EQ(iommu_irte_alloc(src, 1, 0x70, &again), ST_OK);          /* what the one before might have got */
    CHECK_EQ(iommu_irte_set(&h, 0, 2, 0x38, true), ST_OK);
    uint64_t rte = iommu_irte_rte(&h, 1 << 15 | 1 << 13 | 0x38);
    CHECK_EQ(rte, 1 << 15 | 1 << 13 | 0x38);
    CHECK_EQ(amdvi_model_rte(&m, bdf_rid(src), rte, &in), 0);
    CHECK_EQ(in.dest, 2);
    CHECK(in.level);
    CHECK_EQ(amdvi_model_rte(&m, bdf_rid(nic), rte, &in), BLOCKED);
    CHECK_EQ(amdvi_model_msi(&m, bdf_rid(src), 0xfee00000, 0x41, &in), BLOCKED);   /* a forged one, as in QEMU */
    end();
}

/* ---- every store: old entry, new entry or blocked; never a mixture ---- */
struct watch { const struct irte_run *h; uint64_t stores, seen_old, seen_new, seen_none; uint8_t new_vector; };

static void on_store(void *ctx, uint64_t addr)
{
    struct watch *w = ctx;
    struct vm_intr in;
    (void)addr;
    amdvi_model_forget(&m);
    unsigned reason = send(w->h, 0, nic, &in);
    w->stores++;
    if (reason != 0) {
        w->seen_none++;
        CHECK_EQ(reason, BLOCKED);
    } else if (in.dest == 3) {
        w->seen_old++;
        CHECK_EQ(in.vector, 0x41);
    } else {
        w->seen_new++;
        CHECK_EQ(in.dest, 4);
        CHECK_EQ(in.vector, w->new_vector);
    }
    CHECK(send(w->h, 0, disk, &in) != 0);
}

static void test_each_store(uint64_t efr, uint8_t vector)
{
    struct irte_run h = { .first = 1 };
    start(efr);
    struct watch w = { .h = &h, .new_vector = vector };
    storelog_start(on_store, &w);
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_OK);
    storelog_stop();
    CHECK(w.stores > 0 && w.seen_none == w.stores);
    storelog_start(on_store, &w);
    CHECK_EQ(iommu_irte_set(&h, 0, 3, 0x41, false), ST_OK);
    storelog_stop();
    CHECK(w.seen_old > 0 && w.seen_new == 0);
    w.seen_none = 0;
    storelog_start(on_store, &w);
    CHECK_EQ(iommu_irte_set(&h, 0, 4, vector, false), ST_OK);
    storelog_stop();
    /* to another CPU, or in one word: no moment without the interrupt */
    CHECK(w.seen_new > 0 && (w.seen_none == 0) == (vector == 0x41 || !(efr & AM_EFR_GA)));
    storelog_start(on_store, &w);
    CHECK_EQ(iommu_irte_free(&h), ST_OK);
    storelog_stop();
    CHECK(w.seen_none > 0);
    end();
}

static void test_unconfirmed(uint64_t efr)
{
    struct irte_run h, other;
    struct vm_intr in;
    start(efr);
    CHECK_EQ(iommu_irte_alloc(nic, 2, 0, &h), ST_OK);
    CHECK_EQ(iommu_irte_set(&h, 0, 1, 0x41, false), ST_OK);
    uint64_t frees = fake_pmm.frees;
    m.dead_queue = true;
    CHECK_EQ(iommu_irte_set(&h, 0, 2, 0x42, false), ST_TIMEOUT);
    amdvi_model_forget(&m);
    CHECK_EQ(send(&h, 0, nic, &in), BLOCKED);               /* left blocked */
    CHECK_EQ(iommu_irte_block(&h, 0), ST_TIMEOUT);
    CHECK_EQ(iommu_irte_free(&h), ST_TIMEOUT);
    CHECK_EQ(h.count, 2);
    CHECK_EQ(fake_pmm.frees, frees);
    m.dead_queue = false;                                   /* too late: nothing is reused */
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &other), ST_TIMEOUT);
    CHECK_EQ(other.count, 0);
    amdvi_model_free(&m);
}

/* The unit does not accept that its entry changes: what is there stays, nothing in it is on. */
static void test_refused(void)
{
    struct irte_run h;
    struct vm_intr in;
    start(AM_EFR_QEMU);
    m.refuse_op = 5;
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_TIMEOUT);
    CHECK_EQ(h.count, 0);
    CHECK_EQ(amdvi_model_msi(&m, bdf_rid(nic), 0xfee00000, 1, &in), BLOCKED);
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_TIMEOUT);
    amdvi_model_free(&m);
    start(AM_EFR_QEMU);
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_OK);
    CHECK_EQ(iommu_irte_set(&h, 0, 1, 0x41, false), ST_OK);
    CHECK_EQ(send(&h, 0, nic, &in), 0);
    m.refuse_op = 5;                                        /* freed entries whose table the unit may still read */
    uint64_t frees = fake_pmm.frees;
    CHECK_EQ(iommu_irte_free(&h), ST_TIMEOUT);
    CHECK_EQ(h.count, 1);
    m.refuse_op = 0;
    CHECK_EQ(iommu_irte_free(&h), ST_TIMEOUT);              /* the unit is dead */
    CHECK_EQ(fake_pmm.frees, frees);
    amdvi_model_free(&m);
}

static void test_no_memory(void)
{
    struct irte_run h;
    start(AM_EFR_QEMU);
    fake_pmm.budget = 1;
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_NOSPACE);
    fake_pmm.budget = 2;
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_OK);
    CHECK_EQ(iommu_irte_free(&h), ST_OK);
    end();
}

int main(void)
{
    test_one(AM_EFR_QEMU, false);
    test_one(AM_EFR_QEMU, true);
    test_one(AM_EFR_QEMU | AM_EFR_XT, true);
    test_one(AM_EFR_QEMU | AM_EFR_XT, false);
    test_one(AM_EFR_IA, false);
    test_run(AM_EFR_QEMU);
    test_run(AM_EFR_IA);
    test_beside_domain();
    test_ioapic(AM_EFR_QEMU);
    test_ioapic(AM_EFR_IA);
    test_each_store(AM_EFR_QEMU, 0x41);
    test_each_store(AM_EFR_QEMU, 0x55);
    test_each_store(AM_EFR_IA, 0x55);
    test_unconfirmed(AM_EFR_QEMU);
    test_unconfirmed(AM_EFR_IA);
    test_refused();
    test_no_memory();
    return unit_done();
}
