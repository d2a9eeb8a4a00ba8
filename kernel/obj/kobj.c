/* SPDX-License-Identifier: BSD-2-Clause */
/* Object headers and counts by type. */
#include "kernel/obj/kobj.h"

static uint64_t counts[OBJ_TYPE_COUNT];     /* root thread */

void kobj_init(struct kobj *obj, enum obj_type type)
{
    *obj = (struct kobj){ .type = (uint8_t)type };
    counts[type]++;
}

void kobj_gone(struct kobj *obj)
{
    KASSERT(obj->type > OBJ_NONE && obj->type < OBJ_TYPE_COUNT && counts[obj->type] > 0);
    counts[obj->type]--;
    obj->type = OBJ_NONE;
}

uint64_t kobj_count(enum obj_type type) { return type < OBJ_TYPE_COUNT ? counts[type] : 0; }
