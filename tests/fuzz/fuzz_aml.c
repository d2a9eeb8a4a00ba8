/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/aml.c monitor/aml_arith.c monitor/aml_eval.c monitor/aml_names.c monitor/aml_prt.c monitor/aml_term.c kernel/lib/str.c */
/* corpus: ../shared/acpi-corpus/DSDT */
/* The AML reader on any bytes: stays inside, comes to an end, and what it says holds together. */
#include <stdlib.h>
#include <string.h>

#include "monitor/aml.h"

#define MOST  12288u             /* a piece of a real DSDT; whole ones are read by test_aml */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct aml a;

static void must(bool c)
{
    if (!c)
        abort();
}

static void check_reason(const struct aml_reason *r)
{
    char path[64];
    if (r->what == AML_NONE)
        return;
    must(r->what < a.names);
    aml_path(&a, r->what, path, sizeof path);
    must(strlen(path) < sizeof path && path[0] == '\\');
}

static void check(void)
{
    uint8_t typ_a, typ_b;
    uint16_t end = 0;
    must(a.names == a.fixed && a.names <= AML_NAMES && a.bridges <= AML_BRIDGES && a.routes <= AML_ROUTES);
    must(a.depth == 0 && a.changes <= AML_CHANGES);
    for (uint32_t i = 1; i < a.names; i++)
        must(a.name[i].parent < i && a.name[i].at <= a.name[i].end && a.name[i].end <= a.size);
    for (uint32_t i = 0; i < a.bridges; i++) {
        const struct aml_bridge *b = &a.bridge[i];
        uint32_t gsi;
        bool high;
        must(b->first == end && b->first <= b->end && b->hops <= AML_HOPS && (b->rooted || !b->placed));
        must(b->placed || b->reason.why != NULL);
        end = b->end;
        check_reason(&b->reason);
        struct aml_reason r = aml_intx(&a, b->seg, b->bus, (const uint8_t[16]){ 8, 16, 24 }, 3, i & 3, 5, &gsi, &high);
        check_reason(&r);
    }
    must(end == a.routes);
    for (uint32_t i = 0; i < a.routes; i++) {
        must(a.route[i].reason.why != NULL || (a.route[i].dev < 32 && a.route[i].pin < 4));
        must(a.route[i].link == AML_NONE || a.route[i].link < a.names);
        check_reason(&a.route[i].reason);
    }
    if (aml_s5(&a, &typ_a, &typ_b) == ST_OK)
        must(typ_a <= 7 && typ_b <= 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;
    status_t st;
    size = size > MOST ? MOST : size;
    copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    st = aml_read(&a, copy, size);
    if (st == ST_OK)
        check();
    if (size >= 36) {                      /* again with a header that lets every mutation in */
        memcpy(copy, "DSDT", 4);
        copy[4] = (uint8_t)size;
        copy[5] = (uint8_t)(size >> 8);
        copy[6] = copy[7] = 0;
        must(aml_read(&a, copy, size) == ST_OK);
        check();
    }
    free(copy);
    return 0;
}
