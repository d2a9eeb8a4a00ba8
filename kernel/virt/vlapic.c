/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt request, service and priority of the virtual local APIC [SDM3 11.8]. */
#include "kernel/virt/vlapic.h"

static int highest(const uint64_t w[4])
{
    for (int i = 3; i >= 0; i--) {
        uint64_t v = __atomic_load_n(&w[i], __ATOMIC_RELAXED);
        if (v)
            return i * 64 + 63 - __builtin_clzll(v);
    }
    return -1;
}

static bool test(const uint64_t w[4], uint8_t vector)
{
    return (__atomic_load_n(&w[vector / 64], __ATOMIC_RELAXED) & BIT64(vector % 64)) != 0;
}

void vlapic_error(struct vlapic *l, uint32_t esr_bit)
{
    __atomic_fetch_or(&l->esr_pending, esr_bit, __ATOMIC_RELAXED);
    uint32_t lvt = l->lvt[LVT_ERROR];
    uint32_t vector = lvt & LVT_VECTOR;
    if (!(lvt & LVT_MASKED) && vector >= 16)
        __atomic_fetch_or(&l->irr[vector / 64], BIT64(vector % 64), __ATOMIC_SEQ_CST);
}

bool vlapic_post(struct vlapic *l, uint8_t vector, bool level)
{
    uint64_t bit = BIT64(vector % 64);
    if (unlikely(!vlapic_is_on(l) || !(l->svr & SVR_ENABLE)))
        return false;
    if (unlikely(vector < 16)) {
        vlapic_error(l, ESR_RECV_ILLEGAL);
        return true;
    }
    if (unlikely(level))
        __atomic_fetch_or(&l->tmr[vector / 64], bit, __ATOMIC_RELAXED);
    else if (unlikely(test(l->tmr, vector)))
        __atomic_fetch_and(&l->tmr[vector / 64], ~bit, __ATOMIC_RELAXED);
    __atomic_fetch_or(&l->irr[vector / 64], bit, __ATOMIC_SEQ_CST);
    return true;
}

int vlapic_next(const struct vlapic *l)
{
    int irr = highest(l->irr);
    if (irr < 0 || unlikely(!vlapic_is_on(l)))
        return -1;
    return irr >> 4 > highest(l->isr) >> 4 ? irr : -1;
}

void vlapic_accept(struct vlapic *l, uint8_t vector)
{
    __atomic_fetch_and(&l->irr[vector / 64], ~BIT64(vector % 64), __ATOMIC_SEQ_CST);
    l->isr[vector / 64] |= BIT64(vector % 64);
}

bool vlapic_eoi(struct vlapic *l)
{
    int isr = highest(l->isr);
    if (isr < 0)
        return false;
    uint64_t bit = BIT64(isr % 64);
    l->isr[isr / 64] &= ~bit;
    if (likely(!test(l->tmr, (uint8_t)isr)))
        return false;
    l->eoi_exit[isr / 64] |= bit;
    return true;
}

int vlapic_eoi_take(struct vlapic *l)
{
    int vector = highest(l->eoi_exit);
    if (vector >= 0)
        l->eoi_exit[vector / 64] &= ~BIT64(vector % 64);
    return vector;
}

/* [SDM3 11.8.3.1] */
uint32_t vlapic_ppr(const struct vlapic *l)
{
    int isr = highest(l->isr);
    uint32_t in_service = isr < 0 ? 0 : (uint32_t)isr & 0xf0u;
    return (l->tpr & 0xf0u) >= in_service ? l->tpr : in_service;
}

bool vlapic_takes_extint(const struct vlapic *l)
{
    uint32_t lvt = l->lvt[LVT_LINT0];
    return !vlapic_is_on(l) || (!(lvt & LVT_MASKED) && (lvt & LVT_MODE) == LVT_EXTINT);
}
