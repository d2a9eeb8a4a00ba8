/* SPDX-License-Identifier: BSD-2-Clause */
/* Per-CPU deadlines on the local APIC timer: a list by deadline, short by nature. */
#include "kernel/arch/cpu.h"

static struct queue {
    struct spinlock lock;
    struct ktimer *head;        /* lock */
    struct ktimer *running;     /* lock: its handler runs now on this queue's CPU */
    uint64_t programmed;        /* owner CPU: what the hardware waits for, 0 = nothing */
} queues[MAX_CPUS];

static void unlink_timer(struct queue *q, struct ktimer *timer)
{
    struct ktimer **at = &q->head;
    while (*at && *at != timer)
        at = &(*at)->next;
    KASSERT(*at == timer);
    *at = timer->next;
    timer->armed = 0;
}

/* Owner CPU, lock held. Only an earlier deadline touches the hardware: a late one finds
 * its turn when the earlier interrupt comes. */
static void program(struct queue *q)
{
    if (!q->head || (q->programmed != 0 && q->programmed <= q->head->deadline))
        return;
    q->programmed = q->head->deadline;
    lapic_timer_set(q->programmed);
}

void ktimer_set(struct ktimer *timer, uint64_t deadline)
{
    uint32_t cpu = percpu()->cpu;
    struct queue *q = &queues[cpu];
    if (timer->armed && timer->cpu != cpu)
        ktimer_cancel(timer);
    spin_lock(&q->lock);
    if (timer->armed)
        unlink_timer(q, timer);
    timer->deadline = MAX(deadline, 1u);
    timer->cpu = cpu;
    timer->armed = 1;
    struct ktimer **at = &q->head;
    while (*at && (*at)->deadline <= timer->deadline)
        at = &(*at)->next;
    timer->next = *at;
    *at = timer;
    program(q);
    spin_unlock(&q->lock);
}

void ktimer_cancel(struct ktimer *timer)
{
    struct queue *q = &queues[timer->cpu];
    bool elsewhere = timer->cpu != percpu()->cpu, busy;
    do {
        spin_lock(&q->lock);
        if (timer->armed)
            unlink_timer(q, timer);
        busy = elsewhere && q->running == timer;
        spin_unlock(&q->lock);
    } while (busy);
}

void ktimer_irq(void)
{
    struct queue *q = &queues[percpu()->cpu];
    spin_lock(&q->lock);
    q->programmed = 0;
    while (q->head && q->head->deadline <= hw_rdtsc()) {
        q->running = q->head;
        unlink_timer(q, q->running);
        spin_unlock(&q->lock);
        upcall_ktimer(q->running);
        spin_lock(&q->lock);
        q->running = NULL;
    }
    program(q);
    spin_unlock(&q->lock);
}
