/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Five classes of objects, carved from pool pages and aligned to their size. A free
 * object is zero but for its link. Pages stay with their class: a guest that starts
 * again finds the ones that it left.
 */
#include "kernel/mm/slab.h"

#include "kernel/arch/cpu.h"
#include "kernel/mm/pmm.h"

#define CLASSES    5u
#define SIZE_FIRST 64u

struct object { struct object *next; };

static struct spinlock lock;
static struct object *heads[CLASSES];     /* lock */

static unsigned class_of(size_t size)
{
    unsigned c = 0;
    KASSERT(size > 0 && size <= SIZE_FIRST << (CLASSES - 1));
    while ((SIZE_FIRST << c) < size)
        c++;
    return c;
}

static void put(unsigned c, struct object *o)
{
    o->next = heads[c];
    heads[c] = o;
}

/* Lock held; the pool's lock comes after it. */
static bool refill(unsigned c)
{
    uint8_t *page = pmm_alloc();
    if (!page)
        return false;
    for (uint32_t off = PAGE_SIZE; off > 0; off -= SIZE_FIRST << c)
        put(c, (struct object *)(void *)(page + off - (SIZE_FIRST << c)));
    return true;
}

void *slab_alloc(size_t size)
{
    unsigned c = class_of(size);
    struct object *o = NULL;
    spin_lock(&lock);
    if (heads[c] || refill(c)) {
        o = heads[c];
        heads[c] = o->next;
        o->next = NULL;
    }
    spin_unlock(&lock);
    return o;
}

void slab_free(void *object, size_t size)
{
    unsigned c = class_of(size);
    KASSERT(object != NULL && ((uintptr_t)object & ((SIZE_FIRST << c) - 1)) == 0);
    clear_bytes(object, SIZE_FIRST << c);
    spin_lock(&lock);
    put(c, object);
    spin_unlock(&lock);
}
