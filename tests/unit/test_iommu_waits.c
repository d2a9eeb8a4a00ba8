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
/*
 * Every wait of the IOMMU drivers, and of a function's reset, with the unit that lets it time out: the status, the line
 * that says so, and the walls of either_life.h. A wait in the source without a row here is a failure.
 */
#include "tests/unit/fake/either_life.h"

#include <dirent.h>

/* ---- what goes wrong: a function for a row; called before its step ---- */
#define TE      0x80000000u
#define WBF     0x08000000u
#define QIE     0x04000000u
#define IRE     0x02000000u

static void firmware_queue(void)                   /* VT-d: translation and a queue of firmware's, with one descriptor */
{
    void *old = pmm_alloc();
    vtd.gsts = TE | QIE;
    vtd.rtaddr = vtd.root = vtd.iqa = pmm_pa(old).v;
    vtd.iqt = vtd.iqh = 0x20;
}
static void queue_full(void) { firmware_queue(); vtd.iqh = 0x10; vtd.dead_queue = true; }
static void queue_stays(void) { firmware_queue(); vtd.stuck_set = QIE; }
static void ccmd_busy(void) { vtd.ccmd = 1ull << 63; }
static void no_qie(void) { vtd.stuck_clear = QIE; }
static void no_srtp(void) { vtd.stuck_clear = 0x40000000; }
static void no_te(void) { vtd.stuck_clear = TE; }
static void no_ire(void) { vtd.stuck_clear = IRE; }
static void no_sirtp(void) { vtd.stuck_clear = 0x01000000; }
static void wbf_stays(void) { vtd.stuck_set = WBF; }
static void prs_stays(void) { vtd.cap |= VM_CAP_PMR; vtd.pmen = 0x80000001; vtd.stuck_prs = true; }
static void dead(void) { vtd.dead = amd.dead = true; }
static void dead_queue(void) { vtd.dead_queue = amd.dead_queue = true; }
static void deaf(void) { vtd.deaf_wait = amd.deaf_wait = true; }
static void no_ctx(void) { vtd.refuse_type = 1; }
static void no_iotlb(void) { vtd.refuse_type = 2; }
static void no_iec(void) { vtd.refuse_type = 4; }
static void no_dte(void) { amd.refuse_op = 2; }
static void no_pages(void) { amd.refuse_op = 3; }
static void no_int(void) { amd.refuse_op = 5; }
static void one_by_one_no_dte(void) { amd.efr &= ~AM_EFR_IA; no_dte(); }
static void one_by_one_no_pages(void) { amd.efr &= ~AM_EFR_IA; no_pages(); }

/* The write buffer flush hangs from the moment that translation is on. */
static uint64_t wbf_lies(uintptr_t a, unsigned size, uint64_t v)
{ return a == RIG_BASE0 + 0x1c && size == 4 && vtd.gsts & TE ? v | WBF : v; }
static void wbf_stays_later(void) { fake_hw.lie = wbf_lies; }

/* A second unit that nobody finds, so that the first is given up again. */
static void given_up(void)
{
    if (is_amd) {
        rig_ivhd(RIG_AMD1, 3, 0);
        RIG_RANGE(0x7000, 0x7001);
    } else {
        rig_drhd(RIG_BASE1, false, 0);
        rig_scope(1, 0, 0, 1, 9, 0);
    }
}
static void ire_stays(void) { given_up(); vtd.stuck_set = IRE; }
static unsigned tails;
static bool tail_lost(uintptr_t a, unsigned size, uint64_t v)
{
    (void)size, (void)v;
    return a == RIG_AMD0 + 0x2008 && ++tails > 2;  /* 0, then the flush of bring-up */
}
static void given_up_lost(void) { given_up(); tails = 0; fake_hw.lose = tail_lost; }

static uint64_t cmd_run(uintptr_t a, unsigned size, uint64_t v)
{ return a == RIG_AMD0 + 0x2020 && size == 4 ? v | 0x10 : v; }
static void rings_stay(void) { fake_hw.lie = cmd_run; }
static uint64_t log_runs(uintptr_t a, unsigned size, uint64_t v)
{ return a == RIG_AMD0 + 0x2020 && size == 4 ? v | 8 : v; }
static void overflow(void)
{
    uint64_t pa;
    for (unsigned i = 0; i < 300; i++)
        (void)either_dma((uint16_t)(0x7700 + i), 0, true, &pa);
}
static void log_stays_off(void) { amd.log_stays_off = true; overflow(); }
static void log_stays_on(void) { overflow(); fake_hw.lie = log_runs; }
/* The tail moves, the event never comes. */
static void never_written(void) { amd.evt_tail = (amd.evt_tail + 16) % 4096; }

/* ---- the table ---- */
/* Every line with this text in this file waits so. */
struct row {
    const char *file, *call;
    void (*breaks)(void);
    enum step at;
    status_t want;
    const char *says;
};
#define CONFIRM  "does not confirm an invalidation; nothing behind it changes owner"

static const struct row vtd_rows[] = {
    { "iommu.c", "deadline_in(IOMMU_WAIT_US)", dead, INIT, ST_TIMEOUT, "invalidation queue does not start" },
    { "vtd_unit.c", "iommu_wait(&u->core, reg.off", dead, INIT, ST_TIMEOUT, "invalidation queue does not start" },
    { "vtd_unit.c", "vtd_wait(u, VTD_GSTS, bit, want)", dead, INIT, ST_TIMEOUT, "invalidation queue does not start" },
    { "vtd_inv.c", "vtd_wait(u, VTD_IQH", queue_full, INIT, ST_TIMEOUT, "firmware's queue is not empty" },
    { "vtd_inv.c", "vtd_command(u, GCMD_QIE, 0)", queue_stays, INIT, ST_TIMEOUT, "invalidation queue does not stop" },
    { "vtd_inv.c", "vtd_wait(u, VTD_CCMD_HI", ccmd_busy, INIT, ST_TIMEOUT, "invalidation queue does not start" },
    { "vtd_inv.c", "vtd_command(u, GCMD_QIE, GCMD_QIE)", no_qie, INIT, ST_TIMEOUT, "invalidation queue does not start" },
    { "vtd_unit.c", "vtd_command(u, GCMD_WBF, 0)", wbf_stays, INIT, ST_TIMEOUT, "write buffer flush does not end" },
    { "vtd_inv.c", "vtd_command(u, GCMD_WBF, 0)", wbf_stays, ATTACH, ST_TIMEOUT, CONFIRM },
    { "vtd_ir.c", "vtd_command(u, GCMD_WBF, 0)", wbf_stays_later, INIT, ST_TIMEOUT, "interrupt remapping does not come on" },
    { "vtd_unit.c", "vtd_command(u, GCMD_SRTP", no_srtp, INIT, ST_TIMEOUT, "does not take its root table" },
    { "vtd_unit.c", "vtd_inv(u, INV_CTX_ALL", deaf, INIT, ST_TIMEOUT, "does not confirm an invalidation" },
    { "vtd_unit.c", "vtd_command(u, GCMD_TE", no_te, INIT, ST_TIMEOUT, "translation does not come on" },
    { "vtd_unit.c", "vtd_wait(u, VTD_PMEN", prs_stays, INIT, ST_TIMEOUT, "protected memory does not end" },
    { "vtd_ir.c", "vtd_command(u, GCMD_SIRTP", no_sirtp, INIT, ST_TIMEOUT, "interrupt remapping does not come on" },
    { "vtd_ir.c", "vtd_inv(u, INV_IEC_ALL", no_iec, INIT, ST_TIMEOUT, "interrupt remapping does not come on" },
    { "vtd_ir.c", "vtd_command(u, GCMD_IRE", no_ire, INIT, ST_TIMEOUT, "interrupt remapping does not come on" },
    { "vtd_unit.c", "vtd_command(u, GCMD_IRE, 0)", ire_stays, INIT, ST_NOSPACE, "interrupt remapping does not end" },
    { "vtd_inv.c", "iommu_confirm(", dead_queue, ATTACH, ST_TIMEOUT, CONFIRM },
    { "vtd_ctx.c", "vtd_inv(u, INV_CTX_FN", no_ctx, ATTACH, ST_TIMEOUT, CONFIRM },
    { "vtd_ctx.c", "vtd_inv(u, INV_CTX_FN", no_ctx, DETACH, ST_TIMEOUT, CONFIRM },
    { "vtd_ctx.c", "vtd_inv(u, INV_IOTLB_DOM", no_iotlb, DESTROY, ST_TIMEOUT, CONFIRM },
    { "vtd_ir.c", "vtd_inv(u, INV_IEC_ONE", no_iec, SET, ST_TIMEOUT, CONFIRM },
    { "vtd_ir.c", "vtd_inv(u, INV_IEC_ONE", no_iec, FREE, ST_TIMEOUT, CONFIRM },
};

static const struct row amdvi_rows[] = {
    { "iommu.c", "deadline_in(IOMMU_WAIT_US)", dead, INIT, ST_TIMEOUT, "command queue or event log does not start" },
    { "amdvi_unit.c", "iommu_wait(&u->core, AMDVI_STATUS.off", dead, INIT, ST_TIMEOUT, "command queue or event log does not start" },
    { "amdvi_unit.c", "amdvi_rings(u, CTL_RUNS, false)", rings_stay, INIT, ST_TIMEOUT, "firmware's queue or log does not stop" },
    { "amdvi_unit.c", "amdvi_rings(u, CTL_CMD_BUF_EN | CTL_EVT_LOG_EN, true)", dead, INIT, ST_TIMEOUT,
      "command queue or event log does not start" },
    { "amdvi_unit.c", "amdvi_cmd_flush_all(u) == ST_OK", dead_queue, INIT, ST_TIMEOUT, "does not confirm an invalidation" },
    { "amdvi_unit.c", "amdvi_cmd_flush_all(u) != ST_OK", given_up_lost, INIT, ST_NOSPACE, "interrupt remapping does not end" },
    { "amdvi_cmd.c", "iommu_confirm(", dead_queue, ATTACH, ST_TIMEOUT, CONFIRM },
    { "amdvi_cmd.c", "amdvi_cmd(u, CMD_INV_ALL", deaf, INIT, ST_TIMEOUT, "does not confirm an invalidation" },
    { "amdvi_cmd.c", "amdvi_cmd(u, CMD_INV_DTE", one_by_one_no_dte, INIT, ST_TIMEOUT, "does not confirm an invalidation" },
    { "amdvi_cmd.c", "amdvi_cmd(u, CMD_INV_PAGES", one_by_one_no_pages, INIT, ST_TIMEOUT, "does not confirm an invalidation" },
    { "amdvi_dte.c", "amdvi_cmd(u, CMD_INV_DTE", no_dte, ATTACH, ST_TIMEOUT, CONFIRM },
    { "amdvi_dte.c", "amdvi_cmd(u, CMD_INV_DTE", no_dte, DETACH, ST_TIMEOUT, CONFIRM },
    { "amdvi_dte.c", "{ return amdvi_cmd(u, CMD_INV_PAGES", no_pages, DESTROY, ST_TIMEOUT, CONFIRM },
    { "amdvi_ir.c", "amdvi_cmd(u, CMD_INV_DTE", no_int, ALLOC, ST_TIMEOUT, CONFIRM },
    { "amdvi_ir.c", "amdvi_cmd(u, CMD_INV_INT", no_int, SET, ST_TIMEOUT, CONFIRM },
    { "amdvi_ir.c", "amdvi_cmd(u, CMD_INV_INT", no_int, FREE, ST_TIMEOUT, CONFIRM },
    { "amdvi_event.c", "deadline_in(WRITTEN_US)", never_written, FAULT, ST_OK, "on, all requesters blocked" },
    { "amdvi_event.c", "amdvi_rings(u, CTL_EVT_LOG_EN, false)", log_stays_on, FAULT, ST_OK, "does not start its event log again" },
    { "amdvi_event.c", "amdvi_rings(u, CTL_EVT_LOG_EN, true)", log_stays_off, FAULT, ST_OK, "does not start its event log again" },
};

/* Shown where the function is a model: the case there. */
static const struct { const char *call, *shown_in; } reset_rows[] = {
    { "hw_now_us() + us;", "test_pci_reset: test_proof, others run meanwhile" },
    { "pause_us(PM_STEP_US)", "test_pci_reset: test_ladder" },
    { "pause_us(FLR_QUIET_US)", "test_pci_reset: test_flr, no early access" },
    { "hw_now_us() + PENDING_US", "test_pci_reset: pending_forever" },
    { "hw_now_us() + READY_US", "test_pci_reset: hang_in_reset" },
    { "pause_us(BUS_RESET_US)", "test_pci_reset: test_bus" },
    { "pause_us(link ?", "test_pci_reset: test_bus, both kinds of bridge" },
};

static const struct row *row;
static void break_it(enum step step)
{
    if (step == row->at)
        row->breaks();
}

static void test_row(bool amdvi, const struct row *r)
{
    const unsigned before = unit_failures;
    row = r;
    either_prepare(amdvi, VM_CAP_RWBF, 0);
    fake_hw.step_us = 10;
    life_run(break_it, 1500000);
    CHECK_EQ(life.st[r->at], r->want);
    CHECK(fake_log_has(r->says));
    if (unit_failures > before)
        printf("  %s: %s\n%s", r->file, r->call, fake_log_text());
    either_end();
}

/* ---- the table against the source ---- */
/* How many rows the wait on this line of the file has; -1: no wait. A definition begins in column 1. */
static int rows_of(const char *file, const char *line)
{
    static const char *const waits[] = { "iommu_wait(", "vtd_wait(", "vtd_command(", "vtd_inv(", "amdvi_rings(", "amdvi_cmd(",
                                         "amdvi_cmd_flush_all(", "iommu_confirm(", "deadline_in(", "wait_us(", "pause_us(",
                                         "hw_now_us() +" };
    bool is_wait = false;
    for (unsigned i = 0; i < ARRAY_LEN(waits); i++)
        is_wait |= strstr(line, waits[i]) != NULL;
    if (!is_wait || (line[0] != ' ' && line[0] != '{') || strncmp(line, " *", 2) == 0)
        return -1;
    int n = 0;
    for (unsigned i = 0; i < ARRAY_LEN(vtd_rows); i++)
        n += strcmp(file, vtd_rows[i].file) == 0 && strstr(line, vtd_rows[i].call);
    for (unsigned i = 0; i < ARRAY_LEN(amdvi_rows); i++)
        n += strcmp(file, amdvi_rows[i].file) == 0 && strstr(line, amdvi_rows[i].call);
    for (unsigned i = 0; i < ARRAY_LEN(reset_rows); i++)
        n += strcmp(file, "reset.c") == 0 && strstr(line, reset_rows[i].call) && reset_rows[i].shown_in[0];
    return n;
}

static unsigned check_file(const char *folder, const char *file)
{
    char path[512], line[512];
    unsigned waits = 0;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "r");
    CHECK(f != NULL);
    for (unsigned number = 1; f && fgets(line, sizeof line, f); number++) {
        int rows = rows_of(file, line);
        CHECK(rows != 0);
        if (rows == 0)
            printf("  %s:%u: a wait without a case: %s", path, number, line);
        waits += rows > 0;
    }
    if (f)
        fclose(f);
    return waits;
}

static void test_all_listed(void)
{
    static const char *const folders[] = { "drivers/iommu", "drivers/iommu/vtd", "drivers/iommu/amdvi" };
    unsigned waits = check_file("drivers/pci", "reset.c");
    for (unsigned i = 0; i < ARRAY_LEN(folders); i++) {
        DIR *d = opendir(folders[i]);
        CHECK(d != NULL);
        for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
            size_t n = strlen(e->d_name);
            if (n > 2 && strcmp(e->d_name + n - 2, ".c") == 0)
                waits += check_file(folders[i], e->d_name);
        }
        if (d)
            closedir(d);
    }
    CHECK(waits > 30);
}

int main(void)
{
    test_all_listed();
    for (unsigned i = 0; i < ARRAY_LEN(vtd_rows); i++)
        test_row(false, &vtd_rows[i]);
    for (unsigned i = 0; i < ARRAY_LEN(amdvi_rows); i++)
        test_row(true, &amdvi_rows[i]);
    return unit_done();
}
