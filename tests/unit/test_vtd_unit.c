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
/* Bring-up of units: the good way, take-over from firmware, and units that are dead, slow or lie. */
#include "drivers/iommu/iommu.h"

#include "kernel/arch/hw.h"
#include "kernel/mm/pmm.h"
#include "tests/unit/fake/kmap.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/fake/vtd_rig.h"
#include "tests/unit/unit.h"

static struct vtd_model m, m2;
static char reason[96];

static void check_blocked(struct vtd_model *u)
{
    uint64_t pa;
    for (unsigned bus = 0; bus < 256; bus++)
        for (unsigned devfn = 0; devfn < 256; devfn += 85)
            CHECK_EQ(vtd_model_dma(u, (uint16_t)(bus << 8 | devfn), 0x1000, true, &pa), 1);
    CHECK_EQ(u->passed, 0);
}

static void check_clean(const struct vtd_model *u)
{
    CHECK_EQ(u->narrow, 0);
    CHECK_EQ(u->aborts, 0);
    CHECK_EQ(u->bad_writes, 0);
    CHECK_EQ(u->windows, 0);
    CHECK_EQ(u->ir_ended, 0);
    CHECK_EQ(u->unchecked, 0);
}

static void test_good(uint64_t cap, uint64_t ecap)
{
    struct info_iommu info;
    rig_reset();
    CHECK_EQ(rig_start(&m, cap, ecap), ST_OK);
    CHECK_EQ(m.gsts, 0xc7000000);                  /* TES RTPS QIES IRES IRTPS, CFIS off */
    check_blocked(&m);
    check_clean(&m);
    CHECK(iommu_has_ir());
    CHECK_EQ(iommu_vendor(), IOMMU_VTD);
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(info.status, ST_OK);
    CHECK_EQ(info.base, RIG_BASE0);
    CHECK_EQ(info.translation && info.ir, 1);
    CHECK_EQ(info.address_bits, cap == VM_CAP_QEMU39 ? 39 : 48);
    CHECK_EQ(info.page_sizes, 7);
    CHECK_EQ(info.domains, 65536);
    CHECK(!iommu_unit_info(1, &info));
    CHECK_EQ(m.irta & 0xf, 11);
    CHECK_EQ(m.irta & 0x800, 0);                   /* host in xAPIC mode */
    CHECK((cap & VM_CAP_RWBF) == 0 || m.wbf > 0);
    vtd_model_free(&m);
}

static void test_eime(void)
{
    rig_reset();
    rig.apic_base |= 0x400;
    CHECK_EQ(rig_start(&m, VM_CAP_QEMU, VM_ECAP_QEMU | VM_ECAP_EIM), ST_OK);
    CHECK_EQ(m.irta & 0x800, 0x800);
    vtd_model_free(&m);
    rig_reset();
    rig.apic_base |= 0x400;                        /* x2APIC host, unit without EIM: 8-bit format */
    CHECK_EQ(rig_start(&m, VM_CAP_QEMU, VM_ECAP_QEMU), ST_OK);
    CHECK_EQ(m.irta & 0x800, 0);
    vtd_model_free(&m);
}

/* Firmware left everything on, with its own queue and protected memory. */
static void test_takeover(uint64_t slow)
{
    uint64_t pa;
    rig_reset();
    rig_dmar(5);
    rig_drhd(RIG_BASE0, true, 0);
    vtd_model_init(&m, RIG_BASE0, VM_CAP_QEMU | VM_CAP_PMR | VM_CAP_NFR(4), VM_ECAP_QEMU);
    uint64_t *old = pmm_alloc();
    m.root = m.rtaddr = pmm_pa(old).v;
    m.iqa = pmm_pa(old).v;
    m.irt = m.irta = pmm_pa(old).v;
    m.iqh = m.iqt = 0x40;
    m.gsts = 0xc7800000;                           /* CFI too */
    m.pmen = 0x80000001;
    m.slow_us = slow;
    m.iec[0].valid = true;
    m.iec[0].lo = 0x410001;
    m.iec[0].hi = 0x40018;
    vtd_model_fault(&m, 0x18, 5, 0x1000, true);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(m.gsts, 0xc7000000);
    CHECK_EQ(m.windows, 0);
    CHECK_EQ(m.pmen, 0);
    struct irte_run h;
    CHECK_EQ(iommu_irte_alloc(bdf_make(0, 3, 0), 1, 0, &h), ST_OK);
    struct vm_intr in;
    CHECK_EQ(vtd_model_msi(&m, 0x18, 0xfee00010, 0, &in), 0x22);   /* firmware's entry is forgotten */
    CHECK_EQ(iommu_fault_irq(), 1);                 /* that one; firmware's record is gone */
    CHECK(m.root != pmm_pa(old).v && m.iqa != pmm_pa(old).v && m.irt != pmm_pa(old).v);
    pmm_free(old);                                 /* any use of the old tables would end the test */
    CHECK_EQ(vtd_model_dma(&m, 0x10, 0, false, &pa), 1);
    CHECK(fake_log_has("firmware left translation on"));
    CHECK(fake_log_has("protected memory on"));
    check_clean(&m);
    vtd_model_free(&m);
}

static void test_takeover_protected_only(void)
{
    uint64_t pa;
    rig_reset();
    rig_dmar(5);
    rig_drhd(RIG_BASE0, true, 0);
    vtd_model_init(&m, RIG_BASE0, VM_CAP_QEMU | VM_CAP_PMR, VM_ECAP_QEMU);
    m.pmen = 0x80000001;
    CHECK_EQ(vtd_model_dma(&m, 0x10, 0, false, &pa), 0xff);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(m.pmen, 0);
    CHECK_EQ(m.windows, 0);                        /* translation was on first */
    CHECK_EQ(vtd_model_dma(&m, 0x10, 0, false, &pa), 1);
    vtd_model_free(&m);
}

/* Firmware's queue stands still with an error: taken over all the same when it can be stopped. */
static void test_takeover_queue_error(void)
{
    rig_reset();
    rig_dmar(5);
    rig_drhd(RIG_BASE0, true, 0);
    vtd_model_init(&m, RIG_BASE0, VM_CAP_QEMU, VM_ECAP_QEMU | VM_ECAP_C);
    uint64_t *old = pmm_alloc();
    m.iqa = pmm_pa(old).v;
    m.iqt = 0x10;                                  /* one descriptor of type 0: never valid */
    m.gsts = 0x04000000;
    m.fsts = 0x10;
    m.halted = true;
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_TIMEOUT);
    CHECK(strstr(reason, "queue does not stop") != NULL);
    vtd_model_free(&m);
}

/* One injected fault each, what init says, and that nothing can be attached after it. */
static void refused(status_t want, const char *part)
{
    struct iommu_dom dom;
    struct irte_run h;
    struct info_iommu info;
    CHECK_EQ(iommu_init(&rig.boot, reason), want);
    CHECK(strstr(reason, part) != NULL);
    if (!strstr(reason, part))
        printf("    reason \"%s\"\n", reason);
    CHECK(fake_log_has(part));
    CHECK(!iommu_has_ir());
    CHECK_EQ(iommu_unit_of(bdf_make(0, 3, 0)), ~0u);
    CHECK_EQ(iommu_dom_create(&dom, 1), ST_NOIOMMU);
    CHECK_EQ(iommu_irte_alloc(bdf_make(0, 3, 0), 1, 0, &h), ST_NOIOMMU);
    CHECK_EQ(h.count, 0);
    CHECK_EQ(iommu_fault_route(0, 0x31), ST_NOIOMMU);
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(info.status, want);
    CHECK_STR(info.reason, reason);
    iommu_emergency_block();
    (void)iommu_fault_irq();
    vtd_model_free(&m);
}

static void prepare(uint64_t cap, uint64_t ecap)
{
    rig_reset();
    rig_dmar(1);
    rig_drhd(RIG_BASE0, true, 0);
    vtd_model_init(&m, RIG_BASE0, cap, ecap);
}

static void test_missing(void)
{
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU & ~0x2ull);
    refused(ST_UNSUPP, "no queued invalidation");
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU & ~0x8ull);
    refused(ST_NOIR, "cannot remap interrupts (ECAP.IR = 0)");
    CHECK_EQ(m.gsts, 0xc4000000);                  /* DMA is blocked all the same */
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    rig.dmar[37] = 0;
    refused(ST_NOIR, "platform cannot remap interrupts");
    CHECK_EQ(m.gsts & 0x80000000, 0x80000000);
    prepare(VM_CAP_QEMU & ~0x1f00ull, VM_ECAP_QEMU);
    refused(ST_UNSUPP, "CAP.SAGAW");
    prepare((VM_CAP_QEMU & ~0x1f00ull) | 0x100, VM_ECAP_QEMU);
    refused(ST_UNSUPP, "CAP.SAGAW");
}

static void test_lies(void)
{
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.gone = true;
    refused(ST_HW, "no unit answers");
    prepare(0, 0);
    m.version = 0;
    refused(ST_HW, "no unit answers");
    prepare(VM_CAP_QEMU | 7, VM_ECAP_QEMU);
    refused(ST_CORRUPT, "CAP.ND");
    prepare(VM_CAP_QEMU & ~(0x3ffull << 24), VM_ECAP_QEMU);
    refused(ST_CORRUPT, "CAP.FRO");
    prepare(VM_CAP_QEMU | 0x3ffull << 24, VM_ECAP_QEMU);     /* far away: cannot be mapped here */
    refused(ST_NOSPACE, "registers cannot be mapped");
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.lose_rtaddr = true;
    refused(ST_HW, "root table address");
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.lose_iqa = true;
    refused(ST_TIMEOUT, "queue does not start");
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.lose_irta = true;
    refused(ST_HW, "interrupt remapping does not come on");
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.stuck_set = 0x00800000;                      /* compatibility interrupts cannot be turned off */
    refused(ST_HW, "interrupt remapping does not come on");
    for (unsigned bit = 0; bit < 5; bit++) {
        static const struct { uint32_t bit; status_t st; const char *part; } stuck[] = {
            { 0x80000000, ST_TIMEOUT, "translation does not come on" },
            { 0x40000000, ST_TIMEOUT, "does not take its root table" },
            { 0x04000000, ST_TIMEOUT, "queue does not start" },
            { 0x02000000, ST_TIMEOUT, "interrupt remapping does not come on" },
            { 0x01000000, ST_TIMEOUT, "interrupt remapping does not come on" },
        };
        prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
        m.stuck_clear = stuck[bit].bit;
        refused(stuck[bit].st, stuck[bit].part);
    }
    prepare(VM_CAP_QEMU | VM_CAP_RWBF, VM_ECAP_QEMU);
    m.stuck_set = 0x08000000;
    refused(ST_TIMEOUT, "write buffer");
    prepare(VM_CAP_QEMU | VM_CAP_PMR, VM_ECAP_QEMU);
    m.stuck_prs = true;
    m.pmen = 0x80000001;
    refused(ST_TIMEOUT, "protected memory does not end");
}

static void test_dead(void)
{
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.dead = true;
    uint64_t before = fake_hw.now_us;
    refused(ST_TIMEOUT, "queue does not start");
    CHECK(fake_hw.now_us - before < 1000000);      /* bounded */
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.dead_queue = true;
    refused(ST_TIMEOUT, "does not confirm an invalidation");
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.deaf_wait = true;
    refused(ST_TIMEOUT, "does not confirm an invalidation");
    CHECK_EQ(m.gsts & 0x80000000, 0);              /* not on, so not claimed to be */
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.gone_on = 0x80000000;                        /* goes away when translation comes on */
    refused(ST_TIMEOUT, "translation does not come on");
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.gone_on = 0x40000000;
    refused(ST_TIMEOUT, "does not take its root table");
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.ccmd = 1ull << 63;
    refused(ST_TIMEOUT, "queue does not start");
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.iqe_forever = true;
    refused(ST_TIMEOUT, "does not confirm an invalidation");
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.slow_us = 400;                               /* slow is fine */
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(m.bad_writes, 0);                     /* no command while one is under way */
    check_blocked(&m);
    vtd_model_free(&m);
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    m.slow_us = 10000000;                          /* this slow is dead */
    refused(ST_TIMEOUT, "does not start");
}

static void test_queue_errors(void)
{
    for (unsigned kind = 0; kind < 3; kind++) {
        prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
        if (kind == 0)
            m.iqe_next = 1;
        else if (kind == 1)
            m.ice_next = 1;
        else
            m.ite_next = 1;
        refused(ST_TIMEOUT, "does not confirm an invalidation");
        CHECK(fake_log_has("FSTS"));
    }
}

static void test_no_memory(void)
{
    unsigned good = 0;
    for (uint64_t budget = 0; budget < 24; budget++) {
        prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
        fake_pmm.budget = budget;
        status_t st = iommu_init(&rig.boot, reason);
        CHECK(st == ST_OK || st == ST_NOSPACE);
        CHECK(st == ST_OK || reason[0] != 0);
        good += st == ST_OK;
        vtd_model_free(&m);
    }
    CHECK_EQ(good, 24 - 19);                       /* root 1, queue 2, interrupt table 16 */
    prepare(VM_CAP_QEMU, VM_ECAP_QEMU);
    fake_kmap.fail_after = 2;
    refused(ST_NOSPACE, "registers cannot be mapped");
    fake_kmap.fail_after = 0;
}

/* Two units; the second fails: the machine is refused, the first blocks all the same. */
static void test_second_fails(void)
{
    rig_reset();
    rig_dmar(1);
    rig_drhd(RIG_BASE0, false, 0);
    rig_scope(1, 0, 0, 1, 2, 0);
    rig_drhd(RIG_BASE1, true, 0);
    vtd_model_init(&m, RIG_BASE0, VM_CAP_QEMU, VM_ECAP_QEMU & ~0x8ull);
    vtd_model_init(&m2, RIG_BASE1, VM_CAP_QEMU, VM_ECAP_QEMU);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_NOIR);
    CHECK(strstr(reason, "unit 0") != NULL);
    CHECK_EQ(m.gsts & 0x80000000, 0x80000000);
    CHECK_EQ(m2.gsts, 0xc5000000);                 /* interrupts pass again: the kernel's own are not remapped */
    check_blocked(&m);
    check_blocked(&m2);
    struct vm_intr in;
    CHECK_EQ(vtd_model_msi(&m2, 0xff00, 0xfee00000, 0x41, &in), 0);
    CHECK_EQ(in.vector, 0x41);
    vtd_model_free(&m);
    vtd_model_free(&m2);
}

int main(void)
{
    test_good(VM_CAP_QEMU, VM_ECAP_QEMU);
    test_good(VM_CAP_QEMU39, VM_ECAP_QEMU);
    test_good(VM_CAP_QEMU, VM_ECAP_QEMU | VM_ECAP_C);
    test_good(VM_CAP_QEMU | VM_CAP_CM, VM_ECAP_QEMU);
    test_good(VM_CAP_QEMU | VM_CAP_RWBF, VM_ECAP_QEMU | VM_ECAP_C);
    test_good(VM_CAP_QEMU | VM_CAP_NFR(8), VM_ECAP_QEMU);
    test_eime();
    test_takeover(0);
    test_takeover(300);
    test_takeover_protected_only();
    test_takeover_queue_error();
    test_missing();
    test_lies();
    test_dead();
    test_queue_errors();
    test_no_memory();
    test_second_fails();
    return unit_done();
}
