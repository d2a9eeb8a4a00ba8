/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/virt/vlapic.c kernel/virt/vlapic_reg.c kernel/virt/vlapic_icr.c kernel/virt/vlapic_timer.c tests/unit/fake/hw.c */
/* The virtual local APIC: priorities, registers in both modes, destinations, timer, messages. */
#include "unit.h"

#include "kernel/arch/cpu.h"
#include "kernel/arch/upcall.h"
#include "kernel/virt/vcpu.h"

/* ---- the world around it ---- */
static struct ktimer *armed;
static uint64_t due;
static unsigned notified[4];
static struct vm vm;
static struct vcpu cpus[4];
static struct vlapic_page pages[4];
static bool inside;              /* the target's CPU takes what is posted by itself */
static unsigned notices;

uint64_t tsc_hz(void) { return 1000000000u; }
void ktimer_set(struct ktimer *timer, uint64_t deadline) { armed = timer; due = deadline; }
void ktimer_cancel(struct ktimer *timer) { if (armed == timer) armed = NULL; }
void vcpu_notify(struct vcpu *v) { notified[v->index]++; }
bool vcpu_posted(const struct vcpu *v)
{
    (void)v;
    notices += inside;
    return inside;
}

static uint64_t now(void) { return fake_hw.now_us * 1000; }

static void start(unsigned n, bool x2)
{
    fake_hw_reset();
    memset(&vm, 0, sizeof vm);
    vm.tsc_ratio = TSC_SAME;
    memset(cpus, 0, sizeof cpus);
    memset(pages, 0, sizeof pages);
    memset(notified, 0, sizeof notified);
    inside = false;
    notices = 0;
    armed = NULL;
    for (unsigned i = 0; i < n; i++) {
        struct vcpu *v = &cpus[i];
        v->vm = &vm;
        v->index = i;
        v->cpu = 10 + i;
        vlapic_init(&v->lapic, &pages[i], i, i == 0);
        if (x2)
            CHECK(vlapic_base_write(v, v->lapic.base | APIC_BASE_EXTD));
        pages[i].svr.v |= SVR_ENABLE;
        vm.vcpu[i] = v;
    }
    vm.vcpus = n;
}

static int next_of(struct vlapic *l)
{
    vlapic_take(l);
    return vlapic_next(l);
}
static uint32_t status_of(struct vlapic *l)
{
    vlapic_take(l);
    return vlapic_status(l);
}
static bool irr(unsigned cpu, unsigned vector)
{
    vlapic_take(&cpus[cpu].lapic);
    return pages[cpu].irr[vector / 32].v >> vector % 32 & 1;
}

static uint64_t rd(unsigned cpu, unsigned reg)
{
    uint64_t value = 0xdead;
    CHECK(vlapic_access(&cpus[cpu], reg, VLAPIC_X2_READ, &value));
    return value;
}
static bool wr(unsigned cpu, unsigned reg, uint64_t value) { return vlapic_access(&cpus[cpu], reg, VLAPIC_X2_WRITE, &value); }

static uint64_t page_rd(struct vcpu *v, uint32_t offset)
{
    uint64_t value = 0xdead;
    CHECK(vlapic_access(v, offset >> 4, VLAPIC_PAGE_READ, &value));
    return value;
}
static void page_wr(struct vcpu *v, uint32_t offset, uint64_t value)
{
    CHECK(vlapic_access(v, offset >> 4, VLAPIC_PAGE_WRITE, &value));
}

/* ---- tests ---- */
static void priorities(void)
{
    start(1, true);
    struct vlapic *l = &cpus[0].lapic;
    CHECK_EQ(next_of(l), -1);
    CHECK(vlapic_post(l, 0x41, false));
    CHECK(!vlapic_post(l, 0xff, false));        /* who set the flag tells */
    CHECK(!vlapic_post(l, 0x10, false));
    CHECK_EQ(next_of(l), 0xff);
    vlapic_accept(l, 0xff);
    CHECK_EQ(next_of(l), -1);               /* 41h and 10h wait for the EOI */
    CHECK_EQ(vlapic_ppr(l), 0xf0);
    CHECK(!vlapic_eoi(l));
    CHECK_EQ(next_of(l), 0x41);
    vlapic_accept(l, 0x41);
    CHECK(vlapic_post(l, 0x4f, false));
    CHECK_EQ(next_of(l), -1);               /* same class does not nest */
    CHECK(vlapic_post(l, 0x50, false));
    CHECK_EQ(next_of(l), 0x50);
    vlapic_accept(l, 0x50);
    CHECK(!vlapic_eoi(l));
    CHECK_EQ(vlapic_ppr(l), 0x40);
    pages[0].tpr.v = 0x4c;
    CHECK_EQ(vlapic_ppr(l), 0x4c);
    pages[0].tpr.v = 0x35;
    CHECK_EQ(vlapic_ppr(l), 0x40);
    CHECK(!vlapic_eoi(l));
    CHECK(!vlapic_eoi(l));                      /* nothing in service: no effect */
    CHECK_EQ(vlapic_ppr(l), 0x35);
}

static void levels(void)
{
    start(1, true);
    struct vlapic *l = &cpus[0].lapic;
    CHECK(vlapic_post(l, 0x33, true));
    CHECK(!vlapic_post(l, 0x91, true));
    CHECK(next_of(l) == 0x91 && vlapic_has_level(l));
    vlapic_accept(l, 0x91);
    CHECK(vlapic_eoi(l) && vlapic_has_level(l));
    vlapic_accept(l, 0x33);
    CHECK(vlapic_has_level(l) && vlapic_eoi(l) && !vlapic_has_level(l));
    CHECK_EQ(vlapic_eoi_take(l), 0x91);
    CHECK_EQ(vlapic_eoi_take(l), 0x33);
    CHECK_EQ(vlapic_eoi_take(l), -1);
    CHECK(vlapic_post(l, 0x33, false));         /* edge again: TMR goes */
    CHECK(next_of(l) == 0x33 && !vlapic_has_level(l));
    vlapic_accept(l, 0x33);
    CHECK(!vlapic_eoi(l));
    CHECK(vlapic_post(l, 0x34, false) && vlapic_post(l, 0x34, true));      /* both at once: level, and both are told */
    CHECK(status_of(l) == 0x34 && vlapic_has_level(l));
}

/* What the owner and the CPU see of requests of others. */
static void posting(void)
{
    start(2, true);
    struct vlapic *l = &cpus[1].lapic;
    struct vlapic_posted *p = &l->page->posted;
    CHECK((uintptr_t)p % PAGE_SIZE == 0);
    CHECK(wr(0, VLR_ICR, 1ull << 32 | 0x9f));
    CHECK(p->edge[2] == BIT64(0x1f) && p->on == 1 && pages[1].irr[4].v == 0 && notified[1] == 1);
    CHECK(wr(0, VLR_ICR, 1ull << 32 | 0x41));               /* the flag is set: one notice is enough */
    CHECK(p->edge[1] == BIT64(1) && notified[1] == 1);
    CHECK(status_of(l) == 0x9f && p->on == 0 && p->edge[1] == 0 && p->edge[2] == 0);
    CHECK(pages[1].irr[4].v == BIT32(31) && pages[1].irr[2].v == BIT32(1));
    inside = true;
    CHECK(wr(0, VLR_ICR, 1ull << 32 | 0xa0));
    CHECK(notices == 1 && notified[1] == 1);
    upcall_vm_msi(&vm, 0xfee01000, 0xc0b0);                 /* level: not for the CPU, whatever it may take by itself */
    CHECK(p->level_on == 1 && p->edge[2] == BIT64(0x20) && notices == 1 && notified[1] == 2);
    p->edge[2] = 0;                                         /* the CPU took what is its own */
    p->on = 0;
    CHECK(status_of(l) == 0xb0 && vlapic_has_level(l) && pages[1].tmr[5].v == BIT32(16) && p->level_on == 0);
    vlapic_accept(l, 0xb0);
    CHECK_EQ(status_of(l), 0xb09f);
    CHECK(wr(0, VLR_ICR, 1ull << 32 | 0xa1));
    vlapic_reset(l);                                        /* nothing of before comes after it */
    CHECK(status_of(l) == 0 && !vlapic_has_level(l) && p->on == 0);
}

static void off_and_illegal(void)
{
    start(1, true);
    struct vlapic *l = &cpus[0].lapic;
    pages[0].svr.v &= ~SVR_ENABLE;
    CHECK(!vlapic_post(l, 0x55, false));
    CHECK(!irr(0, 0x55));
    pages[0].svr.v |= SVR_ENABLE;
    CHECK(wr(0, VLR_LVT + LVT_ERROR, 0xe3));
    CHECK(vlapic_post(l, 0x0f, false));
    CHECK(!irr(0, 0x0f) && irr(0, 0xe3));
    CHECK(wr(0, VLR_ESR, 0));
    CHECK_EQ(rd(0, VLR_ESR), ESR_RECV_ILLEGAL);
    CHECK(wr(0, VLR_ESR, 0));
    CHECK_EQ(rd(0, VLR_ESR), 0);
}

static void x2_registers(void)
{
    uint64_t value;
    start(2, true);
    CHECK_EQ(rd(1, VLR_ID), 1);
    CHECK_EQ(rd(1, VLR_LDR), 2);
    CHECK_EQ(rd(0, VLR_VERSION), 0x50014);
    CHECK(wr(0, VLR_TPR, 0x5f));
    CHECK_EQ(rd(0, VLR_TPR), 0x5f);
    CHECK(!wr(0, VLR_TPR, 0x100));
    CHECK(!wr(0, VLR_EOI, 1));
    CHECK(!wr(0, VLR_ID, 0));
    CHECK(!wr(0, VLR_LDR, 0));
    CHECK(!wr(0, VLR_PPR, 0));
    CHECK(!wr(0, VLR_IRR, 0));
    CHECK(!wr(0, VLR_ICR_HIGH, 0));
    CHECK(!wr(0, VLR_DFR, 0));
    CHECK(!wr(0, VLR_SVR, 0x200));
    CHECK(!wr(0, VLR_ESR, 1));
    CHECK(!wr(0, VLR_ICR, 1ull << 20));
    CHECK(!wr(0, VLR_ICR, 1ull << 12));         /* delivery status is gone */
    CHECK(!wr(0, VLR_LVT + LVT_TIMER, 1u << 8));
    CHECK(!wr(0, VLR_TIMER_INIT, 1ull << 32));
    CHECK(!wr(0, VLR_SELF_IPI, 0x100));
    CHECK(!vlapic_access(&cpus[0], 0x0b, VLAPIC_X2_READ, &value));
    CHECK(!vlapic_access(&cpus[0], 0x3f, VLAPIC_X2_READ, &value));
    CHECK(!vlapic_access(&cpus[0], 0x00, VLAPIC_X2_READ, &value));
    CHECK(!vlapic_access(&cpus[0], 0x2f, VLAPIC_X2_READ, &value));
    CHECK(vlapic_post(&cpus[0].lapic, 0x85, false));
    CHECK_EQ(next_of(&cpus[0].lapic), 0x85);
    CHECK_EQ(rd(0, VLR_IRR + 4), 0x20);
    vlapic_accept(&cpus[0].lapic, 0x85);
    CHECK_EQ(rd(0, VLR_ISR + 4), 0x20);
    CHECK_EQ(rd(0, VLR_IRR + 4), 0);
    CHECK(wr(0, VLR_SVR, 0x0ff));
    CHECK(wr(0, VLR_LVT + LVT_LINT0, 0x700));
    CHECK_EQ(rd(0, VLR_LVT + LVT_LINT0), 0x10700);
}

static void page(void)
{
    uint64_t value;
    start(2, false);
    struct vcpu *v = &cpus[1];
    CHECK(!vlapic_access(v, 0x02, VLAPIC_X2_READ, &value));
    CHECK_EQ(page_rd(v, 0x20), 1u << 24);
    page_wr(v, 0x20, 0x55000000);
    CHECK_EQ(page_rd(v, 0x20), 1u << 24);
    page_wr(v, 0xd0, 0x04ffffff);
    CHECK_EQ(page_rd(v, 0xd0), 0x04000000);
    page_wr(v, 0xe0, 0);
    CHECK_EQ(page_rd(v, 0xe0), 0x0fffffff);
    page_wr(v, 0x310, 0x00ffffff);
    CHECK_EQ(page_rd(v, 0x310), 0);
    page_wr(v, 0x310, 0);
    page_wr(v, 0x300, 0x4031);
    CHECK(irr(0, 0x31) && notified[0] == 1);
    CHECK_EQ(page_rd(v, 0x300), 0x4031);
    CHECK_EQ(page_rd(v, 0x000), 0);
    page_wr(v, 0x280, 0);
    CHECK_EQ(page_rd(v, 0x280), ESR_REGISTER);
    CHECK_EQ(page_rd(v, 0x3f0), 0);    /* SELF_IPI is x2APIC's */
}

static void base_register(void)
{
    start(1, false);
    struct vcpu *v = &cpus[0];
    CHECK_EQ(v->lapic.base, 0xfee00900u);
    CHECK(!vlapic_base_write(v, 0xfee00901u));
    CHECK(!vlapic_base_write(v, 0x8000fee00900ull));
    CHECK(!vlapic_base_write(v, 0xfee00500u));          /* EXTD without EN */
    CHECK(vlapic_base_write(v, 0xfee00d00u));
    CHECK(!vlapic_base_write(v, 0xfee00900u));          /* back to xAPIC */
    pages[0].tpr.v = 0x70;
    CHECK(vlapic_base_write(v, 0xfee00100u));           /* off: as after reset */
    CHECK_EQ(pages[0].tpr.v, 0);
    CHECK(!vlapic_post(&v->lapic, 0x55, false));
    CHECK(vlapic_takes_extint(&v->lapic));
    CHECK(!vlapic_base_write(v, 0xfee00d00u));          /* straight to x2APIC */
    CHECK(vlapic_base_write(v, 0xfee00800u));           /* BSP is read-only */
    CHECK_EQ(v->lapic.base, 0xfee00900u);
    CHECK_EQ(pages[0].svr.v, 0xff);
    CHECK(!vlapic_takes_extint(&v->lapic));
}

static void destinations(void)
{
    struct vlapic l;
    struct vlapic_page p;
    memset(&l, 0, sizeof l);
    memset(&p, 0, sizeof p);
    vlapic_init(&l, &p, 5, false);
    CHECK(vlapic_matches(&l, 5, false, false));
    CHECK(!vlapic_matches(&l, 4, false, false));
    CHECK(vlapic_matches(&l, 0xff, false, false));
    CHECK(!vlapic_matches(&l, 0xff, false, true));
    CHECK(vlapic_matches(&l, 0xffffffff, false, true));
    p.ldr.v = 0x20000000;
    CHECK(vlapic_matches(&l, 0x60, true, false));
    CHECK(!vlapic_matches(&l, 0x40, true, false));
    p.dfr.v = 0x0fffffff;
    p.ldr.v = 0x24000000;
    CHECK(vlapic_matches(&l, 0x2c, true, false));
    CHECK(!vlapic_matches(&l, 0x1c, true, false));
    CHECK(!vlapic_matches(&l, 0x23, true, false));
    l.base |= APIC_BASE_EXTD;
    p.id.v = 0x13;
    vlapic_reset(&l);
    CHECK_EQ(p.ldr.v, 0x10008);
    CHECK(vlapic_matches(&l, 0x1000f, true, true));
    CHECK(!vlapic_matches(&l, 0x2000f, true, true));
    CHECK(!vlapic_matches(&l, 0x10007, true, true));
    CHECK(vlapic_matches(&l, 0xffffffff, true, true));
}

static void ipis(void)
{
    start(4, true);
    CHECK(wr(0, VLR_ICR, 2ull << 32 | 0x61));
    CHECK(irr(2, 0x61) && !irr(1, 0x61) && notified[2] == 1);
    CHECK(wr(0, VLR_ICR, 0xc0062));                     /* others */
    CHECK(!irr(0, 0x62) && irr(1, 0x62) && irr(3, 0x62));
    CHECK(wr(0, VLR_ICR, 0x80063));                     /* all */
    CHECK(irr(0, 0x63) && irr(3, 0x63));
    CHECK(wr(3, VLR_ICR, 0x40064));                     /* self */
    CHECK(irr(3, 0x64) && !irr(0, 0x64));
    CHECK(wr(3, VLR_SELF_IPI, 0x65));
    CHECK(irr(3, 0x65));
    CHECK(wr(0, VLR_ICR, 0xaull << 32 | 0x866));        /* logical: 1 and 3 */
    CHECK(irr(1, 0x66) && irr(3, 0x66) && !irr(0, 0x66) && !irr(2, 0x66));
    pages[1].tpr.v = 0x20;
    pages[3].tpr.v = 0x10;
    CHECK(wr(0, VLR_ICR, 0xaull << 32 | 0x967));        /* lowest priority of 1 and 3 */
    CHECK(!irr(1, 0x67) && irr(3, 0x67));
    CHECK(wr(3, VLR_ICR, 0xc0168));                     /* lowest priority of the others */
    CHECK(irr(0, 0x68) && !irr(1, 0x68) && !irr(2, 0x68) && !irr(3, 0x68));
    CHECK(wr(0, VLR_ICR, 1ull << 32 | 0x400));
    CHECK_EQ(cpus[1].nmi_pending, 1);
    CHECK(wr(0, VLR_ICR, 0x0005));                      /* illegal vector */
    CHECK(wr(0, VLR_ESR, 0));
    CHECK_EQ(rd(0, VLR_ESR), ESR_SEND_ILLEGAL);
    CHECK_EQ(rd(0, VLR_ICR), 5);
}

static void start_up(void)
{
    start(2, true);
    CHECK(wr(0, VLR_ICR, 1ull << 32 | 0x608));
    CHECK_EQ(cpus[1].init_sipi, VCPU_SIPI | 8);
    CHECK(wr(0, VLR_ICR, 1ull << 32 | 0x4500));
    CHECK_EQ(cpus[1].init_sipi, VCPU_INIT);
    CHECK(wr(0, VLR_ICR, 1ull << 32 | 0x8500));         /* level de-assert */
    CHECK_EQ(cpus[1].init_sipi, VCPU_INIT);
    CHECK(wr(0, VLR_ICR, 1ull << 32 | 0x609));
    CHECK_EQ(cpus[1].init_sipi, VCPU_INIT | VCPU_SIPI | 9);
}

static void messages(void)
{
    start(3, false);
    upcall_vm_msi(&vm, 0xfee01000, 0x71);
    CHECK(irr(1, 0x71) && !irr(0, 0x71));
    upcall_vm_msi(&vm, 0xfee02000, 0xc072);
    CHECK(irr(2, 0x72) && (pages[2].tmr[3].v >> (0x72 - 0x60) & 1));
    upcall_vm_msi(&vm, 0xfeefe000, 0x73);               /* nobody */
    upcall_vm_msi(&vm, 0xfed00000, 0x74);               /* not a message address */
    upcall_vm_msi(&vm, 0x1fee00000ull, 0x75);
    upcall_vm_msi(&vm, 0xfee00000, 0x500);              /* no INIT from devices */
    upcall_vm_msi(&vm, 0xfee00000, 0x608);
    CHECK(!irr(0, 0x73) && !irr(0, 0x74) && !irr(0, 0x75) && cpus[0].init_sipi == 0);
    CHECK_EQ(upcall_vm_msi_cpu(&vm, 0xfee02000, 0x72), 12);
    CHECK_EQ(upcall_vm_msi_cpu(&vm, 0xfeefe000, 0x72), 10);
    pages[1].ldr.v = 0x02000000;
    upcall_vm_msi(&vm, 0xfee0200c, 0x176);              /* logical, lowest priority, hint */
    CHECK(irr(1, 0x76) && !irr(2, 0x76));
    upcall_vm_msi(&vm, 0xfeeff000, 0x77);               /* broadcast */
    CHECK(irr(0, 0x77) && irr(1, 0x77) && irr(2, 0x77));
}

static void counting(void)
{
    start(1, true);
    struct vlapic *l = &cpus[0].lapic;
    CHECK(wr(0, VLR_TIMER_DIVIDE, 0xb));                /* by 1 */
    CHECK(wr(0, VLR_LVT + LVT_TIMER, 0x40));
    CHECK(wr(0, VLR_TIMER_INIT, 500000));
    CHECK(armed == &l->timer && due >= now() + 499000 && due <= now() + 501000);
    fake_hw.now_us += 200;
    uint64_t left = rd(0, VLR_TIMER_COUNT);
    CHECK(left > 295000 && left <= 300000);
    CHECK(wr(0, VLR_TIMER_DIVIDE, 0));                  /* by 2: the same count takes twice as long */
    CHECK(due > now() + 580000 && due <= now() + 600000);
    fake_hw.now_us += 1000;
    CHECK_EQ(rd(0, VLR_TIMER_COUNT), 0);
    CHECK(wr(0, VLR_TIMER_DIVIDE, 0));                  /* due, not yet delivered: it still comes */
    CHECK(armed == &l->timer && due < now());
    upcall_vcpu_timer(&l->timer);
    CHECK(irr(0, 0x40) && notified[0] == 1);
    upcall_vcpu_timer(&l->timer);                       /* stray: nothing */
    CHECK_EQ(notified[0], 1);
    CHECK(wr(0, VLR_LVT + LVT_TIMER, 0x20041));
    CHECK(wr(0, VLR_TIMER_DIVIDE, 0xb));
    CHECK(wr(0, VLR_TIMER_INIT, 1000000));
    uint64_t first = due;
    fake_hw.now_us += 1000;
    upcall_vcpu_timer(&l->timer);
    CHECK_EQ(due, first + 1000000);                     /* no drift */
    CHECK(irr(0, 0x41));
    fake_hw.now_us += 50000;                            /* far too late: no storm */
    upcall_vcpu_timer(&l->timer);
    CHECK(due > now());
    CHECK(wr(0, VLR_TIMER_INIT, 0));
    CHECK(armed == NULL);
    CHECK(wr(0, VLR_TIMER_INIT, 1));                    /* 1 ns: not below the floor */
    fake_hw.now_us += 1;
    first = due;
    upcall_vcpu_timer(&l->timer);
    CHECK_EQ(due, first + 10000);
    CHECK(wr(0, VLR_LVT + LVT_TIMER, 0x30041));         /* masked: counts, says nothing */
    CHECK(irr(0, 0x41));
    pages[0].irr[2].v = 0;
    upcall_vcpu_timer(&l->timer);
    CHECK(!irr(0, 0x41));
}

static void tsc_deadline(void)
{
    start(1, true);
    struct vcpu *v = &cpus[0];
    v->tsc_offset = 1000000000;
    vlapic_timer_set_deadline(v, now() + 2000000000);   /* not in that mode */
    CHECK_EQ(v->lapic.tsc_deadline, 0);
    CHECK(wr(0, VLR_LVT + LVT_TIMER, 0x40045));
    uint64_t want = now() + v->tsc_offset + 700000;
    vlapic_timer_set_deadline(v, want);
    CHECK_EQ(v->lapic.tsc_deadline, want);
    CHECK(due + v->tsc_offset >= want - 2000 && due + v->tsc_offset <= want + 2000);
    CHECK(wr(0, VLR_TIMER_INIT, 77));                   /* no effect in this mode */
    CHECK_EQ(rd(0, VLR_TIMER_INIT), 0);
    v->tsc_offset += 500000;                            /* the guest moved its TSC forward */
    vlapic_timer_set_deadline(v, v->lapic.tsc_deadline);
    CHECK_EQ(v->lapic.tsc_deadline, want);
    CHECK(due <= now() + 210000);
    upcall_vcpu_timer(&v->lapic.timer);
    CHECK(irr(0, 0x45));
    CHECK_EQ(v->lapic.tsc_deadline, 0);
    pages[0].irr[2].v = 0;
    vlapic_timer_set_deadline(v, 5);                    /* past: at once */
    CHECK(irr(0, 0x45) && v->lapic.tsc_deadline == 0);
    vlapic_timer_set_deadline(v, ~0ull);                /* never, without wrapping */
    CHECK(due > now() + 1000000000000ull);
    vlapic_timer_set_deadline(v, 0);
    CHECK(armed == NULL);
    vlapic_timer_set_deadline(v, now() + v->tsc_offset + 9000000);
    CHECK(wr(0, VLR_LVT + LVT_TIMER, 0x45));            /* mode change disarms */
    CHECK(armed == NULL);
}

/* A guest whose TSC counts at another rate than the host's (1 GHz here). */
static void tsc_rate(void)
{
    static const uint64_t khz[] = { 62500, 333333, 999999, 1000001, 2500000, 16000000 };
    start(1, true);
    struct vcpu *v = &cpus[0];
    CHECK(vcpu_tsc(v, ~0ull) == ~0ull && vcpu_tsc(v, 12345) == 12345);
    vm.tsc_ratio = TSC_SAME * 5 / 2;                    /* 2.5 */
    v->tsc_offset = 7;
    CHECK_EQ(vcpu_tsc(v, 5), 12 + 7);
    CHECK_EQ(vcpu_tsc(v, 1ull << 63), (1ull << 62) + 7);    /* wraps as the counter does */
    CHECK(wr(0, VLR_LVT + LVT_TIMER, 0x40045));
    for (unsigned i = 0; i < sizeof khz / sizeof khz[0]; i++)
        for (uint64_t to_go = khz[i]; to_go < 1ull << 44; to_go = to_go * 7 + 3) {
            vm.tsc_khz = khz[i];
            vm.tsc_ratio = scale(TSC_SAME, 1000000, khz[i]);
            const uint64_t want = vcpu_tsc(v, now()) + to_go;
            vlapic_timer_set_deadline(v, want);
            const uint64_t at = vcpu_tsc(v, due);
            if (at + 1 < want || at > want + 2 + 3 * khz[i] / 1000000 + (to_go >> 30))
                printf("    %lu kHz, %lu to go: at %lu, wanted %lu\n", khz[i], to_go, at, want);
            CHECK(at + 1 >= want && at <= want + 2 + 3 * khz[i] / 1000000 + (to_go >> 30));
        }
    vlapic_timer_set_deadline(v, vcpu_tsc(v, now()) - 1);
    CHECK(irr(0, 0x45));
    vlapic_timer_set_deadline(v, ~0ull);                /* never, without wrapping */
    CHECK(due > now() + 1000000000000ull);
}

int main(void)
{
    priorities();
    levels();
    posting();
    off_and_illegal();
    x2_registers();
    page();
    base_register();
    destinations();
    ipis();
    start_up();
    messages();
    counting();
    tsc_deadline();
    tsc_rate();
    return unit_done();
}
