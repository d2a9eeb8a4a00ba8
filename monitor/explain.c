/* SPDX-License-Identifier: BSD-2-Clause */
/* Table of codes with meaning and remedy. */
#include "monitor/explain.h"

static const struct {
    char name[5];
    const char *meaning, *fix;
} entry[CODE_COUNT] = {
    [CODE_NONE] = { "----", "", "" },
#define X(c, m, f) [CODE_##c] = { #c, m, f },
    CODE_LIST(X)
#undef X
};

static unsigned index_of(enum code code) { return (unsigned)code < CODE_COUNT ? (unsigned)code : 0; }

const char *explain_name(enum code code) { return entry[index_of(code)].name; }

const char *explain_meaning(enum code code) { return entry[index_of(code)].meaning; }

const char *explain_fix(enum code code) { return entry[index_of(code)].fix; }

enum code explain_find(const char *name)
{
    char upper[5];
    if (str_nlen(name, 5) != 4)
        return CODE_NONE;
    for (unsigned i = 0; i < 5; i++)
        upper[i] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
    for (unsigned c = 1; c < CODE_COUNT; c++)
        if (str_eq(entry[c].name, upper))
            return (enum code)c;
    return CODE_NONE;
}
