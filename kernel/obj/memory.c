/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory ranges. */
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
