/* SPDX-License-Identifier: BSD-2-Clause */
/* The root task: reads the manifest, judges it, starts guests, then serves events and the console. */
#include "monitor/main.h"

#include "monitor/build.h"
#include "monitor/console.h"
#include "monitor/explain.h"
#include "monitor/facts.h"
#include "monitor/shell.h"
#include "monitor/supervise.h"

static struct manifest manifest;
static struct facts facts;
static struct policy policy;

static void read_manifest(void)
{
    uint32_t i = facts_find_basename(&facts, "cordon.conf");
    const uint8_t *text = NULL;
    uint64_t len = 0;
    shell.survey = i == POLICY_NONE;
    if (!shell.survey && facts.module[i].info.len > 0) {
        /* A byte over the limit is enough for the parser to say so. */
        len = MIN(facts.module[i].info.len, MANIFEST_MAX_BYTES + 1ull);
        text = facts_map_module(&facts, i, len);
        if (!text)
            console_print("cordon.conf cannot be mapped: no guest is started\n");
    }
    manifest_parse(&manifest, text ? (const char *)text : "", text ? len : 0);
}

static void load_vmm(void)
{
    uint32_t i = policy_find_module(&facts, "vmm.elf");
    struct build_error error;
    const uint8_t *elf;
    if (i == POLICY_NONE)
        return;                          /* the policy refuses with R416 */
    elf = facts_map_module(&facts, i, facts.module[i].info.len);
    if (!elf || !build_set_image(elf, facts.module[i].info.len, &error))
        console_print("%s %s\n", explain_name(CODE_B504), elf ? error.text : "vmm.elf cannot be mapped");
}

static void print_problems(void)
{
    static char buf[2048];
    const struct diag_list *lists[] = { &manifest.errors, &policy.diags };
    for (uint32_t l = 0; l < ARRAY_LEN(lists); l++)
        for (uint32_t i = 0; i < lists[l]->count; i++)
            console_text(buf, diag_format(&lists[l]->item[i], manifest.text, manifest.len, buf, sizeof buf));
}

static void summary(void)
{
    uint32_t refused = 0;
    console_print("\nCordon %s\n\n", facts.platform.build);
    status_machine();
    for (uint32_t i = 0; i < supervise_count(); i++)
        refused += supervise_guest(i)->state == GUEST_REFUSED;
    if (shell.survey)
        console_print("  manifest  none: cordon.conf is not on the stick\n\n");
    else if (refused)
        console_print("  manifest  cordon.conf, %u guest%s, %u refused: see below\n\n", manifest.vms,
                      manifest.vms == 1 ? "" : "s", refused);
    else
        console_print("  manifest  cordon.conf, %u guest%s\n\n", manifest.vms, manifest.vms == 1 ? "" : "s");
    if (supervise_count() > 0) {
        vms_table();
        console_print("\n");
    }
    if (shell.survey)
        shell_run("survey");
    else
        print_problems();
    console_print("%shelp lists the commands; in a guest's console, Ctrl-] comes back.\n",
                  shell.survey || manifest.errors.count || policy.diags.count ? "\n" : "");
}

void monitor_init(void)
{
    status_t st = facts_read(&facts);
    shell.m = &manifest;
    shell.f = &facts;
    shell.p = &policy;
    if (st != ST_OK)
        console_print("the kernel gives no facts about the machine: %s (%s)\n", status_text(st), status_name(st));
    read_manifest();
    facts_map_kernels(&facts, &manifest);
    load_vmm();
    policy_check(&policy, &manifest, &facts);
    supervise_init(&manifest, &facts, &policy);
    supervise_autostart();
    facts_refresh(&facts);
    summary();
    console_start();
    faults_notice();
}

void monitor_step(uint64_t deadline)
{
    struct sys_ret ret = sys_call3(SYS_EVENT_WAIT, SLOT_ROOT_EVENT, ~0ull, deadline);
    uint64_t bits = ret.st == ST_OK ? ret.value : 0;
    supervise_event(bits);
    if (bits & SYSEV_DEV_FAULT)
        faults_notice();
    if (bits & SYSEV_CONSOLE_RX)
        console_poll();
}
