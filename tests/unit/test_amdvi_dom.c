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
/* Domains, attach and detach on AMD-Vi: what a device reaches between any two stores, and what is confirmed. */
#include "drivers/iommu/iommu.h"

#include "kernel/arch/hw.h"
#include "kernel/mm/pmm.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/fake/storelog.h"
#include "tests/unit/fake/amdvi_rig.h"
#include "tests/unit/unit.h"

#define ABSENT  AM_FAULT                               /* + AM_F_RW for a write */
#define DENIED  (AM_FAULT | AM_F_PR | AM_F_PE)
#define K4 0x1000ull
#define M2 PAGE_2M

static struct amdvi_model m;
static const struct bdf nic = { 0, 3, 0x28 }, disk = { 0, 3, 0x29 };

static unsigned dma(struct bdf fn, uint64_t addr, bool write, uint64_t *pa)
{
    *pa = 0;
    return amdvi_model_dma(&m, bdf_rid(fn), addr, write, pa);
}

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

static void test_life(uint64_t efr, bool np)
{
    struct iommu_dom a, b;
    uint64_t pa;
    start(efr);
    m.np_cache = np;
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
    CHECK_EQ(dma(nic, 0x80002000, true, &pa), DENIED | AM_F_RW);   /* read-only */
    CHECK_EQ(dma(nic, 0x80003000, false, &pa), ABSENT);   /* beyond */
    CHECK_EQ(dma(nic, 4 * M2, true, &pa), ABSENT | AM_F_RW);
    CHECK_EQ(dma(nic, 1ull << 50, true, &pa), ABSENT | AM_F_RW);   /* no wrap (QEMU does) */
    CHECK_EQ(dma(disk, 0x1234, true, &pa), 0);
    CHECK_EQ(pa, 0x60001234);
    CHECK(dma((struct bdf){ 0, 3, 0x30 }, 0, true, &pa) != 0);   /* a neighbour on the same bus */
    CHECK_EQ(iommu_dom_destroy(&a), ST_BUSY);
    /* unmap while attached: gone at once, others stay */
    CHECK_EQ(iommu_dom_unmap(&a, (iova_t){ M2 }, M2), ST_OK);
    CHECK_EQ(dma(nic, M2, true, &pa), ABSENT | AM_F_RW);
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    CHECK_EQ(iommu_dom_unmap(&a, (iova_t){ 0x80000000 }, 3 * K4), ST_OK);
    CHECK_EQ(dma(nic, 0x80000000, false, &pa), ABSENT);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ M2 }, (hpa_t){ 0x70000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(dma(nic, M2, true, &pa), 0);                 /* also when absent pages are cached */
    CHECK_EQ(pa, 0x70000000);
    /* detach: blocked, and the other one is not touched */
    CHECK_EQ(iommu_detach(&b, nic), ST_NOTFOUND);
    CHECK_EQ(iommu_detach(&a, nic), ST_OK);
    CHECK_EQ(iommu_detach(&a, nic), ST_NOTFOUND);
    CHECK_EQ(a.attached, 0);
    CHECK_EQ(dma(nic, 0, true, &pa), DENIED | AM_F_RW);
    CHECK_EQ(dma(disk, 0, true, &pa), 0);
    CHECK_EQ(iommu_attach(&b, nic), ST_OK);               /* to another guest */
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    CHECK_EQ(pa, 0x60000000);
    CHECK_EQ(iommu_detach(&b, nic), ST_OK);
    CHECK_EQ(iommu_detach(&b, disk), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&b), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&b), ST_INVAL);
    CHECK_EQ(fake_pmm.in_use, before);
    end();
}

/* 1,000 times: no page, no id is lost. */
static void test_again(void)
{
    struct iommu_dom a;
    uint64_t pa;
    start(AM_EFR_QEMU);
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
    start(AM_EFR_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(a.pt.levels, 4);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 1ull << 48 }, (hpa_t){ 0 }, K4, PT_R), ST_RANGE);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ (1ull << 48) - K4 }, (hpa_t){ 0 }, 2 * K4, PT_R), ST_RANGE);
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

/* Domain ids never wrap, never zero; what does not become a domain leaves nothing. */
static void test_ids(void)
{
    static struct iommu_dom doms[257];
    unsigned made = 0;
    start(AM_EFR_QEMU);
    for (; made < 257; made++)
        if (iommu_dom_create(&doms[made], made) != ST_OK)
            break;
    CHECK_EQ(made, 255);
    uint64_t pages = fake_pmm.in_use;
    CHECK_EQ(iommu_dom_create(&doms[made], 0), ST_NOSPACE);
    CHECK(doms[made].domid == 0 && fake_pmm.in_use == pages);
    for (unsigned i = 0; i < made; i++)
        CHECK_EQ(doms[i].domid, i + 1);
    for (unsigned i = 0; i < made; i++)
        CHECK_EQ(iommu_dom_destroy(&doms[i]), ST_OK);
    fake_pmm.budget = 0;
    CHECK_EQ(iommu_dom_create(&doms[0], 0), ST_NOSPACE);
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
    amdvi_model_forget(&m);                                /* caches may be empty at any time */
    m.evt_head = m.evt_tail;                               /* nobody reads the log here */
    unsigned reason = amdvi_model_dma(&m, bdf_rid(nic), 0x5000, true, &pa);
    CHECK(reason == 0 || reason == (DENIED | AM_F_RW));
    CHECK(reason != 0 || pa == 0x40005000);
    w->reached += reason == 0;
    w->blocked += reason != 0;
    CHECK(amdvi_model_dma(&m, bdf_rid(nic), 0x200000, true, &pa) != 0);
    unsigned other = amdvi_model_dma(&m, bdf_rid(disk), 0, true, &pa);
    CHECK(w->after ? other == 0 && pa == 0x60000000 : other != 0);
}

static void test_each_store(bool neighbour)
{
    struct iommu_dom a, b;
    start(AM_EFR_QEMU);
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
    CHECK(w.stores >= 4 && w.blocked >= 1);               /* entry words, commands */
    CHECK(w.reached > 0);
    w = (struct watch){ .after = neighbour };
    storelog_start(on_store, &w);
    CHECK_EQ(iommu_detach(&a, nic), ST_OK);
    storelog_stop();
    CHECK(w.blocked > 0 && w.reached == 0);
    end();
}

/* While caches hold the old entry, detach must not return before it is gone. */
static void test_stale(void)
{
    struct iommu_dom a;
    uint64_t pa;
    start(AM_EFR_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    CHECK(m.dte[bdf_rid(nic)].valid && m.pde[0].valid == false);   /* the model does cache; no directory for 2M */
    m.slow_us = 500;
    CHECK_EQ(iommu_detach(&a, nic), ST_OK);
    CHECK(dma(nic, 0, true, &pa) != 0);
    for (unsigned i = 0; i < AM_CACHE; i++)
        CHECK(!m.tlb[i].valid);                            /* translations too, before it returned */
    CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    end();
}

/* A unit that stops answering: quarantine, and nothing is given back. */
static void test_detach_timeout(unsigned kind)
{
    struct iommu_dom a;
    start(AM_EFR_QEMU);
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
        m.dead = m.refuse_forever = true;                 /* stops at a command and does not start again */
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
    amdvi_model_free(&m);
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
    CHECK(fake_log_has("status"));
    amdvi_model_free(&m);
}

/* One error of the queue ends the unit; so does one kind of descriptor that is refused. */
static void test_queue_error(bool refused)
{
    struct iommu_dom a;
    uint64_t pa;
    start(AM_EFR_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    if (refused)
        m.refuse_op = 3;
    else
        m.refuse_next = 1;
    uint64_t frees = fake_pmm.frees;
    CHECK_EQ(iommu_detach(&a, nic), ST_TIMEOUT);
    CHECK(dma(nic, 0, true, &pa) != 0);
    is_dead(&a, frees);
}

/* Neither the attachment nor its undoing was confirmed: a cached entry may still lead into the tables. */
static void test_attach_refused(void)
{
    struct iommu_dom a;
    start(AM_EFR_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    uint64_t frees = fake_pmm.frees;
    m.refuse_op = 2;
    CHECK_EQ(iommu_attach(&a, nic), ST_TIMEOUT);
    is_dead(&a, frees);
}

/* What cannot be confirmed is not given back. */
static void test_destroy_dead(void)
{
    struct iommu_dom a;
    start(AM_EFR_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(iommu_detach(&a, nic), ST_OK);
    uint64_t frees = fake_pmm.frees;
    m.dead_queue = true;
    CHECK_EQ(iommu_dom_destroy(&a), ST_TIMEOUT);
    CHECK_EQ(fake_pmm.frees, frees);
    amdvi_model_free(&m);
}

static void test_no_memory(void)
{
    struct iommu_dom a;
    uint64_t pa;
    start(AM_EFR_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    fake_pmm.budget = 0;                                  /* an attachment never needs any */
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    uint64_t pages = fake_pmm.in_use;
    fake_pmm.budget = 1;                                  /* a failed map of a live domain leaves nothing */
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 8 * M2 + K4 }, (hpa_t){ 0x40000000 }, 2 * M2, PT_R), ST_NOSPACE);
    fake_pmm.budget = ~0ull;
    CHECK_EQ(fake_pmm.in_use, pages);
    CHECK_EQ(dma(nic, 9 * M2, false, &pa), ABSENT);
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    /* the table of slots is bounded */
    for (unsigned i = 1; i < 64; i++)
        CHECK_EQ(iommu_attach(&a, bdf_make(9, i / 8, i % 8)), ST_OK);
    CHECK_EQ(iommu_attach(&a, bdf_make(10, 0, 0)), ST_NOSPACE);
    end();
}

/* Small pages behind a cached directory: a flush that leaves directories would walk freed tables. */
static void test_directories(void)
{
    struct iommu_dom a;
    uint64_t pa;
    start(AM_EFR_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40001000 }, 4 * K4, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(dma(nic, K4, true, &pa), 0);
    CHECK(m.pde[0].valid);
    uint64_t pages = fake_pmm.in_use;
    CHECK_EQ(iommu_dom_unmap(&a, (iova_t){ 0 }, 4 * K4), ST_OK);
    CHECK(fake_pmm.in_use < pages);
    CHECK_EQ(dma(nic, K4, true, &pa), ABSENT | AM_F_RW);    /* a stale directory would end the test here */
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(dma(nic, K4, true, &pa), 0);
    CHECK_EQ(pa, 0x40001000);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ PAGE_1G }, (hpa_t){ PAGE_1G }, PAGE_1G, PT_R | PT_W), ST_OK);
    CHECK_EQ(dma(nic, PAGE_1G + 0x12345678, true, &pa), 0);
    CHECK_EQ(pa, PAGE_1G + 0x12345678);
    end();
}

/* Requests of what is behind a conventional bridge carry one id: its entry counts, and one guest owns them all. */
static void test_alias(void)
{
    struct iommu_dom a, b;
    const struct bdf one = bdf_make(4, 1, 0), two = bdf_make(4, 2, 0);
    const uint16_t alias = 0x0400;
    char reason[96];
    uint64_t pa;
    rig_reset();
    rig_ivrs();
    rig_ivhd(RIG_AMD0, 2, 0);
    RIG_RANGE(0x0003, 0x03ff);
    RIG_ALIAS(bdf_rid(one), alias);
    RIG_ALIAS(bdf_rid(two), alias);
    RIG_IOAPIC(0, 0xa0);
    amdvi_model_init(&m, RIG_AMD0, AM_EFR_QEMU);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_create(&b, 2), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_attach(&a, one), ST_OK);
    CHECK_EQ(amdvi_model_dma(&m, alias, 0x1000, true, &pa), 0);
    CHECK_EQ(pa, 0x40001000);
    CHECK(amdvi_model_dma(&m, bdf_rid(one), 0x1000, true, &pa) != 0);
    CHECK_EQ(iommu_attach(&b, two), ST_BUSY);             /* another guest */
    CHECK_EQ(iommu_attach(&a, one), ST_BUSY);
    CHECK_EQ(iommu_attach(&a, two), ST_OK);
    CHECK_EQ(a.attached, 2);
    CHECK_EQ(iommu_detach(&a, one), ST_OK);
    CHECK_EQ(amdvi_model_dma(&m, alias, 0x1000, true, &pa), 0);       /* the other one still is */
    CHECK_EQ(iommu_detach(&a, two), ST_OK);
    CHECK_EQ(amdvi_model_dma(&m, alias, 0x1000, true, &pa), DENIED | AM_F_RW);
    CHECK_EQ(iommu_attach(&b, two), ST_OK);
    CHECK_EQ(iommu_detach(&b, two), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    CHECK_EQ(iommu_dom_destroy(&b), ST_OK);
    end();
}

/* The table says nothing of the bridge: its ids are opened and blocked all the same. */
static void test_alias_untold(void)
{
    struct iommu_dom a;
    struct irte_run run;
    const struct bdf one = bdf_make(4, 1, 0);
    char reason[96];
    uint64_t pa;
    rig_reset();
    rig_bridge(0, 0x1c, 0, 4, 4);
    rig_function(4, 1, 0);
    rig_topology(7);
    rig_ivrs();
    rig_ivhd(RIG_AMD0, 2, 0);
    RIG_RANGE(0x0003, 0xffff);
    RIG_IOAPIC(0, 0xa0);
    amdvi_model_init(&m, RIG_AMD0, AM_EFR_QEMU);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_attach(&a, one), ST_OK);
    CHECK_EQ(amdvi_model_dma(&m, 0x0400, 0x1000, true, &pa), 0);
    CHECK_EQ(amdvi_model_dma(&m, bdf_rid(one), 0x1000, true, &pa), 0);
    CHECK_EQ(iommu_irte_alloc(one, 1, 0, &run), ST_OK);
    CHECK_EQ(run.rid, 0x0400);
    CHECK_EQ(iommu_irte_free(&run), ST_OK);
    CHECK_EQ(iommu_detach(&a, one), ST_OK);
    CHECK_EQ(amdvi_model_dma(&m, 0x0400, 0x1000, true, &pa), DENIED | AM_F_RW);
    CHECK_EQ(amdvi_model_dma(&m, bdf_rid(one), 0x1000, true, &pa), DENIED | AM_F_RW);
    CHECK_EQ(iommu_dom_destroy(&a), ST_OK);
    end();
}

/* FreeBSD bug 229852 for this vendor: units with different features, one domain; what it uses all have, what a
 * device uses its own unit has, and each flush reaches every unit that may know the domain. */
static void test_units_229852(unsigned count)
{
    static struct amdvi_model unit[4];
    static const uint64_t efr[4] = { 0, AM_EFR_QEMU, AM_EFR_QEMU | AM_EFR_XT, AM_EFR_IA };
    struct iommu_dom a;
    char reason[96];
    uint64_t pa;
    rig_reset();
    rig.apic_base |= 0x400;
    rig_ivrs();
    for (unsigned i = 0; i < count; i++) {
        rig_ivhd(RIG_AMD0 + 0x4000 * i, (uint16_t)(0x1000 * i + 2), i == 3);     /* the last in a segment of its own */
        RIG_RANGE((uint16_t)(0x1000 * i), (uint16_t)(0x1000 * i + 0xfff));
        if (i == 0)
            RIG_IOAPIC(0, 0xa0);
        amdvi_model_init(&unit[i], RIG_AMD0 + 0x4000 * i, efr[i]);
    }
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ 0x40000000 }, M2 + K4, PT_R | PT_W), ST_OK);
    for (unsigned i = 0; i < count; i++) {
        struct bdf fn = bdf_of_rid((uint16_t)(0x1000 * i + 0x100));
        struct irte_run run;
        fn.seg = i == 3;
        CHECK_EQ(iommu_unit_of(fn), i);
        CHECK_EQ(iommu_attach(&a, fn), ST_OK);
        CHECK_EQ(amdvi_model_dma(&unit[i], bdf_rid(fn), M2, true, &pa), 0);
        CHECK_EQ(iommu_irte_alloc(fn, 1, 0, &run), ST_OK);
        CHECK_EQ(iommu_irte_set(&run, 0, 300, 0x41, false), i == 2 ? ST_OK : ST_RANGE);   /* only that unit has XT */
        CHECK_EQ(iommu_irte_set(&run, 0, 3, 0x41, false), ST_OK);
    }
    CHECK_EQ(a.units, (1u << count) - 1);
    CHECK_EQ(iommu_dom_unmap(&a, (iova_t){ M2 }, K4), ST_OK);
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(amdvi_model_dma(&unit[i], (uint16_t)(0x1000 * i + 0x100), M2, true, &pa), ABSENT | AM_F_RW);
    unit[1].dead_queue = true;                            /* one dies: the domain stays, the others work */
    for (unsigned i = 0; i < count; i++) {
        struct bdf fn = bdf_of_rid((uint16_t)(0x1000 * i + 0x100));
        fn.seg = i == 3;
        CHECK_EQ(iommu_detach(&a, fn), i == 1 ? ST_TIMEOUT : ST_OK);
    }
    CHECK_EQ(iommu_dom_destroy(&a), ST_BUSY);
    for (unsigned i = 0; i < count; i++) {
        CHECK_EQ(unit[i].narrow + unit[i].bad_writes + unit[i].windows + unit[i].passed, 0);
        amdvi_model_free(&unit[i]);
    }
}

static void test_emergency(void)
{
    struct iommu_dom a;
    uint64_t pa;
    start(AM_EFR_QEMU);
    CHECK_EQ(iommu_dom_create(&a, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&a, (iova_t){ 0 }, (hpa_t){ M2 }, M2, PT_R | PT_W), ST_OK);
    CHECK_EQ(iommu_attach(&a, nic), ST_OK);
    CHECK_EQ(dma(nic, 0, true, &pa), 0);
    iommu_emergency_block();
    CHECK_EQ(dma(nic, 0, true, &pa), DENIED | AM_F_RW);
    end();
}

int main(void)
{
    test_life(AM_EFR_QEMU, false);
    test_life(AM_EFR_QEMU, true);
    test_life(0, false);
    test_again();
    test_arguments();
    test_ids();
    test_each_store(false);
    test_each_store(true);
    test_stale();
    for (unsigned kind = 0; kind < 4; kind++)
        test_detach_timeout(kind);
    test_queue_error(false);
    test_queue_error(true);
    test_attach_refused();
    test_destroy_dead();
    test_no_memory();
    test_directories();
    test_alias();
    test_alias_untold();
    test_units_229852(2);
    test_units_229852(4);
    test_emergency();
    return unit_done();
}
