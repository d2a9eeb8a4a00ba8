/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/sched/sched.c kernel/sched/thread.c kernel/obj/event.c kernel/obj/obj.c tests/unit/fake/hw.c */
#include "kernel/sched/sched.h"

#include <setjmp.h>
#include <stdlib.h>

#include "kernel/mm/pmm.h"
#include "tests/unit/unit.h"

/* CPU 0 runs this test; CPU 1 only has a block. A switch returns at once: whoever called schedule()
 * goes on under the name of the thread that was picked, and `while_away` stands for what that one does. */
struct percpu fake_percpu;
static struct percpu other = { .cpu = 1 };
struct percpu *cpu_block[MAX_CPUS] = { &fake_percpu, &other };
uint32_t cpu_count = 2;
static struct task task;
static unsigned live, ipis, slices, ends;
static uint64_t wait_until;
static void (*while_away)(void);

void *pmm_alloc_order(unsigned order) { live++; return calloc(1, PAGE_SIZE << order); }
void pmm_free_order(void *page, unsigned order) { (void)order; live -= page != NULL; free(page); }
void *kstack_alloc(void) { live++; return memset(aligned_alloc(KSTACK_BYTES, KSTACK_BYTES), 0, KSTACK_BYTES); }
void kstack_free(void *stack) { CHECK(((uintptr_t)stack & (KSTACK_BYTES - 1)) == 0); live--; free(stack); }
void kobj_put(struct kobj *obj) { obj->refs--; }
uint64_t tsc_hz(void) { return 1000000000u; }
void ktimer_set(struct ktimer *timer, uint64_t deadline)
{
    slices += timer->kind == KTIMER_KICK;
    if (timer->kind == KTIMER_WAIT)
        wait_until = deadline;
}
void ktimer_cancel(struct ktimer *timer) { (void)timer; wait_until = 0; }
void lapic_ipi(uint32_t cpu, uint8_t vector) { CHECK(cpu == 1 && vector == VEC_RESCHED); ipis++; }
void upcall_switch(struct thread *prev, struct thread *next) { CHECK(prev != next && fake_percpu.current == prev); }
void upcall_vcpu_timer(struct ktimer *timer) { (void)timer; }
static struct thread *cleaned;           /* the current one, when its registers were made clean */
void fpu_switch(struct fpu_area *area) { cleaned = area ? NULL : fake_percpu.current; }
void context_set(uint64_t top, uint64_t cr3) { CHECK(top == (uintptr_t)fake_percpu.current && cr3 == (fake_percpu.current->task ? 7 : 5)); }
uint64_t context_new_user(uint64_t top, uint64_t rip, uint64_t rsp, uint64_t arg)
{
    CHECK((top & 63) == 0 && rip == 1 && rsp == 2 && arg == 3);
    return top - 64;
}
void context_switch(uint64_t *save_sp, uint64_t next_sp)
{
    void (*act)(void) = while_away;
    *save_sp = 1;
    (void)next_sp;
    while_away = NULL;
    if (act)
        act();
}
void task_end(struct task *t, enum task_state why, uint64_t code, const struct trap_frame *frame)
{
    (void)t; (void)why; (void)code; (void)frame;
    ends++;
}

static struct thread *make(uint32_t cpu, uint32_t prio)
{
    struct thread *t = NULL;
    CHECK_EQ(thread_create(&task, cpu, prio, 1, 2, 3, &t), ST_OK);
    return t;
}

/* Lets the current thread sleep. */
static void block(void)
{
    sched_set_state(THREAD_BLOCKED);
    schedule();
}

static void start(void)
{
    fake_hw_reset();
    fake_percpu = (struct percpu){ .kernel_cr3 = 5 };
    task = (struct task){ .space.cr3 = 7 };
    cpu_block[0] = &fake_percpu;
    ipis = slices = 0;
    wait_until = 0;
    sched_init_cpu();
    other.current = NULL;
}

static void finish(void)
{
    while (fake_percpu.current->task)
        block();
    while (task.threads > 0) {
        task.thread[0]->state = THREAD_DEAD;
        task.thread[0]->ksp = 1;
        thread_destroy(&task.thread[0]->obj);
    }
    CHECK_EQ(task.obj.refs, 0);
    CHECK_EQ(live, 0);
}

static void priorities(void)
{
    start();
    struct thread *a = make(0, 3), *b = make(0, 3), *high = make(0, 5), *low = make(0, 1);
    CHECK_EQ(fake_percpu.need_resched, 1);
    schedule();
    CHECK(fake_percpu.current == high && fake_percpu.need_resched == 0 && slices == 0);
    block();
    CHECK(fake_percpu.current == a && slices == 1);        /* two of a priority: a tick */
    schedule();
    CHECK(fake_percpu.current == b);
    schedule();
    CHECK(fake_percpu.current == a);
    fake_percpu.need_resched = 0;
    upcall_wake(high);
    CHECK(fake_percpu.need_resched == 1 && high->attention == 1);
    upcall_resched();
    CHECK(fake_percpu.current == high);
    block();
    CHECK(fake_percpu.current == b);                       /* the one that was interrupted queues behind */
    block();
    slices = 0;
    CHECK(fake_percpu.current == a);
    upcall_wake(b);                                        /* its equal: no switch now, a tick */
    CHECK(fake_percpu.need_resched == 0 && slices == 1);
    upcall_wake(b);
    schedule();
    CHECK(fake_percpu.current == b);
    block();
    slices = 0;
    schedule();
    CHECK(fake_percpu.current == a && slices == 0);        /* alone: no tick */
    block();
    CHECK(fake_percpu.current == low);
    upcall_wake(low);                                      /* it runs: it shall look */
    CHECK_EQ(fake_percpu.need_resched, 1);
    block();
    CHECK(!fake_percpu.current->task);
    CHECK_EQ(ipis, 0);
    CHECK(fake_percpu.switches >= 9);
    finish();
}

static void remote(void)
{
    struct thread here = { .prio = 3 };
    start();
    other.current = &here;
    struct thread *t = make(1, 3);
    CHECK(ipis == 1 && other.need_resched == 1);           /* an equal: that CPU starts its tick */
    upcall_wake(t);
    CHECK_EQ(ipis, 1);                                     /* READY already */
    here.prio = 4;
    other.need_resched = 0;
    struct thread *u = make(1, 3);
    CHECK(ipis == 1 && other.need_resched == 0 && u->state == THREAD_READY);
    finish();
    other.need_resched = 0;
}

static void two_steps(void)
{
    start();
    struct thread *a = make(0, 3);
    schedule();
    CHECK(fake_percpu.current == a);
    uint64_t switches = fake_percpu.switches;
    sched_set_state(THREAD_BLOCKED);
    upcall_wake(a);                                        /* something to do after all */
    schedule();
    CHECK(fake_percpu.current == a && a->state == THREAD_RUNNING && fake_percpu.switches == switches);
    schedule();
    CHECK(fake_percpu.current == a);
    finish();
}

/* ---- events ---- */
static struct event *ev;
static struct thread *waiter, *second;

static void signal_it(void)
{
    CHECK(!fake_percpu.current->task && ev->waiter == waiter);
    event_signal(ev, 0x10);                                /* not what it waits for */
    CHECK_EQ(waiter->state, THREAD_BLOCKED);
    event_signal(ev, 0x3);
    CHECK(ev->waiter == NULL && waiter->state == THREAD_READY);
    schedule();
}

static void time_passes(void)
{
    CHECK(wait_until != 0);
    fake_hw.now_us = wait_until / 1000 + 1;
    upcall_ktimer(&waiter->wait_timer);
    schedule();
}

static void task_dies(void)
{
    task.ending = 1;
    upcall_wake(waiter);
    schedule();
}

/* Between the wake of the first and its next look another one comes, who takes the bits and waits on. */
static void other_comes(void)
{
    event_signal(ev, 1);
    ev->bits = 0;
    ev->waiter = second;
    ev->wait_mask = 1;
    schedule();
}

static void events(void)
{
    uint64_t bits;
    start();
    ev = (struct event *)kobj_new(OBJ_EVENT);
    waiter = make(0, 3);
    schedule();
    CHECK_EQ(sched_event_wait(ev, 3, 0, &bits), ST_TIMEOUT);          /* a poll */
    while_away = signal_it;
    CHECK_EQ(sched_event_wait(ev, 3, EVENT_FOREVER, &bits), ST_OK);
    CHECK(bits == 3 && ev->bits == 0x10 && wait_until == 0 && fake_percpu.current == waiter);
    CHECK_EQ(sched_event_wait(ev, 0x30, EVENT_FOREVER, &bits), ST_OK);
    CHECK(bits == 0x10 && ev->bits == 0);
    while_away = time_passes;
    CHECK_EQ(sched_event_wait(ev, 3, hw_rdtsc() + 5000000, &bits), ST_TIMEOUT);
    CHECK(ev->waiter == NULL && wait_until == 0);
    second = make(0, 1);
    while_away = other_comes;
    CHECK_EQ(sched_event_wait(ev, 1, EVENT_FOREVER, &bits), ST_BUSY);
    CHECK(ev->waiter == second);
    CHECK_EQ(sched_event_wait(ev, 1, EVENT_FOREVER, &bits), ST_BUSY);
    ev->waiter = NULL;
    while_away = time_passes;
    sched_sleep_until(hw_rdtsc() + 5000000);
    CHECK(fake_percpu.current == waiter && wait_until == 0);
    while_away = task_dies;
    CHECK_EQ(sched_event_wait(ev, 1, EVENT_FOREVER, &bits), ST_KILLED);
    CHECK(ev->waiter == NULL);
    event_signal(ev, 1);
    CHECK_EQ(sched_event_wait(ev, 1, EVENT_FOREVER, &bits), ST_OK);   /* bits come first */
    event_destroy(&ev->obj);
    finish();
}

static jmp_buf left;
static void leave(void) { longjmp(left, 1); }

static void exits(void)
{
    start();
    struct thread *t = make(0, 2);
    schedule();
    t->fpu = (struct fpu_area *)(void *)&live;
    cleaned = NULL;
    while_away = leave;
    if (!setjmp(left))
        thread_exit();
    CHECK(t->state == THREAD_DEAD && cleaned == t);        /* nothing of its vCPU stays loaded */
    CHECK(!fake_percpu.current->task);
    finish();
}

static void ends_of_threads(void)
{
    start();
    struct thread *t[TASK_MAX_THREADS], *more;
    for (unsigned i = 0; i < TASK_MAX_THREADS; i++)
        t[i] = make(0, 2);
    CHECK_EQ(thread_create(&task, 0, 2, 1, 2, 3, &more), ST_NOSPACE);
    CHECK(!thread_all_dead(&task) && kobj_count[OBJ_THREAD] == TASK_MAX_THREADS && task.obj.refs == TASK_MAX_THREADS);
    schedule();
    while (fake_percpu.current->task) {
        CHECK_EQ(t[0]->ksp == 0, fake_percpu.current == t[0]);
        sched_set_state(THREAD_DEAD);
        schedule();
    }
    CHECK(thread_all_dead(&task));
    thread_destroy(&t[3]->obj);
    CHECK_EQ(task.threads, TASK_MAX_THREADS - 1);
    finish();
    CHECK_EQ(kobj_count[OBJ_THREAD], 0);
}

static void idle_time(void)
{
    start();
    uint64_t now = hw_rdtsc();
    fake_percpu.idle_tsc = 500;
    CHECK_EQ(sched_idle_tsc(&fake_percpu), 500);
    fake_percpu.idle_tsc = 500 - now;                      /* idle since now */
    CHECK(sched_idle_tsc(&fake_percpu) >= 500 && sched_idle_tsc(&fake_percpu) < 500 + 10000);
}

int main(void)
{
    priorities();
    remote();
    two_steps();
    events();
    exits();
    ends_of_threads();
    idle_time();
    return unit_done();
}
