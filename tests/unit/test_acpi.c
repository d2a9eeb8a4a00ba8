/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/boot/acpi.c kernel/boot/acpi_fadt.c kernel/boot/acpi_madt.c kernel/boot/acpi_mcfg.c
   kernel/boot/acpi_spcr.c kernel/boot/say.c kernel/lib/fmt.c kernel/lib/str.c */
/* Finding tables in fake physical memory: pointers of both revisions, scans, lies, limits; what is kept. */
#include "kernel/boot/loader.h"
#include "unit.h"

#include <stdlib.h>

#define MEM_LEN 0x200000u
static uint8_t *mem;                     /* physical 0 .. 2 MiB, exact: a read beyond is seen by the sanitizer */
static struct phys phys;
static struct bootinfo info;
static uint8_t copy[0x4000];

void loader_text(const char *text) { (void)text; }

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
    memset(mem + at, 0, revision >= 2 ? 36 : 20);
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

/* Everything zero; the map has one range of tables above 1 MiB. */
static void fresh(void)
{
    memset(mem, 0, MEM_LEN);
    memset(&info, 0, sizeof info);
    info.ranges = 1;
    info.range[0] = (struct boot_range){ 0x100000, 0x100000, BOOT_ACPI, 0 };
}

/* Reads and keeps; the bytes. */
static uint64_t load(uint64_t rsdp)
{
    info.modules = 0;
    info.loader_error[0] = 0;
    uint64_t len = acpi_read(&info, &phys, rsdp);
    if (len > sizeof copy)
        return len;
    memset(copy, 0xee, sizeof copy);
    if (len != 0)
        acpi_keep(&info, copy, 0x70000000);
    return len;
}

static bool complains(const char *part) { return strstr(info.loader_error, part) != NULL; }

static void test_xsdt(void)
{
    uint64_t list[] = { 0x3000, 0x104000, 0x5000, 0xffffffffffffff00ull, 0x6000, 0x8000, 0x9000 };
    const uint8_t cpu[8] = { 0, 8, 0, 7, 1 };
    fresh();
    put_rsdp(0x1000, 2, 0, 0x2000);
    put_table(0x3000, "SSDT", 40);
    put_table(0x104000, "SSDT", 44);
    put32(0x5000 + 40, 0x7000);          /* FADT: DSDT and power off */
    put32(0x5000 + 64, 0x604);
    put_table(0x5000, "FACP", 116);
    memcpy(mem + 0x6000 + 44, cpu, sizeof cpu);
    put_table(0x6000, "APIC", 60);
    put_table(0x7000, "DSDT", 100);
    put_table(0x8000, "DMAR", 64);
    put_table(0x9000, "MSDM", 64);       /* a licence key: nobody's business */
    put_xsdt(0x2000, list, 7);
    CHECK_EQ(load(0x1000), 48 + 48 + 64 + 112);
    CHECK(complains("table at ffffffffffffff00 is not read"));
    CHECK_EQ(info.cpus, 1);
    CHECK_EQ(info.cpu[0], 7);
    CHECK_EQ(info.pm1a_cnt, 0x604);
    CHECK_EQ(info.console_port, 0x3f8);
    CHECK_EQ(info.console_gsi, 4);
    CHECK_EQ(info.modules, 1);
    CHECK_STR(info.module[0].name, BOOT_ACPI_MODULE);
    CHECK_EQ(info.module[0].base, 0x70000000);
    CHECK_EQ(info.module[0].len, 48 + 48 + 64 + 112);
    CHECK(memcmp(copy, mem + 0x3000, 40) == 0 && copy[40] == 0 && copy[47] == 0);
    CHECK(memcmp(copy + 48, mem + 0x104000, 44) == 0);
    CHECK_EQ(info.iommu, BOOT_IOMMU_DMAR);
    CHECK_EQ(info.iommu_table, 0x70000000 + 96);
    CHECK_EQ(info.iommu_len, 64);
    CHECK(memcmp(copy + 96, mem + 0x8000, 64) == 0 && memcmp(copy + 160, mem + 0x7000, 100) == 0);
    CHECK_EQ(copy[272], 0xee);

    mem[0x6000 + 58] ^= 1;               /* a sum that is wrong is found and refused */
    mem[0x8000 + 40] ^= 1;
    mem[0x7000 + 40] ^= 1;
    CHECK_EQ(load(0x1000), 48 + 48);
    CHECK_EQ(info.cpus, 0);
    CHECK_EQ(info.iommu, BOOT_IOMMU_BAD);
    CHECK(complains("APIC table is damaged") && complains("DSDT table is damaged"));
    put32(0x104004, 0);                  /* a length below the header */
    put32(0x3004, 0x7fffffff);           /* and an absurd one */
    CHECK_EQ(load(0x1000), 0);
    CHECK_EQ(info.modules, 0);
    memcpy(mem + 0x8000, "IVRS", 4);
    put_table(0x8000, "IVRS", 48);
    CHECK_EQ(load(0x1000), 48);
    CHECK_EQ(info.iommu, BOOT_IOMMU_IVRS);
    CHECK_EQ(info.iommu_len, 48);
    (void)acpi_read(&info, &phys, 0x1000);
    info.modules = BOOT_MAX_MODULES;
    info.loader_error[0] = 0;
    acpi_keep(&info, copy, 0x70000000);  /* files of the stick fill the array: the kernel still has its table */
    CHECK_EQ(info.modules, BOOT_MAX_MODULES);
    CHECK_EQ(info.iommu, BOOT_IOMMU_IVRS);
    CHECK(complains("too many files"));
}

static void test_rsdt_and_fallback(void)
{
    uint32_t list[] = { 0x3000 };
    fresh();
    put_table(0x3000, "SSDT", 48);
    put_rsdt(0x2000, list, 1);
    put_rsdp(0x1000, 0, 0x2000, 0);
    CHECK_EQ(load(0x1000), 48);
    put_rsdp(0x1000, 2, 0x2000, 0x8000); /* XSDT address leads to zeros: the RSDT serves */
    CHECK_EQ(load(0x1000), 48);
    mem[0x2000 + 37] ^= 4;
    CHECK_EQ(load(0x1000), 0);
    CHECK(complains("root table is damaged"));
    put_rsdp(0x1000, 2, 0, 0);
    CHECK_EQ(load(0x1000), 0);
    mem[0x1000] = 'X';
    CHECK_EQ(load(0x1000), 0);
    CHECK(complains("no ACPI tables") && complains("lists no CPUs") && complains("power off"));
    CHECK_EQ(load(~0ull - 4), 0);
    CHECK_EQ(info.iommu, BOOT_IOMMU_NONE);
}

/* What the memory map does not know is not read: it may not be there. */
static void test_map(void)
{
    uint64_t list[] = { 0x1ff000 };
    fresh();
    put_rsdp(0x1fffec, 0, 0, 0);         /* the short one, at the very end */
    put32(0x1fffec + 16, 0x180000);
    fix_sum(0x1fffec, 20, 8);
    put_table(0x1ff000, "SSDT", 64);
    put32(0x180000 + 36, 0x1ff000);
    put_table(0x180000, "RSDT", 40);
    CHECK_EQ(load(0x1fffec), 64);
    put_rsdp(0x1000, 2, 0, 0x180000);
    put_xsdt(0x180000, list, 1);
    CHECK_EQ(load(0x1000), 64);
    info.range[0].len -= 0x1000;
    CHECK_EQ(load(0x1000), 0);
    info.range[0].len += 0x1000;
    info.range[0].type = BOOT_BAD;
    CHECK_EQ(load(0x1000), 0);
    info.range[0].type = BOOT_RESERVED;
    put32(0x1ff004, 0x1001);             /* its end lies beyond the range */
    CHECK_EQ(load(0x1000), 0);
}

static void test_scan(void)
{
    uint32_t list[] = { 0x3000 };
    fresh();
    CHECK_EQ(load(0), 0);
    put_table(0x3000, "SSDT", 48);
    put_rsdt(0x2000, list, 1);
    memcpy(mem + 0xe0040, "RSD PTR ", 8);    /* a decoy with a wrong sum comes first */
    put_rsdp(0xfffe0, 0, 0x2000, 0);
    CHECK_EQ(load(0), 48);
    memset(mem + 0xfffe0, 0, 20);
    put_rsdp(0x9fc10, 0, 0x2000, 0);         /* EBDA */
    CHECK_EQ(load(0), 0);
    mem[0x40e] = 0xc0;
    mem[0x40f] = 0x9f;
    CHECK_EQ(load(0), 48);
    put_rsdp(0x9fc10, 2, 0x2000, 0);         /* revision 2 with a bad second sum */
    mem[0x9fc10 + 33] = 1;
    CHECK_EQ(load(0), 0);
}

static void test_many(void)
{
    static uint64_t list[300];
    fresh();
    for (unsigned i = 0; i < 300; i++) {
        list[i] = 0x10000 + 64 * i;
        put_table(list[i], "SSDT", 36);
    }
    put_xsdt(0x8000, list, 300);
    put_rsdp(0x1000, 2, 0, 0x8000);
    CHECK_EQ(load(0x1000), 96 * 48);
}

int main(void)
{
    mem = malloc(MEM_LEN);
    phys = (struct phys){ mem, MEM_LEN };
    test_xsdt();
    test_rsdt_and_fallback();
    test_map();
    test_scan();
    test_many();
    free(mem);
    return unit_done();
}
