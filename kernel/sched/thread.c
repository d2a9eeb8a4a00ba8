/* SPDX-License-Identifier: BSD-2-Clause */
/* Threads: creation, end, the two ways they wait, and what their timers do. */
#include "kernel/sched/sched.h"

#include "kernel/arch/cpu.h"
#include "kernel/mm/space.h"
#include "kernel/mm/pmm.h"
#include "kernel/obj/event.h"

struct task *thread_task_current(void) { return thread_current()->task; }

status_t thread_create(struct task *task, uint32_t cpu, uint32_t prio, uint64_t rip, uint64_t rsp, uint64_t arg,
                       struct thread **out)
{
    if (task->threads == TASK_MAX_THREADS)
        return ST_NOSPACE;
    struct thread *t = pmm_alloc();
    if (!t)
        return ST_NOSPACE;
    t->kstack = kstack_alloc();
    if (!t->kstack) {
        pmm_free(t);
        return ST_NOSPACE;
    }
    kobj_init(&t->obj, OBJ_THREAD);
    kobj_get(&task->obj);
    t->task = task;
    t->cpu = cpu;
    t->prio = prio;
    t->state = THREAD_BLOCKED;
    t->wait_timer.kind = KTIMER_WAIT;
    t->kstack_top = (uint64_t)(uintptr_t)t->kstack + KSTACK_BYTES;
    t->ksp = context_new_user(t->kstack_top, rip, rsp, arg);
    task->thread[task->threads++] = t;
    *out = t;
    sched_wake(t);
    return ST_OK;
}

void thread_exit(void)
{
    struct thread *t = thread_current();
    ktimer_cancel(&t->wait_timer);
    sched_set_dead();
    for (;;)
        schedule();
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
    KASSERT(t->state == THREAD_DEAD && t->ksp != 0);
    for (uint32_t i = 0; i < task->threads; i++) {
        if (task->thread[i] == t) {
            task->thread[i] = task->thread[--task->threads];
            break;
        }
    }
    kstack_free(t->kstack);
    kobj_gone(obj);
    pmm_free(t);
    kobj_put(&task->obj);
}

/* True when the wait is over: bits, time, or end. Event lock held. */
static bool wait_is_over(struct event *ev, uint64_t mask, uint64_t deadline, uint64_t *bits, status_t *st)
{
    *bits = ev->bits & mask;
    if (*bits) {
        __atomic_fetch_and(&ev->bits, ~*bits, __ATOMIC_SEQ_CST);
        *st = ST_OK;
        return true;
    }
    if (__atomic_load_n(&thread_current()->task->ending, __ATOMIC_ACQUIRE)) {
        *st = ST_KILLED;
        return true;
    }
    *st = ST_TIMEOUT;
    return deadline != EVENT_FOREVER && (deadline == 0 || hw_rdtsc() >= deadline);
}

status_t sched_event_wait(struct event *ev, uint64_t mask, uint64_t deadline, uint64_t *bits)
{
    struct thread *t = thread_current();
    status_t st;
    spin_lock(&ev->lock);
    if (ev->waiter && ev->waiter != t) {
        spin_unlock(&ev->lock);
        return ST_BUSY;
    }
    while (!wait_is_over(ev, mask, deadline, bits, &st)) {
        ev->waiter = t;
        ev->wait_mask = mask;
        sched_block_prepare();
        spin_unlock(&ev->lock);
        if (deadline != EVENT_FOREVER)
            ktimer_set(&t->wait_timer, deadline);
        schedule();
        spin_lock(&ev->lock);
    }
    if (ev->waiter == t)
        ev->waiter = NULL;
    spin_unlock(&ev->lock);
    if (deadline != EVENT_FOREVER)
        ktimer_cancel(&t->wait_timer);
    return st;
}

void sched_sleep_until(uint64_t deadline)
{
    struct thread *t = thread_current();
    sched_block_prepare();
    ktimer_set(&t->wait_timer, deadline);
    schedule();
    ktimer_cancel(&t->wait_timer);
}

void upcall_ktimer(struct ktimer *timer)
{
    switch ((enum ktimer_kind)timer->kind) {
    case KTIMER_EVENT: {
        struct event *ev = (struct event *)((uintptr_t)timer - offsetof(struct event, timer));
        event_signal(ev, __atomic_load_n(&ev->timer_bits, __ATOMIC_ACQUIRE));
        break;
    }
    case KTIMER_WAIT:
        sched_wake((struct thread *)((uintptr_t)timer - offsetof(struct thread, wait_timer)));
        break;
    case KTIMER_VLAPIC:
        upcall_vcpu_timer(timer);
        break;
    case KTIMER_KICK:
        percpu()->need_resched = 1;
        break;
    }
}
