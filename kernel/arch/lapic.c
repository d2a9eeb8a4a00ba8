/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC of each CPU [SDM3 11], [APM2 16]: x2APIC registers are MSRs, else one page. */
#include "kernel/arch/cpu.h"
#include "kernel/log/console.h"
#include "kernel/mm/kmap.h"

enum lapic_reg {                  /* offsets in the xAPIC page [SDM3 11.4.1] */
    LAPIC_ID = 0x020, LAPIC_VERSION = 0x030, LAPIC_TPR = 0x080, LAPIC_EOI = 0x0b0, LAPIC_SVR = 0x0f0, LAPIC_ESR = 0x280,
    LAPIC_ICR = 0x300, LAPIC_ICR_HIGH = 0x310, LAPIC_LVT_TIMER = 0x320, LAPIC_LVT_THERM = 0x330, LAPIC_LVT_PERF = 0x340,
    LAPIC_LVT_LINT0 = 0x350, LAPIC_LVT_LINT1 = 0x360, LAPIC_LVT_ERROR = 0x370,
    LAPIC_TIMER_INIT = 0x380, LAPIC_TIMER_NOW = 0x390, LAPIC_TIMER_DIV = 0x3e0,
};
#define SVR_ENABLE       0x100u
#define IPI_NMI          0x04400u
#define IPI_FIXED        0x04000u
#define ICR_PENDING      0x01000u
#define LVT_NMI          0x00400u
#define LVT_MASKED       0x10000u
#define LVT_DEADLINE     0x40000u
#define DIV_BY_1         0x0bu

#define LAPIC_PAGE       MASK64(51, 12)    /* of MSR_APIC_BASE */
enum { PIC1_MASK = 0x21, PIC2_MASK = 0xa1 };    /* ports */

#define ICR_WAIT_US      1000u
#define CALIBRATE_US     10000u
#define CALIBRATE_ROUNDS 10u
#define CALIBRATE_CLOSE  512u            /* a time between two readings is good when it is this part of the span */
#define TICKS_SHIFT      30u

bool lapic_is_x2apic;
static uintptr_t page;               /* const after boot; xAPIC only */
static uint64_t ticks_mult;          /* const after boot: LAPIC ticks = TSC ticks * mult >> TICKS_SHIFT */

static uint32_t rd(enum lapic_reg reg)
{ return lapic_is_x2apic ? (uint32_t)hw_rdmsr(MSR_X2APIC + reg / 16) : hw_mmio_rd32(page + reg); }

static void wr(enum lapic_reg reg, uint32_t v)
{
    if (lapic_is_x2apic)
        hw_wrmsr(MSR_X2APIC + reg / 16, v);
    else
        hw_mmio_wr32(page + reg, v);
}

void lapic_eoi(void) { wr(LAPIC_EOI, 0); }

/* xAPIC: the ICR is two registers; nothing comes between, the kernel runs with interrupts off. */
void lapic_send(uint32_t apic_id, uint32_t command)
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
    lapic_send(cpu_block[cpu]->apic_id, IPI_FIXED | vector);
}

/* One by one: a CPU that firmware parked would take an NMI through vectors that are gone. */
void lapic_nmi_others(void)
{
    for (uint32_t i = 0; i < MAX_CPUS && (lapic_is_x2apic || page != 0); i++)
        if (cpu_block[i] && cpu_block[i] != percpu() && __atomic_load_n(&cpu_block[i]->online, __ATOMIC_ACQUIRE) == 1)
            lapic_send(cpu_block[i]->apic_id, IPI_NMI);
}

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
    uint64_t ticks = ~0u - rd(LAPIC_TIMER_NOW), close = (before - start) / CALIBRATE_CLOSE;
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
    /* THERM and PERF, which come before LINT0, are there when the highest entry is 5 and 4. */
    uint32_t lvts = rd(LAPIC_VERSION) >> 16 & 0xff;
    for (uint32_t reg = lvts >= 5 ? LAPIC_LVT_THERM : lvts == 4 ? LAPIC_LVT_PERF : LAPIC_LVT_LINT0;
         reg <= LAPIC_LVT_ERROR; reg += 0x10)
        wr(reg, LVT_MASKED);
    wr(LAPIC_LVT_LINT1, LVT_NMI);
    wr(LAPIC_ESR, 0);
    wr(LAPIC_TIMER_DIV, DIV_BY_1);
    wr(LAPIC_LVT_TIMER, LVT_MASKED);          /* one shot; a deadline that firmware set is off [SDM3 11.5.4.1] */
    bool done = cpu_features.tsc_deadline || ticks_mult != 0;
    for (unsigned i = 0; i < CALIBRATE_ROUNDS && !done; i++)
        done = calibrate();
    wr(LAPIC_TIMER_INIT, 0);
    wr(LAPIC_LVT_TIMER, VEC_TIMER | (cpu_features.tsc_deadline ? LVT_DEADLINE : 0));
    hw_mfence();                              /* mode before the first deadline */
    for (unsigned i = 0; i < 8; i++)          /* what firmware left in service or pending ends here */
        lapic_eoi();
}

void lapic_timer_set(uint64_t deadline)
{
    if (cpu_features.tsc_deadline) {
        hw_wrmsr(MSR_TSC_DEADLINE, deadline);
        return;
    }
    uint64_t now = hw_rdtsc(), ticks = 1;
    if (deadline > now)
        ticks = (uint64_t)(((unsigned __int128)(deadline - now) * ticks_mult) >> TICKS_SHIFT) + 1;
    wr(LAPIC_TIMER_INIT, (uint32_t)MIN(ticks, 0xffffffffu));   /* too far: fires early, the caller sets it again */
}
