/* SPDX-License-Identifier: BSD-2-Clause */
/* AML reader: tables in, facts out. Pure. */
#include "monitor/aml.h"

#include "monitor/aml_internal.h"

#define HEADER    36u            /* [ACPI 5.2.6] */
#define REVISION   8u
_Static_assert(AML_NAMES <= AML_NONE, "a name's number has 16 bits");

/* Scopes and names that are there before any table [ACPI 5.3.1, 5.7]. */
static const struct { char name[5]; uint8_t kind, args; } given[] = {
    { "_GPE", AML_SCOPE, 0 }, { "_PR_", AML_SCOPE, 0 }, { "_SB_", AML_SCOPE, 0 }, { "_SI_", AML_SCOPE, 0 },
    { "_TZ_", AML_SCOPE, 0 }, { "_OSI", AML_OTHER, 1 }, { "_OS_", AML_OTHER, 0 }, { "_REV", AML_OTHER, 0 },
    { "_GL_", AML_OTHER, 0 }, { "_DLM", AML_OTHER, 0 },
};

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void begin(struct aml *a, const uint8_t *tables, uint32_t size)
{
    memset(a, 0, sizeof *a);
    a->base = tables;
    a->size = size;
    a->steps = AML_STEPS;
    for (uint32_t i = 0; i < ARRAY_LEN(a->chain); i++)
        a->chain[i] = AML_NONE;
    a->names = 1;                                /* the root, its own parent */
    a->name[0].next = AML_NONE;
    for (uint32_t i = 0; i < ARRAY_LEN(given); i++) {
        uint16_t node = aml_enter_seg(a, 0, word((const uint8_t *)given[i].name), (enum aml_kind)given[i].kind, 0, 0);
        a->name[node].args = given[i].args;
    }
}

/* All tables with this signature, in their order. False: a length that cannot be. */
static bool load_all(struct aml *a, const char sig[4], unsigned *count)
{
    uint32_t len;
    *count = 0;
    for (uint32_t at = 0; at < a->size && a->size - at >= HEADER; at = len > a->size - at - 15 ? a->size : at + ((len + 15) & ~15u)) {
        len = word(a->base + at + 4);
        if (len < HEADER || len > a->size - at)
            return false;
        if (memcmp(a->base + at, sig, 4) != 0)
            continue;
        if (*sig == 'D')
            a->narrow = a->base[at + REVISION] < 2;
        aml_load(a, (struct span){ at + HEADER, at + len });
        (*count)++;
    }
    return true;
}

status_t aml_read(struct aml *a, const uint8_t *tables, size_t size)
{
    unsigned dsdts, ssdts;
    begin(a, tables, (uint32_t)MIN(size, 1u << 30));
    if (!load_all(a, "DSDT", &dsdts) || !load_all(a, "SSDT", &ssdts))
        return ST_CORRUPT;
    a->fixed = a->names;
    a->steps = AML_STEPS;
    aml_skim(a);
    a->steps = AML_STEPS;
    aml_choose_apic(a);
    aml_find_routes(a);
    return dsdts == 1 ? ST_OK : dsdts == 0 ? ST_NOTFOUND : ST_CORRUPT;
}

status_t aml_s5(struct aml *a, uint8_t *typ_a, uint8_t *typ_b)
{
    a->steps = AML_STEPS;
    struct value s5 = aml_child_value(a, 0, "_S5_");
    struct value first = aml_element(a, &s5, 0), second = aml_element(a, &s5, 1);
    if (s5.kind == V_PACKAGE && s5.count == 1 && first.kind == V_INT) {       /* both in one, byte after byte */
        second = first;
        first.n &= 0xff;
        second.n = second.n >> 8 & 0xff;
    }
    if (first.kind != V_INT || second.kind != V_INT || first.n > 7 || second.n > 7)
        return ST_NOTFOUND;
    *typ_a = (uint8_t)first.n;
    *typ_b = (uint8_t)second.n;
    return ST_OK;
}
