/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/mm/bootmem.c kernel/mm/mm.c kernel/mm/extent.c kernel/lib/str.c
   kernel/lib/fmt.c tests/unit/fake/log.c */
/* What the kernel refuses of a loader's facts, and how it splits RAM. */
#include "kernel/mm/bootmem.h"

#include <stdlib.h>

#include "kernel/log/console.h"
#include "kernel/mm/mm.h"
#include "kernel/mm/space.h"
#include "kernel/mm/umem.h"
#include "tests/unit/unit.h"

static struct bootinfo bi;
static struct extent rows[64];
static struct extent_set user;
static struct mm_plan plan;
/* The linker's, one behind the other. */
extern char KERNEL_VMA[], __kernel_end[];
__asm__ (".bss\n.globl KERNEL_VMA, __kernel_end\n.balign 4096\nKERNEL_VMA: .skip 0x100000\n__kernel_end: .skip 8\n"
         ".globl blob_vmm, blob_vmm_end\n.set blob_vmm, KERNEL_VMA + 0x5000\n.set blob_vmm_end, KERNEL_VMA + 0x6123\n.text");

struct extent_set *umem_set(void) { return &user; }
void umem_init(void) { }
void space_init(hpa_t image, hpa_t pool, uint64_t len) { (void)image; (void)pool; (void)len; }
void boot_refuse(const char *format, ...) { (void)format; abort(); }


static void start(void)
{
    memset(&bi, 0, sizeof bi);
    bi.magic = BOOTINFO_MAGIC;
    bi.size = sizeof bi;
    bi.kernel_base = 0x200000;
    bi.kernel_len = (uintptr_t)__kernel_end - (uintptr_t)KERNEL_VMA;
}

static void add(uint64_t base, uint64_t len, uint32_t type)
{
    bi.range[bi.ranges++] = (struct boot_range){ base, len, type, 0 };
}

/* The facts of start with one thing wrong. */
#define WRONG(change) do { start(); change; CHECK(bootmem_take(&bi) != NULL); } while (0)

static void refused(void)
{
    start();
    CHECK(bootmem_take(&bi) == NULL);
    CHECK_EQ(boot_info()->kernel_base, 0x200000);
    CHECK_EQ(boot_image_pa(KERNEL_VMA + 0x1234).v, 0x201234);
    WRONG(bi.magic++);
    WRONG(bi.size--);
    WRONG(bi.ranges = BOOT_MAX_RANGES + 1);
    WRONG(bi.modules = BOOT_MAX_MODULES + 1);
    WRONG(bi.cpus = BOOT_MAX_CPUS + 1);
    WRONG(bi.ioapics = BOOT_MAX_IOAPICS + 1);
    WRONG(bi.ecams = BOOT_MAX_ECAMS + 1);
    WRONG(bi.kernel_base = 0x201000);
    WRONG(bi.kernel_base = ~0x1fffffull);
    WRONG(bi.kernel_len--);
    WRONG(memset(bi.loader_error, 'e', sizeof bi.loader_error));
}

static void modules(void)
{
    WRONG(bi.modules = 1; bi.module[0] = ((struct boot_module){ .base = 0x300001, .len = 5 }));
    WRONG(bi.modules = 1; bi.module[0] = ((struct boot_module){ .base = ~0xfffull, .len = 0x2000 }));
    WRONG(bi.modules = 1; memset(bi.module[0].name, 'n', BOOT_NAME_LEN));
    start();
    bi.modules = 1;
    bi.module[0] = (struct boot_module){ .base = 0x300000, .len = 0 };      /* an empty file is no contradiction */
    CHECK(bootmem_take(&bi) == NULL);
    CHECK_EQ(boot_module(0)->base, 0x300000);
    CHECK_STR(boot_module(1)->name, "vmm.elf");
    CHECK(boot_module(2) == NULL && boot_module(~0ull) == NULL);
    start();
    bi.modules = BOOT_MAX_MODULES;
    CHECK(bootmem_take(&bi) == NULL);
    CHECK_STR(boot_module(BOOT_MAX_MODULES)->name, "vmm.elf");
}

static void ranges(void)
{
    WRONG(add(0, 0x1000, BOOT_RAM); add(0x800, 0x2000, BOOT_RAM));
    WRONG(add(0, 0x1000, BOOT_RAM); add(0x1000, 0x1800, BOOT_RAM));
    WRONG(add(0, 0x3000, BOOT_RAM); add(0x2000, 0x2000, BOOT_RAM));
    WRONG(add(0x3000, 0x3000, BOOT_RAM); add(0x2000, 0x1000, BOOT_RAM));
    WRONG(add(0x3000, 0, BOOT_RAM));
    WRONG(add(~0xfffull, 0x2000, BOOT_RAM));
    start();
    add(0, 0x3000, BOOT_RAM);
    add(0x3000, 0x1000, BOOT_NVS);
    CHECK(bootmem_take(&bi) == NULL);
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
    CHECK(bootmem_take(&bi) == NULL);
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
    modules();
    ranges();
    split();
    too_small();
    return unit_done();
}
