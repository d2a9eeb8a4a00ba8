/* SPDX-License-Identifier: BSD-2-Clause */
/* Address spaces, and what the kernel maps for itself. */
#include "kernel/mm/space.h"

#include "kernel/arch/boot.h"

#define ENTRIES      512u
#define VA_BITS48    0x0000ffffffffffffull
#define SLOT(va)     ((va) >> 39 & (ENTRIES - 1))
#define STACK_ORDER  2u
#define STACKS       8192u
#define WINDOW_BITS  (ptab_fmt_host.leaf_always | ptab_fmt_host.r | ptab_fmt_host.w | ptab_fmt_host.nx)
_Static_assert((1u << STACK_ORDER) == KSTACK_PAGES, "stack order");

extern const char KERNEL_VMA[], __text_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[],
    __kernel_end[];

static struct spinlock lock;
static struct ptab kernel;               /* lock; the root is const after boot */
static uint64_t *window_l2, *window_l1;  /* entry per CPU, owner CPU */

/* ---- the kernel's ---- */
status_t space_map_kernel(uint64_t va, hpa_t pa, uint64_t len, unsigned prot)
{
    spin_lock(&lock);
    status_t st = ptab_map(&kernel, va & VA_BITS48, pa, len, prot | PT_GLOBAL);
    spin_unlock(&lock);
    return st;
}

/* Protection of an image page; 0 = not mapped. */
static unsigned image_prot(uint64_t va)
{
    for (unsigned i = 0; i < IST_COUNT; i++)
        if (va - (uintptr_t)boot_stacks[i].guard < sizeof boot_stacks[i].guard)
            return 0;
    if (va >= (uintptr_t)__text_start && va < (uintptr_t)__text_end)
        return PT_R | PT_X;
    if (va >= (uintptr_t)__rodata_start && va < (uintptr_t)__rodata_end)
        return PT_R;
    return va >= (uintptr_t)__data_start ? PT_R | PT_W : 0;
}

static uint64_t *table_at(uint64_t *entry)
{
    uint64_t *table = pmm_alloc();
    KASSERT(table != NULL);                  /* the pool is all free at this point */
    *entry = pmm_pa(table).v | ptab_fmt_host.table;
    return table;
}

void space_init(hpa_t image, hpa_t pool, uint64_t pool_len)
{
    uint64_t *loader = (uint64_t *)(hw_read_cr3() & ptab_fmt_host.addr);
    loader[SLOT(POOL_VA)] = loader[0];
    pmm_init((void *)(POOL_VA + pool.v), pool, pool_len);
    status_t st = ptab_init(&kernel, &ptab_fmt_host, 4, cpu_features.page1g ? 3 : 2, false);
    for (const char *at = KERNEL_VMA; at < __kernel_end && st == ST_OK; at += PAGE_SIZE) {
        unsigned prot = image_prot((uintptr_t)at);
        if (prot != 0)
            st = space_map_kernel((uintptr_t)at, hpa_add(image, (uint64_t)(at - KERNEL_VMA)), PAGE_SIZE, prot);
    }
    if (st == ST_OK)
        st = space_map_kernel(POOL_VA + pool.v, pool, pool_len, PT_R | PT_W);
    KASSERT(st == ST_OK);
    uint64_t *l3 = table_at(&kernel.root[SLOT(STACK_VA)]);
    window_l2 = table_at(&l3[(WINDOW_VA >> 30) & (ENTRIES - 1)]);
    window_l1 = table_at(&window_l2[MAX_CPUS]);
    percpu()->kernel_cr3 = pmm_pa(kernel.root).v;
    /* Global entries of the loader's tables, if any, go with PGE off. */
    uint64_t cr4 = hw_read_cr4();
    hw_write_cr4(cr4 & ~UINT64_C(0x80));
    hw_write_cr3(percpu()->kernel_cr3);
    hw_write_cr4(cr4);
}

/* Not global: a window is used by one CPU, and INVLPG takes it either way. */
void *space_window(hpa_t pa, uint64_t size)
{
    uint32_t cpu = percpu()->cpu;
    bool large = size == PAGE_2M;
    uint64_t va = WINDOW_VA + (large ? 0 : MAX_CPUS * PAGE_2M) + cpu * size;
    KASSERT((pa.v & (size - 1)) == 0 && (pa.v & ~ptab_fmt_host.addr) == 0);
    __atomic_store_n(large ? &window_l2[cpu] : &window_l1[cpu],
                     pa.v | WINDOW_BITS | (large ? ptab_fmt_host.leaf_large : 0), __ATOMIC_RELEASE);
    hw_invlpg(va);
    return (void *)va;
}

/* ---- stacks: slots of twice the size, the stack in the upper half ---- */
struct free_stack { struct free_stack *next; };
static struct free_stack *free_stacks;   /* boot, root thread; as the count of slots ever mapped */
static uint32_t stacks;

void *kstack_alloc(void)
{
    struct free_stack *s = free_stacks;
    if (s) {
        free_stacks = s->next;
        s->next = NULL;
        return s;
    }
    void *pages = stacks < STACKS ? pmm_alloc_order(STACK_ORDER) : NULL;
    uint64_t va = STACK_VA + (2 * stacks + 1) * KSTACK_BYTES;
    if (!pages || space_map_kernel(va, pmm_pa(pages), KSTACK_BYTES, PT_R | PT_W) != ST_OK) {
        pmm_free_order(pages, STACK_ORDER);
        return NULL;
    }
    stacks++;
    return (void *)va;
}

void kstack_free(void *stack)
{
    struct free_stack *s = stack;
    KASSERT(s != NULL && ((uintptr_t)s & (KSTACK_BYTES - 1)) == 0);
    clear_bytes(s, KSTACK_BYTES);
    s->next = free_stacks;
    free_stacks = s;
}

/* ---- tasks' ---- */
status_t space_create(struct space *space)
{
    TRY(ptab_init(&space->pt, &ptab_fmt_host, 4, cpu_features.page1g ? 3 : 2, false));
    memcpy(&space->pt.root[ENTRIES / 2], &kernel.root[ENTRIES / 2], PAGE_SIZE / 2);
    space->cr3 = pmm_pa(space->pt.root).v;
    return ST_OK;
}

status_t space_map(struct space *space, uint64_t va, hpa_t pa, uint64_t len, unsigned prot)
{
    KASSERT(range_ok(va, len, USER_TOP) && (prot == PT_R || prot == (PT_R | PT_W) || prot == (PT_R | PT_X)));
    return ptab_map(&space->pt, va, pa, len, prot | PT_USER);
}

void space_destroy(struct space *space)
{
    memset(&space->pt.root[ENTRIES / 2], 0, PAGE_SIZE / 2);   /* shared, not this space's to free */
    ptab_destroy(&space->pt);
    space->cr3 = 0;
}
