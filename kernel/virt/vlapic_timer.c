/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC timer on the CPU's own deadline list [SDM3 11.5.4]. */
#include "kernel/virt/vcpu.h"

#define MODE_PERIODIC  BIT32(17)
#define MODE_DEADLINE  BIT32(18)
#define MIN_PERIOD_NS  UINT64_C(10000)       /* a guest cannot drown its CPU in ticks */
_Static_assert(VLAPIC_HZ == 1000000000u, "one tick of the bus is one nanosecond");

static bool is_deadline(const struct vlapic *l) { return (l->page->lvt[LVT_TIMER].v & MODE_DEADLINE) != 0; }

/* Divide configuration: bits 3, 1, 0; 111 = by 1, else 2 << n [SDM3 11.5.4]. */
static unsigned divide_shift(const struct vlapic *l)
{
    const uint32_t divide = l->page->timer_divide.v;
    return (((divide & 3) | (divide & 8) >> 1) + 1) & 7;
}

static void arm(struct vlapic *l, uint64_t due)
{
    l->timer_due = due;
    ktimer_set(&l->timer, due);
}

void vlapic_timer_stop(struct vlapic *l)
{
    if (l->timer_due)
        ktimer_cancel(&l->timer);
    l->timer_due = l->tsc_deadline = 0;
}

/* Both counting modes: `count` ticks of the divided bus clock to go. */
static void start(struct vlapic *l, uint32_t count)
{
    arm(l, hw_rdtsc() + scale((uint64_t)count << divide_shift(l), VLAPIC_HZ, tsc_hz()));
}

uint32_t vlapic_timer_count(const struct vlapic *l)
{
    uint64_t now = hw_rdtsc();
    if (is_deadline(l) || now >= l->timer_due)
        return 0;
    return (uint32_t)(scale(l->timer_due - now, tsc_hz(), VLAPIC_HZ) >> divide_shift(l));
}

void vlapic_timer_write(struct vcpu *v, uint32_t reg, uint32_t value)
{
    struct vlapic *l = &v->lapic;
    const uint32_t to_go = reg == VLR_TIMER_INIT ? value : vlapic_timer_count(l), change = l->page->reg[reg].v ^ value;
    const bool new_mode = reg == VLR_LVT + LVT_TIMER && (change & MODE_DEADLINE);    /* [SDM3 11.5.4.1] */
    if (reg == VLR_TIMER_INIT && is_deadline(l))
        return;
    l->page->reg[reg].v = value;
    if (new_mode)
        l->page->timer_init.v = 0;
    if (new_mode || (reg == VLR_TIMER_INIT && value == 0))
        vlapic_timer_stop(l);
    else if (reg != VLR_LVT + LVT_TIMER && to_go != 0)
        start(l, to_go);
}

static void raise(struct vcpu *v)
{
    uint32_t lvt = v->lapic.page->lvt[LVT_TIMER].v;
    if (lvt & LVT_MASKED)
        return;
    vlapic_request(&v->lapic, (uint8_t)(lvt & LVT_VECTOR));
    vcpu_notify(v);
}

void vlapic_timer_set_deadline(struct vcpu *v, uint64_t guest_tsc)
{
    struct vlapic *l = &v->lapic;
    const uint64_t now = hw_rdtsc(), guest_now = vcpu_tsc(v, now);
    uint64_t wait = guest_tsc - guest_now;
    if (!is_deadline(l))
        return;
    if (guest_tsc > guest_now) {
        l->tsc_deadline = guest_tsc;
        if (unlikely(v->vm->tsc_ratio != TSC_SAME))
            wait = scale(MIN(wait, BIT64(58)), v->vm->tsc_khz, tsc_hz() / 1000) + 1;     /* not early */
        arm(l, wait < ~now ? now + wait : ~UINT64_C(0) - 1);
        return;
    }
    vlapic_timer_stop(l);
    if (guest_tsc != 0)
        raise(v);
}

/* Timer interrupt on the vCPU's CPU. */
void upcall_vcpu_timer(struct ktimer *timer)
{
    struct vcpu *v = (struct vcpu *)((uintptr_t)timer - offsetof(struct vcpu, lapic.timer));
    struct vlapic *l = &v->lapic;
    const uint64_t due = l->timer_due, ns = (uint64_t)l->page->timer_init.v << divide_shift(l);
    if (due == 0)
        return;
    l->timer_due = l->tsc_deadline = 0;
    if (l->page->lvt[LVT_TIMER].v & MODE_PERIODIC && !is_deadline(l)) {
        const uint64_t now = hw_rdtsc(), period = scale(MAX(ns, MIN_PERIOD_NS), VLAPIC_HZ, tsc_hz());
        arm(l, due + period > now ? due + period : now + period);
    }
    raise(v);
}
