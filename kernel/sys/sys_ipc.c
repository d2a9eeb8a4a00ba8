/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that any task may make: yield, end, events, timers, channels. */
#include "kernel/obj/memory.h"
#include "kernel/sched/sched.h"
#include "kernel/sys/sys.h"

static status_t event_of(const struct sys_args *args, uint32_t rights, struct event **out)
{
    struct kobj *obj;
    status_t st = cap_lookup(args->task, args->a[0], OBJ_EVENT, rights, &obj);
    if (st == ST_OK)
        *out = (struct event *)obj;
    return st;
}

static status_t wait(const struct sys_args *args, uint64_t *value)
{
    struct event *ev;
    status_t st = event_of(args, RIGHT_WAIT, &ev);
    if (st != ST_OK)
        return st;
    return args->a[1] == 0 ? ST_INVAL : sched_event_wait(ev, args->a[1], args->a[2], value);
}

/* The badge of the slot bounds which bits its holder may raise. */
static status_t signal(const struct sys_args *args)
{
    struct event *ev;
    status_t st = event_of(args, RIGHT_SIGNAL, &ev);
    if (st != ST_OK)
        return st;
    uint64_t badge = args->task->caps[index_clamp(args->a[0], CAP_SLOTS)].badge;
    if (args->a[1] == 0 || (args->a[1] & ~badge) != 0)
        return ST_RIGHTS;
    event_signal(ev, args->a[1]);
    return ST_OK;
}

static status_t timer(const struct sys_args *args)
{
    struct event *ev;
    status_t st = event_of(args, RIGHT_WAIT, &ev);
    if (st != ST_OK)
        return st;
    if (args->a[1] == 0)
        return ST_INVAL;
    event_timer(ev, args->a[1], args->a[2]);
    return ST_OK;
}

/* The slot's badge is the holder's side; the other side's event is signalled. */
static status_t ring(const struct sys_args *args)
{
    struct kobj *obj;
    status_t st = cap_lookup(args->task, args->a[0], OBJ_CHANNEL, RIGHT_SIGNAL, &obj);
    if (st != ST_OK)
        return st;
    struct channel *ch = (struct channel *)obj;
    unsigned other = args->task->caps[index_clamp(args->a[0], CAP_SLOTS)].badge == 0 ? 1 : 0;
    event_signal(ch->event[other], ch->bits[other]);
    return ST_OK;
}

static status_t end(const struct sys_args *args)
{
    task_end(args->task, TASK_EXITED, args->a[0], NULL);
    __atomic_store_n(&percpu()->need_resched, 1, __ATOMIC_SEQ_CST);
    return ST_OK;
}

status_t sys_ipc(unsigned nr, const struct sys_args *args, uint64_t *value)
{
    switch (nr) {
    case SYS_YIELD:
        sched_yield();
        return ST_OK;
    case SYS_TASK_EXIT: return end(args);
    case SYS_EVENT_WAIT: return wait(args, value);
    case SYS_EVENT_SIGNAL: return signal(args);
    case SYS_TIMER_SET: return timer(args);
    case SYS_CHANNEL_SIGNAL: return ring(args);
    default: return ST_INVAL;
    }
}
