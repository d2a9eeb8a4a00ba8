/* SPDX-License-Identifier: BSD-2-Clause */
/* Tasks: creation, mapping, and the one way they end. */
#include "kernel/obj/obj.h"

#include "kernel/log/console.h"

enum { TASK_ALIVE = 0, TASK_ENDED = 1, TASK_CLAIMED = 2 };   /* task.ending */

status_t task_create(struct task *task, struct event *end_event, uint64_t end_bits)
{
    TRY(space_create(&task->space));
    task->end_event = end_event;
    task->end_bits = end_bits;
    if (end_event)
        kobj_get(&end_event->obj);
    return ST_OK;
}

status_t task_map(struct task *task, uint64_t va, struct kobj *owner, hpa_t pa, uint64_t len, unsigned prot)
{
    if (task->maps == TASK_MAX_MAPS)
        return ST_NOSPACE;
    TRY(space_map(&task->space, va, pa, len, prot));
    kobj_get(owner);
    task->mapped[task->maps++] = owner;
    return ST_OK;
}

void task_end(struct task *task, enum task_state why, uint64_t code, const struct trap_frame *frame)
{
    uint32_t expected = TASK_ALIVE;
    if (!__atomic_compare_exchange_n(&task->ending, &expected, TASK_CLAIMED, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
        return;
    task->info = (struct task_info){ .state = why, .exit_code = code };
    if (frame) {
        task->info.frame = *frame;
        task->info.cr2 = hw_read_cr2();
    }
    if (!task->end_event)
        panic("the monitor ended: %s, code %lu, vector %lu, rip %lx, address %lx",
              why == TASK_FAULTED ? "fault" : "exit", code, task->info.frame.vector, task->info.frame.rip,
              task->info.cr2);
    __atomic_store_n(&task->ending, TASK_ENDED, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < task->threads; i++)
        upcall_wake(task->thread[i]);
    event_signal(task->end_event, task->end_bits);
}

void task_destroy(struct kobj *obj)
{
    struct task *task = (struct task *)obj;
    KASSERT(task->threads == 0);
    for (uint32_t i = 0; i < CAP_SLOTS; i++)
        if (task->caps[i].obj)
            cap_drop(&task->caps[i]);
    space_destroy(&task->space);
    for (uint32_t i = 0; i < task->maps; i++)
        kobj_put(task->mapped[i]);
    if (task->end_event)
        kobj_put(&task->end_event->obj);
    kobj_delete(obj);
}
