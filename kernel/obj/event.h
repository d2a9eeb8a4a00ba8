/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 64 notification bits. One thread waits, or one thread that runs a vCPU is
 * bound (doorbell): signalling makes it leave the guest.
 */
#pragma once

#include "kernel/arch/cpu.h"
#include "kernel/obj/kobj.h"

struct thread;

struct event {
    struct kobj obj;
    struct spinlock lock;
    uint64_t bits;               /* lock; read without it by the doorbell's own CPU */
    struct thread *waiter;       /* lock: blocks in EVENT_WAIT */
    uint64_t wait_mask;          /* lock */
    struct thread *bound;        /* lock: the thread whose vCPU this is the doorbell of */
    struct spinlock timer_lock;  /* serialises TIMER_SET; the handler does not take it */
    uint64_t timer_bits;         /* any CPU, atomic */
    struct ktimer timer;         /* timer_lock */
};

MUST_USE struct event *event_create(void);
void event_destroy(struct kobj *obj);
/* Any context, any CPU. */
void event_signal(struct event *event, uint64_t bits);
/* Arms the event's one timer on this CPU; deadline 0 cancels. */
void event_timer(struct event *event, uint64_t bits, uint64_t deadline_tsc);

