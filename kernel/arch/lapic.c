/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC of each CPU [SDM3 11], [APM2 16]: x2APIC registers are MSRs, else one page. */
#include "kernel/arch/lapic.h"

#include "kernel/arch/cpu.h"
#include "kernel/log/console.h"
#include "kernel/mm/kmap.h"

/* Registers, xAPIC offsets [SDM3 11.4.1] */
#define LAPIC_PAGE       MASK64(51, 12)    /* of MSR_APIC_BASE */
#define LAPIC_ID         0x020u
#define LAPIC_VERSION    0x030u
#define LAPIC_TPR        0x080u
#define LAPIC_EOI        0x0b0u
#define LAPIC_SVR        0x0f0u
#define   SVR_ENABLE     0x100u
#define LAPIC_ESR        0x280u
#define LAPIC_ICR        0x300u
#define LAPIC_ICR_HIGH   0x310u
#define   ICR_NMI        0x00400u
#define   ICR_INIT       0x00500u
#define   ICR_STARTUP    0x00600u
#define   ICR_PENDING    0x01000u
#define   ICR_ASSERT     0x04000u
#define LAPIC_LVT_TIMER  0x320u
#define   LVT_DEADLINE   0x40000u
#define LAPIC_LVT_THERM  0x330u
#define LAPIC_LVT_PERF   0x340u
#define LAPIC_LVT_LINT0  0x350u
#define LAPIC_LVT_LINT1  0x360u
#define LAPIC_LVT_ERROR  0x370u
#define   LVT_MASKED     0x10000u
#define   LVT_NMI        0x00400u
#define LAPIC_TIMER_INIT 0x380u
#define LAPIC_TIMER_NOW  0x390u
#define LAPIC_TIMER_DIV  0x3e0u
#define   DIV_BY_1       0x0bu

#define PIC1_MASK        0x21
#define PIC2_MASK        0xa1

#define ICR_WAIT_US      1000u
#define CALIBRATE_US     10000u
#define TICKS_SHIFT      30u
#define ROUNDS           10u
#define CLOSE            512u

bool lapic_is_x2apic;
static uintptr_t page;               /* const after boot; xAPIC only */
static uint64_t ticks_mult;          /* const after boot: LAPIC ticks = TSC ticks * mult >> TICKS_SHIFT */

static uint32_t rd(uint32_t reg)
{ return lapic_is_x2apic ? (uint32_t)hw_rdmsr(MSR_X2APIC + reg / 16) : hw_mmio_rd32(page + reg); }

static void wr(uint32_t reg, uint32_t v)
{
    if (lapic_is_x2apic)
        hw_wrmsr(MSR_X2APIC + reg / 16, v);
    else
        hw_mmio_wr32(page + reg, v);
}

void lapic_eoi(void) { wr(LAPIC_EOI, 0); }

/* xAPIC: the ICR is two registers; nothing comes between, the kernel runs with interrupts off. */
static void icr(uint32_t apic_id, uint32_t command)
{
    if (lapic_is_x2apic) {
        /* A WRMSR to the x2APIC is not serialising: what the target is to see goes first [SDM3 11.12.3]. */
        hw_mfence();
        hw_wrmsr(MSR_X2APIC + LAPIC_ICR / 16, (uint64_t)apic_id << 32 | command);
        return;
    }
    struct deadline d = deadline_in(ICR_WAIT_US);
    while ((rd(LAPIC_ICR) & ICR_PENDING) && spin(&d))
        ;
    wr(LAPIC_ICR_HIGH, apic_id << 24);
    wr(LAPIC_ICR, command);
}

void lapic_ipi(uint32_t cpu, uint8_t vector)
{
    KASSERT(cpu < MAX_CPUS && cpu_block[cpu] != NULL);
    percpu()->ipis++;
    icr(cpu_block[cpu]->apic_id, ICR_ASSERT | vector);
}

/* One by one: a CPU that firmware parked would take an NMI through vectors that are gone. */
void lapic_nmi_others(void)
{
    for (uint32_t i = 0; i < MAX_CPUS && (lapic_is_x2apic || page != 0); i++)
        if (cpu_block[i] && cpu_block[i] != percpu() && __atomic_load_n(&cpu_block[i]->online, __ATOMIC_ACQUIRE) == 1)
            icr(cpu_block[i]->apic_id, ICR_ASSERT | ICR_NMI);
}

void lapic_send_init(uint32_t apic_id) { icr(apic_id, ICR_ASSERT | ICR_INIT); }
void lapic_send_startup(uint32_t apic_id, uint8_t page_number) { icr(apic_id, ICR_ASSERT | ICR_STARTUP | page_number); }

static void enable(void)
{
    uint64_t base = hw_rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE;
    lapic_is_x2apic = cpu_features.x2apic || (base & APIC_BASE_X2);   /* firmware's: only a reset leads back */
    hw_wrmsr(MSR_APIC_BASE, base);
    if (lapic_is_x2apic)
        hw_wrmsr(MSR_APIC_BASE, base | APIC_BASE_X2);
    else if (page == 0)
        page = (uintptr_t)kmap_mmio((hpa_t){ base & LAPIC_PAGE }, PAGE_SIZE);
    if (!lapic_is_x2apic && page == 0)
        panic("the local APIC page at %lx cannot be mapped", (unsigned long)(base & LAPIC_PAGE));
}

/* One span of both clocks. True when nothing came between the pairs of readings at its ends. */
static bool calibrate(void)
{
    uint64_t start = hw_rdtsc();
    wr(LAPIC_TIMER_INIT, ~0u);
    uint64_t started = hw_rdtsc(), before = started;
    for (; before - start < tsc_from_us(CALIBRATE_US); before = hw_rdtsc())
        hw_pause();
    uint64_t ticks = ~0u - rd(LAPIC_TIMER_NOW), close = (before - start) / CLOSE;
    ticks_mult = (ticks << TICKS_SHIFT) / (before - start);
    return hw_rdtsc() - before < close && started - start < close;
}

void lapic_init_cpu(void)
{
    /* Before LINT0 is masked: a request that the 8259s hold at that moment would stay with the CPU
     * as an interrupt without a vector (QEMU then raises #GP). Nothing is lost where there are none. */
    hw_out8(PIC1_MASK, 0xff);
    hw_out8(PIC2_MASK, 0xff);
    enable();
    percpu()->apic_id = rd(LAPIC_ID) >> (lapic_is_x2apic ? 0 : 24);
    wr(LAPIC_SVR, SVR_ENABLE | VEC_SPURIOUS);
    wr(LAPIC_TPR, 0);
    uint32_t lvts = rd(LAPIC_VERSION) >> 16 & 0xff;
    if (lvts >= 5)
        wr(LAPIC_LVT_THERM, LVT_MASKED);
    if (lvts >= 4)
        wr(LAPIC_LVT_PERF, LVT_MASKED);
    wr(LAPIC_LVT_LINT0, LVT_MASKED);
    wr(LAPIC_LVT_LINT1, LVT_NMI);
    wr(LAPIC_LVT_ERROR, LVT_MASKED);
    wr(LAPIC_ESR, 0);
    wr(LAPIC_TIMER_DIV, DIV_BY_1);
    wr(LAPIC_LVT_TIMER, LVT_MASKED);
    bool done = cpu_features.tsc_deadline || ticks_mult != 0;
    for (unsigned i = 0; i < ROUNDS && !done; i++)
        done = calibrate();
    wr(LAPIC_LVT_TIMER, VEC_TIMER | (cpu_features.tsc_deadline ? LVT_DEADLINE : 0));
    hw_mfence();                              /* [SDM3 11.5.4.1]: mode before the first deadline */
    lapic_timer_set(~UINT64_C(0));
    for (unsigned i = 0; i < 8; i++)          /* what firmware left in service or pending ends here */
        lapic_eoi();
}

void lapic_timer_set(uint64_t deadline)
{
    uint64_t now = hw_rdtsc(), ticks = 1;
    if (cpu_features.tsc_deadline) {
        hw_wrmsr(MSR_TSC_DEADLINE, deadline == ~UINT64_C(0) ? 0 : MAX(deadline, 1u));
        return;
    }
    if (deadline == ~UINT64_C(0))
        ticks = 0;
    else if (deadline > now)
        ticks = (uint64_t)(((unsigned __int128)(deadline - now) * ticks_mult) >> TICKS_SHIFT) + 1;
    wr(LAPIC_TIMER_INIT, (uint32_t)MIN(ticks, 0xffffffffu));   /* too far: fires early, the caller sets it again */
}
