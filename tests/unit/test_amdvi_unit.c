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
/* Bring-up of AMD-Vi units: the good way, take-over from firmware, and units that are dead, slow or lie. */
#include "drivers/iommu/iommu.h"

#include "kernel/arch/hw.h"
#include "kernel/mm/pmm.h"
#include "tests/unit/fake/amdvi_rig.h"
#include "tests/unit/fake/kmap.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/unit.h"

#define ON       0x1ull
#define RINGS    0x1004ull                       /* queue and log */
#define COHERENT 0x400ull
#define GA       0x20000ull
#define XT       (1ull << 50)
#define RUN      0x18ull

static struct amdvi_model m, m2;
static char reason[96];

/* Memory access of every requester of the segment, also of those that no device has. Of a machine that is refused
 * interrupts pass: the kernel's own are not remapped. */
static void check_memory_blocked(struct amdvi_model *u, bool refused)
{
    uint64_t pa;
    struct vm_intr in;
    for (unsigned rid = 0; rid < 65536; rid += 85) {
        u->evt_head = u->evt_tail;
        CHECK_EQ(amdvi_model_dma(u, (uint16_t)rid, 0x1000, true, &pa), AM_FAULT | AM_F_PR | AM_F_PE | AM_F_RW);
        CHECK(!refused || (amdvi_model_msi(u, (uint16_t)rid, 0xfee00000, 0x41, &in) == 0 && in.vector == 0x41));
    }
    u->evt_head = u->evt_tail;
}

static void check_blocked(struct amdvi_model *u)
{
    struct vm_intr in;
    check_memory_blocked(u, false);
    for (unsigned rid = 0; rid < 65536; rid += 85) {
        u->evt_head = u->evt_tail;
        CHECK_EQ(amdvi_model_msi(u, (uint16_t)rid, 0xfee00000, 0x41, &in), AM_FAULT | AM_F_I);
        CHECK_EQ(amdvi_model_msi(u, (uint16_t)rid, 0xfee00000, 0x400, &in), AM_ABORT);      /* NMI */
    }
    u->evt_head = u->evt_tail;
    CHECK_EQ(u->passed, 0);
}

static void check_clean(const struct amdvi_model *u)
{
    CHECK_EQ(u->narrow, 0);
    CHECK_EQ(u->bad_writes, 0);
    CHECK_EQ(u->windows, 0);
}

static void test_good(uint64_t efr, bool x2apic)
{
    struct info_iommu info;
    rig_reset();
    rig.apic_base |= x2apic ? 0x400 : 0;
    CHECK_EQ(rig_start_amd(&m, efr), ST_OK);
    uint64_t xt = x2apic && efr & AM_EFR_XT && efr & AM_EFR_GA ? XT : 0;
    CHECK_EQ(m.control, ON | RINGS | COHERENT | (efr & AM_EFR_GA ? GA : 0) | xt);
    CHECK_EQ(m.status & RUN, RUN);
    CHECK_EQ(m.devtab & 0xfff, 0x1ff);             /* the whole segment */
    CHECK_EQ(m.commands, efr & AM_EFR_IA ? 2 : 65536 * 5);
    check_blocked(&m);
    check_clean(&m);
    CHECK(iommu_has_ir());
    CHECK_EQ(iommu_vendor(), IOMMU_AMDVI);
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(info.status, ST_OK);
    CHECK_EQ(info.base, RIG_AMD0);
    CHECK_EQ(info.translation && info.ir, 1);
    CHECK_EQ(info.address_bits, 48);
    CHECK_EQ(info.page_sizes, 7);
    CHECK_EQ(info.domains, 65536);
    CHECK(!iommu_unit_info(1, &info));
    amdvi_model_free(&m);
}

static void prepare(uint64_t efr)
{
    rig_reset();
    rig_ivrs();
    rig_ivhd(RIG_AMD0, 2, 0);
    RIG_ALL(0);
    RIG_IOAPIC(0, 0xa0);
    amdvi_model_init(&m, RIG_AMD0, efr);
}

/* What IVRS says about the bus goes to the unit; how wide addresses are, to the guests. */
static void test_ivrs_says(void)
{
    struct info_iommu info;
    struct iommu_dom dom;
    prepare(AM_EFR_QEMU);
    rig.dmar[49] = 0x0f;                           /* IVHD flags */
    rig.dmar[37] = 0x30;                           /* IVinfo: VASize 28h, PASize 30h */
    rig.dmar[38] = 0x14;
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(m.control, ON | RINGS | COHERENT | GA | 1 << 1 | 1 << 8 | 1 << 9 | 1 << 11);
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(info.address_bits, 40);
    CHECK_EQ(iommu_dom_create(&dom, 1), ST_OK);
    CHECK_EQ(iommu_dom_map(&dom, (iova_t){ 1ull << 40 }, (hpa_t){ 0 }, 4096, PT_R), ST_RANGE);
    amdvi_model_free(&m);
}

/* Firmware left everything on: its table, queue, log, exclusion range, and things that Cordon does not use. */
static void test_takeover(uint64_t slow, uint64_t format)
{
    uint64_t pa;
    struct irte_run run;
    struct vm_intr in;
    prepare(AM_EFR_QEMU | AM_EFR_XT);
    rig.apic_base |= 0x400;
    uint64_t *old = pmm_alloc_order(1);
    m.devtab = m.cmdbuf = m.evtlog = pmm_pa(old).v;
    m.cmdbuf |= 8ull << 56;
    m.evtlog |= 8ull << 56;
    m.cmd_head = m.cmd_tail = 0x40;
    m.evt_head = 0x20;
    m.evt_tail = 0x60;
    m.excl_base = 0x1003;
    m.excl_limit = 0xffffffff;
    m.control = ON | RINGS | 0x8 | 0xe000 | 1 << 28 | COHERENT | format;
    m.status = RUN | 0x187;                        /* PPR and GA logs too; overflow and interrupt pending */
    m.status &= ~8ull;                             /* that log has stopped */
    m.slow_us = slow;
    m.dte[0x18] = (struct am_dte){ { 3 | 3ull << 61, 7, 0, 0 }, true };
    m.irt[0] = (struct am_int){ true, 0x18, 1, 0x410001, 0 };
    m.tlb[0] = (struct am_tlb){ true, false, 7, 0, 0x200000, 0, 3 };
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(m.control, ON | RINGS | COHERENT | format);     /* entries keep their format while the unit is on */
    CHECK_EQ(m.status & 0x19b, RUN);
    CHECK_EQ(m.windows, 0);
    CHECK_EQ(m.excl_base & 1, 0);
    CHECK(fake_log_has("firmware left translation on"));
    CHECK_EQ(iommu_fault_irq(), 0);                /* firmware's records are gone */
    pmm_free_order(old, 1);                        /* any use of the old tables would end the test */
    CHECK_EQ(amdvi_model_dma(&m, 0x18, 0x1000, false, &pa), AM_FAULT | AM_F_PR | AM_F_PE);
    CHECK_EQ(iommu_irte_alloc(bdf_make(0, 3, 0), 1, 0, &run), ST_OK);
    CHECK_EQ(amdvi_model_msi(&m, 0x18, 0xfee00000, 1, &in), AM_FAULT | AM_F_I);
    CHECK_EQ(iommu_irte_set(&run, 0, 300, 0x41, false), format & XT ? ST_OK : ST_RANGE);
    check_clean(&m);
    amdvi_model_free(&m);
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
    CHECK_EQ(iommu_fault_route(0, 0x31), ST_NOIOMMU);
    CHECK(iommu_unit_info(0, &info));
    CHECK_EQ(info.status, want);
    CHECK_STR(info.reason, reason);
    iommu_emergency_block();
    (void)iommu_fault_irq();
    amdvi_model_free(&m);
}

static void test_lies(void)
{
    prepare(AM_EFR_QEMU);
    m.gone = true;
    refused(ST_HW, "no unit answers");
    prepare(~0ull);
    refused(ST_HW, "no unit answers");
    prepare(AM_EFR_QEMU);
    m.lose_devtab = true;
    refused(ST_HW, "addresses of its tables");
    prepare(AM_EFR_QEMU);
    m.lose_cmdbuf = true;
    refused(ST_HW, "addresses of its tables");
    prepare(AM_EFR_QEMU);
    m.lose_evtlog = true;
    refused(ST_HW, "addresses of its tables");
    prepare(AM_EFR_QEMU);
    m.stuck_excl = true;
    m.excl_base = 0x1001;
    refused(ST_HW, "exclusion range");
    static const uint64_t lies[] = { ON, 0x4, 0x1000, COHERENT, GA };
    for (unsigned i = 0; i < 5; i++) {
        prepare(AM_EFR_QEMU);
        m.control_lies = lies[i];
        refused(ST_HW, "translation does not come on");
    }
    prepare(AM_EFR_QEMU);                          /* a table without the I/O APIC: nobody remaps its pins */
    memset(rig.dmar + rig.len - 8, 0, 8);
    refused(ST_NOIR, "lists no I/O APIC");
    CHECK_EQ(m.control & ON, ON);                  /* DMA is blocked all the same */
    prepare(AM_EFR_QEMU);
    memset(rig.dmar + rig.len - 8, 0, 8);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_NOIR);
    check_memory_blocked(&m, true);
    check_clean(&m);
    amdvi_model_free(&m);
}

static void test_dead(void)
{
    prepare(AM_EFR_QEMU);
    m.dead = true;
    uint64_t before = fake_hw.now_us;
    refused(ST_TIMEOUT, "queue or event log does not start");
    CHECK(fake_hw.now_us - before < 1000000);      /* bounded */
    prepare(AM_EFR_QEMU);                          /* firmware's queue does not stop */
    m.control = ON | RINGS;
    m.status = RUN;
    m.slow_us = 10000000;
    refused(ST_TIMEOUT, "firmware's queue or log does not stop");
    CHECK_EQ(m.windows, 0);
    prepare(AM_EFR_QEMU);
    m.dead_queue = true;
    refused(ST_TIMEOUT, "does not confirm an invalidation");
    prepare(0);
    m.dead_queue = true;
    refused(ST_TIMEOUT, "does not confirm an invalidation");
    prepare(AM_EFR_QEMU);
    m.deaf_wait = true;
    refused(ST_TIMEOUT, "does not confirm an invalidation");
    prepare(AM_EFR_QEMU);
    m.refuse_forever = true;
    refused(ST_TIMEOUT, "does not confirm an invalidation");
    prepare(AM_EFR_QEMU & ~AM_EFR_IA);             /* lies about what it executes */
    m.refuse_op = 5;
    refused(ST_TIMEOUT, "does not confirm an invalidation");
    prepare(AM_EFR_QEMU);
    m.gone_on = ON;                                /* goes away when translation comes on */
    refused(ST_HW, "translation does not come on");
    prepare(AM_EFR_QEMU);
    m.slow_us = 400;                               /* slow is fine */
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    check_blocked(&m);
    check_clean(&m);
    amdvi_model_free(&m);
}

static void test_command_error(void)
{
    prepare(AM_EFR_QEMU);
    m.refuse_next = 1;
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_TIMEOUT);
    CHECK(strstr(reason, "does not confirm an invalidation") != NULL && fake_log_has("command head"));
    CHECK_EQ(iommu_fault_irq(), 1);                          /* and it is in the log, as the unit's own */
    struct info_fault f;
    CHECK(iommu_fault_get(0, &f));
    CHECK_EQ(f.bdf, 2);
    CHECK_EQ(f.reason >> 12, 5);
    amdvi_model_free(&m);
}

static void test_no_memory(void)
{
    for (uint64_t budget = 510; budget < 518; budget++) {
        prepare(AM_EFR_QEMU);
        fake_pmm.budget = budget;
        CHECK_EQ(iommu_init(&rig.boot, reason), budget < 512 + 3 ? ST_NOSPACE : ST_OK);   /* table, queue 2, log 1 */
        CHECK(budget >= 512 + 3 || strstr(reason, "no memory") != NULL);
        amdvi_model_free(&m);
    }
    prepare(AM_EFR_QEMU);
    fake_kmap.fail_after = 2;
    refused(ST_NOSPACE, "registers cannot be mapped");
    fake_kmap.fail_after = 0;
}

/* Two units of one segment share its table; the second fails: the machine is refused, the first blocks all the same. */
static void test_two(bool fails)
{
    rig_reset();
    rig_ivrs();
    rig_ivhd(RIG_AMD0, 2, 0);
    RIG_RANGE(0, 0x3fff);
    RIG_IOAPIC(0, 0xa0);
    rig_ivhd(RIG_AMD1, 0x4002, 0);
    RIG_RANGE(0x4000, 0x7fff);
    amdvi_model_init(&m, RIG_AMD0, AM_EFR_QEMU);
    amdvi_model_init(&m2, RIG_AMD1, 0);
    m2.dead = fails;
    uint64_t before = fake_pmm.in_use;
    CHECK_EQ(iommu_init(&rig.boot, reason), fails ? ST_TIMEOUT : ST_OK);
    CHECK_EQ(fake_pmm.in_use - before, 512 + 2 * 3);
    CHECK_EQ(m.devtab, m2.devtab);
    CHECK(!fails || strstr(reason, "AMD-Vi unit 1 at fed84000") != NULL);
    if (fails)
        check_memory_blocked(&m, true);
    else
        check_blocked(&m);
    CHECK_EQ(iommu_unit_of(bdf_of_rid(0x3fff)), fails ? ~0u : 0);
    CHECK_EQ(iommu_unit_of(bdf_of_rid(0x4000)), fails ? ~0u : 1);
    CHECK_EQ(iommu_unit_of(bdf_of_rid(0x8000)), ~0u);        /* nobody's */
    amdvi_model_free(&m);
    amdvi_model_free(&m2);
}

/* Which requesters a unit covers, and what their requests carry. */
static void test_requesters(void)
{
    struct bdf src;
    struct iommu_region region;
    rig_reset();
    rig_ivrs();
    rig_ivhd(RIG_AMD0, 2, 0);
    RIG_RANGE(0x0003, 0x03ff);
    rig_device(2, 0x0500, 0);
    RIG_ALIAS(0x0608, 0x0600);
    RIG_IOAPIC(4, 0xa0);
    RIG_IOAPIC(5, 0xf0f8);                         /* an id that no entry covers but this one */
    rig_ivmd(0x21, 7, 0x0500, 0, 0x7b000000, 0x10000);
    rig_ivmd(0x22, 8, 0x0300, 0x05ff, 0x7c000800, 0x1000);   /* exclusion: reserved too, in whole pages */
    rig_ivmd(0x21, 7, 0x0600, 0, 0x7d000000, 0x1000);        /* what the bridge sends as */
    for (unsigned i = 0; i < 8; i++)
        rig_ivmd(0x21, (uint8_t)((i & 3) << 1 | (i < 4)), 0x0100, 0, 0x7e000000, 0x1000);
    amdvi_model_init(&m, RIG_AMD0, AM_EFR_QEMU);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    static const struct { uint16_t rid; bool covered; } ids[] = {
        { 0, false }, { 2, false }, { 3, true }, { 0x3ff, true }, { 0x400, false }, { 0x500, true }, { 0x501, false },
        { 0x608, true }, { 0x600, true }, { 0x610, false }, { 0xa0, true }, { 0xf0f8, true },
    };
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++)
        CHECK_EQ(iommu_unit_of(bdf_of_rid(ids[i].rid)), ids[i].covered ? 0 : ~0u);
    src = bdf_of_rid(3);
    src.seg = 1;
    CHECK_EQ(iommu_unit_of(src), ~0u);
    CHECK_EQ(iommu_ioapic_source(4, &src), ST_OK);
    CHECK_EQ(bdf_rid(src), 0xa0);
    CHECK_EQ(iommu_ioapic_source(5, &src), ST_OK);
    CHECK_EQ(bdf_rid(src), 0xf0f8);
    CHECK_EQ(iommu_ioapic_source(6, &src), ST_NOTFOUND);
    CHECK(iommu_reserved(bdf_of_rid(0x500), 0, &region));
    CHECK(region.base == 0x7b000000 && region.len == 0x10000 && region.prot == (PT_R | PT_W));
    CHECK(iommu_reserved(bdf_of_rid(0x500), 1, &region));
    CHECK(region.base == 0x7c000000 && region.len == 0x2000 && region.prot == (PT_R | PT_W));
    CHECK(!iommu_reserved(bdf_of_rid(0x500), 2, &region));
    CHECK(iommu_reserved(bdf_of_rid(0x608), 0, &region));
    CHECK_EQ(region.base, 0x7d000000);
    CHECK(!iommu_reserved(bdf_of_rid(0x200), 0, &region));
    static const unsigned prot[] = { 0, PT_R, PT_W, PT_R | PT_W };           /* unity: its read and write bits */
    for (unsigned i = 0; i < 4; i++) {
        CHECK(iommu_reserved(bdf_of_rid(0x100), i, &region));
        CHECK_EQ(region.prot, prot[i]);
        CHECK(iommu_reserved(bdf_of_rid(0x100), 4 + i, &region));            /* neither unity nor excluded */
        CHECK_EQ(region.prot, 0);
    }
    amdvi_model_free(&m);
}

static void table_refused(status_t want, const char *part)
{
    CHECK_EQ(iommu_init(&rig.boot, reason), want);
    CHECK(strstr(reason, part) != NULL);
    CHECK(!iommu_has_ir());
    CHECK_EQ(iommu_unit_of(bdf_make(0, 3, 0)), ~0u);
}

/* A broken table refuses the machine, a broken entry costs its own devices. */
static void test_bad_tables(void)
{
    struct info_iommu info;
    rig_reset();
    rig_ivrs();
    rig.dmar[4] = 0xff;
    table_refused(ST_CORRUPT, "IVRS is broken: its length");
    rig_reset();
    rig_ivrs();
    table_refused(ST_ABSENT, "lists no unit");
    prepare(AM_EFR_QEMU);                          /* a unit may be hidden in the rest; the one before it blocks */
    rig_ivmd(0x10, 0, 0, 0, 0, 0);
    rig.dmar[rig.len - 30] = 8;
    table_refused(ST_CORRUPT, "one may be hidden");
    CHECK_EQ(m.control & ON, ON);
    check_memory_blocked(&m, true);
    amdvi_model_free(&m);
    prepare(AM_EFR_QEMU);
    for (unsigned i = 1; i <= 16; i++)
        rig_ivhd(RIG_AMD0 + 0x4000 * i, (uint16_t)(0x800 * i + 2), 0);
    fake_kmap.fail_after = 3;                      /* table, first unit */
    table_refused(ST_UNSUPP, "more units than this build drives");
    fake_kmap.fail_after = 0;
    amdvi_model_free(&m);
    prepare(AM_EFR_QEMU);
    rig_ivhd(0x1234, 0x4002, 0);                   /* no address: this unit's own devices are lost */
    RIG_RANGE(0x4000, 0x7fff);
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_unit_of(bdf_of_rid(0x3fff)), 0);
    CHECK_EQ(iommu_unit_of(bdf_of_rid(0x4000)), ~0u);     /* although the first takes all: it says so too */
    CHECK(iommu_unit_info(1, &info));
    CHECK_EQ(info.status, ST_CORRUPT);
    CHECK(strstr(info.reason, "AMD-Vi unit 1") != NULL);
    (void)iommu_fault_irq();
    iommu_emergency_block();
    amdvi_model_free(&m);
}

int main(void)
{
    test_good(AM_EFR_QEMU, false);
    test_good(AM_EFR_QEMU, true);
    test_good(AM_EFR_QEMU | AM_EFR_XT, true);
    test_good(AM_EFR_QEMU | AM_EFR_XT, false);
    test_good(AM_EFR_XT, true);                    /* without GA it cannot */
    test_good(0, false);
    test_ivrs_says();
    test_takeover(0, 0);
    test_takeover(300, GA);
    test_takeover(0, GA | XT);
    test_lies();
    test_dead();
    test_command_error();
    test_no_memory();
    test_two(false);
    test_two(true);
    test_requesters();
    test_bad_tables();
    return unit_done();
}
