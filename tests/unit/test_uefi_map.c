/* link: kernel/boot/uefi_map.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader's memory map: order, joining, a full table, ranges that wrap. */
#include "kernel/boot/uefi.h"
#include "tests/unit/unit.h"

static struct bootinfo info;

static void reset(void) { memset(&info, 0, sizeof info); }

static void check_sorted(void)
{
    for (uint32_t i = 1; i < info.ranges; i++)
        CHECK(info.range[i - 1].base + info.range[i - 1].len <= info.range[i].base);
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
    uefi_map_add(&info, 0x3000, 0x1000, BOOT_RAM);
    uefi_map_add(&info, 0x1000, 0x1000, BOOT_RAM);
    CHECK_EQ(info.ranges, 2);
    CHECK_EQ(info.range[0].base, 0x1000);
    uefi_map_add(&info, 0x2000, 0x1000, BOOT_RAM);   /* joins both neighbours */
    CHECK_EQ(info.ranges, 1);
    CHECK_EQ(info.range[0].base, 0x1000);
    CHECK_EQ(info.range[0].len, 0x3000);
    uefi_map_add(&info, 0x4000, 0x1000, BOOT_NVS);   /* another type stays apart */
    CHECK_EQ(info.ranges, 2);
    uefi_map_add(&info, 0x5000, 0x1000, BOOT_RAM);
    CHECK_EQ(info.ranges, 3);
    check_sorted();
}

static void test_nonsense(void)
{
    reset();
    uefi_map_add(&info, 0x1000, 0, BOOT_RAM);
    uefi_map_add(&info, ~0ull - 0xfff, 0x2000, BOOT_RAM);
    CHECK_EQ(info.ranges, 0);
}

/* A table that is full gives up the smallest RAM, never what says "not RAM". */
static void test_full(void)
{
    reset();
    for (uint32_t i = 0; i < BOOT_MAX_RANGES; i++)
        uefi_map_add(&info, i * 0x100000ull, i == 7 ? 0x1000 : 0x2000, i % 2 ? BOOT_RAM : BOOT_ACPI);
    CHECK_EQ(info.ranges, BOOT_MAX_RANGES);
    uefi_map_add(&info, 0x50000000, 0x9000, BOOT_RAM);
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

int main(void)
{
    test_types();
    test_join();
    test_nonsense();
    test_full();
    return unit_done();
}
