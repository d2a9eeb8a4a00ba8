/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory ranges. */
#include "kernel/obj/obj.h"

#include "kernel/mm/umem.h"

status_t memory_create(struct memory *mem, uint64_t size, uint64_t align)
{
    mem->len = size;
    return umem_alloc(size, align, &mem->base);
}

void memory_destroy(struct kobj *obj)
{
    struct memory *mem = (struct memory *)obj;
    /* A device that could not be cut off may still write there: the range is lost, not reused. */
    if (mem->kind == MEMORY_RAM && !mem->dirty)
        umem_free(mem->base, mem->len);
    kobj_delete(obj);
}
