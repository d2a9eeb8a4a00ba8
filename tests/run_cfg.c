/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads tests/system/cases.cfg; its format is described at the top of that file. */
#include "tests/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every key there is: a misspelt one is an error, not a case that tests less. */
static const char *const keys[] = {
    "rig", "manifest", "module", "iommu", "cpu", "cpus", "memory", "device", "icount", "qemu", "stick", "bios", "rom", "append", "timeout",
    "need", "forbid", "allow", "expect", "not", "send", "guest", "raw", "hmp", "hmp-expect", "hmp-not", "sleep",
    "exited", "shell", "kernel", "like", NULL
};

static char *trim(char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    size_t n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\n' || s[n - 1] == '\r'))
        s[--n] = 0;
    return s;
}

static void bad(const char *path, int number, const char *why, const char *text)
{
    fprintf(stderr, "%s:%d: %s: %s\n", path, number, why, text);
    exit(2);
}

static bool known(const char *key)
{
    for (int i = 0; keys[i]; i++)
        if (strcmp(keys[i], key) == 0)
            return true;
    return false;
}

static struct test_case *section(struct case_file *cf, const char *path, int number, char *s)
{
    char *end = strchr(s, ']');
    if (!end)
        bad(path, number, "section without ]", s);
    *end = 0;
    if (strcmp(s, "[all") == 0)
        return &cf->all;
    if (strncmp(s, "[case ", 6) != 0)
        bad(path, number, "want [case NAME] or [all]", s);
    cf->item = realloc(cf->item, (size_t)(cf->count + 1) * sizeof *cf->item);
    struct test_case *c = &cf->item[cf->count++];
    memset(c, 0, sizeof *c);
    c->name = strdup(trim(s + 6));
    c->number = number;
    for (int i = 0; i + 1 < cf->count; i++)
        if (strcmp(cf->item[i].name, c->name) == 0)
            bad(path, number, "second case of this name", c->name);
    return c;
}

/* The lines of an earlier case; what stands above them in this one goes first. */
static void copy(const struct case_file *cf, struct test_case *c, const char *path, int number, const char *name)
{
    for (int i = 0; i < cf->count; i++) {
        const struct test_case *from = &cf->item[i];
        if (from == c || strcmp(from->name, name) != 0)
            continue;
        if (c->count + from->count > MAX_LINES)
            bad(path, number, "too many lines in the case", name);
        memcpy(&c->line[c->count], from->line, (size_t)from->count * sizeof from->line[0]);
        c->count += from->count;
        return;
    }
    bad(path, number, "no earlier case of this name", name);
}

void cfg_read(const char *path, struct case_file *cf)
{
    char buf[4096];
    struct test_case *c = NULL;
    FILE *f = fopen(path, "r");
    memset(cf, 0, sizeof *cf);
    if (!f)
        return;                          /* no case file yet: no cases */
    for (int number = 1; fgets(buf, sizeof buf, f); number++) {
        char *s = trim(buf), *eq;
        if (*s == 0 || *s == '#')
            continue;
        if (*s == '[') {
            c = section(cf, path, number, s);
            continue;
        }
        eq = strchr(s, '=');
        if (!eq || !c)
            bad(path, number, "want key = value in a section", s);
        *eq = 0;
        s = trim(s);
        if (!known(s))
            bad(path, number, "unknown key", s);
        if (strcmp(s, "like") == 0) {
            copy(cf, c, path, number, trim(eq + 1));
            continue;
        }
        if (c->count == MAX_LINES)
            bad(path, number, "too many lines in the case", s);
        c->line[c->count++] = (struct line){ strdup(s), strdup(trim(eq + 1)), number };
    }
    fclose(f);
}

const char *cfg_get(const struct case_file *cf, const struct test_case *c, const char *key, const char *fallback)
{
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->line[i].key, key) == 0)
            return c->line[i].value;
    for (int i = 0; i < cf->all.count; i++)
        if (strcmp(cf->all.line[i].key, key) == 0)
            return cf->all.line[i].value;
    return fallback;
}
