/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel stacks with guard pages: slots of twice the stack's size, the stack in the upper half. */
#include "kernel/mm/kstack.h"

#include "kernel/arch/cpu.h"
#include "kernel/mm/kspace.h"
#include "kernel/mm/layout.h"
#include "kernel/mm/pmm.h"

#define STACK_BYTES  (KSTACK_PAGES * (uint64_t)PAGE_SIZE)
#define STACK_ORDER  2u
#define SLOTS        8192u
_Static_assert((1u << STACK_ORDER) == KSTACK_PAGES, "stack order");

struct free_stack { struct free_stack *next; };

static struct spinlock lock;
static struct free_stack *free_list;    /* lock */
static uint32_t used;                   /* lock: slots ever mapped */

/* Lock held. */
static void *make(void)
{
    if (used == SLOTS)
        return NULL;
    void *pages = pmm_alloc_order(STACK_ORDER);
    if (!pages)
        return NULL;
    uint64_t va = STACK_VA + used * 2 * STACK_BYTES + STACK_BYTES;
    if (kspace_map(va, pmm_pa(pages), STACK_BYTES, PT_R | PT_W | PT_GLOBAL) != ST_OK) {
        pmm_free_order(pages, STACK_ORDER);
        return NULL;
    }
    used++;
    return (void *)va;
}

void *kstack_alloc(void)
{
    spin_lock(&lock);
    struct free_stack *s = free_list;
    if (s) {
        free_list = s->next;
        s->next = NULL;
    } else {
        s = make();
    }
    spin_unlock(&lock);
    return s;
}

void kstack_free(void *stack)
{
    struct free_stack *s = stack;
    KASSERT(s != NULL && ((uintptr_t)s & (STACK_BYTES - 1)) == 0);
    clear_bytes(s, STACK_BYTES);
    spin_lock(&lock);
    s->next = free_list;
    free_list = s;
    spin_unlock(&lock);
}
