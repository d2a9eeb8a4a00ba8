/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/boot/mb_info.c kernel/boot/memmap.c kernel/boot/say.c kernel/lib/fmt.c kernel/lib/str.c */
#include "kernel/boot/mb_info.h"

#include "tests/unit/unit.h"

#define LIMIT 8192u
static uint8_t low[LIMIT];
static const struct phys mem = { low, LIMIT };
static struct bootinfo bi;

void loader_text(const char *t) { (void)t; }

static void w32(uint32_t at, uint32_t v) { memcpy(low + at, &v, 4); }
static void text(uint32_t at, const char *s) { memcpy(low + at, s, strlen(s) + 1); }
static void w64(uint32_t at, uint64_t v) { memcpy(low + at, &v, 8); }

#define MBI 0x100u
static void start(uint32_t flags)
{
    memset(low, 0, sizeof low);
    w32(MBI, flags);
    w32(MBI + 4, 639);
    w32(MBI + 8, 1024);
}

static void row(uint32_t at, uint64_t base, uint64_t len, uint32_t type)
{
    w32(at, 20);
    w64(at + 4, base);
    w64(at + 12, len);
    w32(at + 20, type);
}

static void map(void)
{
    start(0x41);
    w32(MBI + 44, 3 * 24);
    w32(MBI + 48, 0x800);
    row(0x800, 0, 0x9fc00, 1);
    row(0x818, 0x100000, 0x1ff00000, 1);
    row(0x830, 0xfffc0000, 0x40000, 77);
    mb_fill(&bi, &mem, MBI);
    CHECK_EQ(bi.magic, BOOTINFO_MAGIC);
    CHECK_EQ(bi.size, sizeof bi);
    CHECK_EQ(bi.ranges, 3);
    CHECK_EQ(bi.range[1].base, 0x100000);
    CHECK_EQ(bi.range[1].len, 0x1ff00000);
    CHECK_EQ(bi.range[1].type, BOOT_RAM);
    CHECK_EQ(bi.range[2].type, BOOT_RESERVED);
    w32(0x818, 7);                 /* a row too short ends the walk */
    mb_fill(&bi, &mem, MBI);
    CHECK_EQ(bi.ranges, 1);
    w32(MBI + 48, 0xfffffff0u);    /* a map outside memory */
    mb_fill(&bi, &mem, MBI);
    CHECK_EQ(bi.ranges, 0);
    start(0x01);                   /* no map: the two sizes */
    mb_fill(&bi, &mem, MBI);
    CHECK_EQ(bi.ranges, 1);
    CHECK_EQ(bi.range[0].len, 1024 << 10);
}

static void module(uint32_t i, uint32_t from, uint32_t to, uint32_t name)
{
    w32(0x400 + i * 16, from);
    w32(0x404 + i * 16, to);
    w32(0x408 + i * 16, name);
}

static void modules(void)
{
    char longest[200];
    start(0x08);
    w32(MBI + 20, 4);
    w32(MBI + 24, 0x400);
    text(0x600, "guests/vmlinuz console=ttyS0");
    text(0x640, "/stick/cordon.conf");
    memset(longest, 'd', sizeof longest);
    memcpy(longest + 180, "/vmlinuz", 9);
    text(0x700, longest);
    module(0, 0x300000, 0x300123, 0x600);
    module(1, 0x301000, 0x301001, 0x640);
    module(2, 0x302000, 0x302000, 0x640);          /* empty: left out */
    module(3, 0x303000, 0x304000, 0x700);
    mb_fill(&bi, &mem, MBI);
    CHECK_EQ(bi.modules, 3);
    CHECK_STR(bi.module[0].name, "guests/vmlinuz console=ttyS0");
    CHECK_EQ(bi.module[0].base, 0x300000);
    CHECK_EQ(bi.module[0].len, 0x123);
    CHECK_EQ(strlen(bi.module[2].name), BOOT_NAME_LEN - 1);
    CHECK_STR(bi.module[2].name + BOOT_NAME_LEN - 1 - 8, "/vmlinuz");
    w32(MBI + 20, 0xffffffffu);                    /* a count that cannot be */
    mb_fill(&bi, &mem, MBI);
    CHECK(bi.modules <= BOOT_MAX_MODULES);
    CHECK(bi.loader_error[0] != 0);
}

static void nowhere(void)
{
    start(0x4d);
    mb_fill(&bi, &mem, LIMIT - 10);
    CHECK_EQ(bi.ranges + bi.modules, 0);
    mb_fill(&bi, &mem, 0xffffffffu);
    CHECK_EQ(bi.ranges + bi.modules, 0);
}

int main(void)
{
    map();
    modules();
    nowhere();
    return unit_done();
}
