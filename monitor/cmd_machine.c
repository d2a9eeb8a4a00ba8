/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about the machine: help explain status cpus memory stats. */
#include "monitor/shell.h"

#include "kernel/abi/vcpu_state.h"
#include "monitor/console.h"
#include "monitor/explain.h"
#include "monitor/facts.h"
#include "monitor/slots.h"
#include "monitor/spec.h"
#include "monitor/supervise.h"

void cmd_help(int argc, char **argv, bool records)
{
    uint32_t hits = 0;
    for (const struct command *c = shell_commands; c->name; c++) {
        if (argc > 1 && !str_eq(argv[1], c->name))
            continue;
        hits++;
        if (records)
            console_print("command=%s touches=%s\n", c->name, c->touches ? "yes" : "no");
        else
            console_print("  %-9s %-10s %s\n", c->name, c->args, c->help);
    }
    if (hits == 0)
        console_print("no command \"%s\": help lists them\n", argv[1]);
    if (!records && argc == 1)
        console_print("  -p behind a command gives one record a line as key=value pairs.\n");
}

void cmd_explain(int argc, char **argv, bool records)
{
    enum code code = explain_find(argv[1]);
    (void)argc;
    if (code == CODE_NONE)
        console_print("no code \"%s\": codes are a letter and three digits, such as F102\n", argv[1]);
    else if (records)
        console_print("code=%s meaning=\"%s\" fix=\"%s\"\n", explain_name(code), explain_meaning(code),
                      explain_fix(code));
    else
        console_print("%s  %s\n      %s\n", explain_name(code), explain_meaning(code), explain_fix(code));
}

static uint32_t online_cpus(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < shell.f->cpus; i++)
        n += shell.f->cpu[i].online != 0;
    return n;
}

static uint32_t unprotected_vms(void)
{
    uint32_t n = 0;
    for (uint32_t v = 0; v < shell.m->vms; v++)
        n += shell.m->vm[v].unprotected;
    return n;
}

/* As long as the manifest has such a guest, started or not. */
static void taint(void)
{
    for (uint32_t v = 0; v < shell.m->vms; v++)
        if (shell.m->vm[v].unprotected)
            console_print("  UNPROTECTED  guest %s: dma = unprotected: its functions reach ALL memory of this machine;"
                          " NOTHING on it is isolated\n", shell.m->vm[v].name);
}

static uint32_t assignable(void)
{
    char why[DIAG_TEXT];
    uint32_t n = 0;
    for (uint32_t i = 0; i < shell.f->devices; i++)
        n += policy_device_verdict(shell.f, &shell.f->dev[i], (struct policy_waivers){ 0 }, 0, why) == CODE_NONE;
    return n;
}

static uint32_t quarantined(void)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < shell.f->devices; i++)
        n += shell.f->dev[i].state == DEV_QUARANTINED;
    return n;
}

void status_machine(void)
{
    const struct info_platform *pf = &shell.f->platform;
    char total[24], left[24], why[DIAG_TEXT];
    enum code code = policy_iommu_verdict(shell.f, why);
    console_print("  cpu       %s\n", shell.f->cpu_name);
    if (pf->virt_status == ST_OK && pf->virt_vendor != 0)
        console_print("            %u of %u online, %s, %lu MHz\n", online_cpus(), shell.f->cpus,
                      pf->virt_vendor == 1 ? "VT-x" : "SVM", pf->tsc_hz / 1000000);
    else
        console_print("            %s virtualisation is off: %s\n", explain_name(CODE_I201), pf->virt_reason);
    console_print("  memory    %s, %s free for guests\n", shell_size(shell.f->memory.total, total, sizeof total),
                  shell_size(shell.f->memory.user_free, left, sizeof left));
    if (code == CODE_NONE)
        console_print("  iommu     %s, %u unit%s, interrupt remapping on, every function blocked\n",
                      pf->iommu_vendor == 1 ? "VT-d" : "AMD-Vi", shell.f->units, shell.f->units == 1 ? "" : "s");
    else
        console_print("  iommu     %s %s\n", explain_name(code), explain_meaning(code));
    console_print("  pci       %u functions, %u can be assigned", shell.f->devices, assignable());
    console_print(quarantined() ? ", %u QUARANTINED: see devices\n" : "\n", quarantined());
    taint();
}

void cmd_status(int argc, char **argv, bool records)
{
    const struct info_platform *pf = &shell.f->platform;
    char total[24], left[24], why[DIAG_TEXT];
    uint32_t by_state[GUEST_CRASHED + 1] = { 0 };
    (void)argc;
    (void)argv;
    facts_refresh(shell.f);
    for (uint32_t i = 0; i < supervise_count(); i++)
        by_state[supervise_guest(i)->state]++;
    if (records) {
        console_print("build=%s cpus=%u memory=%s free=%s virt=%s iommu=%s ir=%u functions=%u vms=%u running=%u refused=%u"
                      " crashed=%u uptime=%lu unprotected=%u quarantined=%u\n", pf->build[0] ? pf->build : "-", online_cpus(),
                      shell_size(shell.f->memory.total, total, sizeof total),
                      shell_size(shell.f->memory.user_free, left, sizeof left),
                      pf->virt_status != ST_OK ? "none" : pf->virt_vendor == 1 ? "vmx" : "svm",
                      policy_iommu_verdict(shell.f, why) != CODE_NONE ? "none" : pf->iommu_vendor == 1 ? "vtd" : "amdvi",
                      pf->iommu_ir, shell.f->devices, supervise_count(), by_state[GUEST_RUNNING],
                      by_state[GUEST_REFUSED], by_state[GUEST_CRASHED],
                      (slots_now() - pf->boot_tsc) / MAX(pf->tsc_hz, 1ul), unprotected_vms(), quarantined());
        return;
    }
    console_print("Cordon %s, up %lu s\n", pf->build, (slots_now() - pf->boot_tsc) / MAX(pf->tsc_hz, 1ul));
    status_machine();
    console_print("  guests    %u running, %u starting, %u stopped, %u crashed, %u refused\n", by_state[GUEST_RUNNING],
                  by_state[GUEST_STARTING], by_state[GUEST_STOPPED], by_state[GUEST_CRASHED], by_state[GUEST_REFUSED]);
    if (shell.m->lock)
        console_print("  lock      only commands that look are allowed\n");
    for (uint32_t i = 0; i < shell.p->diags.count; i++)
        if (shell.p->diag[i].code == CODE_I210 || shell.p->diag[i].code == CODE_I211 ||
            shell.p->diag[i].code == CODE_M028)
            console_print("  unsafe    %s %s\n", explain_name(shell.p->diag[i].code), shell.p->diag[i].text);
}

/* The guests that have a vCPU there, to the end of the line. */
static void cpu_guests(uint32_t cpu)
{
    uint32_t n = 0;
    for (uint32_t v = 0; v < supervise_count(); v++)
        for (uint32_t k = 0; k < supervise_guest(v)->vm->cpus; k++)
            if (supervise_guest(v)->vm->cpu[k] == cpu)
                console_print("%s%s", n++ ? "," : "", supervise_guest(v)->vm->name);
    console_print("%s\n", n ? "" : "-");
}

/* cpus -v: what speculation could leak from one owner to another, issue by issue. */
static void cpus_spec(bool records)
{
    struct spec_cpu cpu;
    struct spec_line l;
    spec_cpu_read(&cpu, shell.f->platform.arch_caps, shell.f->platform.spec);
    for (unsigned i = 0; records && spec_line(&cpu, i, &l); i++)
        console_print("issue=%s affected=%s state=%s done=\"%s\" where=\"%s\" cost=\"%s\"\n", l.issue,
                      l.state == SPEC_UNAFFECTED ? "no" : "yes", spec_state_name(l.state), l.done, l.where, l.cost);
    if (records)
        return;
    if (cpu.emulated) {
        console_print("  This CPU is emulated by QEMU and does not speculate: there is nothing to close.\n");
        return;
    }
    console_print("  What one owner (a guest with its VMM, or the monitor) could learn of another by speculation.\n"
                  "  issue       state   what is done\n");
    for (unsigned i = 0; spec_line(&cpu, i, &l); i++) {
        if (l.state == SPEC_UNAFFECTED)
            continue;
        console_print("  %-11s %-7s %s\n", l.issue, spec_state_name(l.state), l.done);
        if (l.where[0])
            console_print("  %-19s %s; cost: %s\n", "", l.where, l.cost);
    }
    console_print("  not affected:");
    for (unsigned i = 0; spec_line(&cpu, i, &l); i++)
        if (l.state == SPEC_UNAFFECTED)
            console_print(" %s", l.issue);
    console_print("\n");
}

void cmd_cpus(int argc, char **argv, bool records)
{
    if (argc > 1 && str_eq(argv[1], "-v")) {
        cpus_spec(records);
        return;
    }
    if (argc > 1) {
        console_print("usage: cpus [-v]\n");
        return;
    }
    facts_refresh(shell.f);
    if (!records)
        console_print("  cpu  apic  state      busy  guest       irqs       ipis   switches  guests\n");
    for (uint32_t i = 0; i < shell.f->cpus; i++) {
        const struct info_cpu *c = &shell.f->cpu[i];
        if (!c->online) {
            console_print(records ? "cpu=%u apic=%u state=offline busy=- guest=- irqs=- ipis=- switches=- vms="
                                  : "  %3u  %4u  offline       -      -          -          -          -  ",
                          c->index, c->apic_id);
            cpu_guests(c->index);
            continue;
        }
        uint64_t up = slots_now() - shell.f->platform.boot_tsc, all = up / 100 + 1;
        uint64_t busy = up > c->idle_tsc ? up - c->idle_tsc : 0;
        console_print(records ? "cpu=%u apic=%u state=online busy=%lu guest=%lu irqs=%lu ipis=%lu switches=%lu vms="
                              : "  %3u  %4u  online   %5lu%% %5lu%% %10lu %10lu %10lu  ", c->index, c->apic_id,
                      busy / all, c->guest_tsc / all, c->irqs, c->ipis, c->switches);
        cpu_guests(c->index);
    }
}

/* What the guest's CPUs touched of its RAM since its start, in the nested pages that hold it. */
struct use { uint64_t touched, written, page; };

static struct use guest_use(const struct build_objects *o)
{
    struct use u = { 0, 0, 0 };
    for (uint32_t i = 0; i < BUILD_EXTENTS; i++) {
        const uint64_t end = o->ram_gpa[i] + o->ram_len[i];
        for (uint64_t gpa = o->ram_gpa[i], next; gpa < end; gpa = next) {
            const uint64_t page = sys_call3(SYS_VM_PAGE, SLOT_SYSTEM, o->vm, gpa).value, size = page & ~UINT64_C(0xfff);
            if (size == 0)
                break;
            next = MIN((gpa | (size - 1)) + 1, end);
            u.touched += page & VM_PAGE_ACCESSED ? next - gpa : 0;
            u.written += page & VM_PAGE_WRITTEN ? next - gpa : 0;
            u.page = MAX(u.page, size);
        }
    }
    return u;
}

void cmd_memory(int argc, char **argv, bool records)
{
    const struct info_memory *m = &shell.f->memory;
    char a[24], b[24], c[24], d[24], e[24];
    (void)argc;
    (void)argv;
    facts_refresh(shell.f);
    console_print(records ? "total=%s free=%s largest=%s kernel=%s kernel_free=%s\n"
                          : "  total    %s\n  free     %s for guests, %s in one piece\n  kernel   %s, %s of it free\n",
                  shell_size(m->total, a, sizeof a), shell_size(m->user_free, b, sizeof b),
                  shell_size(m->user_largest, c, sizeof c), shell_size(m->kernel_total, d, sizeof d),
                  shell_size(m->kernel_free, e, sizeof e));
    for (uint32_t i = 0; i < supervise_count(); i++) {
        const struct guest *g = supervise_guest(i);
        bool up = g->objects.vm != SLOT_NONE;
        const struct use u = up ? guest_use(&g->objects) : (struct use){ 0, 0, 0 };
        console_print(records ? "vm=%s memory=%s in_use=%s" : "  guest    %-16s %s%s", g->vm->name,
                      shell_size(g->vm->memory, a, sizeof a), records ? up ? "yes" : "no" : up ? "" : " (not in use)");
        if (u.touched != 0)              /* else the CPU does not say */
            console_print(records ? " touched=%s written=%s page=%s" : ", touched %s, written %s, in pages of %s",
                          shell_size(u.touched, b, sizeof b), shell_size(u.written, c, sizeof c),
                          shell_size(u.page, d, sizeof d));
        console_print(records ? u.touched ? "\n" : " touched=- written=- page=-\n" : "\n");
    }
}

static void guest_stats(const struct guest *g, bool records)
{
    struct vcpu_stats s;
    for (uint32_t v = 0; v < g->objects.vcpus; v++) {
        if (!supervise_stats(g, v, &s))
            continue;
        uint64_t io = s.by_exit[EXIT_IO] + s.by_exit[EXIT_IO_STRING], npf = s.by_exit[EXIT_MMIO];
        uint64_t vmmcall = s.by_exit[EXIT_HYPERCALL];
        console_print(records ? "vm=%s vcpu=%u exits=%lu cpuid=%lu msr=%lu hlt=%lu intr=%lu nmi=%lu npf=%lu cr=%lu io=%lu"
                                " vmmcall=%lu other=%lu injected=%lu ipis=%lu\n"
                              : "  %s vcpu %u: %lu exits\n    cpuid %lu  msr %lu  hlt %lu  intr %lu  nmi %lu  npf %lu"
                                "  cr %lu  io %lu  vmmcall %lu  other %lu\n    injected %lu  ipis %lu\n",
                      g->vm->name, v, s.exits, s.cpuid, s.msr, s.hlt, s.intr, s.nmi, npf, s.cr, io, vmmcall,
                      s.exits - s.cpuid - s.msr - s.hlt - s.intr - s.nmi - npf - s.cr - io - vmmcall, s.injected,
                      s.ipis);
    }
}

void cmd_stats(int argc, char **argv, bool records)
{
    static const char *const object[] = { "none", "system", "task", "thread", "memory", "vm", "vcpu", "event",
                                          "device" };
    if (argc > 1 && !supervise_find(argv[1]))
        console_print("no guest \"%s\": vms lists them\n", argv[1]);
    for (uint32_t i = 0; i < supervise_count(); i++)
        if (argc == 1 || str_eq(argv[1], supervise_guest(i)->vm->name))
            guest_stats(supervise_guest(i), records);
    if (argc > 1)
        return;
    facts_refresh(shell.f);
    console_print(records ? "objects" : "  kernel objects:");
    for (uint32_t i = 1; i < ARRAY_LEN(object); i++)
        console_print(records ? " %s=%lu" : i == 1 ? " %s %lu" : ", %s %lu", object[i], shell.f->memory.objects[i]);
    console_print(records ? " slots=%u\n" : "\n  monitor's slots in use: %u\n", slots_used());
}
