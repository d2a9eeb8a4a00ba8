/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC timer on the CPU's own deadline list [SDM3 11.5.4]. */
#include "kernel/arch/cpu.h"
#include "kernel/virt/vcpu.h"

#define MODE_PERIODIC  BIT32(17)
#define MODE_DEADLINE  BIT32(18)
#define MIN_PERIOD_NS  10000u       /* a guest cannot drown its CPU in ticks */
_Static_assert(VLAPIC_HZ == 1000000000u, "one tick of the bus is one nanosecond");

static bool is_deadline(const struct vlapic *l) { return (l->lvt[LVT_TIMER] & MODE_DEADLINE) != 0; }

static uint64_t ns_to_tsc(uint64_t ns) { return ns / VLAPIC_HZ * tsc_hz() + ns % VLAPIC_HZ * tsc_hz() / VLAPIC_HZ; }

static uint64_t tsc_to_ns(uint64_t tsc) { return tsc / tsc_hz() * VLAPIC_HZ + tsc % tsc_hz() * VLAPIC_HZ / tsc_hz(); }

/* Divide configuration: bits 3, 1, 0; 111 = by 1, else 2 << n [SDM3 11.5.4]. */
static unsigned divide_shift(const struct vlapic *l)
{
    unsigned n = (l->timer_divide & 3) | (l->timer_divide & 8) >> 1;
    return (n + 1) & 7;
}

static void arm(struct vlapic *l, uint64_t due)
{
    l->timer_due = due ? due : 1;
    ktimer_set(&l->timer, l->timer_due);
}

void vlapic_timer_stop(struct vcpu *v)
{
    struct vlapic *l = &v->lapic;
    l->tsc_deadline = 0;
    if (l->timer_due) {
        l->timer_due = 0;
        ktimer_cancel(&l->timer);
    }
}

/* Both counting modes start from `count` ticks of the divided bus clock. */
static void start(struct vcpu *v, uint32_t count)
{
    struct vlapic *l = &v->lapic;
    uint64_t ns = (uint64_t)l->timer_init << divide_shift(l);
    l->timer_period = ns_to_tsc(MAX(ns, (uint64_t)MIN_PERIOD_NS));
    if (count == 0)
        vlapic_timer_stop(v);
    else
        arm(l, hw_rdtsc() + ns_to_tsc((uint64_t)count << divide_shift(l)));
}

void vlapic_timer_write_init(struct vcpu *v, uint32_t count)
{
    struct vlapic *l = &v->lapic;
    if (is_deadline(l))
        return;
    l->timer_init = count;
    start(v, count);
}

uint32_t vlapic_timer_count(const struct vcpu *v)
{
    const struct vlapic *l = &v->lapic;
    if (is_deadline(l) || l->timer_due == 0)
        return 0;
    uint64_t now = hw_rdtsc();
    return now >= l->timer_due ? 0 : (uint32_t)(tsc_to_ns(l->timer_due - now) >> divide_shift(l));
}

void vlapic_timer_write_divide(struct vcpu *v, uint32_t divide)
{
    struct vlapic *l = &v->lapic;
    uint32_t left = vlapic_timer_count(v);
    l->timer_divide = divide;
    if (!is_deadline(l) && l->timer_due)
        start(v, left);
}

/* A change to or from TSC-deadline mode disarms the timer [SDM3 11.5.4.1]. */
void vlapic_timer_write_lvt(struct vcpu *v, uint32_t lvt)
{
    struct vlapic *l = &v->lapic;
    uint32_t change = lvt ^ l->lvt[LVT_TIMER];
    if (change & MODE_DEADLINE) {
        vlapic_timer_stop(v);
        l->timer_init = 0;
    }
    l->lvt[LVT_TIMER] = lvt;
}

uint64_t vlapic_timer_deadline(const struct vcpu *v) { return is_deadline(&v->lapic) ? v->lapic.tsc_deadline : 0; }

static void raise(struct vcpu *v)
{
    uint32_t lvt = v->lapic.lvt[LVT_TIMER];
    if (!(lvt & LVT_MASKED) && vlapic_post(&v->lapic, (uint8_t)(lvt & LVT_VECTOR), false))
        vcpu_notify(v);
}

void vlapic_timer_set_deadline(struct vcpu *v, uint64_t guest_tsc)
{
    struct vlapic *l = &v->lapic;
    if (!is_deadline(l))
        return;
    uint64_t now = hw_rdtsc(), guest_now = now + v->tsc_offset;
    if (guest_tsc == 0) {
        vlapic_timer_stop(v);
    } else if (guest_tsc <= guest_now) {
        vlapic_timer_stop(v);
        raise(v);
    } else {
        uint64_t wait = guest_tsc - guest_now;
        l->tsc_deadline = guest_tsc;
        arm(l, wait < ~now ? now + wait : ~UINT64_C(0) - 1);
    }
}

void vlapic_timer_tsc_moved(struct vcpu *v)
{
    if (is_deadline(&v->lapic) && v->lapic.tsc_deadline)
        vlapic_timer_set_deadline(v, v->lapic.tsc_deadline);
}

/* Timer interrupt on the vCPU's CPU. */
void upcall_vcpu_timer(struct ktimer *timer)
{
    struct vcpu *v = (struct vcpu *)((uintptr_t)timer - offsetof(struct vcpu, lapic.timer));
    struct vlapic *l = &v->lapic;
    uint64_t due = l->timer_due;
    if (due == 0)
        return;
    l->timer_due = 0;
    l->tsc_deadline = 0;
    if (!is_deadline(l) && (l->lvt[LVT_TIMER] & MODE_PERIODIC)) {
        uint64_t next = due + l->timer_period, now = hw_rdtsc();
        arm(l, next > now ? next : now + l->timer_period);
    }
    raise(v);
}
