/* SPDX-License-Identifier: BSD-2-Clause */
/* Capability tables. */
#pragma once

#include "kernel/obj/task.h"

/* The object in a slot, if its type and rights fit. ST_NOCAP, ST_TYPE, ST_RIGHTS. */
static inline MUST_USE status_t cap_lookup(const struct task *task, uint64_t slot, enum obj_type type,
                                           uint32_t rights, struct kobj **obj)
{
    const struct cap *c = &task->caps[index_clamp(slot, CAP_SLOTS)];
    if (unlikely(slot >= CAP_SLOTS || !c->obj))
        return ST_NOCAP;
    if (unlikely(c->obj->type != type))
        return ST_TYPE;
    if (unlikely((c->rights & rights) != rights))
        return ST_RIGHTS;
    *obj = c->obj;
    return ST_OK;
}

/* Any type; the slot itself. ST_NOCAP. */
MUST_USE status_t cap_slot(struct task *task, uint64_t slot, struct cap **out);
/* Slot must be empty: ST_BUSY; out of range: ST_RANGE. */
MUST_USE status_t cap_free_slot(struct task *task, uint64_t slot, struct cap **out);
/* Fills an empty slot and takes a reference. */
void cap_fill(struct cap *slot, struct kobj *obj, uint32_t rights, uint64_t badge);
/* Empties the slot and drops the reference. */
void cap_drop(struct cap *slot);

