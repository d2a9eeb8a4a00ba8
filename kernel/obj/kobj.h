/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all kernel objects share: a type and a count of references (capabilities
 * and other objects). Objects are made and destroyed only by the root task's one
 * thread, so counts need no atomics and a lookup needs no reference: a VMM's
 * objects outlive its threads.
 */
#pragma once

#include "kernel/abi/rights.h"
#include "kernel/lib/base.h"

struct kobj {
    uint8_t type;            /* enum obj_type, const */
    uint8_t rsvd[3];
    uint32_t refs;           /* root thread only */
};

void kobj_init(struct kobj *obj, enum obj_type type);   /* refs = 0, counts it */
static inline void kobj_get(struct kobj *obj) { obj->refs++; }
/* Drops one reference; the last one destroys the object by type (kernel/sys/sys_obj.c). */
void kobj_put(struct kobj *obj);
void kobj_gone(struct kobj *obj);                        /* destructor's last step: uncounts */
uint64_t kobj_count(enum obj_type type);

