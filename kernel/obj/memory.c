/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory ranges and channels. */
#include "kernel/obj/obj.h"

#include "kernel/mm/umem.h"

status_t memory_wrap(hpa_t base, uint64_t len, enum memory_kind kind, struct memory **out)
{
    struct memory *mem = pmm_alloc();
    if (!mem)
        return ST_NOSPACE;
    *mem = (struct memory){ .base = base, .len = len, .kind = kind };
    kobj_init(&mem->obj, OBJ_MEMORY);
    *out = mem;
    return ST_OK;
}

status_t memory_create(uint64_t size, uint64_t align, struct memory **out)
{
    hpa_t base;
    TRY(umem_alloc(size, align, &base));
    status_t st = memory_wrap(base, size, MEMORY_RAM, out);
    if (st != ST_OK)
        umem_free(base, size);
    return st;
}

void memory_destroy(struct kobj *obj)
{
    struct memory *mem = (struct memory *)obj;
    /* A device that could not be cut off may still write there: the range is lost, not reused. */
    if (mem->kind == MEMORY_RAM && !mem->dirty)
        umem_free(mem->base, mem->len);
    kobj_gone(obj);
    pmm_free(mem);
}

static unsigned order_of(uint64_t len) { return len > PAGE_SIZE ? 64 - (unsigned)__builtin_clzll((len - 1) / PAGE_SIZE) : 0; }

status_t channel_create(uint32_t pages, struct event *a, uint64_t bits_a, struct event *b, uint64_t bits_b,
                        struct channel **out)
{
    uint64_t len = (uint64_t)pages * PAGE_SIZE;
    struct channel *ch = pmm_alloc();
    void *mem = pmm_alloc_order(order_of(len));
    if (!ch || !mem) {
        pmm_free(ch);
        pmm_free_order(mem, order_of(len));
        return ST_NOSPACE;
    }
    *ch = (struct channel){ .base = pmm_pa(mem), .len = len, .event = { a, b }, .bits = { bits_a, bits_b } };
    kobj_init(&ch->obj, OBJ_CHANNEL);
    kobj_get(&a->obj);
    kobj_get(&b->obj);
    *out = ch;
    return ST_OK;
}

void channel_destroy(struct kobj *obj)
{
    struct channel *ch = (struct channel *)obj;
    kobj_put(&ch->event[0]->obj);
    kobj_put(&ch->event[1]->obj);
    pmm_free_order(pmm_va(ch->base), order_of(ch->len));
    kobj_gone(obj);
    pmm_free(ch);
}
