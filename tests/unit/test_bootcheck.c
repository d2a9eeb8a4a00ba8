/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/mm/bootcheck.c kernel/mm/plan.c kernel/mm/extent.c */
#include "kernel/mm/bootcheck.h"

#include "kernel/lib/base.h"
#include "kernel/mm/plan.h"
#include "tests/unit/unit.h"

static struct bootinfo bi;
static struct extent rows[64];
static struct extent_set user;
static struct plan plan;

static void start(void)
{
    memset(&bi, 0, sizeof bi);
    bi.magic = BOOTINFO_MAGIC;
    bi.size = sizeof bi;
    bi.kernel_base = 0x200000;
    bi.kernel_len = 0x100000;
    bi.manifest = ~0u;
}

static void add(uint64_t base, uint64_t len, uint32_t type)
{
    bi.range[bi.ranges++] = (struct boot_range){ base, len, type, 0 };
}

static bool type_at(uint64_t pa, uint32_t type)
{
    for (uint32_t i = 0; i < bi.ranges; i++)
        if (pa >= bi.range[i].base && pa - bi.range[i].base < bi.range[i].len)
            return bi.range[i].type == type;
    return type == 0;
}

static bool is_tidy(void)
{
    for (uint32_t i = 0; i < bi.ranges; i++) {
        if (bi.range[i].len == 0 || ((bi.range[i].base | bi.range[i].len) & 4095) != 0)
            return false;
        if (i > 0 && bi.range[i - 1].base + bi.range[i - 1].len > bi.range[i].base)
            return false;
    }
    return true;
}

static void refused(void)
{
    start();
    bi.magic++;
    CHECK_EQ(bootcheck_repair(&bi), ST_CORRUPT);
    start();
    bi.size--;
    CHECK_EQ(bootcheck_repair(&bi), ST_CORRUPT);
    start();
    bi.ranges = BOOT_MAX_RANGES + 1;
    CHECK_EQ(bootcheck_repair(&bi), ST_CORRUPT);
    start();
    bi.modules = BOOT_MAX_MODULES + 1;
    CHECK_EQ(bootcheck_repair(&bi), ST_CORRUPT);
    start();
    bi.modules = 1;
    bi.module[0] = (struct boot_module){ .base = 0x300001, .len = 5 };
    CHECK_EQ(bootcheck_repair(&bi), ST_CORRUPT);
    bi.module[0] = (struct boot_module){ .base = ~0xfffull, .len = 0x2000 };
    CHECK_EQ(bootcheck_repair(&bi), ST_CORRUPT);
    bi.module[0] = (struct boot_module){ .base = 0x300000, .len = 0 };      /* an empty file is no contradiction */
    CHECK_EQ(bootcheck_repair(&bi), ST_OK);
    start();
    bi.kernel_base = 0x201000;
    CHECK_EQ(bootcheck_repair(&bi), ST_CORRUPT);
}

static void strings(void)
{
    start();
    bi.modules = 1;
    bi.manifest = 1;
    bi.module[0] = (struct boot_module){ .base = 0x300000, .len = 5 };
    memset(bi.module[0].name, 'n', sizeof bi.module[0].name);
    memset(bi.cmdline, 'c', sizeof bi.cmdline);
    memset(bi.loader_error, 'e', sizeof bi.loader_error);
    CHECK_EQ(bootcheck_repair(&bi), ST_OK);
    CHECK_EQ(bi.manifest, ~0u);
    CHECK_EQ(strlen(bi.module[0].name), BOOT_NAME_LEN - 1);
    CHECK_EQ(strlen(bi.cmdline), 255);
    CHECK_EQ(strlen(bi.loader_error), 255);
}

static void ranges(void)
{
    start();
    add(0x100000, 0x1000000, BOOT_RAM);
    add(0, 0x9fc00, BOOT_RAM);               /* unsorted, ends inside a page */
    add(0x400800, 0x100, BOOT_RESERVED);     /* a hole of less than a page in RAM */
    add(0x500000, 0x2000, BOOT_ACPI);
    add(0x501000, 0x2000, BOOT_NVS);         /* overlaps the one before */
    add(0x700000, 0, BOOT_RAM);
    add(0x800000, 0x1000, 99);               /* unknown type: reserved */
    add(~0ull - 10, 100, BOOT_RAM);          /* wraps */
    add(0x10ff000, 0x10000, BOOT_RAM);       /* RAM twice */
    CHECK_EQ(bootcheck_repair(&bi), ST_OK);
    CHECK(is_tidy());
    CHECK(type_at(0x9e000, BOOT_RAM) && type_at(0x9f000, 0));
    CHECK(type_at(0x3ff000, BOOT_RAM) && type_at(0x400000, BOOT_RESERVED) && type_at(0x401000, BOOT_RAM));
    CHECK(type_at(0x500000, BOOT_ACPI) && type_at(0x501000, BOOT_ACPI) && type_at(0x502000, BOOT_NVS));
    CHECK(type_at(0x503000, BOOT_RAM) && type_at(0x800000, BOOT_RESERVED));
    CHECK(type_at(0x110e000, BOOT_RAM) && type_at(0x110f000, 0));
}

/* A full array with RAM full of holes: pieces may be lost, but no hole becomes RAM. */
static void full(void)
{
    start();
    add(0, 0x10000000, BOOT_RAM);
    for (uint64_t i = 1; i < BOOT_MAX_RANGES; i++)
        add(i * 0x100000, 0x1000, BOOT_RESERVED);
    CHECK_EQ(bootcheck_repair(&bi), ST_OK);
    CHECK(is_tidy());
    for (uint64_t i = 1; i < BOOT_MAX_RANGES; i++)
        CHECK(type_at(i * 0x100000, BOOT_RESERVED));
}

/* Random maps against a page map: RAM only where every range that covers the page says so. */
static uint32_t seed = 1;
static uint32_t rnd(uint32_t n) { seed = seed * 1664525u + 1013904223u; return (seed >> 8) % n; }
static void random_maps(void)
{
    for (unsigned round = 0; round < 300; round++) {
        bool ram[64] = { false }, other[64] = { false };
        start();
        for (unsigned n = 1 + rnd(12); n > 0; n--) {
            uint64_t base = rnd(60), len = 1 + rnd((uint32_t)(64 - base));
            uint32_t type = rnd(2) ? BOOT_RAM : 2 + rnd(5);
            add(base << 12, len << 12, type);
            for (uint64_t p = base; p < base + len; p++)
                *(type == BOOT_RAM ? &ram[p] : &other[p]) = true;
        }
        CHECK_EQ(bootcheck_repair(&bi), ST_OK);
        CHECK(is_tidy());
        for (uint64_t p = 0; p < 64; p++) {
            CHECK_EQ(type_at(p << 12, BOOT_RAM), ram[p] && !other[p]);
            CHECK_EQ(type_at(p << 12, 0), !ram[p] && !other[p]);
        }
    }
}

static bool given(uint64_t pa)
{
    struct extent part;
    return extent_next(&user, pa, pa + 1, &part);
}

static void split(void)
{
    start();
    add(0, 0x9f000, BOOT_RAM);
    add(0x100000, 0x1ff00000, BOOT_RAM);          /* to 512 MiB */
    add(0x100000000ull, 0x80000000ull, BOOT_RAM); /* 2 GiB above 4 GiB */
    bi.modules = 2;
    bi.module[0] = (struct boot_module){ .base = 0x1ff00000, .len = 0x1234 };
    bi.module[1] = (struct boot_module){ .base = 0x400000, .len = 0 };
    CHECK_EQ(bootcheck_repair(&bi), ST_OK);
    user = (struct extent_set){ .at = rows, .max = 64 };
    CHECK_EQ(plan_make(&bi, &user, &plan), ST_OK);
    CHECK_EQ(plan.low_page, 0x9e000);
    CHECK_EQ(plan.ram, 0x9f000 + 0x1ff00000ull + 0x80000000ull);
    CHECK(plan.pool_len >= (16u << 20) + plan.ram / 128 && plan.pool_len <= (16u << 20) + plan.ram / 128 + PAGE_2M);
    CHECK_EQ(plan.pool_base & (PAGE_2M - 1), 0);
    CHECK(plan.pool_base + plan.pool_len <= 0x1ff00000);
    CHECK(!given(0x1000) && !given(0x9e000) && given(0x100000) && !given(0x200000) && !given(0x2ff000));
    CHECK(given(0x300000) && given(0x400000) && !given(0x1ff00000) && !given(0x1ff01000) && given(0x1ff02000));
    CHECK(!given(plan.pool_base) && !given(plan.pool_base + plan.pool_len - 1) && given(plan.pool_base - 1));
    CHECK(given(0x100000000ull) && given(0x17fffffffull) && !given(0x180000000ull));
}

static void too_small(void)
{
    start();
    add(0x100000, 0x1100000, BOOT_RAM);           /* 17 MiB, the image inside */
    user = (struct extent_set){ .at = rows, .max = 64 };
    CHECK_EQ(plan_make(&bi, &user, &plan), ST_NOSPACE);
    start();
    add(0x100000, 0x1400000, BOOT_RAM);           /* just enough for the smallest pool */
    user = (struct extent_set){ .at = rows, .max = 64 };
    CHECK_EQ(plan_make(&bi, &user, &plan), ST_OK);
    CHECK_EQ(plan.pool_len, 16u << 20);
    CHECK_EQ(plan.low_page, 0);
    start();
    add(0x100000000ull, 0x80000000ull, BOOT_RAM); /* nothing below 4 GiB */
    user = (struct extent_set){ .at = rows, .max = 64 };
    CHECK_EQ(plan_make(&bi, &user, &plan), ST_NOSPACE);
}

int main(void)
{
    refused();
    strings();
    ranges();
    full();
    random_maps();
    split();
    too_small();
    return unit_done();
}
