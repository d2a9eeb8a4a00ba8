/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads what a Multiboot 1 loader left in memory. The loader is trusted no further than its bytes go. */
#include "kernel/boot/mb_info.h"

/* Multiboot information, offsets of 32-bit fields [Multiboot 3.3] */
#define MBI_FLAGS      0u
#define   MBI_HAS_MEM  0x001u
#define   MBI_HAS_MODS 0x008u
#define   MBI_HAS_MMAP 0x040u
#define MBI_MEM_UPPER  8u
#define MBI_MODS      20u     /* count, address */
#define MBI_MMAP      44u     /* length, address */
#define MBI_LEN       52u

#define MOD_LEN       16u     /* start, end, string, reserved */
#define MMAP_MIN      20u     /* without the size word: base, length, type */

/* Unreadable memory reads as zero: counts and flags then say "nothing". */
static uint32_t rd32(const struct phys *low, uint64_t pa)
{
    uint32_t v = 0;
    if (range_ok(pa, sizeof v, low->limit))
        memcpy(&v, low->at + pa, sizeof v);
    return v;
}

static uint64_t rd64(const struct phys *low, uint64_t pa) { return rd32(low, pa) | (uint64_t)rd32(low, pa + 4) << 32; }

static size_t string_len(const struct phys *low, uint64_t pa)
{
    size_t n = 0;
    while (range_ok(pa + n, 1, low->limit) && low->at[pa + n] != 0)
        n++;
    return n;
}

static void copy_text(char *dst, size_t size, const struct phys *low, uint64_t pa, size_t len)
{
    size_t n = MIN(len, size - 1);
    if (n != 0)
        memcpy(dst, low->at + pa, n);
    dst[n] = 0;
}

/* The name is the loader's string; of one that is too long, its end: the file name counts. */
static void fill_module(struct bootinfo *bi, const struct phys *low, uint64_t row)
{
    uint64_t start = rd32(low, row), end = rd32(low, row + 4), text = rd32(low, row + 8);
    struct boot_module *m = &bi->module[bi->modules];
    size_t len = string_len(low, text), cut = len >= BOOT_NAME_LEN ? len - (BOOT_NAME_LEN - 1) : 0;
    if (end <= start || (start & (PAGE_SIZE - 1)) != 0)
        return;
    *m = (struct boot_module){ .base = start, .len = end - start };
    copy_text(m->name, sizeof m->name, low, text + cut, len - cut);
    bi->modules++;
}

static void fill_modules(struct bootinfo *bi, const struct phys *low, uint32_t mbi)
{
    uint32_t count = rd32(low, mbi + MBI_MODS), rows = rd32(low, mbi + MBI_MODS + 4);
    for (uint32_t i = 0; i < MIN(count, 4u * BOOT_MAX_MODULES) && bi->modules < BOOT_MAX_MODULES; i++)
        fill_module(bi, low, rows + (uint64_t)i * MOD_LEN);
    if (count > BOOT_MAX_MODULES)
        loader_complain(bi, "more modules than the kernel takes (%u): the rest is ignored", BOOT_MAX_MODULES);
}

static void fill_map(struct bootinfo *bi, const struct phys *low, uint32_t mbi)
{
    uint64_t len = rd32(low, mbi + MBI_MMAP), row = rd32(low, mbi + MBI_MMAP + 4), end = row + len;
    while (row + 4 + MMAP_MIN <= end) {
        uint32_t size = rd32(low, row);      /* of the row without this word */
        if (size < MMAP_MIN)
            break;
        memmap_add(bi, rd64(low, row + 4), rd64(low, row + 12), memmap_e820_type(rd32(low, row + 20)));
        row += 4u + (uint64_t)size;
    }
}

void mb_fill(struct bootinfo *bi, const struct phys *mem, uint32_t mbi)
{
    uint32_t flags = range_ok(mbi, MBI_LEN, mem->limit) ? rd32(mem, mbi + MBI_FLAGS) : 0;
    *bi = (struct bootinfo){ .magic = BOOTINFO_MAGIC, .size = sizeof *bi };
    if (flags & MBI_HAS_MODS)
        fill_modules(bi, mem, mbi);
    if (flags & MBI_HAS_MMAP)
        fill_map(bi, mem, mbi);
    else if (flags & MBI_HAS_MEM)
        memmap_add(bi, 0x100000, (uint64_t)rd32(mem, mbi + MBI_MEM_UPPER) << 10, BOOT_RAM);
}
