/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about guests: vms console log start stop restart. */
#include "monitor/shell.h"

#include "kernel/lib/fmt.h"
#include "monitor/console.h"
#include "monitor/explain.h"
#include "monitor/guestio.h"
#include "monitor/supervise.h"

#define REPLAY 2048u        /* of a guest's output that `console` shows again */

static struct guest *find(const char *name)
{
    struct guest *g = supervise_find(name);
    if (!g)
        console_print("no guest \"%s\": vms lists them\n", name);
    return g;
}

static void cpu_list(const struct manifest_vm *vm, char *buf, size_t size)
{
    size_t n = 0;
    buf[0] = 0;
    for (uint32_t i = 0; i < vm->cpus; i++)
        n += fmt(buf + n, size - n, "%s%u", i ? "," : "", vm->cpu[i]);
    if (vm->cpus == 0)
        str_copy(buf, size, "-");
}

static void device_list(const struct guest *g, char *buf, size_t size)
{
    char bdf[16];
    size_t n = 0;
    str_copy(buf, size, "-");
    for (uint32_t i = 0; i < g->plan->devices; i++) {
        name_format_bdf(shell.f->dev[g->plan->device[i].dev].bdf, bdf, sizeof bdf);
        n += fmt(buf + n, size - n, "%s%s", i ? "," : "", bdf);
    }
}

static void record(const struct guest *g)
{
    char mem[24], cpus[64], bdfs[300];
    cpu_list(g->vm, cpus, sizeof cpus);
    device_list(g, bdfs, sizeof bdfs);
    console_print("vm=%s state=%s vcpus=%u cpus=%s memory=%s exits=%lu devices=%u bdfs=%s starts=%u restart=%s",
                  g->vm->name, supervise_state_word(g->state), g->vm->cpus, cpus,
                  shell_size(g->vm->memory, mem, sizeof mem), supervise_exits(g), g->plan->devices, bdfs, g->starts,
                  manifest_restart_word(g->vm->restart));
    if (g->code != CODE_NONE)
        console_print(" code=%s", explain_name(g->code));
    console_print(" dma=%s\n", g->vm->unprotected ? "unprotected" : g->vm->pcis ? "iommu" : "-");
}

static void row(const struct guest *g)
{
    char mem[24], cpus[64], bdfs[300];
    cpu_list(g->vm, cpus, sizeof cpus);
    if (g->code != CODE_NONE)
        fmt(bdfs, sizeof bdfs, "%s %s", explain_name(g->code), explain_meaning(g->code));
    else if (g->state == GUEST_STOPPED)
        str_copy(bdfs, sizeof bdfs, g->text);
    else
        device_list(g, bdfs, sizeof bdfs);
    console_print("  %-16s %-9s %-8s %6s %10lu  %s\n", g->vm->name, supervise_state_word(g->state), cpus,
                  shell_size(g->vm->memory, mem, sizeof mem), supervise_exits(g), bdfs);
}

void vms_table(void)
{
    console_print("  %-16s %-9s %-8s %6s %10s  %s\n", "guest", "state", "cpus", "memory", "exits", "functions");
    for (uint32_t i = 0; i < supervise_count(); i++)
        row(supervise_guest(i));
}

static void print_diag(const struct diag *d)
{
    static char buf[2048];
    console_text(buf, diag_format(d, shell.m->text, shell.m->len, buf, sizeof buf));
}

/* The parser's and the policy's words about one guest. */
static void diagnostics(uint32_t vm)
{
    const struct diag_list *lists[] = { &shell.m->errors, &shell.p->diags };
    for (uint32_t l = 0; l < ARRAY_LEN(lists); l++)
        for (uint32_t i = 0; i < lists[l]->count; i++)
            if (lists[l]->item[i].vm == vm ||
                (lists[l]->item[i].vm == DIAG_ALL && shell.m->all_refused))
                print_diag(&lists[l]->item[i]);
}

static void registers(const struct task_info *t)
{
    static const char *const name[16] = { "rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8",
                                          "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rsp" };
    const struct trap_frame *f = &t->frame;
    console_print("  VMM fault  vector %lu  error %lx  rip %016lx  address %016lx\n", f->vector, f->error, f->rip,
                  t->cr2);
    for (uint32_t i = 0; i < 16; i++)
        console_print("%s%-4s%016lx%s", i % 4 == 0 ? "    " : "", name[i], i < 15 ? f->gpr[14 - i] : f->rsp,
                      i % 4 == 3 ? "\n" : "  ");
}

static void functions(const struct guest *g)
{
    for (uint32_t i = 0; i < g->plan->devices; i++) {
        const struct plan_device *pd = &g->plan->device[i];
        const struct dev_info *d = &shell.f->dev[pd->dev];
        char bdf[16];
        name_format_bdf(d->bdf, bdf, sizeof bdf);
        console_print("  function   %s %04x:%04x %s, guest's slot %02x.%u, %u %s", bdf, d->vendor, d->device,
                      name_class(d->class_rev), pd->devfn >> 3, pd->devfn & 7u, pd->irqs,
                      pd->msix ? "MSI-X vectors" : pd->irqs ? "MSI vectors" : "messages");
        if (pd->pin != 0)
            console_print(", INT%c by line %u", 'A' + pd->pin - 1, pd->gsi & ~IRQ_GSI_LOW);
        console_print("\n");
    }
    if (g->vm->unprotected)
        console_print("  dma        UNPROTECTED: its functions reach all memory of the machine\n");
}

static void detail(const struct guest *g)
{
    char cpus[64], mem[24], path[MANIFEST_PATH];
    cpu_list(g->vm, cpus, sizeof cpus);
    console_print("guest %s: %s", g->vm->name, supervise_state_word(g->state));
    if (g->code != CODE_NONE)
        console_print(", %s %s", explain_name(g->code), explain_meaning(g->code));
    console_print("\n");
    if (g->text[0] && g->state != GUEST_REFUSED)
        console_print("  %-10s %s\n", g->state == GUEST_RUNNING ? "note" : "end", g->text);
    if (g->restart_at != 0)
        console_print("  restart    planned\n");
    console_print("  cpus       %s\n  memory     %s\n", cpus, shell_size(g->vm->memory, mem, sizeof mem));
    manifest_text(shell.m, &g->vm->kernel_at, path, sizeof path);
    console_print("  kernel     %s (%s)\n", path[0] ? path : "-", manifest_type_word(g->plan->type));
    console_print("  restart    %s, started %u time%s\n", manifest_restart_word(g->vm->restart), g->starts,
                  g->starts == 1 ? "" : "s");
    console_print("  exits      %lu\n", supervise_exits(g));
    functions(g);
    if (g->has_fault)
        registers(&g->fault);
    diagnostics(g->index);
    if (g->state == GUEST_REFUSED && !g->plan->refused)
        console_print("%s %s\n", explain_name(g->code), g->text);
    if (g->code != CODE_NONE)
        console_print("  what to do: %s\n", explain_fix(g->code));
}

void cmd_vms(int argc, char **argv, bool records)
{
    uint32_t hits = 0;
    if (supervise_count() == 0 && !records)
        console_print(shell.survey ? "no cordon.conf on the stick: survey shows how to write one\n"
                                   : "the manifest has no guest\n");
    else if (argc == 1 && !records)
        vms_table();
    for (uint32_t i = 0; i < supervise_count() && (argc > 1 || records); i++) {
        const struct guest *g = supervise_guest(i);
        if (argc > 1 && !str_eq(g->vm->name, argv[1]))
            continue;
        hits++;
        if (records)
            record(g);
        else
            detail(g);
    }
    if (argc > 1 && hits == 0)
        (void)find(argv[1]);
}

/* Follows escape sequences so that they can be left out: a terminal would answer some of
 * them, and the answer would be typed at the prompt. */
enum sequence { SEQ_NONE, SEQ_ESC, SEQ_CSI, SEQ_STRING };

static enum sequence sequence_next(enum sequence seq, uint8_t c)
{
    switch (seq) {
    case SEQ_ESC: return c == '[' ? SEQ_CSI : c == ']' || c == 'P' || c == '^' || c == '_' ? SEQ_STRING : SEQ_NONE;
    case SEQ_CSI: return c >= 0x40 || c == '\n' ? SEQ_NONE : SEQ_CSI;
    case SEQ_STRING: return c == 7 || c == '\n' ? SEQ_NONE : c == 27 ? SEQ_ESC : SEQ_STRING;
    case SEQ_NONE:
    default: return c == 27 ? SEQ_ESC : SEQ_NONE;
    }
}

/* The last part of what a guest printed, from a line's begin, as plain text. */
static void replay(const struct textring *ring, uint64_t most)
{
    uint64_t from = textring_first(ring);
    enum sequence seq = SEQ_NONE;
    char chunk[128];
    size_t n = 0;
    if (ring->total - from > most) {
        from = ring->total - most;
        while (from < ring->total && textring_at(ring, from) != '\n')
            from++;
    }
    for (uint64_t pos = from; pos < ring->total; pos++) {
        uint8_t c = textring_at(ring, pos);
        enum sequence before = seq;
        seq = sequence_next(seq, c);
        if ((before != SEQ_NONE && c != '\n') || (c < 32 && c != '\n' && c != '\t') || c == 127)
            continue;
        chunk[n++] = (char)c;
        if (n == sizeof chunk) {
            console_text(chunk, n);
            n = 0;
        }
    }
    console_text(chunk, n);
}

void cmd_console(int argc, char **argv, bool records)
{
    struct guest *g = find(argv[1]);
    (void)argc;
    (void)records;
    if (!g)
        return;
    if (g->state != GUEST_RUNNING && g->state != GUEST_STARTING) {
        console_print("guest %s is %s: there is no one to talk to (log %s shows what it printed)\n", g->vm->name,
                      supervise_state_word(g->state), g->vm->name);
        return;
    }
    guestio_drain(g);
    console_attach(g->index, g->vm->name);
    replay(&g->log, REPLAY);
    guestio_drain(g);                     /* from here on it rings for each byte */
}

void cmd_log(int argc, char **argv, bool records)
{
    struct guest *g = find(argv[1]);
    const struct textring *ring;
    (void)records;
    if (!g)
        return;
    guestio_drain(g);
    ring = argc > 2 && str_eq(argv[2], "vmm") ? &g->vmm_log : &g->log;
    if (ring->total == 0) {
        console_print("nothing yet\n");
        return;
    }
    if (textring_first(ring) > 0)
        console_print("(%lu earlier bytes are gone)\n", textring_first(ring));
    replay(ring, ring->size);
    if (textring_at(ring, ring->total - 1) != '\n')
        console_print("\n");
}

static void say_refused(const struct guest *g)
{
    console_print("guest %s cannot start: %s %s\n", g->vm->name, explain_name(g->code), g->text);
    diagnostics(g->index);
}

void cmd_start(int argc, char **argv, bool records)
{
    struct guest *g = find(argv[1]);
    (void)argc;
    (void)records;
    if (!g)
        return;
    if (g->plan->refused)
        say_refused(g);
    else if (g->state == GUEST_RUNNING || g->state == GUEST_STARTING)
        console_print("guest %s is %s already\n", g->vm->name, supervise_state_word(g->state));
    else if (supervise_start(g))
        console_print("vm %s: starting\n", g->vm->name);
    else
        console_print("guest %s did not start: see vms %s\n", g->vm->name, g->vm->name);
}

void cmd_stop(int argc, char **argv, bool records)
{
    struct guest *g = find(argv[1]);
    (void)argc;
    (void)records;
    if (!g)
        return;
    if (supervise_stop(g, "by the operator"))
        console_print("vm %s: stopped\n", g->vm->name);
    else
        console_print("guest %s is %s: nothing to stop\n", g->vm->name, supervise_state_word(g->state));
}

void cmd_restart(int argc, char **argv, bool records)
{
    struct guest *g = find(argv[1]);
    (void)argc;
    (void)records;
    if (!g)
        return;
    if (g->plan->refused)
        say_refused(g);
    else if (supervise_restart(g))
        console_print("vm %s: starting\n", g->vm->name);
    else
        console_print("guest %s did not start: see vms %s\n", g->vm->name, g->vm->name);
}
