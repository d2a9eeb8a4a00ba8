/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/acpi/acpi.c kernel/acpi/acpi_fadt.c */
/* Finding tables in fake physical memory: pointers of both revisions, scans, lies, limits. */
#include "kernel/acpi/acpi.h"
#include "kernel/mm/kmap.h"
#include "unit.h"

#include <stdlib.h>

static uint8_t mem[0x200000];            /* physical 0 .. 2 MiB */

/* Each mapping is an exact heap copy, so that a read past it is seen by the sanitizer. */
static void *kept[4096];
static unsigned kept_count;

const void *kmap_ro(hpa_t pa, uint64_t len)
{
    if (pa.v >= sizeof mem || len > sizeof mem - pa.v || kept_count == 4096)
        return NULL;
    uint8_t *copy = malloc(len);
    memcpy(copy, mem + pa.v, len);
    kept[kept_count++] = copy;
    return copy;
}

static void put32(uint64_t at, uint32_t v) { memcpy(mem + at, &v, 4); }
static void put64(uint64_t at, uint64_t v) { memcpy(mem + at, &v, 8); }

static void fix_sum(uint64_t at, uint32_t len, uint32_t sum_off)
{
    uint8_t sum = 0;
    mem[at + sum_off] = 0;
    for (uint32_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + mem[at + i]);
    mem[at + sum_off] = (uint8_t)-sum;
}

static void put_table(uint64_t at, const char *sig, uint32_t len)
{
    memcpy(mem + at, sig, 4);
    put32(at + 4, len);
    fix_sum(at, len, 9);
}

static void put_rsdp(uint64_t at, int revision, uint32_t rsdt, uint64_t xsdt)
{
    memset(mem + at, 0, 36);
    memcpy(mem + at, "RSD PTR ", 8);
    mem[at + 15] = (uint8_t)revision;
    put32(at + 16, rsdt);
    fix_sum(at, 20, 8);
    if (revision >= 2) {
        put32(at + 20, 36);
        put64(at + 24, xsdt);
        fix_sum(at, 36, 32);
    }
}

static void fresh(void)
{
    memset(mem, 0, sizeof mem);
    while (kept_count > 0)
        free(kept[--kept_count]);
}

static void put_xsdt(uint64_t at, const uint64_t *pa, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        put64(at + 36 + 8 * i, pa[i]);
    put_table(at, "XSDT", 36 + 8 * n);
}

static void put_rsdt(uint64_t at, const uint32_t *pa, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        put32(at + 36 + 4 * i, pa[i]);
    put_table(at, "RSDT", 36 + 4 * n);
}

static void test_xsdt(void)
{
    struct acpi_table t;
    uint64_t list[] = { 0x3000, 0x4000, 0x5000, 0xffffffffffffff00ull, 0x6000 };
    fresh();
    put_rsdp(0x1000, 2, 0, 0x2000);
    put_table(0x3000, "SSDT", 40);
    put_table(0x4000, "SSDT", 44);
    put32(0x5000 + 40, 0x7000);          /* FADT: DSDT */
    put_table(0x5000, "FACP", 116);
    put_table(0x6000, "APIC", 60);
    put_table(0x7000, "DSDT", 100);
    put_xsdt(0x2000, list, 5);
    CHECK_EQ(acpi_init((hpa_t){ 0x1000 }), ST_OK);
    CHECK_EQ(acpi_find("SSDT", 0, &t), ST_OK);
    CHECK_EQ(t.len, 40);
    CHECK_EQ(acpi_find("SSDT", 1, &t), ST_OK);
    CHECK_EQ(t.len, 44);
    CHECK_EQ(t.pa.v, 0x4000);
    CHECK_EQ(acpi_find("SSDT", 2, &t), ST_NOTFOUND);
    CHECK_EQ(acpi_find("DSDT", 0, &t), ST_OK);
    CHECK_EQ(t.pa.v, 0x7000);
    CHECK_EQ(acpi_find("APIC", 0, &t), ST_OK);
    CHECK_EQ(acpi_find("DMAR", 0, &t), ST_NOTFOUND);

    mem[0x6000 + 50] ^= 1;               /* a sum that is wrong is found and refused */
    CHECK_EQ(acpi_init((hpa_t){ 0x1000 }), ST_OK);
    CHECK_EQ(acpi_find("APIC", 0, &t), ST_CORRUPT);
    put32(0x4004, 0);                    /* a length below the header */
    put32(0x3004, 0x7fffffff);           /* and an absurd one */
    CHECK_EQ(acpi_init((hpa_t){ 0x1000 }), ST_OK);
    CHECK_EQ(acpi_find("SSDT", 0, &t), ST_NOTFOUND);
}

static void test_rsdt_and_fallback(void)
{
    struct acpi_table t;
    uint32_t list[] = { 0x3000 };
    fresh();
    put_table(0x3000, "HPET", 56);
    put_rsdt(0x2000, list, 1);
    put_rsdp(0x1000, 0, 0x2000, 0);
    CHECK_EQ(acpi_init((hpa_t){ 0x1000 }), ST_OK);
    CHECK_EQ(acpi_find("HPET", 0, &t), ST_OK);
    put_rsdp(0x1000, 2, 0x2000, 0x8000); /* XSDT address leads to zeros: the RSDT serves */
    CHECK_EQ(acpi_init((hpa_t){ 0x1000 }), ST_OK);
    CHECK_EQ(acpi_find("HPET", 0, &t), ST_OK);
    mem[0x2000 + 37] ^= 4;
    CHECK_EQ(acpi_init((hpa_t){ 0x1000 }), ST_CORRUPT);
    CHECK_EQ(acpi_find("HPET", 0, &t), ST_NOTFOUND);
    put_rsdp(0x1000, 2, 0, 0);
    CHECK_EQ(acpi_init((hpa_t){ 0x1000 }), ST_CORRUPT);
    mem[0x1000] = 'X';
    CHECK_EQ(acpi_init((hpa_t){ 0x1000 }), ST_CORRUPT);
    CHECK_EQ(acpi_init((hpa_t){ ~0ull - 4 }), ST_CORRUPT);
}

static void test_scan(void)
{
    struct acpi_table t;
    uint32_t list[] = { 0x3000 };
    fresh();
    CHECK_EQ(acpi_init((hpa_t){ 0 }), ST_NOTFOUND);
    put_table(0x3000, "HPET", 56);
    put_rsdt(0x2000, list, 1);
    memcpy(mem + 0xe0040, "RSD PTR ", 8);    /* a decoy with a wrong sum comes first */
    put_rsdp(0xfffe0, 0, 0x2000, 0);
    CHECK_EQ(acpi_init((hpa_t){ 0 }), ST_OK);
    CHECK_EQ(acpi_find("HPET", 0, &t), ST_OK);
    memset(mem + 0xfffe0, 0, 20);
    put_rsdp(0x9fc10, 0, 0x2000, 0);         /* EBDA */
    CHECK_EQ(acpi_init((hpa_t){ 0 }), ST_NOTFOUND);
    mem[0x40e] = 0xc0;
    mem[0x40f] = 0x9f;
    CHECK_EQ(acpi_init((hpa_t){ 0 }), ST_OK);
    put_rsdp(0x9fc10, 2, 0x2000, 0);         /* revision 2 with a bad second sum */
    mem[0x9fc10 + 33] = 1;
    CHECK_EQ(acpi_init((hpa_t){ 0 }), ST_NOTFOUND);
}

static void test_many(void)
{
    struct acpi_table t;
    static uint64_t list[300];
    fresh();
    for (unsigned i = 0; i < 300; i++) {
        list[i] = 0x10000 + 64 * i;
        put_table(list[i], "SSDT", 36);
    }
    put_xsdt(0x8000, list, 300);
    put_rsdp(0x1000, 2, 0, 0x8000);
    CHECK_EQ(acpi_init((hpa_t){ 0x1000 }), ST_OK);
    CHECK_EQ(acpi_find("SSDT", 95, &t), ST_OK);
    CHECK_EQ(acpi_find("SSDT", 96, &t), ST_NOTFOUND);
}

int main(void)
{
    test_xsdt();
    test_rsdt_and_fallback();
    test_scan();
    test_many();
    fresh();
    return unit_done();
}
