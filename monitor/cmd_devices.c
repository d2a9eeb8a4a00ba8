/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about functions and IOMMUs: devices device iommu faults. */
#include "monitor/shell.h"

#include "kernel/lib/fmt.h"
#include "monitor/console.h"
#include "monitor/explain.h"
#include "monitor/facts.h"
#include "monitor/fault_text.h"
#include "monitor/firmware.h"
#include "monitor/slots.h"
#include "monitor/supervise.h"

#define FAULTS_SHOWN 64u

static const char *const state_word[] = { "blocked", "assigned", "draining", "quarantined" };

static const char *state_of(const struct dev_info *d)
{
    return d->state < ARRAY_LEN(state_word) ? state_word[d->state] : "?";
}

/* The guest that has the function now. */
static const char *owner_of(const struct dev_info *d)
{
    const struct guest *g = supervise_of_vm_id(d->vm);
    return g ? g->vm->name : "-";
}

/* The guest that the manifest gives it to. */
static const struct guest *planned_guest(const struct dev_info *d)
{
    for (uint32_t v = 0; v < supervise_count(); v++) {
        const struct guest *g = supervise_guest(v);
        for (uint32_t i = 0; i < g->plan->devices; i++)
            if (&shell.f->dev[g->plan->device[i].dev] == d)
                return g;
    }
    return NULL;
}

/* What the manifest gives up for it: "reset,reserved,irq", "-". */
static const char *waived_for(const struct dev_info *d, char *buf, size_t size)
{
    const struct guest *g = planned_guest(d);
    str_copy(buf, size, "-");
    for (uint32_t i = 0; g && i < g->plan->devices; i++) {
        const struct manifest_pci *p = &g->vm->pci[g->plan->device[i].line];
        if (&shell.f->dev[g->plan->device[i].dev] == d && (p->reset_none || p->reserved_map || p->irq_none)) {
            fmt(buf, size, "%s%s%s", p->reset_none ? "reset," : "", p->reserved_map ? "reserved," : "",
                p->irq_none ? "irq," : "");
            buf[str_len(buf) - 1] = 0;
        }
    }
    return buf;
}

static const char *planned_for(const struct dev_info *d)
{
    const struct guest *g = planned_guest(d);
    return g ? g->vm->name : "-";
}

static bool is_unprotected(const struct dev_info *d)
{
    const struct guest *g = planned_guest(d);
    return g && g->vm->unprotected;
}

static const char *resets(const struct dev_info *d, char *buf, size_t size)
{
    fmt(buf, size, "%s%s%s%s%s", d->flr & 1 ? "FLR," : "", d->flr & 2 ? "AF-FLR," : "", d->flr & 4 ? "PM," : "",
        d->flr & 8 ? "BUS," : "", d->flr == 0 ? "none," : "");
    buf[str_len(buf) - 1] = 0;
    return buf;
}

static const char *unit_of(const struct dev_info *d, char *buf, size_t size)
{
    if (d->iommu_unit == ~0u)
        str_copy(buf, size, "none");
    else
        fmt(buf, size, "%u", d->iommu_unit);
    return buf;
}

/* The function's interrupt line: "A", "-"; where it ends: a number, "?" or "-". */
static void line_of(const struct dev_info *d, char pin[4], char gsi[12])
{
    char why[DIAG_TEXT];
    uint32_t n;
    bool has = d->pin >= 1 && d->pin <= 4;
    fmt(pin, 4, "%c", has ? 'A' + d->pin - 1 : '-');
    str_copy(gsi, 12, has ? "?" : "-");
    if (has && firmware_intx(shell.f, d, &n, why, sizeof why))
        fmt(gsi, 12, "%u", n & ~IRQ_GSI_LOW);
}

/* "ok", or the codes of all reasons against it, with commas. */
static const char *verdict_of(const struct dev_info *d, char *buf, size_t size)
{
    char why[DIAG_TEXT];
    enum code code;
    size_t n = 0;
    str_copy(buf, size, "ok");
    for (uint32_t i = 0; (code = policy_device_verdict(shell.f, d, (struct policy_waivers){ 0 }, i, why)) != CODE_NONE; i++)
        n += fmt(buf + n, size - n, "%s%s", n ? "," : "", explain_name(code));
    return buf;
}

static void record(const struct dev_info *d)
{
    char pin[4], gsi[12];
    char bdf[16], path[40], unit[12], reset[24], verdict[64], waived[24];
    name_format_bdf(d->bdf, bdf, sizeof bdf);
    name_format_path(d, path, sizeof path);
    line_of(d, pin, gsi);
    console_print("bdf=%s id=%04x:%04x class=%04x owner=%s state=%s iommu=%s path=%s plan=%s group=%u msi=%u msix=%u"
                  " reset=%s verdict=%s dma=%s pin=%s gsi=%s waived=%s\n", bdf, d->vendor, d->device,
                  d->class_rev >> 16, owner_of(d), state_of(d), unit_of(d, unit, sizeof unit), path, planned_for(d),
                  d->group, d->msi_off ? d->msi_vectors : 0u, d->msix_off ? d->msix_count : 0u,
                  resets(d, reset, sizeof reset), verdict_of(d, verdict, sizeof verdict),
                  is_unprotected(d) ? "unprotected" : d->iommu_unit != ~0u ? "iommu" : "-", pin, gsi,
                  waived_for(d, waived, sizeof waived));
}

static void row(const struct dev_info *d)
{
    char bdf[16], path[40], verdict[64];
    verdict_of(d, verdict, sizeof verdict);
    name_format_bdf(d->bdf, bdf, sizeof bdf);
    name_format_path(d, path, sizeof path);
    if (d->state == DEV_ASSIGNED)
        fmt(verdict, sizeof verdict, "owned by %s", owner_of(d));
    else if (str_eq(verdict, "ok"))
        str_copy(verdict, sizeof verdict, "can be assigned");
    console_print("  %s  %04x:%04x  %-22s %-11s %-22s %s\n", bdf, d->vendor, d->device, name_class(d->class_rev),
                  state_of(d), path, verdict);
}

void cmd_devices(int argc, char **argv, bool records)
{
    (void)argc;
    (void)argv;
    facts_refresh(shell.f);
    if (!records)
        console_print("  %-12s  %-9s  %-22s %-11s %-22s %s\n", "function", "id", "class", "state", "path", "verdict");
    for (uint32_t i = 0; i < shell.f->devices; i++)
        if (records)
            record(&shell.f->dev[i]);
        else
            row(&shell.f->dev[i]);
    if (!records)
        console_print("  'device FUNCTION' says why, 'explain CODE' what a code means.\n");
}

static void bars(const struct dev_info *d)
{
    for (uint32_t i = 0; i < 6; i++) {
        const struct dev_bar *b = &d->bar[i];
        char size[24];
        if (b->size == 0 || (b->flags & BAR_UPPER))
            continue;
        if (b->flags & BAR_IO)
            console_print("  BAR %u      I/O port %04lx, %lu bytes\n", i, b->base, b->size);
        else
            console_print("  BAR %u      %016lx %6s %s%s\n", i, b->base,
                          b->size < 1024 ? "<1K" : shell_size(b->size, size, sizeof size),
                          b->flags & BAR_64 ? "64-bit" : "32-bit", b->flags & BAR_PREFETCH ? ", prefetchable" : "");
    }
}

static void group_of(const struct dev_info *d)
{
    char bdf[16], cause[300];
    console_print("  group      %u:", d->group);
    for (uint32_t i = 0; i < shell.f->devices; i++)
        if (shell.f->dev[i].group == d->group) {
            const struct guest *g = planned_guest(&shell.f->dev[i]);
            name_format_bdf(shell.f->dev[i].bdf, bdf, sizeof bdf);
            console_print(g ? " %s (guest %s)" : " %s", bdf, g ? g->vm->name : "");
        }
    policy_group_cause(shell.f, d->group, cause, sizeof cause);
    console_print(cause[0] ? "\n             %s\n" : "\n", cause);
}

static void verdicts(const struct dev_info *d)
{
    char why[DIAG_TEXT];
    enum code code;
    uint32_t n = 0;
    for (; (code = policy_device_verdict(shell.f, d, (struct policy_waivers){ 0 }, n, why)) != CODE_NONE; n++)
        console_print("  %-10s %s %s\n", n == 0 ? "verdict" : "", explain_name(code), why);
    if (n == 0)
        console_print("  verdict    %s\n", d->state == DEV_ASSIGNED ? "assigned" : "can be assigned");
}

void cmd_device(int argc, char **argv, bool records)
{
    const struct dev_info *d;
    char bdf[16], path[40], unit[12], reset[24], why[DIAG_TEXT];
    uint32_t gsi;
    (void)argc;
    facts_refresh(shell.f);
    d = shell_device(argv[1]);
    if (!d)
        return;
    if (records) {
        record(d);
        return;
    }
    name_format_bdf(d->bdf, bdf, sizeof bdf);
    name_format_path(d, path, sizeof path);
    console_print("%s %04x:%04x %s (class %06x, revision %02x, subsystem %04x:%04x)\n", bdf, d->vendor, d->device,
                  name_class(d->class_rev), d->class_rev >> 8, d->class_rev & 255u, d->subvendor, d->subdevice);
    console_print("  name it    path=%s id=%04x:%04x\n", path, d->vendor, d->device);
    console_print("  state      %s, owner %s, planned for %s\n", state_of(d), owner_of(d), planned_for(d));
    console_print("  iommu      unit %s\n", unit_of(d, unit, sizeof unit));
    if (is_unprotected(d))
        console_print("  dma        UNPROTECTED: guest %s has dma = unprotected, it reaches all memory\n", planned_for(d));
    group_of(d);
    console_print("  interrupts %u MSI, %u MSI-X%s\n", d->msi_off ? d->msi_vectors : 0u, d->msix_off ? d->msix_count : 0u,
                  d->pin ? ", one line" : "");
    if (d->pin && firmware_intx(shell.f, d, &gsi, why, sizeof why))
        console_print("  line       INT%c goes to global interrupt %u\n", 'A' + d->pin - 1, gsi & ~IRQ_GSI_LOW);
    else if (d->pin)
        console_print("  line       not routed: %s\n", why);
    console_print("  reset      %s\n", resets(d, reset, sizeof reset));
    if (d->reserved)
        console_print("  reserved   %u memory region%s of the firmware's\n", d->reserved, d->reserved == 1 ? "" : "s");
    if (d->firmware_dma)
        console_print("  firmware   had left memory access on; it was cut\n");
    bars(d);
    verdicts(d);
}

void cmd_iommu(int argc, char **argv, bool records)
{
    const struct info_platform *pf = &shell.f->platform;
    char why[DIAG_TEXT];
    enum code code = policy_iommu_verdict(shell.f, why);
    (void)argc;
    (void)argv;
    facts_refresh(shell.f);
    if (!records) {
        console_print("  %s%s%s\n", pf->iommu_vendor == 0 ? "none" : pf->iommu_vendor == 1 ? "Intel VT-d" : "AMD-Vi",
                      code == CODE_NONE ? ", on, every function blocked until a guest owns it" : "",
                      pf->iommu_ir ? ", interrupt remapping on" : "");
        if (code != CODE_NONE)
            console_print("  %s %s\n", explain_name(code), why);
    }
    for (uint32_t i = 0; i < shell.f->units; i++) {
        const struct info_iommu *u = &shell.f->unit[i];
        const char *pages = u->page_sizes & 4 ? "4K,2M,1G" : u->page_sizes & 2 ? "4K,2M" : "4K";
        if (records)
            console_print("unit=%u base=%lx status=%s translation=%u ir=%u bits=%u pages=%s domains=%u faults=%lu\n", i,
                          u->base, status_name(u->status), u->translation, u->ir, u->address_bits, pages, u->domains,
                          u->faults);
        else
            console_print("  unit %u at %lx: %s, %u-bit, pages %s, %u domains, %s, %lu faults%s%s\n", i, u->base,
                          u->status == ST_OK ? "on" : status_text(u->status), u->address_bits, pages, u->domains,
                          u->ir ? "remaps interrupts" : "no interrupt remapping", u->faults, u->reason[0] ? ": " : "",
                          u->reason);
    }
}

/* ---- faults ---- */

static uint64_t next_seq;        /* first fault that was not announced yet */
static uint64_t announced_at;    /* TSC of the last announcement */

static bool read_fault(uint64_t from, struct info_fault *out)
{
    struct sys_ret ret = sys_call(SYS_SYS_INFO, SLOT_SYSTEM, INFO_FAULT, from, (uintptr_t)out, sizeof *out, 0);
    return ret.st == ST_OK && ret.value == 1;
}

static const char *fault_owner(const struct info_fault *f)
{
    const struct guest *g = supervise_was_vm_id(f->vm);
    return g ? g->vm->name : f->vm ? "(gone)" : "-";
}

void cmd_faults(int argc, char **argv, bool records)
{
    struct info_fault f;
    uint64_t seq = 0;
    uint32_t shown = 0;
    char bdf[16];
    (void)argc;
    (void)argv;
    while (shown < FAULTS_SHOWN && read_fault(seq, &f)) {
        name_format_bdf(f.bdf, bdf, sizeof bdf);
        if (records)
            console_print("seq=%lu bdf=%s vm=%s address=%lx access=%s kind=%s reason=%u cut=%u text=\"%s\"\n", f.seq, bdf,
                          fault_owner(&f), f.address, f.write ? "write" : "read",
                          f.interrupt ? "interrupt" : "memory", f.reason, f.cut, fault_text(shell.f->platform.iommu_vendor, f.reason));
        else
            console_print("  %5lu  %s  guest %-12s %-5s %016lx  %s%s\n", f.seq, bdf, fault_owner(&f),
                          f.interrupt ? "irq" : f.write ? "write" : "read", f.address,
                          fault_text(shell.f->platform.iommu_vendor, f.reason), f.cut ? "; the function was cut off" : "");
        seq = f.seq + 1;
        shown++;
    }
    if (shown == 0 && !records)
        console_print("no device access was blocked\n");
}

void faults_notice(void)
{
    struct info_fault f, last = { 0 };
    uint64_t fresh = 0, now = slots_now();
    char bdf[16];
    while (fresh < 512 && read_fault(next_seq, &f)) {
        next_seq = f.seq + 1;
        fresh++;
        last = f;
        if (f.cut) {
            name_format_bdf(f.bdf, bdf, sizeof bdf);
            supervise_device_cut(f.vm, bdf);
            console_notice("iommu: %s cut off after too many blocked accesses (guest %s)", bdf, fault_owner(&f));
        }
    }
    if (fresh == 0 || last.cut || (announced_at && now - announced_at < 5 * shell.f->platform.tsc_hz))
        return;                          /* at most one line in 5 s: a storm is not worth more */
    announced_at = now;
    name_format_bdf(last.bdf, bdf, sizeof bdf);
    console_notice("iommu: blocked %s of %s (guest %s) to %lx: see faults",
                   last.interrupt ? "an interrupt" : last.write ? "a write" : "a read", bdf, fault_owner(&last),
                   last.address);
}
