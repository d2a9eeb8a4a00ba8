/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt request, service and priority of the virtual local APIC [SDM3 11.8]. */
#include "kernel/virt/vlapic.h"

static int highest(const struct vlapic_slot w[8])
{
    for (int i = 6; i >= 0; i -= 2)
        if (w[i].v | w[i + 1].v)
            return i * 32 + 63 - __builtin_clzll(w[i].v | (uint64_t)w[i + 1].v << 32);
    return -1;
}

void vlapic_error(struct vlapic *l, uint32_t esr_bit)
{
    const uint32_t lvt = l->page->lvt[LVT_ERROR].v, vector = lvt & LVT_VECTOR;
    __atomic_fetch_or(&l->esr_pending, esr_bit, __ATOMIC_RELAXED);
    if (!(lvt & LVT_MASKED) && vector >= 16)
        (void)vlapic_post(l, (uint8_t)vector, false);
}

static bool refused(struct vlapic *l, uint8_t vector)
{
    const bool on = vlapic_is_enabled(l);
    if (on && vector < 16)
        vlapic_error(l, ESR_RECV_ILLEGAL);
    return !on || vector < 16;
}

bool vlapic_post(struct vlapic *l, uint8_t vector, bool level)
{
    struct vlapic_posted *p = &l->page->posted;
    if (unlikely(refused(l, vector)))
        return vector < 16;
    __atomic_fetch_or(&(level ? p->level : p->edge)[vector / 64], BIT64(vector % 64), __ATOMIC_SEQ_CST);
    return __atomic_exchange_n(level ? &p->level_on : &p->on, 1, __ATOMIC_SEQ_CST) == 0;
}

void vlapic_request(struct vlapic *l, uint8_t vector)
{
    const uint32_t i = vector / 32, bit = BIT32(vector % 32);
    if (unlikely(refused(l, vector)))
        return;
    l->page->irr[i].v |= bit;
    l->page->tmr[i].v &= ~bit;
}

static uint64_t taken(uint64_t *word)
{ return __atomic_load_n(word, __ATOMIC_RELAXED) ? __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) : 0; }

void vlapic_take(struct vlapic *l)
{
    struct vlapic_posted *p = &l->page->posted;
    struct vlapic_slot *irr = l->page->irr, *tmr = l->page->tmr;
    if (likely(!__atomic_load_n(&p->on, __ATOMIC_RELAXED) && !__atomic_load_n(&p->level_on, __ATOMIC_RELAXED)))
        return;
    __atomic_store_n(&p->on, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&p->level_on, 0, __ATOMIC_SEQ_CST);
    for (unsigned i = 0; i < 8; i += 2) {
        const uint64_t level = taken(&p->level[i / 2]), edge = taken(&p->edge[i / 2]), all = level | edge;
        for (unsigned half = 0; all && half < 2; half++) {
            irr[i + half].v |= (uint32_t)(all >> 32 * half);
            tmr[i + half].v = (tmr[i + half].v & ~(uint32_t)(all >> 32 * half)) | (uint32_t)(level >> 32 * half);
        }
        l->levels |= level != 0;
    }
}

int vlapic_next(const struct vlapic *l)
{
    const int irr = highest(l->page->irr);
    if (irr < 0 || unlikely(!vlapic_is_on(l)))
        return -1;
    return irr >> 4 > highest(l->page->isr) >> 4 ? irr : -1;
}

uint32_t vlapic_status(const struct vlapic *l)
{
    return (uint32_t)(MAX(highest(l->page->irr), 0) | MAX(highest(l->page->isr), 0) << 8);
}

bool vlapic_has_level(struct vlapic *l)
{
    const struct vlapic_page *p = l->page;
    uint32_t any = 0;
    for (unsigned i = 0; l->levels && i < 8; i++)
        any |= p->tmr[i].v & (p->irr[i].v | p->isr[i].v);
    l->levels = any != 0;
    return l->levels;
}

void vlapic_accept(struct vlapic *l, uint8_t vector)
{
    l->page->irr[vector / 32].v &= ~BIT32(vector % 32);
    l->page->isr[vector / 32].v |= BIT32(vector % 32);
}

bool vlapic_eoi(struct vlapic *l)
{
    const int isr = highest(l->page->isr);
    if (isr < 0)
        return false;
    const uint32_t i = (uint32_t)isr / 32, bit = BIT32(isr % 32);
    l->page->isr[i].v &= ~bit;
    if (likely(!(l->page->tmr[i].v & bit)))
        return false;
    l->eoi_exit[i].v |= bit;
    return true;
}

int vlapic_eoi_take(struct vlapic *l)
{
    int vector = highest(l->eoi_exit);
    if (vector >= 0)
        l->eoi_exit[vector / 32].v &= ~BIT32(vector % 32);
    return vector;
}

/* [SDM3 11.8.3.1] */
uint32_t vlapic_ppr(const struct vlapic *l)
{
    const int isr = highest(l->page->isr);
    const uint32_t in_service = isr < 0 ? 0 : (uint32_t)isr & 0xf0u, tpr = l->page->tpr.v;
    return (tpr & 0xf0u) >= in_service ? tpr : in_service;
}

bool vlapic_takes_extint(const struct vlapic *l)
{
    uint32_t lvt = l->page->lvt[LVT_LINT0].v;
    return !vlapic_is_on(l) || (!(lvt & LVT_MASKED) && (lvt & LVT_MODE) == LVT_EXTINT);
}
