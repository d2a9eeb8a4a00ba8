/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel's page tables. Image and pool are mapped from tables in the image, before
 * any allocator works; the rest through ptab. Root entries are complete before the
 * first task exists, so every space just copies them.
 */
#include "kernel/mm/kspace.h"

#include "kernel/arch/boot.h"
#include "kernel/arch/cpu.h"
#include "kernel/mm/bootmem.h"
#include "kernel/mm/kmap_rw.h"
#include "kernel/mm/layout.h"
#include "kernel/mm/pmm.h"
#include "kernel/mm/space.h"

#define ENTRIES       512u
#define IMAGE_TABLES  16u               /* 32 MiB, as kernel.ld asserts */
#define IMAGE_L3      510u              /* KERNEL_VMA is the last but one GiB */
#define TABLE         (ptab_fmt_host.table)
#define LARGE         (ptab_fmt_host.leaf_large)
#define ADDR          (ptab_fmt_host.addr)

extern const char KERNEL_VMA[], __text_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[],
    __kernel_end[];

typedef uint64_t table_page[ENTRIES];
#define TABLE_PAGE    ALIGNED(4096) SECTION(".bss.page_aligned")

/* Written on the boot CPU before others start, then const but for the windows' pages. */
static table_page root TABLE_PAGE, image_l3 TABLE_PAGE, image_l2 TABLE_PAGE, image_l1[IMAGE_TABLES] TABLE_PAGE;
static table_page pool_l3 TABLE_PAGE, pool_l2 TABLE_PAGE;
static table_page start_root TABLE_PAGE, start_l3 TABLE_PAGE, start_l2 TABLE_PAGE;
static uint64_t *window_l2, *window_l1;  /* entry per CPU, owner CPU */
static uint64_t low_page;
static struct spinlock lock;
static struct ptab kernel_pt;            /* lock */

static uint64_t image_pa(const void *p) { return boot_image_pa(p).v; }
static uint64_t leaf_rw(void)
{
    const struct ptab_fmt *f = &ptab_fmt_host;
    return f->leaf_always | f->r | f->w | f->nx;
}

/* Protection of an image page; 0 = not mapped. */
static uint64_t image_leaf(uint64_t va)
{
    const struct ptab_fmt *f = &ptab_fmt_host;
    uint64_t bits = f->leaf_always | f->r | f->global;
    for (unsigned i = 0; i < CPU_BOOT_GUARDS; i++)
        if (va == (uintptr_t)cpu_boot_guard(i))
            return 0;
    if (va >= (uintptr_t)__text_start && va < (uintptr_t)__text_end)
        return bits;
    if (va >= (uintptr_t)__rodata_start && va < (uintptr_t)__rodata_end)
        return bits | f->nx;
    return va >= (uintptr_t)__data_start ? bits | f->nx | f->w : 0;   /* 0: the 32-bit start code */
}

static void map_image(uint64_t base)
{
    uint64_t len = (uintptr_t)__kernel_end - (uintptr_t)KERNEL_VMA;
    for (uint64_t off = 0; off < len; off += PAGE_SIZE) {
        uint64_t bits = image_leaf((uintptr_t)KERNEL_VMA + off);
        image_l1[off / PAGE_2M][off / PAGE_SIZE % ENTRIES] = bits != 0 ? (base + off) | bits : 0;
    }
    for (unsigned i = 0; i < IMAGE_TABLES; i++)
        image_l2[i] = image_pa(image_l1[i]) | TABLE;
    image_l3[IMAGE_L3] = image_pa(image_l2) | TABLE;
    root[SLOT_IMAGE] = image_pa(image_l3) | TABLE;
}

static void map_pool(const struct plan *plan)
{
    for (uint64_t off = 0; off < plan->pool_len; off += PAGE_2M)
        pool_l2[off / PAGE_2M] = (plan->pool_base + off) | leaf_rw() | ptab_fmt_host.global | LARGE;
    pool_l3[0] = image_pa(pool_l2) | TABLE;
    root[SLOT_POOL] = image_pa(pool_l3) | TABLE;
}

void kspace_switch(const struct bootinfo *bi, const struct plan *plan)
{
    map_image(bi->kernel_base);
    map_pool(plan);
    percpu()->kernel_cr3 = image_pa(root);
    /* Global entries of the loader's tables, if any, go with PGE off. */
    uint64_t cr4 = hw_read_cr4();
    hw_write_cr4(cr4 & ~UINT64_C(0x80));
    hw_write_cr3(percpu()->kernel_cr3);
    hw_write_cr4(cr4);
}

static uint64_t *new_table(uint64_t *entry)
{
    uint64_t *table = pmm_alloc();
    KASSERT(table != NULL);                  /* the pool is all free at this point */
    *entry = pmm_pa(table).v | TABLE;
    return table;
}

void kspace_init(const struct plan *plan)
{
    low_page = plan->low_page;
    kernel_pt = (struct ptab){ .fmt = &ptab_fmt_host, .root = root, .levels = 4,
                               .leaf_max = cpu_features.page1g ? 3 : 2 };
    uint64_t *stack_l3 = new_table(&root[SLOT_STACK]);
    (void)new_table(&root[SLOT_KMAP]);
    window_l2 = new_table(&stack_l3[(WINDOW_VA >> 30) & (ENTRIES - 1)]);
    window_l1 = new_table(&window_l2[MAX_CPUS]);
}

const uint64_t *kspace_root(void) { return root; }

status_t kspace_map(uint64_t va, hpa_t pa, uint64_t len, unsigned prot)
{
    spin_lock(&lock);
    status_t st = ptab_map(&kernel_pt, va & VA_BITS48, pa, len, prot);
    spin_unlock(&lock);
    return st;
}

/* Not global: a window is used by one CPU, and INVLPG takes it either way. */
static void *set_window(uint64_t *slot, uint64_t entry, uint64_t va)
{
    __atomic_store_n(slot, entry, __ATOMIC_RELEASE);
    hw_invlpg(va);
    return (void *)va;
}

void *kspace_window_large(hpa_t pa)
{
    uint32_t cpu = percpu()->cpu;
    KASSERT((pa.v & (PAGE_2M - 1)) == 0 && (pa.v & ~ADDR) == 0);
    return set_window(&window_l2[cpu], pa.v | leaf_rw() | LARGE, WINDOW_VA + cpu * PAGE_2M);
}

void *kspace_window_page(hpa_t pa)
{
    uint32_t cpu = percpu()->cpu;
    KASSERT((pa.v & ~ADDR) == 0);
    return set_window(&window_l1[cpu], pa.v | leaf_rw(), WINDOW_VA + MAX_CPUS * PAGE_2M + cpu * PAGE_SIZE);
}

void *kspace_low_page(hpa_t *pa)
{
    void *page = low_page != 0 ? kmap_rw((hpa_t){ low_page }, PAGE_SIZE) : NULL;
    *pa = (hpa_t){ low_page };
    if (page)
        clear_bytes(page, PAGE_SIZE);
    return page;
}

uint64_t kspace_start_tables(void)
{
    if (boot_info()->kernel_base + boot_info()->kernel_len > UINT64_C(1) << 32)
        return 0;
    for (unsigned i = ENTRIES / 2; i < ENTRIES; i++)
        start_root[i] = root[i];
    start_l2[0] = (ptab_fmt_host.leaf_always | ptab_fmt_host.r | ptab_fmt_host.w | LARGE);   /* executable: only while CPUs start */
    start_l3[0] = image_pa(start_l2) | TABLE;
    start_root[0] = image_pa(start_l3) | TABLE;
    return image_pa(start_root);
}

void kspace_start_tables_end(void) { start_root[0] = 0; }
