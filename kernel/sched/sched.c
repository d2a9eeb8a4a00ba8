/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-CPU run queues and the switch. */
#include "kernel/sched/sched.h"

#include "kernel/arch/cpu.h"

struct runqueue {
    struct spinlock lock;
    struct thread *head[PRIO_COUNT], *tail[PRIO_COUNT];   /* lock: READY threads */
    uint32_t ready;                                       /* lock: bit per priority */
    struct ktimer slice;
    struct thread idle;
};
static struct runqueue runqueues[MAX_CPUS];

static void enqueue(struct runqueue *rq, struct thread *t)
{
    t->next = NULL;
    if (rq->head[t->prio])
        rq->tail[t->prio]->next = t;
    else
        rq->head[t->prio] = t;
    rq->tail[t->prio] = t;
    rq->ready |= 1u << t->prio;
}

static struct thread *dequeue(struct runqueue *rq)
{
    if (rq->ready == 0)
        return &rq->idle;
    unsigned prio = 31u - (unsigned)__builtin_clz(rq->ready);
    struct thread *t = rq->head[prio];
    rq->head[prio] = t->next;
    if (!t->next)
        rq->ready &= ~(1u << prio);
    return t;
}

static void unqueue(struct runqueue *rq, struct thread *t)
{
    struct thread *before = NULL;
    for (struct thread *at = rq->head[t->prio]; at && at != t; at = at->next)
        before = at;
    if (before)
        before->next = t->next;
    else
        rq->head[t->prio] = t->next;
    if (rq->tail[t->prio] == t)
        rq->tail[t->prio] = before;
    if (!rq->head[t->prio])
        rq->ready &= ~(1u << t->prio);
}

void sched_init_cpu(void)
{
    struct percpu *cpu = percpu();
    struct runqueue *rq = &runqueues[cpu->cpu];
    rq->idle.cpu = cpu->cpu;
    rq->idle.state = THREAD_RUNNING;
    rq->idle.started_tsc = hw_rdtsc();
    rq->slice.kind = KTIMER_KICK;
    cpu->current = &rq->idle;
}

static void account(struct percpu *cpu, struct thread *prev, struct thread *next)
{
    uint64_t now = hw_rdtsc();
    if (!prev->task)
        cpu->idle_tsc += now - prev->started_tsc;
    next->started_tsc = now;
    cpu->switches++;
}

/* For display: another CPU may be switching meanwhile. */
uint64_t sched_idle_tsc(const struct percpu *cpu)
{
    const struct thread *idle = &runqueues[cpu->cpu].idle;
    uint64_t now = hw_rdtsc(), since = __atomic_load_n(&idle->started_tsc, __ATOMIC_RELAXED);
    bool in_it = __atomic_load_n(&cpu->current, __ATOMIC_RELAXED) == idle;
    return __atomic_load_n(&cpu->idle_tsc, __ATOMIC_RELAXED) + (in_it && now > since ? now - since : 0);
}

static void switch_to(struct thread *prev, struct thread *next)
{
    struct percpu *cpu = percpu();
    account(cpu, prev, next);
    upcall_switch(prev, next);
    if (next->task)
        fpu_switch(next->fpu);
    cpu->current = next;
    context_set(next->kstack_top, next->task ? next->task->space.cr3 : cpu->kernel_cr3);
    uint64_t sp = next->ksp;
    next->ksp = 0;
    context_switch(&prev->ksp, sp);
}

void schedule(void)
{
    struct percpu *cpu = percpu();
    struct runqueue *rq = &runqueues[cpu->cpu];
    struct thread *prev = cpu->current;
    spin_lock(&rq->lock);
    __atomic_store_n(&cpu->need_resched, 0, __ATOMIC_SEQ_CST);
    if (prev->state == THREAD_RUNNING && prev->task) {
        prev->state = THREAD_READY;
        enqueue(rq, prev);
    }
    struct thread *next = dequeue(rq);
    next->state = THREAD_RUNNING;
    bool shared = next->task && rq->head[next->prio] && (rq->ready & (1u << next->prio));
    spin_unlock(&rq->lock);
    if (shared)
        ktimer_set(&rq->slice, hw_rdtsc() + tsc_from_us(SLICE_US));
    if (next != prev)
        switch_to(prev, next);
}

void sched_yield(void) { schedule(); }

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

void sched_block_prepare(void)
{
    struct runqueue *rq = &runqueues[percpu()->cpu];
    spin_lock(&rq->lock);
    thread_current()->state = THREAD_BLOCKED;
    spin_unlock(&rq->lock);
}

void sched_set_dead(void)
{
    struct runqueue *rq = &runqueues[percpu()->cpu];
    spin_lock(&rq->lock);
    __atomic_store_n(&thread_current()->state, THREAD_DEAD, __ATOMIC_SEQ_CST);
    spin_unlock(&rq->lock);
}

void sched_block_cancel(void)
{
    struct runqueue *rq = &runqueues[percpu()->cpu];
    struct thread *t = thread_current();
    spin_lock(&rq->lock);
    if (t->state == THREAD_READY)
        unqueue(rq, t);
    t->state = THREAD_RUNNING;
    spin_unlock(&rq->lock);
}

void sched_wake(struct thread *t)
{
    struct runqueue *rq = &runqueues[t->cpu];
    struct percpu *target = cpu_block[t->cpu];
    bool remote = t->cpu != percpu()->cpu, kick = false;
    __atomic_store_n(&t->attention, 1, __ATOMIC_SEQ_CST);
    spin_lock(&rq->lock);
    if (t->state == THREAD_BLOCKED) {
        t->state = THREAD_READY;
        enqueue(rq, t);
        kick = t->prio > target->current->prio || target->current == t ||
               (remote && t->prio == target->current->prio);
    } else if (t->state == THREAD_RUNNING) {
        kick = true;
    }
    if (kick)
        __atomic_store_n(&target->need_resched, 1, __ATOMIC_SEQ_CST);
    else if (t->state == THREAD_READY && t->prio == target->current->prio && !remote)
        ktimer_set(&rq->slice, hw_rdtsc() + tsc_from_us(SLICE_US));
    spin_unlock(&rq->lock);
    if (kick && remote)
        lapic_ipi(t->cpu, VEC_RESCHED);
}

void upcall_wake(struct thread *t) { sched_wake(t); }

void sched_preempt_point(void)
{
    hw_sti();
    hw_pause();
    hw_cli();
    upcall_resched();
}

void upcall_preempt_point(void) { sched_preempt_point(); }

void sched_idle(void)
{
    struct percpu *cpu = percpu();
    for (;;) {
        if (__atomic_load_n(&cpu->need_resched, __ATOMIC_ACQUIRE))
            schedule();
        else
            hw_sti_hlt_cli();
    }
}
