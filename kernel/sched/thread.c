/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: creation, end, the two ways they wait, and what their timers do. */
#include "kernel/sched/sched.h"

#define OWNER(timer, type, member) ((type *)((uintptr_t)(timer) - offsetof(type, member)))

status_t thread_create(struct task *task, uint32_t cpu, uint32_t prio, uint64_t rip, uint64_t rsp, uint64_t arg,
                       struct thread **out)
{
    void *stack = task->threads < TASK_MAX_THREADS ? kstack_alloc() : NULL;
    if (!stack)
        return ST_NOSPACE;
    struct thread *t = (struct thread *)((uintptr_t)stack + KSTACK_BYTES) - 1;
    *t = (struct thread){ .cpu = cpu, .prio = prio, .state = THREAD_BLOCKED, .task = task,
                          .ksp = context_new_user((uintptr_t)t, rip, rsp, arg), .wait_timer.kind = KTIMER_WAIT };
    kobj_init(&t->obj, OBJ_THREAD);
    kobj_get(&task->obj);
    task->thread[task->threads++] = t;
    *out = t;
    upcall_wake(t);
    return ST_OK;
}

void thread_exit(void)
{
    ktimer_cancel(&thread_current()->wait_timer);
    fpu_switch(NULL);                    /* the registers' area goes with its vCPU */
    sched_set_state(THREAD_DEAD);
    for (;;)
        schedule();
}

void upcall_user_fault(const struct trap_frame *frame)
{
    task_end(thread_current()->task, TASK_FAULTED, 0, frame);
    thread_exit();
}

bool thread_all_dead(const struct task *task)
{
    for (uint32_t i = 0; i < task->threads; i++) {
        const struct thread *t = task->thread[i];
        if (__atomic_load_n(&t->state, __ATOMIC_ACQUIRE) != THREAD_DEAD ||
            __atomic_load_n(&t->ksp, __ATOMIC_ACQUIRE) == 0)
            return false;
    }
    return true;
}

/* The task was killed and is quiet: its count of threads drops with each. */
void thread_destroy(struct kobj *obj)
{
    struct thread *t = (struct thread *)obj;
    struct task *task = t->task;
    uint32_t i = 0;
    KASSERT(t->state == THREAD_DEAD && t->ksp != 0);
    while (task->thread[i] != t)
        i++;
    task->thread[i] = task->thread[--task->threads];
    kobj_gone(obj);
    kstack_free((void *)((uintptr_t)(t + 1) - KSTACK_BYTES));
    kobj_put(&task->obj);
}

/* Of a wait that is not for ever. */
static void block(struct thread *t, uint64_t deadline)
{
    if (deadline != EVENT_FOREVER)
        ktimer_set(&t->wait_timer, deadline);
    schedule();
    if (deadline != EVENT_FOREVER)
        ktimer_cancel(&t->wait_timer);
}

status_t sched_event_wait(struct event *ev, uint64_t mask, uint64_t deadline, uint64_t *bits)
{
    struct thread *t = thread_current();
    for (;;) {
        status_t st = ST_OK;
        spin_lock(&ev->lock);
        if (ev->waiter == t)
            ev->waiter = NULL;
        *bits = ev->bits & mask;
        if (ev->waiter) {
            st = ST_BUSY;
        } else if (*bits != 0) {
            __atomic_fetch_and(&ev->bits, ~*bits, __ATOMIC_SEQ_CST);
        } else if (__atomic_load_n(&t->task->ending, __ATOMIC_ACQUIRE)) {
            st = ST_KILLED;
        } else if (hw_rdtsc() >= deadline) {
            st = ST_TIMEOUT;
        } else {
            ev->waiter = t;
            ev->wait_mask = mask;
            sched_set_state(THREAD_BLOCKED);
        }
        bool blocked = ev->waiter == t;
        spin_unlock(&ev->lock);
        if (!blocked)
            return st;
        block(t, deadline);
    }
}

void sched_sleep_until(uint64_t deadline)
{
    sched_set_state(THREAD_BLOCKED);
    block(thread_current(), deadline);
}

void upcall_ktimer(struct ktimer *timer)
{
    struct event *ev = OWNER(timer, struct event, timer);
    switch ((enum ktimer_kind)timer->kind) {
    case KTIMER_EVENT: event_signal(ev, __atomic_load_n(&ev->timer_bits, __ATOMIC_ACQUIRE)); break;
    case KTIMER_WAIT: upcall_wake(OWNER(timer, struct thread, wait_timer)); break;
    case KTIMER_VLAPIC: upcall_vcpu_timer(timer); break;
    case KTIMER_KICK: percpu()->need_resched = 1; break;
    }
}
