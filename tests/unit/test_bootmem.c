/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/mm/bootmem.c kernel/lib/str.c */
/* What the kernel refuses of a loader's facts. */
#include "kernel/mm/bootmem.h"

#include "tests/unit/unit.h"

static struct bootinfo bi;
/* The linker's, one behind the other. */
extern char KERNEL_VMA[], __kernel_end[];
__asm__ (".bss\n.globl KERNEL_VMA, __kernel_end\n.balign 4096\nKERNEL_VMA: .skip 0x100000\n__kernel_end: .skip 8\n"
         ".globl blob_vmm, blob_vmm_end\n.set blob_vmm, KERNEL_VMA + 0x5000\n.set blob_vmm_end, KERNEL_VMA + 0x6123\n.text");

static void start(void)
{
    memset(&bi, 0, sizeof bi);
    bi.magic = BOOTINFO_MAGIC;
    bi.size = sizeof bi;
    bi.tsc_hz = BOOT_TSC_HZ_MIN;
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
    WRONG(bi.tsc_hz--);
    WRONG(bi.tsc_hz = BOOT_TSC_HZ_MAX + 1);
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

static void uses(void)
{
    WRONG(add(0x100000, 0x101000, BOOT_RAM));                    /* the image in free memory */
    WRONG(add(0x200000, 0x200000, BOOT_POOL));
    WRONG(add(0x400000, 0x201000, BOOT_POOL));
    WRONG(add(0x401000, 0x200000, BOOT_POOL));
    WRONG(add(0xffe00000, 0x400000, BOOT_POOL));                 /* across 4 GiB */
    WRONG(add(0x400000, 0x200000, BOOT_RAM); bi.modules = 1;
          bi.module[0] = ((struct boot_module){ .base = 0x5ff000, .len = 5 }));
    start();
    add(0, 0x100000, BOOT_LOW);
    add(0x100000, 0x100000, BOOT_RAM);
    add(0x200000, 0x100000, BOOT_USED);
    add(0x400000, 0x200000, BOOT_POOL);
    add(0x600000, 0x1000, BOOT_ACPI);
    bi.modules = 1;
    bi.module[0] = (struct boot_module){ .base = 0x600000, .len = 5 };
    CHECK(bootmem_take(&bi) == NULL);
    CHECK(boot_touches(0x1ff000, 0x2000, BOOT_POOL) && !boot_touches(0x200000, 0x200000, BOOT_POOL));
    CHECK(boot_touches(0x200fff, 1, BOOT_USED) && !boot_touches(0x300000, 0x100000, BOOT_USED));
    CHECK(boot_touches(0x5fffff, 1, BOOT_USED) && !boot_touches(0x600000, 0x1000, BOOT_USED));
    CHECK(!boot_touches(0, 0x100000, BOOT_USED) && boot_touches(0, 1, BOOT_LOW));
}

int main(void)
{
    refused();
    modules();
    ranges();
    uses();
    return unit_done();
}
