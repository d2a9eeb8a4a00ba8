/* SPDX-License-Identifier: BSD-2-Clause */
/* A life of a unit of either vendor and of one guest behind it, and what must hold whatever the unit does. */
#pragma once

#include "tests/unit/fake/either.h"

#define LIFE_LEN  0x200000ull
#define LIFE_PA   0x40000000ull

enum step { INIT, MAP, ATTACH, ALLOC, SET, FAULT, FREE, DETACH, DESTROY, STEPS };
static const struct bdf life_nic = { 0, 3, 0x28 }, life_disk = { 0, 3, 0x29 };
static struct {
    status_t st[STEPS];              /* of each step; ST_OK where it did not come to it */
    uint32_t found;                  /* fault records */
    bool cut;
    char reason[96];
    struct iommu_dom dom;
    struct irte_run run;
} life;

/* Nobody reaches memory, but the function what its domain maps, as long as the books say that it is attached. */
static void life_walls(void)
{
    static const uint64_t where[] = { 0x1000, LIFE_LEN - 8, LIFE_LEN, LIFE_PA, 0x100000, 0x8000000000, 0xfffffffffffff000 };
    const uint16_t rid[] = { bdf_rid(life_nic), bdf_rid(life_disk), 0x7700 };
    for (unsigned i = 0; i < ARRAY_LEN(where) * ARRAY_LEN(rid) * 2; i++) {
        const uint64_t at = where[i / 2 % ARRAY_LEN(where)];
        const uint16_t from = rid[i / 2 / ARRAY_LEN(where)];
        uint64_t pa;
        if (either_dma(from, at, i & 1, &pa) == 0)
            CHECK(life.dom.attached != 0 && from == rid[0] && at < LIFE_LEN && pa == LIFE_PA + at);
    }
    CHECK_EQ(either_passed() + either_windows(), 0);
}

/* Its interrupt arrives when the entry is on, and nobody else's does. */
static void life_interrupts(bool on)
{
    struct vm_intr in = { 0 };
    uint64_t addr;
    uint32_t data;
    iommu_irte_msi(&life.run, &addr, &data);
    CHECK((either_msi(life.run.rid, addr, data, &in) == 0) == on && (!on || (in.dest == 5 && in.vector == 0x41)));
    CHECK(either_msi(bdf_rid(life_disk), addr, data, &in) != 0);
    CHECK(either_msi(life.run.rid, 0xfee00000, 0xfd, &in) != 0);
}

/* The machine is refused: nothing can be given to a guest, and the reason is on the console and in `iommu`. */
static void life_refused(void)
{
    struct info_iommu info;
    CHECK(life.reason[0] != 0 && fake_log_has(life.reason));
    CHECK(!iommu_has_ir() && iommu_unit_of(life_nic) == ~0u);
    CHECK_EQ(iommu_dom_create(&life.dom, 1), ST_NOIOMMU);
    CHECK_EQ(iommu_attach(&life.dom, life_nic), ST_NOIOMMU);
    CHECK_EQ(iommu_irte_alloc(life_nic, 1, 0, &life.run), ST_NOIOMMU);
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(either_windows(), 0);
    if (either_translates())
        life_walls();
    iommu_emergency_block();
    (void)iommu_fault_irq();
}

/* One step; before(step) may break the unit first. */
static bool life_step(enum step step, void (*before)(enum step))
{
    static struct iommu_dom none;
    uint64_t pa;
    if (before)
        before(step);
    status_t *st = &life.st[step];
    switch (step) {
    case INIT: *st = iommu_init(&rig.boot, life.reason); break;
    case MAP:
        life.dom = none;
        *st = iommu_dom_create(&life.dom, 7);
        if (*st == ST_OK)
            *st = iommu_dom_map(&life.dom, (iova_t){ 0 }, (hpa_t){ LIFE_PA }, LIFE_LEN, PT_R | PT_W);
        break;
    case ATTACH: *st = iommu_attach(&life.dom, life_nic); break;
    case ALLOC: *st = iommu_irte_alloc(life_nic, 1, 0, &life.run); break;
    case SET: *st = iommu_irte_set(&life.run, 0, 5, 0x41, false); break;
    case FAULT:
        for (unsigned i = 0; i < 66; i++) {
            struct info_fault f;
            static uint64_t seq;
            (void)either_dma(bdf_rid(life_nic), 0x10000000, true, &pa);
            life.found += iommu_fault_irq();
            for (; iommu_fault_get(seq, &f); seq = f.seq + 1)
                life.cut |= f.cut != 0;
        }
        break;
    case FREE: *st = iommu_irte_free(&life.run); break;
    case DETACH: *st = iommu_detach(&life.dom, life_nic); break;
    case DESTROY: *st = iommu_dom_destroy(&life.dom); break;
    case STEPS: break;
    }
    return *st == ST_OK;
}

/* All of it. What must hold whatever the unit does: no wait without an end, walls, and for each error a unit that says
 * why and that gets no further function. us: bound on the time of the fake clock. */
static void life_run(void (*before)(enum step), uint64_t us)
{
    struct info_iommu info;
    const uint64_t start = fake_hw.now_us;
    bool good = true;
    memset(&life, 0, sizeof life);
    if (!life_step(INIT, before)) {
        life_refused();
        CHECK(fake_hw.now_us - start < us);
        return;
    }
    CHECK(either_translates());
    life_walls();
    if (!life_step(MAP, before) && life.st[MAP] == ST_RANGE) {  /* its addresses are too short for this guest */
        CHECK_EQ(iommu_dom_destroy(&life.dom), ST_OK);
        return;
    }
    good &= life.st[MAP] == ST_OK;
    good &= life_step(ATTACH, before);
    CHECK((life.st[ATTACH] == ST_OK) <= (life.dom.attached == 1));
    life_walls();
    if (life_step(ALLOC, before)) {
        bool set = life_step(SET, before);
        if (set)
            life_interrupts(true);
        good &= set;
    } else {
        good = false;
    }
    (void)life_step(FAULT, before);
    if (life.cut) {                                            /* it says so: then it is */
        uint64_t pa;
        CHECK(either_dma(bdf_rid(life_nic), 0, false, &pa) != 0);
    }
    life_walls();
    if (life.st[ALLOC] == ST_OK) {
        good &= life_step(FREE, before);
        if (life.st[FREE] == ST_OK)
            life_interrupts(false);
    }
    good &= life_step(DETACH, before);
    CHECK((life.st[DETACH] == ST_OK || life.st[ATTACH] != ST_OK) || life.dom.attached == 1);
    life_walls();
    good &= life_step(DESTROY, before);
    CHECK(life.st[DESTROY] != ST_OK || life.dom.attached == 0);
    life_walls();                                              /* a walk into a freed page ends the test */
    CHECK(iommu_unit_info(0, &info));
    if (!good) {
        CHECK(info.status != ST_OK && info.reason[0] != 0 && fake_log_has(info.reason));
        struct iommu_dom next;
        if (iommu_dom_create(&next, 8) == ST_OK)
            CHECK(iommu_attach(&next, life_disk) != ST_OK);
        life_walls();
    }
    iommu_emergency_block();
    CHECK(fake_hw.now_us - start < us);
}

static inline bool life_was_good(void)
{
    for (unsigned i = 0; i < STEPS; i++)
        if (life.st[i] != ST_OK)
            return false;
    return true;
}
