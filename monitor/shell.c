/* SPDX-License-Identifier: BSD-2-Clause */
/* Shell: the command table, splitting lines, completion. */
#include "monitor/shell.h"

#include "kernel/lib/fmt.h"
#include "monitor/console.h"
#include "monitor/supervise.h"

struct shell_state shell;

const struct command shell_commands[] = {
    { "help",     "[COMMAND]",   "this list, or one command",                         cmd_help,     false, COMPLETE_COMMAND },
    { "status",   "",            "the machine at a glance",                           cmd_status,   false, COMPLETE_NONE },
    { "vms",      "[VM]",        "guests and their state; with a name, everything",   cmd_vms,      false, COMPLETE_VM },
    { "console",  "VM",          "a guest's own console; Ctrl-] comes back",          cmd_console,  false, COMPLETE_VM },
    { "log",      "VM [vmm]",    "what a guest printed; vmm: what its VMM said",      cmd_log,      false, COMPLETE_VM },
    { "start",    "VM",          "start a guest",                                     cmd_start,    true,  COMPLETE_VM },
    { "stop",     "VM",          "end a guest at once, as if its power went",         cmd_stop,     true,  COMPLETE_VM },
    { "restart",  "VM",          "stop and start",                                    cmd_restart,  true,  COMPLETE_VM },
    { "stats",    "[VM]",        "exits by reason; kernel objects in use",            cmd_stats,    false, COMPLETE_VM },
    { "devices",  "",            "PCI functions, their owners and what can be given", cmd_devices,  false, COMPLETE_NONE },
    { "device",   "FUNCTION",    "everything about one function, and why",            cmd_device,   false, COMPLETE_DEVICE },
    { "iommu",    "",            "IOMMU units",                                       cmd_iommu,    false, COMPLETE_NONE },
    { "faults",   "",            "device accesses that were blocked",                 cmd_faults,   false, COMPLETE_NONE },
    { "cpus",     "[-v]",        "host CPUs and how busy; -v: speculation issues",    cmd_cpus,     false, COMPLETE_NONE },
    { "memory",   "",            "memory: total, free, by guest",                     cmd_memory,   false, COMPLETE_NONE },
    { "manifest", "",            "the manifest as understood, and its errors",        cmd_manifest, false, COMPLETE_NONE },
    { "survey",   "",            "a manifest for this machine, ready to paste",       cmd_survey,   false, COMPLETE_NONE },
    { "explain",  "CODE",        "what a code such as F102 means and what to do",     cmd_explain,  false, COMPLETE_CODE },
    { "reboot",   "",            "stop all guests and restart the machine",           cmd_reboot,   true,  COMPLETE_NONE },
    { "poweroff", "",            "stop all guests and switch the machine off",        cmd_poweroff, true,  COMPLETE_NONE },
    { NULL, NULL, NULL, NULL, false, COMPLETE_NONE },
};

static const struct command *find_command(const char *name)
{
    for (const struct command *c = shell_commands; c->name; c++)
        if (str_eq(c->name, name))
            return c;
    return NULL;
}

/* Splits at blanks, in place. -p is taken out. */
static int split(char *line, char **argv, bool *records)
{
    int argc = 0;
    char *s = line;
    *records = false;
    while (*s && argc < (int)SHELL_ARGS) {
        while (*s == ' ')
            *s++ = 0;
        if (!*s)
            break;
        argv[argc] = s;
        while (*s && *s != ' ')
            s++;
        if (*s)
            *s++ = 0;
        if (argc > 0 && str_eq(argv[argc], "-p"))
            *records = true;
        else
            argc++;
    }
    return argc;
}

void shell_run(const char *line)
{
    char copy[LINEEDIT_MAX + 1], *argv[SHELL_ARGS];
    const struct command *c;
    bool records;
    int argc;
    str_copy(copy, sizeof copy, line);
    argc = split(copy, argv, &records);
    if (argc == 0)
        return;
    c = find_command(argv[0]);
    if (!c) {
        console_print("no command \"%s\": help lists them\n", argv[0]);
        return;
    }
    if (c->touches && shell.m->lock) {
        console_print("%s: the manifest says lock = yes: only commands that look are allowed\n", c->name);
        return;
    }
    if (argc < 2 && c->args[0] && c->args[0] != '[') {
        console_print("usage: %s %s\n", c->name, c->args);
        return;
    }
    c->run(argc, argv, records);
}

const char *shell_size(uint64_t bytes, char *buf, size_t size)
{
    if (bytes >= 1u << 30 && bytes % (1u << 30) == 0)
        fmt(buf, size, "%luG", bytes >> 30);
    else if (bytes >= 1u << 20)
        fmt(buf, size, "%luM", bytes >> 20);
    else
        fmt(buf, size, "%luK", bytes >> 10);
    return buf;
}

const struct dev_info *shell_device(const char *name)
{
    const struct dev_info *found = NULL;
    struct fn_name fn;
    if (!name_parse_any(name, &fn)) {
        console_print("\"%s\" names no function: write 03:00.0, 0000:03:00.0, 3/0/0, 00:1c.0/00.0 or 8086:10d3\n", name);
        return NULL;
    }
    for (uint32_t i = 0; i < shell.f->devices; i++) {
        if (!name_matches(&fn, &shell.f->dev[i]))
            continue;
        if (found) {
            console_print("\"%s\" matches more than one function: see devices, and name it by address\n", name);
            return NULL;
        }
        found = &shell.f->dev[i];
    }
    if (!found)
        console_print("the machine has no function \"%s\": see devices\n", name);
    return found;
}

/* ---- completion ---- */

/* The i-th candidate of a kind, or NULL behind the last. */
static const char *candidate(enum complete kind, uint32_t i, char *buf, size_t size)
{
    switch (kind) {
    case COMPLETE_COMMAND: return shell_commands[i].name;
    case COMPLETE_VM: return i < supervise_count() ? supervise_guest(i)->vm->name : NULL;
    case COMPLETE_DEVICE:
        if (i >= shell.f->devices)
            return NULL;
        name_format_bdf(shell.f->dev[i].bdf, buf, size);
        return buf + 5;                  /* without segment: that is what people type */
    case COMPLETE_NONE:
    case COMPLETE_CODE:
    default: return NULL;
    }
}

static size_t common(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

/* Lists the candidates below the line and draws it again. */
static void list_candidates(struct lineedit *le, enum complete kind, const char *word)
{
    char buf[16];
    const char *name;
    console_print("\n");
    for (uint32_t i = 0; (name = candidate(kind, i, buf, sizeof buf)) != NULL; i++)
        if (str_starts(name, word))
            console_print("%s  ", name);
    console_print("\n");
    lineedit_draw(le);
}

void shell_complete(struct lineedit *le)
{
    char word[LINEEDIT_MAX + 1], first[LINEEDIT_MAX + 1], buf[16], best[64] = "";
    enum complete kind = COMPLETE_COMMAND;
    const struct command *c;
    uint32_t start = le->pos, hits = 0, n = 0;
    const char *name;
    le->out_len = 0;
    while (start > 0 && le->line[start - 1] != ' ')
        start--;
    for (uint32_t i = start; i < le->pos; i++)
        word[n++] = le->line[i];
    word[n] = 0;
    if (start > 0) {
        for (n = 0; le->line[n] && le->line[n] != ' '; n++)
            first[n] = le->line[n];
        first[n] = 0;
        c = find_command(first);
        kind = c ? c->complete : COMPLETE_NONE;
    }
    for (uint32_t i = 0; (name = candidate(kind, i, buf, sizeof buf)) != NULL; i++) {
        if (!str_starts(name, word))
            continue;
        if (hits++ == 0)
            str_copy(best, sizeof best, name);
        else
            best[common(best, name)] = 0;
    }
    if (hits == 0)
        return;
    if (str_len(best) > str_len(word) || hits == 1) {
        lineedit_insert(le, best + str_len(word));
        if (hits == 1)
            lineedit_insert(le, " ");
    } else {
        list_candidates(le, kind, word);
    }
}
