/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-CPU run queues and the switch. */
#include "kernel/sched/sched.h"

struct runqueue {
    struct spinlock lock;
    struct thread *tail[PRIO_COUNT];     /* lock: READY threads, in a ring whose next is the first */
    struct ktimer slice;
    struct thread idle;
};
static struct runqueue runqueues[MAX_CPUS];

/* Lock held, as for dequeue. */
static void enqueue(struct runqueue *rq, struct thread *t)
{
    struct thread **tail = &rq->tail[t->prio];
    t->state = THREAD_READY;
    t->next = *tail ? (*tail)->next : t;
    if (*tail)
        (*tail)->next = t;
    *tail = t;
}

static struct thread *dequeue(struct runqueue *rq)
{
    unsigned prio = PRIO_COUNT - 1;
    while (prio > 0 && !rq->tail[prio])
        prio--;
    if (prio == 0)
        return &rq->idle;
    struct thread *tail = rq->tail[prio], *t = tail->next;
    tail->next = t->next;
    if (t == tail)
        rq->tail[prio] = NULL;
    t->state = THREAD_RUNNING;
    return t;
}

void sched_init_cpu(void)
{
    struct percpu *cpu = percpu();
    struct runqueue *rq = &runqueues[cpu->cpu];
    rq->idle.cpu = cpu->cpu;
    rq->idle.state = THREAD_RUNNING;
    rq->slice.kind = KTIMER_KICK;
    cpu->current = &rq->idle;
}

static void slice_start(struct runqueue *rq) { ktimer_set(&rq->slice, hw_rdtsc() + tsc_from_us(SLICE_US)); }

void schedule(void)
{
    struct percpu *cpu = percpu();
    struct runqueue *rq = &runqueues[cpu->cpu];
    struct thread *prev = cpu->current;
    spin_lock(&rq->lock);
    __atomic_store_n(&cpu->need_resched, 0, __ATOMIC_SEQ_CST);
    if (prev->state == THREAD_RUNNING && prev->task)
        enqueue(rq, prev);
    struct thread *next = dequeue(rq);
    bool shared = rq->tail[next->prio] != NULL;
    spin_unlock(&rq->lock);
    if (shared)
        slice_start(rq);
    if (next == prev)
        return;
    cpu->switches++;
    upcall_switch(prev, next);
    cpu->current = next;
    context_set((uintptr_t)next, next->task ? next->task->space.cr3 : cpu->kernel_cr3);
    uint64_t sp = next->ksp;
    next->ksp = 0;
    context_switch(&prev->ksp, sp);
}

void upcall_resched(void)
{
    struct thread *t = thread_current();
    for (;;) {
        if (t->task && __atomic_load_n(&t->task->ending, __ATOMIC_ACQUIRE))
            thread_exit();
        if (!__atomic_load_n(&percpu()->need_resched, __ATOMIC_ACQUIRE))
            return;
        schedule();
    }
}

void sched_set_state(enum thread_state state)
{
    struct runqueue *rq = &runqueues[percpu()->cpu];
    spin_lock(&rq->lock);
    __atomic_store_n(&thread_current()->state, state, __ATOMIC_SEQ_CST);   /* partner: thread_all_dead */
    spin_unlock(&rq->lock);
}

void upcall_wake(struct thread *t)
{
    struct runqueue *rq = &runqueues[t->cpu];
    struct percpu *target = cpu_block[t->cpu];
    bool remote = t->cpu != percpu()->cpu;
    __atomic_store_n(&t->attention, 1, __ATOMIC_SEQ_CST);
    spin_lock(&rq->lock);
    bool kick = t->state == THREAD_RUNNING, equal = t->prio == target->current->prio;
    if (t->state == THREAD_BLOCKED) {
        enqueue(rq, t);
        kick = t->prio > target->current->prio || target->current == t || (remote && equal);
    }
    if (kick)
        __atomic_store_n(&target->need_resched, 1, __ATOMIC_SEQ_CST);
    else if (t->state == THREAD_READY && equal && !remote)
        slice_start(rq);
    spin_unlock(&rq->lock);
    if (kick && remote)
        lapic_ipi(t->cpu, VEC_RESCHED);
}

void upcall_preempt_point(void)
{
    hw_sti();
    hw_pause();
    hw_cli();
    upcall_resched();
}

/* While a CPU is idle its count lacks the time since then: it holds "before - start", which is negative. */
uint64_t sched_idle_tsc(const struct percpu *cpu)
{
    uint64_t idle = __atomic_load_n(&cpu->idle_tsc, __ATOMIC_RELAXED);
    return (int64_t)idle < 0 ? idle + hw_rdtsc() : idle;
}

void sched_idle(void)
{
    struct percpu *cpu = percpu();
    for (;;) {
        if (__atomic_load_n(&cpu->need_resched, __ATOMIC_ACQUIRE)) {
            schedule();
            continue;
        }
        __atomic_store_n(&cpu->idle_tsc, cpu->idle_tsc - hw_rdtsc(), __ATOMIC_RELAXED);
        hw_sti_hlt_cli();
        __atomic_store_n(&cpu->idle_tsc, cpu->idle_tsc + hw_rdtsc(), __ATOMIC_RELAXED);
    }
}
