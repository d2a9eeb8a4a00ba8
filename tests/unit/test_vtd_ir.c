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
/* Interrupt remapping: entries, source check, cache flush, message and pin formats, failures. */
#include "drivers/iommu/iommu.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/arch/hw.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/fake/storelog.h"
#include "tests/unit/fake/vtd_rig.h"
#include "tests/unit/unit.h"

static struct vtd_model m;
static const struct bdf nic = { 0, 3, 0x28 }, disk = { 0, 3, 0x29 };

static void start(uint64_t cap, uint64_t ecap)
{
    rig_reset();
    CHECK_EQ(rig_start(&m, cap, ecap), ST_OK);
}

static void end(void)
{
    CHECK_EQ(m.narrow + m.aborts + m.bad_writes + m.windows + m.unchecked, 0);
    vtd_model_free(&m);
}

/* What arrives when the function sends the message of the run with `add`; ~0 and the reason when blocked. */
static unsigned send(const struct irte_run *h, uint32_t add, struct bdf from, struct vm_intr *out)
{
    uint64_t addr;
    uint32_t data;
    *out = (struct vm_intr){ 0 };
    iommu_irte_msi(h, &addr, &data);
    return vtd_model_msi(&m, bdf_rid(from), addr, data | add, out);
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

static void test_one(uint64_t cap, uint64_t ecap, bool x2apic)
{
    struct irte_run h;
    struct vm_intr in;
    rig_reset();
    rig.apic_base |= x2apic ? 0x400 : 0;
    CHECK_EQ(rig_start(&m, cap, ecap), ST_OK);
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_OK);
    CHECK(h.count == 1 && bdf_eq(h.src, nic) && h.unit == 0);
    CHECK_EQ(send(&h, 0, nic, &in), 0x22);                  /* allocated blocked */
    CHECK_EQ(iommu_irte_set(&h, 0, 5, 0x41, false), ST_OK);
    CHECK_EQ(send(&h, 0, nic, &in), 0);
    CHECK_EQ(in.dest, 5);
    CHECK_EQ(in.vector, 0x41);
    CHECK(!in.level);
    CHECK_EQ(send(&h, 0, disk, &in), 0x26);                 /* somebody else's number */
    CHECK_EQ(vtd_model_msi(&m, bdf_rid(nic), 0xfee00000, 0x41, &in), 0x25);   /* old format */
    /* changed while live: confirmed in the unit, which had it cached */
    CHECK_EQ(iommu_irte_set(&h, 0, 9, 0x52, true), ST_OK);
    CHECK_EQ(send(&h, 0, nic, &in), 0);
    CHECK_EQ(in.dest, 9);
    CHECK_EQ(in.vector, 0x52);
    CHECK(in.level);
    CHECK_EQ(iommu_irte_set(&h, 0, 300, 0x53, false), x2apic && ecap & VM_ECAP_EIM ? ST_OK : ST_RANGE);
    CHECK_EQ(send(&h, 0, nic, &in), 0);
    CHECK_EQ(in.dest, x2apic && ecap & VM_ECAP_EIM ? 300 : 9);
    CHECK_EQ(iommu_irte_set(&h, 0, 1, 0x0f, false), ST_RANGE); /* no vector below 10h */
    CHECK_EQ(iommu_irte_block(&h, 0), ST_OK);
    CHECK_EQ(send(&h, 0, nic, &in), 0x22);
    CHECK_EQ(iommu_irte_set(&h, 0, 5, 0x41, false), ST_OK);
    struct irte_run copy = h;
    CHECK_EQ(iommu_irte_set(&h, 1, 5, 0x41, false), ST_INVAL); /* beyond its end */
    CHECK_EQ(iommu_irte_block(&h, 1), ST_INVAL);
    CHECK_EQ(iommu_irte_free(&h), ST_OK);
    CHECK_EQ(h.count, 0);
    CHECK_EQ(send(&copy, 0, nic, &in), 0x22);
    CHECK_EQ(iommu_irte_set(&h, 0, 5, 0x41, false), ST_INVAL);
    CHECK_EQ(iommu_irte_free(&h), ST_OK);                      /* nothing to free */
    CHECK(set_ends(&copy));                                    /* a stale run changes nothing */
    end();
}

/* MSI with several vectors: the device adds to the data, the unit to the handle. */
static void test_run(void)
{
    struct irte_run h, one, h2;
    struct vm_intr in;
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_irte_alloc(disk, 3, 0, &one), ST_OK);
    CHECK_EQ(iommu_irte_alloc(nic, 8, 0, &h), ST_OK);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(iommu_irte_set(&h, i, i, (uint8_t)(0x60 + i), false), ST_OK);
    for (uint32_t i = 0; i < 8; i++) {
        CHECK_EQ(send(&h, i, nic, &in), 0);
        CHECK_EQ(in.vector, 0x60 + i);
        CHECK_EQ(in.dest, i);
    }
    CHECK(send(&h, 8, nic, &in) != 0);                         /* beyond the run */
    struct irte_run before = h, more = h;
    before.first--;
    CHECK(set_ends(&before));                                  /* another function's entry */
    more.first += 8;
    CHECK(set_ends(&more));                                    /* nobody's */
    CHECK_EQ(iommu_irte_free(&h), ST_OK);
    CHECK_EQ(iommu_irte_alloc(nic, 4096, 0, &h2), ST_NOSPACE);
    CHECK_EQ(h2.count, 0);
    CHECK_EQ(iommu_irte_alloc(nic, 4097, 0, &h2), ST_NOSPACE);
    CHECK_EQ(iommu_irte_alloc(nic, 4093, 0, &h2), ST_OK);         /* all that is left */
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_NOSPACE);
    CHECK_EQ(iommu_irte_free(&h2), ST_OK);
    CHECK_EQ(iommu_irte_free(&one), ST_OK);
    for (unsigned i = 0; i < 5000; i++) {                      /* never wraps, never leaks */
        CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &h), ST_OK);
        CHECK_EQ(h.first, 0);
        CHECK_EQ(iommu_irte_free(&h), ST_OK);
    }
    end();
}

static void test_high_index(void)
{
    uint64_t addr;
    uint32_t data;
    struct irte_run h = { .src = nic, .first = 0x7123 };
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    iommu_irte_msi(&h, &addr, &data);
    CHECK_EQ(addr, 0xfee00000 | 0x7123 << 5 | 1 << 4 | 1 << 3);
    CHECK_EQ(data, 0);
    CHECK_EQ(iommu_irte_set(&h, 0, 0, 0x41, false), ST_INVAL);
    struct irte_run zero, stale;                            /* 00:00.0: its number is 0, like a free entry's */
    CHECK_EQ(iommu_irte_alloc(bdf_make(0, 0, 0), 1, 0, &zero), ST_OK);
    stale = zero;
    CHECK_EQ(iommu_irte_free(&zero), ST_OK);
    CHECK(set_ends(&stale));
    end();
}

static void test_ioapic(void)
{
    struct bdf src;
    struct irte_run h;
    struct vm_intr in;
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_ioapic_source(0, &src), ST_OK);
    CHECK_EQ(bdf_rid(src), 0xff00);
    CHECK_EQ(iommu_ioapic_source(1, &src), ST_NOTFOUND);
    CHECK_EQ(iommu_ioapic_source(0, &src), ST_OK);
    for (unsigned i = 0; i < 40; i++)
        CHECK_EQ(iommu_irte_alloc(src, 1, 0, &h), ST_OK);
    CHECK_EQ(iommu_irte_set(&h, 0, 2, 0x38, true), ST_OK);
    uint64_t rte = iommu_irte_rte(&h, 1 << 15 | 1 << 13 | 0x38);
    CHECK_EQ(rte, 39ull << 49 | 1ull << 48 | 1 << 15 | 1 << 13 | 0x38);
    CHECK_EQ(vtd_model_rte(&m, bdf_rid(src), rte, &in), 0);
    CHECK_EQ(in.dest, 2);
    CHECK(in.level);
    CHECK_EQ(vtd_model_rte(&m, bdf_rid(nic), rte, &in), 0x26);
    end();
}

/* ---- every store: old entry, new entry or blocked; never a mixture ---- */
struct watch { const struct irte_run *h; uint64_t stores, seen_old, seen_new, seen_none; };

static void on_store(void *ctx, uint64_t addr)
{
    struct watch *w = ctx;
    struct vm_intr in;
    (void)addr;
    vtd_model_forget(&m);
    unsigned reason = send(w->h, 0, nic, &in);
    w->stores++;
    if (reason != 0) {
        w->seen_none++;
        CHECK_EQ(reason, 0x22);
    } else if (in.vector == 0x41) {
        w->seen_old++;
        CHECK_EQ(in.dest, 3);
    } else {
        w->seen_new++;
        CHECK_EQ(in.dest, 4);
        CHECK_EQ(in.vector, 0x55);
    }
    CHECK(send(w->h, 0, disk, &in) != 0);
}

static void test_each_store(uint64_t ecap)
{
    struct irte_run h = { .first = 0 };
    start(VM_CAP_QEMU, ecap);
    struct watch w = { .h = &h };
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
    CHECK_EQ(iommu_irte_set(&h, 0, 4, 0x55, false), ST_OK);       /* no moment without the interrupt */
    storelog_stop();
    CHECK(w.seen_new > 0 && w.seen_none == 0);
    storelog_start(on_store, &w);
    CHECK_EQ(iommu_irte_free(&h), ST_OK);
    storelog_stop();
    CHECK(w.seen_none > 0);
    end();
}

static void test_unconfirmed(void)
{
    struct irte_run h, other;
    struct vm_intr in;
    start(VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_irte_alloc(nic, 2, 0, &h), ST_OK);
    CHECK_EQ(iommu_irte_set(&h, 0, 1, 0x41, false), ST_OK);
    m.dead_queue = true;
    CHECK_EQ(iommu_irte_set(&h, 0, 2, 0x42, false), ST_TIMEOUT);
    vtd_model_forget(&m);
    CHECK_EQ(send(&h, 0, nic, &in), 0x22);                  /* left blocked */
    CHECK_EQ(iommu_irte_block(&h, 0), ST_TIMEOUT);
    CHECK_EQ(iommu_irte_free(&h), ST_TIMEOUT);
    CHECK_EQ(h.count, 2);
    m.dead_queue = false;                                      /* too late: nothing is reused */
    CHECK_EQ(iommu_irte_alloc(nic, 1, 0, &other), ST_TIMEOUT);
    CHECK_EQ(other.count, 0);
    vtd_model_free(&m);
}

int main(void)
{
    test_one(VM_CAP_QEMU, VM_ECAP_QEMU, false);
    test_one(VM_CAP_QEMU, VM_ECAP_QEMU | VM_ECAP_C, true);
    test_one(VM_CAP_QEMU, VM_ECAP_QEMU | VM_ECAP_EIM, true);
    test_one(VM_CAP_QEMU, VM_ECAP_QEMU | VM_ECAP_EIM, false);
    test_one(VM_CAP_QEMU | VM_CAP_RWBF, VM_ECAP_QEMU | VM_ECAP_C, false);
    test_run();
    test_high_index();
    test_ioapic();
    test_each_store(VM_ECAP_QEMU);
    test_each_store(VM_ECAP_QEMU | VM_ECAP_C);
    test_unconfirmed();
    return unit_done();
}
