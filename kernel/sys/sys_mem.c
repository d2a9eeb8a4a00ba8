/* SPDX-License-Identifier: BSD-2-Clause */
/* Views of boot modules, and what a task maps. Monitor only. */
#include "kernel/mm/bootmem.h"
#include "kernel/sys/sys.h"

status_t sys_memory_module(struct memory *mem, uint64_t index)
{
    const struct boot_module *m = boot_module(index);
    if (!m)
        return ST_NOTFOUND;
    mem->base = (hpa_t){ m->base };
    mem->len = PAGE_UP(m->len);
    mem->kind = MEMORY_MODULE;
    return ST_OK;
}

_Static_assert(MAP_R == RIGHT_READ && MAP_W == RIGHT_WRITE && MAP_X == RIGHT_EXEC, "a mapping takes these rights");
_Static_assert(MAP_R == PT_R && MAP_W == PT_W && MAP_X == PT_X, "and has this protection");

/* Whatever can be mapped is one physical range. len_prot: length | MAP_*. */
status_t sys_task_map(struct task *task, uint64_t va, const struct cap *c, uint64_t off, uint64_t len_prot)
{
    uint64_t limit, flags = len_prot & (PAGE_SIZE - 1), len = len_prot - flags, allowed = MAP_R | MAP_W;
    hpa_t base;
    switch (c->obj->type) {
    case OBJ_MEMORY:
        base = ((struct memory *)c->obj)->base;
        limit = ((struct memory *)c->obj)->len;
        allowed = c->rights;
        break;
    case OBJ_VCPU:
        base = pmm_pa(((struct vcpu *)c->obj)->state);
        limit = PAGE_SIZE;
        break;
    default: return ST_TYPE;
    }
    if (flags != MAP_R && flags != (MAP_R | MAP_W) && flags != (MAP_R | MAP_X))
        return ST_INVAL;
    if ((flags & ~allowed) != 0)
        return ST_RIGHTS;
    if (!range_ok(off, len, limit) || !range_ok(va, len, USER_TOP))
        return ST_RANGE;
    return task_map(task, va, c->obj, hpa_add(base, off), len, (unsigned)flags);
}
