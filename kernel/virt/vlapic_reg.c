/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of the virtual local APIC: one set of rules, two ways in [SDM3 11.4.1, 11.12.1.2]. */
#include "kernel/virt/vcpu.h"

#define VERSION       (0x14u | (LVT_COUNT - 1u) << 16)
#define TPR_BITS      0xffu
#define LDR_XAPIC     0xff000000u
#define DFR_FIXED     0x0fffffffu
#define DIVIDE_BITS   0xbu

/* What software may set in each LVT entry [SDM3 11.5.1]. */
static const uint32_t lvt_writable[LVT_COUNT] = {
    [LVT_TIMER]   = LVT_VECTOR | LVT_MASKED | LVT_TIMER_MODE,
    [LVT_THERMAL] = LVT_VECTOR | LVT_MODE | LVT_MASKED,
    [LVT_PERF]    = LVT_VECTOR | LVT_MODE | LVT_MASKED,
    [LVT_LINT0]   = LVT_VECTOR | LVT_MODE | BIT32(13) | BIT32(15) | LVT_MASKED,
    [LVT_LINT1]   = LVT_VECTOR | LVT_MODE | BIT32(13) | BIT32(15) | LVT_MASKED,
    [LVT_ERROR]   = LVT_VECTOR | LVT_MASKED,
};
#define LVT_READ_ONLY  (BIT32(12) | BIT32(14))     /* status, remote IRR: written back as read */

static uint32_t word32(const uint64_t w[4], unsigned i)
{
    return (uint32_t)(__atomic_load_n(&w[i / 2], __ATOMIC_RELAXED) >> (32 * (i % 2)));
}

static bool is_lvt(uint32_t reg) { return reg >= VLR_LVT && reg < VLR_LVT + (uint32_t)LVT_COUNT; }

/* Registers that read the same in both modes. false: no such register. */
static bool read_common(const struct vcpu *v, uint32_t reg, uint32_t *value)
{
    const struct vlapic *l = &v->lapic;
    if (reg >= VLR_ISR && reg < VLR_ESR) {
        const uint64_t *w = reg < VLR_TMR ? l->isr : reg < VLR_IRR ? l->tmr : l->irr;
        *value = word32(w, reg & 7);
        return true;
    }
    if (is_lvt(reg)) {
        *value = l->lvt[reg - VLR_LVT];
        return true;
    }
    switch (reg) {
    case VLR_VERSION:      *value = VERSION; return true;
    case VLR_TPR:          *value = l->tpr; return true;
    case VLR_PPR:          *value = vlapic_ppr(l); return true;
    case VLR_LDR:          *value = l->ldr; return true;
    case VLR_SVR:          *value = l->svr; return true;
    case VLR_ESR:          *value = l->esr; return true;
    case VLR_TIMER_INIT:   *value = l->timer_init; return true;
    case VLR_TIMER_COUNT:  *value = vlapic_timer_count(v); return true;
    case VLR_TIMER_DIVIDE: *value = l->timer_divide; return true;
    default:               return false;
    }
}

static void write_lvt(struct vcpu *v, unsigned i, uint32_t value)
{
    struct vlapic *l = &v->lapic;
    value &= lvt_writable[i];
    if (!(l->svr & SVR_ENABLE))
        value |= LVT_MASKED;
    if (i == LVT_TIMER)
        vlapic_timer_write_lvt(v, value);
    else
        l->lvt[i] = value;
}

static void write_svr(struct vlapic *l, uint32_t value)
{
    l->svr = value & SVR_WRITABLE;
    if (!(value & SVR_ENABLE))
        for (unsigned i = 0; i < LVT_COUNT; i++)
            l->lvt[i] |= LVT_MASKED;
}

/* Registers that are written the same in both modes; bits are already judged. */
static bool write_common(struct vcpu *v, uint32_t reg, uint32_t value)
{
    struct vlapic *l = &v->lapic;
    if (is_lvt(reg)) {
        write_lvt(v, reg - VLR_LVT, value);
        return true;
    }
    switch (reg) {
    case VLR_TPR:          l->tpr = value & TPR_BITS; return true;
    case VLR_EOI:          (void)vlapic_eoi(l); return true;
    case VLR_SVR:          write_svr(l, value); return true;
    case VLR_ESR:          l->esr = __atomic_exchange_n(&l->esr_pending, 0, __ATOMIC_RELAXED); return true;
    case VLR_TIMER_INIT:   vlapic_timer_write_init(v, value); return true;
    case VLR_TIMER_DIVIDE: vlapic_timer_write_divide(v, value & DIVIDE_BITS); return true;
    default:               return false;
    }
}

bool vlapic_msr_read(struct vcpu *v, uint32_t msr, uint64_t *value)
{
    const struct vlapic *l = &v->lapic;
    uint32_t reg = msr - MSR_X2APIC_FIRST, low;
    if (!vlapic_is_x2(l))
        return false;
    if (reg == VLR_ID || reg == VLR_ICR) {
        *value = reg == VLR_ID ? l->id : l->icr;
        return true;
    }
    if (!read_common(v, reg, &low))
        return false;
    *value = low;
    return true;
}

/* Bits that may be set in a write to an x2APIC register; 0 in `ok` = not writable. */
static bool x2_writable(uint32_t reg, uint64_t *bits)
{
    if (is_lvt(reg)) {
        *bits = lvt_writable[reg - VLR_LVT] | LVT_READ_ONLY;
        return true;
    }
    switch (reg) {
    case VLR_TPR:          *bits = TPR_BITS; return true;
    case VLR_EOI:          *bits = 0; return true;
    case VLR_SVR:          *bits = SVR_WRITABLE; return true;
    case VLR_ESR:          *bits = 0; return true;
    case VLR_ICR:          *bits = ICR_X2_WRITABLE; return true;
    case VLR_TIMER_INIT:   *bits = MASK64(31, 0); return true;
    case VLR_TIMER_DIVIDE: *bits = DIVIDE_BITS; return true;
    case VLR_SELF_IPI:     *bits = MASK64(7, 0); return true;
    default:               return false;
    }
}

bool vlapic_msr_write(struct vcpu *v, uint32_t msr, uint64_t value)
{
    struct vlapic *l = &v->lapic;
    uint32_t reg = msr - MSR_X2APIC_FIRST;
    uint64_t bits;
    if (!vlapic_is_x2(l) || !x2_writable(reg, &bits) || (value & ~bits))
        return false;
    if (reg == VLR_ICR) {
        l->icr = value;
        vlapic_send(v, value, (uint32_t)FIELD_GET(ICR_DEST, value));
        return true;
    }
    if (reg == VLR_SELF_IPI) {
        vlapic_send(v, value | FIELD_PREP(ICR_SHORTHAND, ICR_TO_SELF), 0);
        return true;
    }
    return write_common(v, reg, (uint32_t)value);
}

uint32_t vlapic_page_read(struct vcpu *v, uint32_t offset)
{
    struct vlapic *l = &v->lapic;
    uint32_t reg = offset >> 4, value = 0;
    switch (reg) {
    case VLR_ID:       return l->id << 24;
    case VLR_DFR:      return l->dfr;
    case VLR_ICR:      return (uint32_t)l->icr;
    case VLR_ICR_HIGH: return (uint32_t)(l->icr >> 32);
    case VLR_EOI:
    case VLR_APR:
    case VLR_RRD:      return 0;
    default:
        if (!read_common(v, reg, &value))
            vlapic_error(l, ESR_REGISTER);
        return value;
    }
}

void vlapic_page_write(struct vcpu *v, uint32_t offset, uint32_t value)
{
    struct vlapic *l = &v->lapic;
    uint32_t reg = offset >> 4;
    switch (reg) {
    case VLR_ID:          /* fixed here; writes are ignored */
        break;
    case VLR_LDR:
        l->ldr = value & LDR_XAPIC;
        break;
    case VLR_DFR:
        l->dfr = value | DFR_FIXED;
        break;
    case VLR_ICR_HIGH:
        l->icr = (l->icr & MASK64(31, 0)) | (uint64_t)(value & 0xff000000u) << 32;
        break;
    case VLR_ICR:
        l->icr = (l->icr & ICR_DEST) | (value & ICR_X2_WRITABLE);
        vlapic_send(v, l->icr, (uint32_t)(l->icr >> 56));
        break;
    default:
        if (!write_common(v, reg, value))
            vlapic_error(l, ESR_REGISTER);
    }
}

/* [SDM3 11.12.5] Off and on again is a reset; x2APIC is entered from xAPIC only and left only by off. */
bool vlapic_base_write(struct vcpu *v, uint64_t value)
{
    struct vlapic *l = &v->lapic;
    uint64_t old = l->base;
    const uint64_t mode = APIC_BASE_EN | APIC_BASE_EXTD;
    if (value & ~(mode | APIC_BASE_BSP | APIC_BASE_PAGE))
        return false;
    if ((value & mode) == APIC_BASE_EXTD)
        return false;
    if ((value & APIC_BASE_EXTD) && !(old & APIC_BASE_EN))
        return false;
    if ((old & APIC_BASE_EXTD) && (value & mode) == APIC_BASE_EN)
        return false;
    l->base = (value & ~APIC_BASE_BSP) | (old & APIC_BASE_BSP);
    if (!(value & APIC_BASE_EN)) {
        vlapic_timer_stop(v);
        vlapic_reset(l);
    } else if ((value ^ old) & APIC_BASE_EXTD) {
        l->ldr = (l->id >> 4) << 16 | 1u << (l->id & 15);
        l->icr &= MASK64(31, 0);
    }
    return true;
}
