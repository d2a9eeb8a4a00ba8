/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel objects. All are made and destroyed only by the root task's one thread, so counts
 * of references need no atomics and a lookup needs no reference: a VMM's objects outlive
 * its threads. VMs and vCPUs are virt's, devices dev's, interrupts irq's, threads sched's.
 */
#pragma once

#include "kernel/abi/rights.h"
#include "kernel/arch/cpu.h"
#include "kernel/mm/space.h"

/* What they share: a type and a count of references (capabilities and other objects). */
struct kobj {
    uint8_t type;            /* enum obj_type, const */
    uint32_t refs;           /* root thread only */
};

void kobj_init(struct kobj *obj, enum obj_type type);   /* refs = 0, counts it */
static inline void kobj_get(struct kobj *obj) { obj->refs++; }
/* Drops one reference; the last one destroys the object by type (kernel/sys/sys_obj.c). */
void kobj_put(struct kobj *obj);
void kobj_gone(struct kobj *obj);                        /* destructor's last step: uncounts */
/* Memory, tasks, events, VMs: in pages of their own, zero but for the header. NULL = no memory. */
MUST_USE struct kobj *kobj_new(enum obj_type type);
void kobj_delete(struct kobj *obj);                      /* their destructor's last step */
extern uint64_t kobj_count[OBJ_TYPE_COUNT];              /* root thread */

/* ---- events: 64 notification bits. One thread waits, or one thread that runs a vCPU is bound (doorbell):
 * signalling makes it leave the guest. ---- */
struct event {
    struct kobj obj;
    struct spinlock lock;
    uint64_t bits;               /* lock; read without it by the doorbell's own CPU */
    struct thread *waiter;       /* lock: blocks in EVENT_WAIT */
    uint64_t wait_mask;          /* lock */
    struct thread *bound;        /* lock: the thread whose vCPU this is the doorbell of */
    struct spinlock timer_lock;  /* serialises TIMER_SET; the handler does not take it */
    uint64_t timer_bits;         /* any CPU, atomic */
    struct ktimer timer;         /* timer_lock; KTIMER_EVENT is 0 */
};

void event_destroy(struct kobj *obj);
/* Any context, any CPU. */
void event_signal(struct event *event, uint64_t bits);
/* Arms the event's one timer on this CPU; deadline 0 cancels. */
void event_timer(struct event *event, uint64_t bits, uint64_t deadline_tsc);

/* ---- memory: a physical range with an owner ---- */
enum memory_kind { MEMORY_RAM, MEMORY_MODULE };

struct memory {
    struct kobj obj;
    hpa_t base;
    uint64_t len;
    uint32_t kind;          /* RAM is freed with the object; the others are read-only for ever */
    bool dirty;             /* never reuse: a device may still write to it */
};

MUST_USE status_t memory_create(struct memory *mem, uint64_t size, uint64_t align);    /* umem_alloc's */
void memory_destroy(struct kobj *obj);

/* ---- tasks: an address space, a capability table, threads ---- */
struct cap {
    struct kobj *obj;        /* NULL = empty; the rest is valid then only */
    uint32_t rights;
    uint64_t badge;
};

#define TASK_MAX_MAPS  128u
#define TASK_MAX_THREADS 16u

struct task {
    struct kobj obj;
    struct space space;
    struct kobj *mapped[TASK_MAX_MAPS];   /* references of what is mapped; root thread */
    uint32_t maps, threads;               /* root thread */
    struct thread *thread[TASK_MAX_THREADS];
    struct event *end_event;              /* signalled when it ends */
    uint64_t end_bits;
    uint32_t ending;                      /* any CPU, atomic: threads leave at the next boundary */
    struct task_info info;                /* written once by the CPU that ends it, before `ending` */
    struct cap caps[CAP_SLOTS];           /* root thread writes, own threads read */
};

MUST_USE status_t task_create(struct task *task, struct event *end_event, uint64_t end_bits);
MUST_USE status_t task_map(struct task *task, uint64_t va, struct kobj *owner, hpa_t pa, uint64_t len, unsigned prot);
/* First caller wins: records why, marks ending, wakes its threads. Any context. */
void task_end(struct task *task, enum task_state why, uint64_t code, const struct trap_frame *frame);
void task_destroy(struct kobj *obj);

/* ---- capabilities: slots are filled and emptied by the root thread only ---- */
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
