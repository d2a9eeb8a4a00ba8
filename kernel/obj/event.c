/* SPDX-License-Identifier: BSD-2-Clause */
/* Events: notification bits, one waiter, one bound vCPU thread. */
#include "kernel/obj/obj.h"

void event_destroy(struct kobj *obj)
{
    struct event *ev = (struct event *)obj;
    ktimer_cancel(&ev->timer);
    KASSERT(!ev->waiter);
    kobj_delete(obj);
}

void event_signal(struct event *ev, uint64_t bits)
{
    spin_lock(&ev->lock);
    __atomic_fetch_or(&ev->bits, bits, __ATOMIC_SEQ_CST);
    if (ev->waiter && (ev->bits & ev->wait_mask)) {
        upcall_wake(ev->waiter);
        ev->waiter = NULL;
    }
    if (ev->bound)
        upcall_wake(ev->bound);
    spin_unlock(&ev->lock);
}

void event_timer(struct event *ev, uint64_t bits, uint64_t deadline_tsc)
{
    spin_lock(&ev->timer_lock);
    if (deadline_tsc == 0) {
        ktimer_cancel(&ev->timer);
    } else {
        __atomic_store_n(&ev->timer_bits, bits, __ATOMIC_RELEASE);
        ktimer_set(&ev->timer, deadline_tsc);
    }
    spin_unlock(&ev->timer_lock);
}
