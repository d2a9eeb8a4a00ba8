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
/* Domains, attach and detach: what a device reaches between any two stores, and what is confirmed. */
#include "drivers/iommu/iommu.h"

#include "kernel/arch/hw.h"
#include "kernel/mm/pmm.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/fake/storelog.h"
#include "tests/unit/fake/vtd_rig.h"
#include "tests/unit/unit.h"

#define K4 0x1000ull
#define M2 PAGE_2M

static struct vtd_model m;
static const struct bdf nic = { 0, 3, 0x28 }, disk = { 0, 3, 0x29 };

static unsigned dma(struct bdf fn, uint64_t addr, bool write, uint64_t *pa)
{
    *pa = 0;
    return vtd_model_dma(&m, bdf_rid(fn), addr, write, pa);
}

static void start(uint64_t cap, uint64_t ecap)
{
    rig_reset();
    CHECK_EQ(rig_start(&m, cap, ecap), ST_OK);
}

static void end(void)
{
    CHECK_EQ(m.narrow + m.aborts + m.bad_writes + m.windows, 0);
    vtd_model_free(&m);
}

static void test_life(uint64_t cap, uint64_t ecap)
{
    struct iommu_dom a, b;
    uint64_t pa;
    start(cap, ecap);
    uint64_t before = fake_pmm.in_use;
    CHECK_EQ(iommu_dom_create(&a, 7), ST_OK);
    CHECK_EQ(iommu_dom_create(&b, 8), ST_OK);
    CHECK(a.domid != b.domid && a.domid != 0 && b.domid != 0);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, 4 * M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0x80000000 }, (hpa_t){ 0x50000000 }, 3 * K4, PT_R), ST_OK);
    CHECK_EQ(iommu_dom_map(&b, (iova_t){ 0 }, (hpa_t){ 0x60000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK(dma(nic, 0, true, &pa) != 0);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(iommu_attach(&b, disk), ST_OK);
    CHECK_EQ(iommu_attach(&b, nic), ST_BUSY);
    CHECK_EQ(a.attached, 1);
    CHECK_EQ(dma(nic, 0x1234, true, &pa), 0);
    CHECK_EQ(pa, 0x40001234);
    CHECK_EQ(dma(nic, 0x80002000, false, &pa), 0);
    CHECK_EQ(pa, 0x50002000);
    CHECK_EQ(dma(nic, 0x80002000, true, &pa), 5);         /* read-only */
    CHECK_EQ(dma(nic, 0x80003000, false, &pa), 6);        /* beyond */
    CHECK_EQ(dma(nic, 4 * M2, true, &pa), 5);
    CHECK_EQ(dma(nic, 1ull << 50, true, &pa), 4);
    CHECK_EQ(dma(disk, 0x1234, true, &pa), 0);
    CHECK_EQ(pa, 0x60001234);
    CHECK(dma((struct bdf){ 0, 3, 0x30 }, 0, true, &pa) != 0);   /* a neighbour on the same bus */
    CHECK_EQ(iommu_dom_destroy(&a), ST_BUSY);
    /* unmap while attached: gone at once, others stay */
    CHECK_EQ(iommu_dom_unmap(&a, (iova_t){ M2 }, M2), ST_OK);
    CHECK_EQ(dma(nic, M2, true, &pa), 5);
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    CHECK_EQ(iommu_dom_unmap(&a, (iova_t){ 0x80000000 }, 3 * K4), ST_OK);
    CHECK_EQ(dma(nic, 0x80000000, false, &pa), 6);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ M2 }, (hpa_t){ 0x70000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(dma(nic, M2, true, &pa), 0);                 /* also with caching mode */
    CHECK_EQ(pa, 0x70000000);
    /* detach: blocked, and the other one is not touched */
    CHECK_EQ(iommu_detach(&b, nic), ST_NOTFOUND);
    CHECK_EQ(iommu_detach(&a, nic), ST_OK);
    CHECK_EQ(iommu_detach(&a, nic), ST_NOTFOUND);
    CHECK_EQ(a.attached, 0);
    CHECK_EQ(dma(nic, 0, true, &pa), 2);
    CHECK_EQ(dma(disk, 0, true, &pa), 0);
    CHECK_EQ(iommu_attach(&b, nic), ST_OK);               /* to another guest */
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    CHECK_EQ(pa, 0x60000000);
    CHECK_EQ(iommu_detach(&b, nic), ST_OK);
    CHECK_EQ(iommu_detach(&b, disk), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&b), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&b), ST_INVAL);
    CHECK_EQ(fake_pmm.in_use, before + 1);                /* the context table of bus 3 stays */
    CHECK(m.drains > 0);
    end();
}

/* 1,000 times: no page, no id is lost. */
static void test_again(void)
{
    struct iommu_dom a;
    uint64_t pa;
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(iommu_detach(&a, nic), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    uint64_t before = fake_pmm.in_use;
    for (unsigned i = 0; i < 1000; i++) {
        CHECK_EQ(iommu_dom_create(&a, i), ST_OK);
        CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ i * M2 + K4 }, M2, PT_R | PT_W), ST_OK);
        CHECK_EQ(iommu_attach(&a, nic), ST_OK);
        CHECK_EQ(dma(nic, 0, true, &pa), 0);
        CHECK_EQ(pa, i * M2 + K4);
        CHECK_EQ(iommu_detach(&a, nic), ST_OK);
        CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    }
    CHECK_EQ(fake_pmm.in_use, before);
    end();
}

static void test_arguments(void)
{
    struct iommu_dom a;
    start(VM_CAP_QEMU39, VM_ECAP_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(a.pt.levels, 3);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 1ull << 39 }, (hpa_t){ 0 }, K4, PT_R), ST_RANGE);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ (1ull << 39) - K4 }, (hpa_t){ 0 }, 2 * K4, PT_R), ST_RANGE);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ ~0ull << 12 }, (hpa_t){ 0 }, 2 * K4, PT_R), ST_RANGE);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0 }, K4, PT_R | PT_X), ST_INVAL);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0 }, 0, PT_R), ST_INVAL);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 5 }, (hpa_t){ 0 }, K4, PT_R), ST_INVAL);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0 }, M2, PT_R), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0 }, K4, PT_R), ST_OVERLAP);
    CHECK_EQ(iommu_dom_unmap(&a, (iova_t){ 0 }, K4), ST_INVAL);       /* cuts a large leaf */
    CHECK_EQ(iommu_detach(&a, nic), ST_NOTFOUND);
    struct bdf elsewhere = { 1, 0, 0 };                               /* another segment: no unit */
    CHECK_EQ(iommu_attach(&a, elsewhere), ST_NOIOMMU);
    CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_INVAL);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0 }, K4, PT_R), ST_INVAL);
    CHECK_EQ(iommu_dom_unmap(&a, (iova_t){ 0 }, K4), ST_INVAL);
    end();
}

/* Domain ids are bounded by ND, never wrap, never zero. */
static void test_ids(void)
{
    static struct iommu_dom doms[256];
    unsigned made = 0;
    start(VM_CAP_QEMU & ~7ull, VM_ECAP_QEMU);             /* ND 0: 16 domains */
    for (; made < 256; made++)
        if (iommu_dom_create(&doms[made], made) != ST_OK)
            break;
    CHECK_EQ(made, 15);
    uint64_t pages = fake_pmm.in_use;
    CHECK_EQ(iommu_dom_create(&doms[made], 0), ST_NOSPACE);
    CHECK(doms[made].domid == 0 && fake_pmm.in_use == pages);
    for (unsigned i = 0; i < made; i++) {
        CHECK(doms[i].domid >= 1 && doms[i].domid <= 15);
        for (unsigned k = 0; k < i; k++)
            CHECK(doms[i].domid != doms[k].domid);
    }
    uint32_t id = doms[4].domid;
    CHECK_EQ(iommu_dom_destroy(&doms[4]), ST_OK);
    CHECK_EQ(iommu_dom_create(&doms[4], 4), ST_OK);
    CHECK_EQ(doms[4].domid, id);
    for (unsigned i = 0; i < made; i++)
        CHECK_EQ(iommu_dom_destroy(&doms[i]), ST_OK);
    /* no page for the table: the id comes back */
    for (unsigned i = 0; i < 40; i++) {
        fake_pmm.budget = 0;
        CHECK_EQ(iommu_dom_create(&doms[0], 0), ST_NOSPACE);
    }
    fake_pmm.budget = ~0ull;
    CHECK_EQ(iommu_dom_create(&doms[0], 0), ST_OK);
    end();
}

/* ---- every store of attach and detach ---- */
struct watch { uint64_t stores; uint64_t reached; uint64_t blocked; bool after; };

/* A device that hammers: it is blocked, or it reaches just its page. */
static void on_store(void *ctx, uint64_t addr)
{
    struct watch *w = ctx;
    uint64_t pa = 0;
    (void)addr;
    w->stores++;
    vtd_model_forget(&m);                                  /* caches may be empty at any time */
    unsigned reason = vtd_model_dma(&m, bdf_rid(nic), 0x5000, true, &pa);
    CHECK(reason == 0 || reason == 1 || reason == 2);
    CHECK(reason != 0 || pa == 0x40005000);
    w->reached += reason == 0;
    w->blocked += reason != 0;
    CHECK(vtd_model_dma(&m, bdf_rid(nic), 0x200000, true, &pa) != 0);
    unsigned other = vtd_model_dma(&m, bdf_rid(disk), 0, true, &pa);
    CHECK(w->after ? other == 0 && pa == 0x60000000 : other != 0);
}

static void test_each_store(uint64_t cap, uint64_t ecap, bool neighbour)
{
    struct iommu_dom a, b;
    start(cap | VM_CAP_NFR(1), ecap);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_create(&b, 2), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_dom_map(&b, (iova_t){ 0 }, (hpa_t){ 0x60000000 }, M2, PT_R | PT_W), ST_OK);
    if (neighbour)
        CHECK_EQ(iommu_attach(&b, disk), ST_OK);
    struct watch w = { .after = neighbour };
    storelog_start(on_store, &w);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    storelog_stop();
    CHECK(w.stores >= 4 && w.blocked >= 1);               /* root or context words, descriptors */
    CHECK(w.reached > 0);
    w = (struct watch){ .after = neighbour };
    storelog_start(on_store, &w);
    CHECK_EQ(iommu_detach(&a, nic), ST_OK);
    storelog_stop();
    /* not snooping: reached until the flush of both words */
    CHECK(w.blocked > 0 && w.reached <= (ecap & VM_ECAP_C ? 0 : 2));
    end();
}

/* While caches hold the old entry, detach must not return before it is gone. */
static void test_stale(void)
{
    struct iommu_dom a;
    uint64_t pa;
    start(VM_CAP_QEMU, VM_ECAP_QEMU | VM_ECAP_C);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    CHECK_EQ(m.ctx[bdf_rid(nic)].state, 1);               /* the model does cache */
    m.slow_us = 500;
    CHECK_EQ(iommu_detach(&a, nic), ST_OK);
    CHECK(dma(nic, 0, true, &pa) != 0);
    for (unsigned i = 0; i < VM_TLB; i++)
        CHECK(!m.tlb[i].valid);                            /* translations too, before it returned */
    CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    end();
}

/* A unit that stops answering: quarantine, and nothing is given back. */
static void test_detach_timeout(unsigned kind)
{
    struct iommu_dom a;
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2 + K4, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    uint64_t pages = fake_pmm.in_use, frees = fake_pmm.frees, before = fake_hw.now_us;
    if (kind == 0)
        m.dead_queue = true;
    else if (kind == 1)
        m.deaf_wait = true;
    else if (kind == 2)
        m.gone = true;
    else
        m.iqe_forever = true;
    CHECK_EQ(iommu_detach(&a, nic), ST_TIMEOUT);
    CHECK(fake_hw.now_us - before < 500000);
    CHECK_EQ(a.attached, 1);
    CHECK_EQ(iommu_dom_destroy(&a), ST_BUSY);
    CHECK_EQ(iommu_dom_unmap(&a, (iova_t){ M2 }, K4), ST_TIMEOUT);
    CHECK_EQ(fake_pmm.in_use, pages);
    CHECK_EQ(fake_pmm.frees, frees);
    CHECK_EQ(iommu_attach(&a, disk), ST_TIMEOUT);         /* fails at once from now on */
    CHECK_EQ(iommu_attach(&a, nic), ST_BUSY);
    struct info_iommu info;
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(info.status, ST_TIMEOUT);
    CHECK(strstr(info.reason, "does not confirm an invalidation") != NULL);
    CHECK(fake_log_has("does not confirm an invalidation"));
    struct irte_run h;
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_TIMEOUT);
    vtd_model_free(&m);
}

/* The unit is done with: what was not confirmed stays in the books, nothing is given back or given out any more. */
static void is_dead(struct iommu_dom *dom, uint64_t frees)
{
    struct irte_run h;
    CHECK_EQ(dom->attached, 1);
    CHECK_EQ(iommu_attach(dom, nic), ST_BUSY);
    CHECK_EQ(iommu_detach(dom, nic), ST_TIMEOUT);
    CHECK_EQ(iommu_dom_destroy(dom), ST_BUSY);
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_TIMEOUT);
    CHECK_EQ(fake_pmm.frees, frees);
    CHECK(fake_log_has("FSTS"));
    vtd_model_free(&m);
}

/* One error of the queue ends the unit; so does one kind of descriptor that is refused. */
static void test_queue_error(bool refused)
{
    struct iommu_dom a;
    uint64_t pa;
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    if (refused)
        m.refuse_type = 2;
    else
        m.ite_next = 1;
    uint64_t frees = fake_pmm.frees;
    CHECK_EQ(iommu_detach(&a, nic), ST_TIMEOUT);
    CHECK(dma(nic, 0, true, &pa) != 0);
    is_dead(&a, frees);
}

/* Neither the attachment nor its undoing was confirmed: a cached entry may still lead into the tables. */
static void test_attach_refused(void)
{
    struct iommu_dom a;
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    uint64_t frees = fake_pmm.frees;
    m.refuse_type = 1;
    CHECK_EQ(iommu_attach(&a, nic), ST_TIMEOUT);
    is_dead(&a, frees);
}

/* What cannot be confirmed is not given back. */
static void test_destroy_dead(void)
{
    struct iommu_dom a;
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(iommu_detach(&a, nic), ST_OK);
    uint64_t frees = fake_pmm.frees;
    m.dead_queue = true;
    CHECK_EQ(iommu_dom_destroy(&a), ST_TIMEOUT);
    CHECK_EQ(fake_pmm.frees, frees);
    vtd_model_free(&m);
}

static void test_no_memory(void)
{
    struct iommu_dom a;
    uint64_t pa;
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    fake_pmm.budget = 0;
    CHECK_EQ(iommu_attach(&a, nic), ST_NOSPACE);
    CHECK_EQ(a.attached, 0);
    fake_pmm.budget = ~0ull;
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    uint64_t pages = fake_pmm.in_use;
    fake_pmm.budget = 1;                                  /* a failed map of a live domain leaves nothing */
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 8 * M2 + K4 }, (hpa_t){ 0x40000000 }, 2 * M2, PT_R), ST_NOSPACE);
    fake_pmm.budget = ~0ull;
    CHECK_EQ(fake_pmm.in_use, pages);
    CHECK_EQ(dma(nic, 9 * M2, false, &pa), 6);
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    /* the table of slots is bounded */
    for (unsigned i = 1; i < 64; i++)
        CHECK_EQ(iommu_attach(&a, bdf_make(9, i / 8, i % 8)), ST_OK);
    CHECK_EQ(iommu_attach(&a, bdf_make(10, 0, 0)), ST_NOSPACE);
    end();
}

/* Functions known at start: attach needs no memory any more. */
static void test_prepared(void)
{
    struct iommu_dom a;
    rig_reset();
    rig_function(3, 5, 0);
    CHECK_EQ(rig_start(&m, VM_CAP_QEMU, VM_ECAP_QEMU), ST_OK);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    fake_pmm.budget = 0;
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    end();
}

/* With SC everywhere leaves force snooping; the model refuses the bit where SC is missing. */
static void test_snoop(void)
{
    struct iommu_dom a;
    uint64_t pa;
    start(VM_CAP_QEMU, VM_ECAP_QEMU | VM_ECAP_SC);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ M2 }, M2 + K4, PT_R | PT_W), ST_OK);
    uint64_t *table = a.pt.root;             /* M2 is the one small page: entry 1 of level 2, then entry 0 */
    for (unsigned level = a.pt.levels; level > 1; level--)
        table = pmm_va((hpa_t){ table[level == 2] & ~0xfffull });
    CHECK_EQ(table[0] & ~0xfffull, 2 * M2);
    CHECK_EQ(table[0] & 0x800, 0x800);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(dma(nic, M2, true, &pa), 0);
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    end();
}

/* Requests of what is behind a bridge carry the bridge's id, or that of function 0 of its bus: all of them lead to the
 * owner's memory, for one guest, and all are blocked at the end. `attached` counts the ids. */
static void test_aliases(unsigned type, uint16_t alias, unsigned ids)
{
    struct iommu_dom a, b;
    struct irte_run run;
    const struct bdf one = bdf_make(4, 1, 0), two = bdf_make(4, 2, 0);
    uint64_t pa;
    rig_reset();
    rig_bridge(0, 0x1c, 0, 4, 4);
    rig_function(4, 1, 0);
    rig_function(4, 2, 0);
    rig_topology(type);
    CHECK_EQ(rig_start(&m, VM_CAP_QEMU, VM_ECAP_QEMU), ST_OK);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_create(&b, 2), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_dom_map(&b, (iova_t){ 0 }, (hpa_t){ 0x60000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_attach(&a, one), ST_OK);
    CHECK_EQ(a.attached, ids);
    CHECK_EQ(dma(one, 0x1000, true, &pa), 0);
    CHECK_EQ(dma(bdf_of_rid(alias), 0x1000, true, &pa), 0);
    CHECK_EQ(pa, 0x40001000);
    CHECK_EQ(iommu_attach(&a, one), ST_BUSY);
    CHECK_EQ(iommu_irte_alloc(one, 1, 0, &run), ST_OK);
    CHECK_EQ(run.rid, alias);
    CHECK_EQ(iommu_irte_free(&run), ST_OK);
    /* another guest gets nothing, by none of the ids */
    if (ids > 1) {
        CHECK_EQ(iommu_attach(&b, two), ST_BUSY);
        CHECK_EQ(b.attached, 0);
        CHECK(dma(two, 0x1000, true, &pa) != 0);
    }
    CHECK_EQ(iommu_attach(&a, two), ST_OK);
    CHECK_EQ(iommu_detach(&a, one), ST_OK);
    CHECK(dma(one, 0x1000, true, &pa) != 0);
    CHECK_EQ(dma(bdf_of_rid(alias), 0x1000, true, &pa) == 0, ids > 1);       /* the neighbour's still */
    CHECK_EQ(iommu_detach(&a, two), ST_OK);
    CHECK(dma(bdf_of_rid(alias), 0x1000, true, &pa) != 0);
    CHECK_EQ(a.attached, 0);
    CHECK_EQ(iommu_attach(&b, two), ST_OK);
    CHECK_EQ(dma(bdf_of_rid(ids > 1 ? alias : bdf_rid(two)), 0x1000, true, &pa), 0);
    CHECK_EQ(pa, 0x60001000);
    CHECK_EQ(iommu_detach(&b, one), ST_NOTFOUND);
    CHECK_EQ(iommu_detach(&b, two), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&b), ST_OK);
    end();
}

/* A chain of bridges that is longer than what is kept: no unit covers it. */
static void test_alias_chain(void)
{
    struct iommu_dom a;
    rig_reset();
    for (unsigned i = 0; i < 5; i++)
        rig_bridge(i, 1, 0, (uint8_t)(i + 1), 5);
    for (unsigned i = 3; i <= 5; i++)
        rig_function(i, 2, 0);
    rig_topology(0);
    CHECK_EQ(rig_start(&m, VM_CAP_QEMU, VM_ECAP_QEMU), ST_OK);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_attach(&a, bdf_make(3, 2, 0)), ST_OK);
    CHECK_EQ(a.attached, 4);
    CHECK_EQ(iommu_detach(&a, bdf_make(3, 2, 0)), ST_OK);
    CHECK_EQ(iommu_unit_of(bdf_make(4, 2, 0)), ~0u);
    CHECK_EQ(iommu_attach(&a, bdf_make(4, 2, 0)), ST_NOIOMMU);
    CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    end();
}

static void test_emergency(void)
{
    struct iommu_dom a;
    uint64_t pa;
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ M2 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    iommu_emergency_block();
    CHECK_EQ(dma(nic, 0, true, &pa), 1);
    end();
}

int main(void)
{
    test_life(VM_CAP_QEMU, VM_ECAP_QEMU);
    test_life(VM_CAP_QEMU39, VM_ECAP_QEMU);
    test_life(VM_CAP_QEMU, VM_ECAP_QEMU | VM_ECAP_C);
    test_life(VM_CAP_QEMU | VM_CAP_CM, VM_ECAP_QEMU);
    test_life(VM_CAP_QEMU | VM_CAP_RWBF, VM_ECAP_QEMU | VM_ECAP_C);
    test_life(VM_CAP_QEMU & ~(0xfull << 34), VM_ECAP_QEMU);
    test_again();
    test_arguments();
    test_ids();
    for (unsigned i = 0; i < 4; i++)
        test_each_store(VM_CAP_QEMU, VM_ECAP_QEMU | (i & 1 ? VM_ECAP_C : 0), i & 2);
    test_stale();
    for (unsigned kind = 0; kind < 4; kind++)
        test_detach_timeout(kind);
    test_queue_error(false);
    test_queue_error(true);
    test_attach_refused();
    test_destroy_dead();
    test_no_memory();
    test_prepared();
    test_snoop();
    test_aliases(7, 0x0400, 2);
    test_aliases(0, 0x00e0, 2);
    test_aliases(8, 0x00e0, 2);
    test_aliases(4, 0x0408, 1);
    test_alias_chain();
    test_emergency();
    return unit_done();
}
