/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads, capabilities and the ends of objects. Monitor only. */
#include "kernel/sys/sys.h"

#define KILL_US       2000000u
#define KILL_POLL_US     1000u
/* What may be given to another task: what it cannot create or destroy anything with. */
#define GRANTABLE  (1u << OBJ_MEMORY | 1u << OBJ_VM | 1u << OBJ_VCPU | 1u << OBJ_EVENT | 1u << OBJ_DEVICE)

void kobj_put(struct kobj *obj)
{
    KASSERT(obj->refs > 0);
    if (--obj->refs > 0)
        return;
    switch (obj->type) {
    case OBJ_TASK: task_destroy(obj); break;
    case OBJ_THREAD: thread_destroy(obj); break;
    case OBJ_MEMORY: memory_destroy(obj); break;
    case OBJ_VM: sys_vm_destroy((struct vm *)obj); break;
    case OBJ_VCPU: vcpu_destroy(obj); break;
    case OBJ_EVENT: event_destroy(obj); break;
    case OBJ_DEVICE: dev_destroy(obj); break;
    default: KASSERT(obj->type == OBJ_SYSTEM);
    }
}

status_t sys_thread_create(struct task *task, uint32_t cpu_prio, uint64_t args_ptr, struct thread **out)
{
    struct thread_args ta;
    uint32_t cpu = cpu_prio & 0xffff, prio = cpu_prio >> 16;
    TRY(user_copy_in(&ta, args_ptr, sizeof ta));
    if (!cpu_is_up(cpu) || prio == 0 || prio >= PRIO_COUNT || ta.entry >= USER_TOP || ta.sp >= USER_TOP)
        return ST_RANGE;
    return task->ending ? ST_STATE : thread_create(task, cpu, prio, ta.entry, ta.sp, ta.arg, out);
}

/* Never MANAGE, never more than the source has. */
status_t sys_task_grant(struct task *to, uint64_t dst, const struct cap *src, uint64_t rights, uint64_t badge)
{
    struct cap *place;
    TRY(cap_free_slot(to, dst, &place));
    if (!(GRANTABLE >> src->obj->type & 1))
        return ST_TYPE;
    if (rights == 0 || (rights & ~(uint64_t)(src->rights & ~RIGHT_MANAGE)) != 0)
        return ST_RIGHTS;
    cap_fill(place, src->obj, (uint32_t)rights, badge);
    return ST_OK;
}

status_t sys_task_info(const struct task *task, uint64_t ptr)
{
    struct task_info facts = task->info;
    if (!task->ending)
        facts.state = TASK_RUNNING;
    return user_copy_out(ptr, &facts, sizeof facts);
}

/* Ends a task and waits until none of its threads can run; then its threads go. */
status_t sys_task_kill(struct task *task)
{
    task_end(task, TASK_KILLED, 0, NULL);
    struct deadline d = deadline_in(KILL_US);
    while (!thread_all_dead(task)) {
        for (uint32_t i = 0; i < task->threads; i++)
            upcall_wake(task->thread[i]);
        sched_sleep_until(hw_rdtsc() + tsc_from_us(KILL_POLL_US));
        if (!spin(&d))
            return ST_TIMEOUT;
    }
    /* An interrupt elsewhere may have read a thread's address just before it died: such a reader runs
     * with interrupts off, for microseconds. Nothing is freed before this sleep is over. */
    sched_sleep_until(hw_rdtsc() + tsc_from_us(KILL_POLL_US));
    return ST_OK;
}

/* A thread may go only when it cannot run; a task only when its threads went; a device only when
 * DEV_RELEASE came first, so the last reference never drops one that is assigned. */
status_t sys_cap_drop(const struct task *caller, struct cap *slot)
{
    struct kobj *obj = slot->obj;
    if (slot <= &caller->caps[SLOT_ROOT_EVENT])
        return ST_STATE;
    if ((obj->type == OBJ_THREAD && !thread_all_dead(((struct thread *)obj)->task)) ||
        (obj->type == OBJ_TASK && ((struct task *)obj)->threads != 0) ||
        (obj->type == OBJ_DEVICE && ((struct device *)obj)->vm))
        return ST_BUSY;
    cap_drop(slot);
    return ST_OK;
}
