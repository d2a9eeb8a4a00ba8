/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks: an address space, a capability table, threads. */
#pragma once

#include "kernel/abi/syscall.h"
#include "kernel/mm/space.h"
#include "kernel/obj/kobj.h"

struct event;
struct thread;
struct trap_frame;

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

MUST_USE status_t task_create(struct event *end_event, uint64_t end_bits, struct task **out);
MUST_USE status_t task_map(struct task *task, uint64_t va, struct kobj *owner, hpa_t pa, uint64_t len, unsigned prot);
/* First caller wins: records why, marks ending, wakes its threads. Any context. */
void task_end(struct task *task, enum task_state why, uint64_t code, const struct trap_frame *frame);
void task_destroy(struct kobj *obj);

