/* SPDX-License-Identifier: BSD-2-Clause */
/* Object headers, counts by type, capability slots. */
#include "kernel/obj/obj.h"

#define TASK_ORDER 2u
_Static_assert(sizeof(struct task) <= (PAGE_SIZE << TASK_ORDER), "a task, capabilities included");

uint64_t kobj_count[OBJ_TYPE_COUNT];

static unsigned order_of(enum obj_type type) { return type == OBJ_TASK ? TASK_ORDER : 0; }

void kobj_init(struct kobj *obj, enum obj_type type)
{
    *obj = (struct kobj){ .type = (uint8_t)type };
    kobj_count[type]++;
}

void kobj_gone(struct kobj *obj)
{
    KASSERT(obj->type > OBJ_NONE && obj->type < OBJ_TYPE_COUNT && kobj_count[obj->type] > 0);
    kobj_count[obj->type]--;
    obj->type = OBJ_NONE;
}

struct kobj *kobj_new(enum obj_type type)
{
    struct kobj *obj = pmm_alloc_order(order_of(type));
    if (obj)
        kobj_init(obj, type);
    return obj;
}

void kobj_delete(struct kobj *obj)
{
    const unsigned order = order_of((enum obj_type)obj->type);
    kobj_gone(obj);
    pmm_free_order(obj, order);
}

status_t cap_slot(struct task *task, uint64_t slot, struct cap **out)
{
    *out = &task->caps[index_clamp(slot, CAP_SLOTS)];
    return slot < CAP_SLOTS && (*out)->obj ? ST_OK : ST_NOCAP;
}

status_t cap_free_slot(struct task *task, uint64_t slot, struct cap **out)
{
    *out = &task->caps[index_clamp(slot, CAP_SLOTS)];
    if (slot == 0 || slot >= CAP_SLOTS)
        return ST_RANGE;
    return (*out)->obj ? ST_BUSY : ST_OK;
}

void cap_fill(struct cap *slot, struct kobj *obj, uint32_t rights, uint64_t badge)
{
    KASSERT(!slot->obj);
    kobj_get(obj);
    slot->rights = rights;
    slot->badge = badge;
    /* Own threads of a running task may look meanwhile: the object goes last. */
    __atomic_store_n(&slot->obj, obj, __ATOMIC_RELEASE);
}

void cap_drop(struct cap *slot)
{
    struct kobj *obj = slot->obj;
    KASSERT(obj);
    *slot = (struct cap){ .obj = NULL };
    kobj_put(obj);
}
