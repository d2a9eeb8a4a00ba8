/* SPDX-License-Identifier: BSD-2-Clause */
/* link: drivers/iommu/amdvi/ivrs.c */
/* corpus: ../shared/acpi-corpus/IVRS */
/* The IVRS parser on any bytes: stays inside, and what it says holds together. */
#include <stdlib.h>
#include <string.h>

#include "drivers/iommu/amdvi/ivrs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool c)
{
    if (!c)
        abort();
}

static void check(const struct ivrs *v)
{
    uint16_t end = 0;
    must(v->units <= IOMMU_UNITS && v->regions <= IVRS_REGIONS && v->entries <= IVRS_ENTRIES);
    for (uint32_t i = 0; i < v->units; i++) {
        const struct ivrs_unit *u = &v->unit[i];
        must(u->entry == end && u->entry <= u->end && u->end <= v->entries);
        end = u->end;
        must(u->broken ? v->notes.count > 0 : u->base != 0 && u->base % 0x4000 == 0);
        for (uint32_t k = 0; k < i; k++)
            must(!bdf_eq(v->unit[k].fn, u->fn) && (u->broken || v->unit[k].base != u->base));
    }
    must(end == v->entries);                        /* every entry is some unit's */
    for (uint32_t i = 0; i < v->entries; i++) {
        must(v->entry[i].first <= v->entry[i].last);
        must(v->entry[i].type != IVHD_PAD && v->entry[i].type != IVHD_END);
    }
    for (uint32_t i = 0; i < v->regions; i++) {
        const struct ivrs_region *r = &v->region[i];
        must(r->first <= r->last && r->base % 4096 == 0 && r->len % 4096 == 0 && r->base + r->len > r->base);
    }
    must(v->lost == ST_OK || v->notes.count > 0);
    for (uint32_t i = 0; i < v->notes.count && i < FW_NOTES; i++)
        must(v->notes.at[i].text != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ivrs v;
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    if (ivrs_parse(copy, size, &v) == ST_OK)
        check(&v);
    if (size >= 48) {                      /* again with a header that lets every mutation in */
        memcpy(copy, "IVRS", 4);
        copy[4] = (uint8_t)size;
        copy[5] = (uint8_t)(size >> 8);
        copy[6] = (uint8_t)(size >> 16);
        copy[7] = (uint8_t)(size >> 24);
        must(ivrs_parse(copy, size, &v) == ST_OK);
        check(&v);
    }
    free(copy);
    return 0;
}
