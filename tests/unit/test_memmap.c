/* link: kernel/boot/memmap.c kernel/boot/say.c kernel/boot/uefi_memory.c kernel/lib/fmt.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The loaders' memory map: order, joining, overlaps, a full array, ranges that wrap; places in it. */
#include "kernel/boot/uefi.h"
#include "tests/unit/unit.h"

static struct bootinfo info;

/* Of uefi_memory.c only the types are tested here. */
void loader_text(const char *text) { (void)text; }
uint64_t acpi_read(struct bootinfo *bi, const struct phys *mem, uint64_t rsdp) { (void)bi; (void)mem; (void)rsdp; return 0; }
void acpi_keep(struct bootinfo *bi, uint8_t *to, uint64_t pa) { (void)bi; (void)to; (void)pa; }
uint64_t image_len(void) { return 0; }
void image_load(struct bootinfo *bi, uint64_t base) { (void)bi; (void)base; }
const char jump_code[1], jump_code_end[1];

static void reset(void) { memset(&info, 0, sizeof info); }

static void check_sorted(void)
{
    for (uint32_t i = 1; i < info.ranges; i++)
        CHECK(info.range[i - 1].base + info.range[i - 1].len <= info.range[i].base);
}

static void add(uint64_t base, uint64_t len, uint32_t type)
{
    info.range[info.ranges++] = (struct boot_range){ base, len, type, 0 };
}

static void test_types(void)
{
    static const uint32_t ram[] = { EFI_LOADER_CODE, EFI_LOADER_DATA, EFI_BOOT_CODE, EFI_BOOT_DATA, EFI_CONVENTIONAL };
    for (size_t i = 0; i < ARRAY_LEN(ram); i++)
        CHECK_EQ(uefi_map_type(ram[i]), BOOT_RAM);
    CHECK_EQ(uefi_map_type(EFI_RESERVED), BOOT_RESERVED);
    CHECK_EQ(uefi_map_type(EFI_RUNTIME_CODE), BOOT_RESERVED);
    CHECK_EQ(uefi_map_type(EFI_RUNTIME_DATA), BOOT_RESERVED);
    CHECK_EQ(uefi_map_type(EFI_UNUSABLE), BOOT_BAD);
    CHECK_EQ(uefi_map_type(EFI_ACPI_RECLAIM), BOOT_ACPI);
    CHECK_EQ(uefi_map_type(EFI_ACPI_NVS), BOOT_NVS);
    CHECK_EQ(uefi_map_type(EFI_MMIO), BOOT_MMIO);
    CHECK_EQ(uefi_map_type(EFI_MMIO_PORT), BOOT_MMIO);
    CHECK_EQ(uefi_map_type(14), BOOT_RESERVED);      /* persistent memory is not ours to use */
    CHECK_EQ(uefi_map_type(0x80000001u), BOOT_RESERVED);
}

static void test_join(void)
{
    reset();
    memmap_add(&info, 0x3000, 0x1000, BOOT_RAM);
    memmap_add(&info, 0x1000, 0x1000, BOOT_RAM);
    CHECK_EQ(info.ranges, 2);
    CHECK_EQ(info.range[0].base, 0x1000);
    memmap_add(&info, 0x2000, 0x1000, BOOT_RAM);   /* joins both neighbours */
    CHECK_EQ(info.ranges, 1);
    CHECK_EQ(info.range[0].base, 0x1000);
    CHECK_EQ(info.range[0].len, 0x3000);
    memmap_add(&info, 0x4000, 0x1000, BOOT_NVS);   /* another type stays apart */
    CHECK_EQ(info.ranges, 2);
    memmap_add(&info, 0x5000, 0x1000, BOOT_RAM);
    CHECK_EQ(info.ranges, 3);
    check_sorted();
}

static void test_nonsense(void)
{
    reset();
    memmap_add(&info, 0x1000, 0, BOOT_RAM);
    memmap_add(&info, ~0ull - 0xfff, 0x2000, BOOT_RAM);
    CHECK_EQ(info.ranges, 0);
}

/* A table that is full gives up the smallest RAM, never what says "not RAM". */
static void test_full(void)
{
    reset();
    for (uint32_t i = 0; i < BOOT_MAX_RANGES; i++)
        memmap_add(&info, i * 0x100000ull, i == 7 ? 0x1000 : 0x2000, i % 2 ? BOOT_RAM : BOOT_ACPI);
    CHECK_EQ(info.ranges, BOOT_MAX_RANGES);
    memmap_add(&info, 0x50000000, 0x9000, BOOT_RAM);
    CHECK_EQ(info.ranges, BOOT_MAX_RANGES);
    check_sorted();
    uint32_t acpi = 0, small = 0, big = 0;
    for (uint32_t i = 0; i < info.ranges; i++) {
        acpi += info.range[i].type == BOOT_ACPI;
        small += info.range[i].len == 0x1000;
        big += info.range[i].len == 0x9000;
    }
    CHECK_EQ(acpi, BOOT_MAX_RANGES / 2);
    CHECK_EQ(small, 0);
    CHECK_EQ(big, 1);
}

/* An array full of what is not RAM takes nothing more. */
static void test_no_ram(void)
{
    reset();
    for (uint32_t i = 0; i < BOOT_MAX_RANGES; i++)
        memmap_add(&info, i * 0x100000ull, 0x1000, BOOT_RESERVED);
    memmap_add(&info, 0x50000000, 0x9000, BOOT_RAM);
    CHECK_EQ(info.ranges, BOOT_MAX_RANGES);
    for (uint32_t i = 0; i < info.ranges; i++)
        CHECK_EQ(info.range[i].type, BOOT_RESERVED);
}

static bool type_at(uint64_t pa, uint32_t type)
{
    for (uint32_t i = 0; i < info.ranges; i++)
        if (pa >= info.range[i].base && pa - info.range[i].base < info.range[i].len)
            return info.range[i].type == type;
    return type == 0;
}

static bool is_tidy(void)
{
    for (uint32_t i = 0; i < info.ranges; i++) {
        if (info.range[i].len == 0 || ((info.range[i].base | info.range[i].len) & 4095) != 0)
            return false;
        if (i > 0 && info.range[i - 1].base + info.range[i - 1].len > info.range[i].base)
            return false;
    }
    return true;
}

static void ranges(void)
{
    reset();
    add(0x100000, 0x1000000, BOOT_RAM);
    add(0, 0x9fc00, BOOT_RAM);               /* unsorted, ends inside a page */
    add(0x400800, 0x100, BOOT_RESERVED);     /* a hole of less than a page in RAM */
    add(0x500000, 0x2000, BOOT_ACPI);
    add(0x501000, 0x2000, BOOT_NVS);         /* overlaps the one before */
    add(0x700000, 0, BOOT_RAM);
    add(0x800000, 0x1000, 99);               /* unknown type: reserved */
    add(~0ull - 10, 100, BOOT_RAM);          /* wraps */
    add(0x10ff000, 0x10000, BOOT_RAM);       /* RAM twice */
    memmap_repair(&info);
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
    reset();
    add(0, 0x10000000, BOOT_RAM);
    for (uint64_t i = 1; i < BOOT_MAX_RANGES; i++)
        add(i * 0x100000, 0x1000, BOOT_RESERVED);
    memmap_repair(&info);
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
        reset();
        for (unsigned n = 1 + rnd(12); n > 0; n--) {
            uint64_t base = rnd(60), len = 1 + rnd((uint32_t)(64 - base));
            uint32_t type = rnd(2) ? BOOT_RAM : BOOT_RESERVED + rnd(5);
            add(base << 12, len << 12, type);
            for (uint64_t p = base; p < base + len; p++)
                *(type == BOOT_RAM ? &ram[p] : &other[p]) = true;
        }
        memmap_repair(&info);
        CHECK(is_tidy());
        for (uint64_t p = 0; p < 64; p++) {
            CHECK_EQ(type_at(p << 12, BOOT_RAM), ram[p] && !other[p]);
            CHECK_EQ(type_at(p << 12, 0), !ram[p] && !other[p]);
        }
    }
}

static void test_place(void)
{
    const struct boot_range own = { 0x100000, 0x200000, BOOT_RAM, 0 };
    reset();
    add(0, 0x9f000, BOOT_RAM);
    add(0x100000, 0x1ff00000, BOOT_RAM);          /* to 512 MiB */
    add(0x20000000, 0x1000000, BOOT_ACPI);
    add(0x100000000ull, 0x80000000ull, BOOT_RAM); /* above 4 GiB: not for loaders */
    CHECK_EQ(memmap_place(&info, &own, 0x300000, PAGE_2M), 0x1fc00000);
    info.kernel_base = 0x1fc00000;
    info.kernel_len = 0x300000;
    CHECK_EQ(memmap_place(&info, &own, 0x1000, PAGE_SIZE), 0x1ffff000);
    CHECK_EQ(memmap_place(&info, &own, 0x200000, PAGE_SIZE), 0x1fa00000);
    info.modules = 2;
    info.module[0] = (struct boot_module){ .base = 0x400000, .len = 0x1f700000 };
    info.module[1] = (struct boot_module){ .base = 0x1fb00000, .len = 0x80000 };
    CHECK_EQ(memmap_place(&info, &own, 0x80000, PAGE_SIZE), 0x1ff80000);
    CHECK_EQ(memmap_place(&info, &own, 0x100000, PAGE_SIZE), 0x1ff00000);
    CHECK_EQ(memmap_place(&info, &own, 0x100000, PAGE_2M), 0);
    CHECK_EQ(memmap_place(&info, &own, 0x180000, PAGE_SIZE), 0);
    info.module[0].base = 0x401000;
    info.kernel_len += 0x100000;
    CHECK_EQ(memmap_place(&info, &own, 0x101000, PAGE_SIZE), 0x300000);   /* between the loader and the first file */
    CHECK_EQ(memmap_place(&info, &own, 0x102000, PAGE_SIZE), 0);
    CHECK_EQ(memmap_place(&info, &own, ~0ull, PAGE_SIZE), 0);
}

/* ---- the last step ---- */
static struct boot_range pool(void)
{
    for (uint32_t i = 0; i < info.ranges; i++)
        if (info.range[i].type == BOOT_POOL)
            return info.range[i];
    return (struct boot_range){ 0 };
}

static void start_split(void)
{
    reset();
    info.kernel_base = 0x200000;
    info.kernel_len = 0x100008;
}

static void split(void)
{
    const uint64_t ram = 0x9f000 + 0x1ff00000ull + 0x80000000ull;
    start_split();
    add(0, 0x9f000, BOOT_RAM);
    add(0xf0000, 0x10000, BOOT_RESERVED);
    add(0x100000, 0x1ff00000, BOOT_RAM);          /* to 512 MiB */
    add(0x20000000, 0x1000, BOOT_ACPI);
    add(0x100000000ull, 0x80000000ull, BOOT_RAM); /* 2 GiB above 4 GiB */
    info.modules = 3;
    info.module[0] = (struct boot_module){ .base = 0x1ff00000, .len = 0x1234 };
    info.module[1] = (struct boot_module){ .base = 0x400000, .len = 0 };
    info.module[2] = (struct boot_module){ .base = 0x20000000, .len = 0x123 };
    memmap_split(&info);
    CHECK(is_tidy());
    const struct boot_range p = pool();
    CHECK_EQ(info.start_page, 0x9e000);
    CHECK(p.len >= BOOT_POOL_MIN + ram / 128 && p.len <= BOOT_POOL_MIN + ram / 128 + PAGE_2M);
    CHECK_EQ((p.base | p.len) & (PAGE_2M - 1), 0);
    CHECK_EQ(p.base + p.len, 0x1fe00000);
    CHECK(type_at(0x1000, BOOT_LOW) && type_at(0x9e000, BOOT_LOW) && type_at(0xa0000, 0) && type_at(0xf0000, BOOT_RESERVED));
    CHECK(type_at(0x100000, BOOT_RAM) && type_at(0x200000, BOOT_USED) && type_at(0x300000, BOOT_USED));
    CHECK(type_at(0x301000, BOOT_RAM) && type_at(0x400000, BOOT_RAM) && type_at(p.base - 1, BOOT_RAM));
    CHECK(type_at(0x1feff000, BOOT_RAM) && type_at(0x1ff01000, BOOT_USED) && type_at(0x1ff02000, BOOT_RAM));
    CHECK(type_at(0x20000000, BOOT_ACPI) && type_at(0x100000000ull, BOOT_RAM) && type_at(0x180000000ull, 0));
}

static void too_small(void)
{
    start_split();
    add(0x100000, 0x1100000, BOOT_RAM);           /* 17 MiB, the image inside */
    memmap_split(&info);
    CHECK_EQ(pool().len, 0);
    start_split();
    add(0x100000, 0x1400000, BOOT_RAM);           /* just enough for the smallest pool */
    memmap_split(&info);
    CHECK_EQ(pool().len, BOOT_POOL_MIN);
    CHECK_EQ(info.start_page, 0);
    start_split();
    add(0x100000000ull, 0x80000000ull, BOOT_RAM); /* nothing below 4 GiB */
    memmap_split(&info);
    CHECK_EQ(pool().len, 0);
}

/* A full array loses RAM; what is in use or below 1 MiB never looks free. */
static void split_full(void)
{
    for (unsigned low = 0; low < 3; low++) {
        start_split();
        for (uint64_t i = 0; i < BOOT_MAX_RANGES - 1; i++)
            add(i * 0x3000 + (low << 12), 0x1000 + (i % 2 << 12), i % 5 ? BOOT_RAM : BOOT_NVS);
        add(0x1000000, 0x8000000, BOOT_RAM);
        info.kernel_base = 0x1200000;
        info.modules = 2;
        info.module[0] = (struct boot_module){ .base = 0x1001000, .len = 0x1000 };
        info.module[1] = (struct boot_module){ .base = 0x7001000, .len = 0x1000 };
        memmap_split(&info);
        CHECK(is_tidy() && pool().len != 0);
        for (uint64_t pa = 0; pa < 0x100000; pa += 0x1000)
            CHECK(!type_at(pa, BOOT_RAM));
        CHECK(type_at(0x1200000, BOOT_USED) && type_at(0x1300000, BOOT_USED));
        CHECK(type_at(0x1001000, BOOT_USED) && type_at(0x7001000, BOOT_USED));
    }
}

int main(void)
{
    test_types();
    test_join();
    test_nonsense();
    test_full();
    test_no_ram();
    ranges();
    full();
    random_maps();
    test_place();
    split();
    too_small();
    split_full();
    return unit_done();
}
