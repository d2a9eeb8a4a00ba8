/* SPDX-License-Identifier: BSD-2-Clause */
/* Host tool: checks a manifest's text and prints errors exactly as the monitor does. */
#include <stdio.h>
#include <stdlib.h>

#include "monitor/manifest.h"

static struct manifest m;
static char text[MANIFEST_MAX_BYTES + 2];

NORETURN void kassert_fail(const char *condition, const char *file, int line)
{
    fprintf(stderr, "cordon-check: assertion %s at %s:%d\n", condition, file, line);
    abort();
}

static void print_summary(const char *path, unsigned errors)
{
    uint32_t cursor = 0, good = 0;
    struct manifest_file f;
    for (uint32_t i = 0; i < m.vms; i++)
        good += !m.vm[i].refused && !m.all_refused;
    printf("%s: %u guest%s, %u can be checked further, %u error%s\n", path, m.vms, m.vms == 1 ? "" : "s",
           good, errors, errors == 1 ? "" : "s");
    while (manifest_files(&m, &cursor, &f))
        printf("  needs %s\n", f.path);
}

int main(int argc, char **argv)
{
    char out[4096];
    unsigned errors = 0;
    size_t len;
    FILE *file;
    if (argc != 2) {
        fprintf(stderr, "usage: cordon-check FILE\n"
                        "Checks the text of a cordon.conf. What depends on the machine is checked there.\n");
        return 2;
    }
    file = fopen(argv[1], "rb");
    if (!file) {
        fprintf(stderr, "cordon-check: cannot open %s\n", argv[1]);
        return 2;
    }
    len = fread(text, 1, sizeof text - 1, file);
    if (ferror(file)) {
        fprintf(stderr, "cordon-check: cannot read %s\n", argv[1]);
        return 2;
    }
    fclose(file);
    manifest_parse(&m, text, len);
    for (uint32_t i = 0; i < m.errors.count; i++) {
        const struct diag *d = &m.error[i];
        errors += d->kind == DIAG_ERROR;
        diag_format(d, m.text, m.len, out, sizeof out);
        fputs(out, stdout);
    }
    print_summary(argv[1], errors);
    return errors != 0;
}
