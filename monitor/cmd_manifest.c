/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about the manifest: manifest survey. */
#include "monitor/shell.h"

#include "kernel/lib/fmt.h"
#include "monitor/console.h"
#include "monitor/explain.h"
#include "monitor/facts.h"
#include "monitor/supervise.h"

static void key_text(const char *key, const struct span *value)
{
    static char buf[MANIFEST_CMDLINE];
    if (value->line == 0)
        return;
    manifest_text(shell.m, value, buf, sizeof buf);
    console_print("%-9s = %s\n", key, buf);
}

static void show_pci(const struct guest *g, uint32_t line)
{
    const struct manifest_pci *p = &g->vm->pci[line];
    char name[64];
    name_format(&p->name, name, sizeof name);
    console_print("pci       = %s", name);
    if (p->has_guard)
        console_print(" id=%04x:%04x", p->guard_vendor, p->guard_device);
    for (uint32_t i = 0; i < g->plan->devices; i++)
        if (g->plan->device[i].line == line) {
            console_print(" slot=%02x.%u", g->plan->device[i].devfn >> 3,
                          p->all_functions ? 0 : g->plan->device[i].devfn & 7u);
            break;
        }
    if (p->has_gsi)
        console_print(" gsi=%u", p->gsi);
    console_print("%s%s%s%s\n", p->all_functions ? " functions=all" : "", p->reset_none ? " reset=none" : "",
                  p->reserved_map ? " reserved=map" : "", p->irq_none ? " irq=none" : p->irq_intx ? " irq=intx" : "");
}

static void show_vm(const struct guest *g)
{
    const struct manifest_vm *vm = g->vm;
    char size[24];
    console_print("\n[vm %s]%s\n", vm->name, g->plan->refused ? "    # refused, see below" : "");
    console_print("cpus      = ");
    for (uint32_t i = 0; i < vm->cpus; i++)
        console_print("%s%u", i ? "," : "", vm->cpu[i]);
    console_print("\nmemory    = %s\n", shell_size(vm->memory, size, sizeof size));
    key_text("kernel", &vm->kernel_at);
    key_text("initrd", &vm->initrd_at);
    for (uint32_t i = 0; i < vm->modules; i++)
        key_text("module", &vm->module[i].at);
    key_text("cmdline", &vm->cmdline_at);
    for (uint32_t i = 0; i < vm->pcis; i++)
        show_pci(g, i);
    key_text("dma", &vm->dma_at);
    key_text("tsc", &vm->tsc_at);
    console_print("type      = %s\nrestart   = %s\nautostart = %s\n", manifest_type_word(vm->type),
                  manifest_restart_word(vm->restart), vm->autostart ? "yes" : "no");
}

static void show_diags(void)
{
    static char buf[2048];
    const struct diag_list *lists[] = { &shell.m->errors, &shell.p->diags };
    uint32_t lost = shell.p->diags.lost;
    for (uint32_t l = 0; l < ARRAY_LEN(lists); l++)
        for (uint32_t i = 0; i < lists[l]->count; i++)
            console_text(buf, diag_format(&lists[l]->item[i], shell.m->text, shell.m->len, buf, sizeof buf));
    if (lost)
        console_print("(%u more are not listed)\n", lost);
}

static void diag_records(void)
{
    const struct diag_list *lists[] = { &shell.m->errors, &shell.p->diags };
    for (uint32_t l = 0; l < ARRAY_LEN(lists); l++)
        for (uint32_t i = 0; i < lists[l]->count; i++) {
            const struct diag *d = &lists[l]->item[i];
            console_print("code=%s kind=%s vm=%s line=%u column=%u\n", explain_name(d->code),
                          d->kind == DIAG_ERROR ? "error" : "warning",
                          d->vm < shell.m->vms ? shell.m->vm[d->vm].name : "-", d->line, d->col);
        }
}

void cmd_manifest(int argc, char **argv, bool records)
{
    (void)argc;
    (void)argv;
    if (records) {
        diag_records();
        return;
    }
    if (shell.survey) {
        console_print("no cordon.conf on the stick: survey shows how to write one\n");
        return;
    }
    console_print("[cordon]\nversion   = 1\nconsole   = com1,115200\nlock      = %s\n", shell.m->lock ? "yes" : "no");
    for (uint32_t i = 0; i < supervise_count(); i++)
        show_vm(supervise_guest(i));
    console_print("\n");
    show_diags();
}

/* The n-th host CPU for a guest: those that are up, CPU 0 last, since the monitor is there. */
static uint32_t survey_cpu(uint32_t n)
{
    uint32_t up[FACTS_CPUS], count = 0;
    for (uint32_t i = 1; i < shell.f->cpus && count < FACTS_CPUS; i++)
        if (shell.f->cpu[i].online)
            up[count++] = shell.f->cpu[i].index;
    return count ? up[n % count] : 0;
}

static void survey_device(const struct dev_info *d, bool good, uint32_t *named)
{
    char bdf[16], path[40], why[DIAG_TEXT];
    enum code code = policy_device_verdict(shell.f, d, (struct policy_waivers){ 0 }, 0, why);
    name_format_bdf(d->bdf, bdf, sizeof bdf);
    name_format_path(d, path, sizeof path);
    if (d->header != 0 || good != (code == CODE_NONE))
        return;                    /* bridges would only fill the screen */
    if (code != CODE_NONE) {
        console_print("%s#   %s %04x:%04x %s: %s %s\n", (*named)++ ? "" : "\n# These cannot be given to a guest:\n", bdf,
                      d->vendor, d->device, name_class(d->class_rev), explain_name(code), why);
        return;
    }
    console_print("\n[vm guest%u]                  # %s %s\n", *named + 1, bdf, name_class(d->class_rev));
    console_print("cpus    = %u\nmemory  = 512M\nkernel  = guests/vmlinuz\ninitrd  = guests/initrd.img\n",
                  survey_cpu((*named)++));
    console_print("cmdline = console=ttyS0\npci     = path=%s id=%04x:%04x\n", path, d->vendor, d->device);
}

void cmd_survey(int argc, char **argv, bool records)
{
    uint32_t named = 0, left = 0;
    (void)argc;
    (void)argv;
    (void)records;
    console_print("# A manifest for this machine. Save it as cordon.conf on the stick, then edit.\n"
                  "[cordon]\nversion = 1\n");
    for (uint32_t i = 0; i < shell.f->devices; i++)
        survey_device(&shell.f->dev[i], true, &named);
    if (named == 0)
        console_print("\n# No function can be assigned here. A guest without functions:\n[vm guest1]\n"
                      "cpus    = %u\nmemory  = 512M\nkernel  = guests/vmlinuz\n", survey_cpu(0));
    for (uint32_t i = 0; i < shell.f->devices; i++)
        survey_device(&shell.f->dev[i], false, &left);
}
