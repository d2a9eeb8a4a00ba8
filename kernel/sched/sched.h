/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Per-CPU fixed-priority scheduling, round robin within a priority. A thread
 * never leaves its CPU. A CPU with one runnable thread takes no tick.
 */
#pragma once

#include "kernel/obj/obj.h"

#define PRIO_COUNT   8u      /* 7 highest; 0 = idle thread only */
#define SLICE_US  4000u

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED, THREAD_DEAD };

/* Lies at the top of its kernel stack, which begins below it; an idle thread's lies elsewhere. */
struct thread {
    struct kobj obj;
    uint32_t cpu, prio;          /* const */
    uint32_t state;              /* runqueue lock of its CPU */
    uint32_t attention;          /* any CPU, atomic: look at events and interrupts before guest entry */
    uint64_t ksp;                /* owner CPU: 0 while it runs; set by the last store to its stack's owner */
    struct task *task;           /* const; NULL = idle */
    struct thread *next;         /* runqueue lock */
    struct fpu_area *fpu;        /* owner CPU: its vCPU's registers, NULL = clean */
    struct vcpu *vcpu;           /* owner CPU: set at the first VCPU_RUN */
    struct ktimer wait_timer;    /* EVENT_WAIT deadline */
} ALIGNED(64);

static inline struct thread *thread_current(void) { return percpu()->current; }

void sched_init_cpu(void);       /* makes the idle thread of this CPU current */
NORETURN void sched_idle(void);
uint64_t sched_idle_tsc(const struct percpu *cpu);   /* time that a CPU was idle, up to now */

MUST_USE status_t thread_create(struct task *task, uint32_t cpu, uint32_t prio, uint64_t rip, uint64_t rsp,
                                uint64_t arg, struct thread **out);
void thread_destroy(struct kobj *obj);
/* True when no thread of an ending task can run any more: their stacks may go. */
bool thread_all_dead(const struct task *task);
/* Ends the current thread; does not return. */
NORETURN void thread_exit(void);
/* Blocks the current thread until bits of mask are there, or the deadline (TSC, 0 = poll,
 * EVENT_FOREVER). ST_OK with the bits, ST_TIMEOUT, ST_BUSY (another waits), ST_KILLED. */
MUST_USE status_t sched_event_wait(struct event *event, uint64_t mask, uint64_t deadline, uint64_t *bits);
/* Sleeps until the TSC deadline or a wake. */
void sched_sleep_until(uint64_t deadline);

/* Picks the next thread and switches: yields, unless the current thread is blocked or dead. */
void schedule(void);
/* Two-step blocking: marks the current thread; the caller checks its condition again, wakes the
 * thread if there is something to do after all, and calls schedule(). */
void sched_set_state(enum thread_state state);

