/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/explain.c kernel/lib/str.c */
/* Every code has a name, a sentence and a remedy, and is in the manual. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "monitor/explain.h"

static char manual[1 << 17];

int main(void)
{
    FILE *file = fopen("docs/manifest.md", "r");
    size_t len = file ? fread(manual, 1, sizeof manual - 1, file) : 0;
    CHECK(len > 0);
    for (unsigned c = 1; c < CODE_COUNT; c++) {
        const char *name = explain_name((enum code)c), *meaning = explain_meaning((enum code)c);
        const char *fix = explain_fix((enum code)c);
        CHECK_EQ(strlen(name), 4);
        CHECK(strchr("MFISRBG", name[0]) != NULL);
        CHECK(strlen(meaning) > 15 && meaning[strlen(meaning) - 1] == '.');
        CHECK(strlen(fix) > 10);
        CHECK_EQ(explain_find(name), c);
        if (!strstr(manual, name)) {
            unit_fail(__FILE__, __LINE__, name);
            printf("    is not in docs/manifest.md\n");
        }
        for (unsigned o = c + 1; o < CODE_COUNT; o++)
            CHECK(strcmp(name, explain_name((enum code)o)) != 0);
    }
    CHECK_EQ(explain_find("f101"), CODE_F101);
    CHECK_EQ(explain_find("F10"), CODE_NONE);
    CHECK_EQ(explain_find("F1011"), CODE_NONE);
    CHECK_EQ(explain_find("----"), CODE_NONE);
    CHECK_STR(explain_name(CODE_NONE), "----");
    CHECK_STR(explain_name((enum code)9999), "----");
    return unit_done();
}
