/* SPDX-License-Identifier: BSD-2-Clause */
/* link: drivers/iommu/vtd/dmar.c */
/* corpus: ../shared/acpi-corpus/DMAR */
/* The DMAR parser on any bytes: stays inside, and what it says holds together. */
#include <stdlib.h>
#include <string.h>

#include "drivers/iommu/vtd/dmar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool c)
{
    if (!c)
        abort();
}

static void check_span(const struct dmar *d, const struct dmar_span *s)
{
    must(s->first <= s->end && s->end <= d->scopes);
}

static void check(const struct dmar *d)
{
    must(d->units <= IOMMU_UNITS && d->regions <= DMAR_REGIONS && d->scopes <= DMAR_SCOPES);
    for (uint32_t i = 0; i < d->units; i++) {
        check_span(d, &d->unit[i].scopes);
        must(d->unit[i].broken || (d->unit[i].base != 0 && d->unit[i].base % 4096 == 0));
        must(!d->unit[i].broken || d->notes.count > 0);
    }
    for (uint32_t i = 0; i < d->regions; i++) {
        check_span(d, &d->region[i].scopes);
        must(d->region[i].len != 0 && d->region[i].len % 4096 == 0 && d->region[i].base % 4096 == 0);
        must(d->region[i].base + d->region[i].len > d->region[i].base);
    }
    for (uint32_t i = 0; i < d->scopes; i++)
        must(d->scope[i].hops >= 1 && d->scope[i].hops <= DMAR_HOPS);
    must(d->lost == ST_OK || d->notes.count > 0);
    for (uint32_t i = 0; i < d->notes.count && i < FW_NOTES; i++)
        must(d->notes.at[i].text != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dmar d;
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    if (dmar_parse(copy, size, &d) == ST_OK)
        check(&d);
    if (size >= 48) {                      /* again with a header that lets every mutation in */
        memcpy(copy, "DMAR", 4);
        copy[4] = (uint8_t)size;
        copy[5] = (uint8_t)(size >> 8);
        copy[6] = (uint8_t)(size >> 16);
        copy[7] = (uint8_t)(size >> 24);
        must(dmar_parse(copy, size, &d) == ST_OK);
        check(&d);
    }
    free(copy);
    return 0;
}
