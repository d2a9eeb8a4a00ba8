/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of the virtual local APIC: one set of rules, two ways in [SDM3 11.4.1, 11.12.1.2]. */
#include "kernel/virt/vcpu.h"

#define APIC_BASE_ADDR 0xfee00000u
#define VERSION        (0x14u | (LVT_COUNT - 1u) << 16)
#define XAPIC_DEST     0xff000000u                  /* LDR, ICR high: 8 bits */
#define LVT_PLAIN      (LVT_VECTOR | LVT_MODE | LVT_MASKED)
#define LVT_LINT       (LVT_PLAIN | BIT32(13) | BIT32(15))
#define LVT_READ_ONLY  (BIT32(12) | BIT32(14))      /* status, remote IRR: written back as read */

#define X2_RD  BIT32(VLAPIC_X2_READ)
#define X2_WR  BIT32(VLAPIC_X2_WRITE)
#define PG_RD  BIT32(VLAPIC_PAGE_READ)
#define PG_WR  BIT32(VLAPIC_PAGE_WRITE)
#define RD     (X2_RD | PG_RD)
#define WR     (X2_WR | PG_WR)

/* Who may touch a register, which bits a write sets (others stay; set in an x2APIC write they are #GP), and its
 * value after a reset. Write-only registers hold 0. */
static const struct rule { uint32_t ways, reset; uint64_t writable; } rules[VLR_COUNT] = {
    [VLR_ID]              = { RD | PG_WR, 0, 0 },       /* fixed here; the page ignores writes */
    [VLR_VERSION]         = { RD, VERSION, 0 },
    [VLR_TPR]             = { RD | WR, 0, MASK32(7, 0) },
    [VLR_APR]             = { PG_RD, 0, 0 },
    [VLR_PPR]             = { RD, 0, 0 },
    [VLR_EOI]             = { PG_RD | WR, 0, 0 },
    [VLR_RRD]             = { PG_RD, 0, 0 },
    [VLR_LDR]             = { RD | PG_WR, 0, XAPIC_DEST },
    [VLR_DFR]             = { PG_RD | PG_WR, 0xffffffffu, MASK32(31, 28) },
    [VLR_SVR]             = { RD | WR, 0xff, SVR_WRITABLE },
    [VLR_ESR]             = { RD | WR, 0, 0 },
    [VLR_ICR]             = { RD | WR, 0, ICR_X2_WRITABLE },
    [VLR_ICR_HIGH]        = { PG_RD | PG_WR, 0, XAPIC_DEST },
    [VLR_LVT + LVT_TIMER]   = { RD | WR, LVT_MASKED, LVT_VECTOR | LVT_MASKED | LVT_TIMER_MODE },  /* [SDM3 11.5.1] */
    [VLR_LVT + LVT_THERMAL] = { RD | WR, LVT_MASKED, LVT_PLAIN },
    [VLR_LVT + LVT_PERF]    = { RD | WR, LVT_MASKED, LVT_PLAIN },
    [VLR_LVT + LVT_LINT0]   = { RD | WR, LVT_MASKED, LVT_LINT },
    [VLR_LVT + LVT_LINT1]   = { RD | WR, LVT_MASKED, LVT_LINT },
    [VLR_LVT + LVT_ERROR]   = { RD | WR, LVT_MASKED, LVT_VECTOR | LVT_MASKED },
    [VLR_TIMER_INIT]      = { RD | WR, 0, MASK32(31, 0) },
    [VLR_TIMER_COUNT]     = { RD, 0, 0 },
    [VLR_TIMER_DIVIDE]    = { RD | WR, 0, 0xb },
    [VLR_SELF_IPI]        = { X2_WR, 0, MASK32(7, 0) },
};

static uint32_t x2_ldr(const struct vlapic *l) { return (l->page->id.v >> 4) << 16 | 1u << (l->page->id.v & 15); }

void vlapic_reset(struct vlapic *l)
{
    vlapic_timer_stop(l);
    vlapic_take(l);
    for (uint32_t reg = 0; reg < VLR_COUNT; reg++)
        if (reg != VLR_ID)
            __atomic_store_n(&l->page->reg[reg].v, rules[reg].reset, __ATOMIC_RELAXED);
    __atomic_store_n(&l->esr_pending, 0, __ATOMIC_RELAXED);
    if (vlapic_is_x2(l))
        l->page->ldr.v = x2_ldr(l);
}

/* The boot CPU starts in virtual wire mode, as firmware leaves it [MP 3.6.2.2]. */
void vlapic_init(struct vlapic *l, struct vlapic_page *page, uint32_t id, bool bsp)
{
    l->page = page;
    page->id.v = id;
    l->base = APIC_BASE_ADDR | APIC_BASE_EN | (bsp ? APIC_BASE_BSP : 0);
    l->timer.kind = KTIMER_VLAPIC;
    vlapic_reset(l);
    if (bsp) {
        page->lvt[LVT_LINT0].v = LVT_EXTINT;
        page->lvt[LVT_LINT1].v = LVT_NMI;
    }
}

static uint64_t icr_of(const struct vlapic *l) { return l->page->icr.v | (uint64_t)l->page->icr_high.v << 32; }

static uint64_t read(const struct vlapic *l, uint32_t reg, bool page)
{
    switch (reg) {
    case VLR_ID:          return l->page->id.v << (page ? 24 : 0);
    case VLR_PPR:         return vlapic_ppr(l);
    case VLR_TIMER_COUNT: return vlapic_timer_count(l);
    case VLR_ICR:         return page ? l->page->icr.v : icr_of(l);
    default:              return l->page->reg[reg].v;
    }
}

static void write(struct vcpu *v, uint32_t reg, uint64_t value)
{
    struct vlapic *l = &v->lapic;
    switch (reg) {
    case VLR_EOI: (void)vlapic_eoi(l); break;
    case VLR_ESR: l->page->esr.v = __atomic_exchange_n(&l->esr_pending, 0, __ATOMIC_RELAXED); break;
    case VLR_ICR:
        vlapic_icr_note(l, value);
        vlapic_send(v, value);
        break;
    case VLR_SELF_IPI: vlapic_send(v, value | FIELD_PREP(ICR_SHORTHAND, ICR_TO_SELF)); break;
    case VLR_LVT + LVT_TIMER:
    case VLR_TIMER_INIT:
    case VLR_TIMER_DIVIDE: vlapic_timer_write(v, reg, (uint32_t)value); break;
    default: l->page->reg[reg].v = (uint32_t)value;
    }
    for (unsigned i = 0; !(l->page->svr.v & SVR_ENABLE) && i < LVT_COUNT; i++)
        l->page->lvt[i].v |= LVT_MASKED;         /* [SDM3 11.4.7.2] */
}

bool vlapic_access(struct vcpu *v, uint32_t reg, enum vlapic_way way, uint64_t *value)
{
    struct vlapic *l = &v->lapic;
    const bool page = way >= VLAPIC_PAGE_READ, is_lvt = reg >= VLR_LVT && reg < VLR_TIMER_INIT;
    reg = (uint32_t)index_clamp(reg, VLR_COUNT);        /* 0 is no register */
    const struct rule *rule = &rules[reg >= VLR_ISR && reg < VLR_ESR ? (uint32_t)VLR_PPR : reg];
    if (!page && !vlapic_is_x2(l))
        return false;
    if (!(rule->ways & BIT32(way))) {
        *value = 0;
        if (page)
            vlapic_error(l, ESR_REGISTER);
        return page;
    }
    if (way == VLAPIC_X2_READ || way == VLAPIC_PAGE_READ) {
        *value = read(l, reg, page);
        return true;
    }
    if (!page && (*value & ~(rule->writable | (is_lvt ? LVT_READ_ONLY : 0))))
        return false;
    const uint64_t mask = page ? (uint32_t)rule->writable : rule->writable;
    const uint64_t old = reg == VLR_ICR ? icr_of(l) : l->page->reg[reg].v;
    write(v, reg, (old & ~mask) | (*value & mask));
    return true;
}

/* [SDM3 11.12.5] Off and on again is a reset; x2APIC is entered from xAPIC only and left only by off. */
bool vlapic_base_write(struct vcpu *v, uint64_t value)
{
    struct vlapic *l = &v->lapic;
    const uint64_t old = l->base, mode = value & (APIC_BASE_EN | APIC_BASE_EXTD);
    if ((value & ~(APIC_BASE_EN | APIC_BASE_EXTD | APIC_BASE_BSP | APIC_BASE_PAGE)) || mode == APIC_BASE_EXTD ||
        ((mode & APIC_BASE_EXTD) && !(old & APIC_BASE_EN)) || ((old & APIC_BASE_EXTD) && mode == APIC_BASE_EN))
        return false;
    l->base = (value & ~APIC_BASE_BSP) | (old & APIC_BASE_BSP);
    if (!(value & APIC_BASE_EN)) {
        vlapic_reset(l);
    } else if ((value ^ old) & APIC_BASE_EXTD) {
        l->page->ldr.v = x2_ldr(l);
        l->page->icr_high.v = 0;
    }
    return true;
}
