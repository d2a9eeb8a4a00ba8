/* SPDX-License-Identifier: BSD-2-Clause */
/* A TSC with a rate of its own (manifest: tsc): all that tells it agrees, measured against the PM timer. */
#include "tests/guest/lib/rt.h"
#include "vmm/guest_hw.h"

#define TSC           0x10u
#define TSC_ADJUST    0x3bu
#define TSC_DEADLINE  0x6e0u
#define KVM_SYSTEM    0x4b564d01u
#define LEAF_RATE     0x40000010u
#define SVR           0x0f
#define LVT_TIMER     0x32
#define VECTOR        0x44u
#define MS            (GHW_PM_HZ / 1000)

static volatile uint64_t fired_at, fired_pm;
static uint64_t khz;

static uint32_t pm(void) { return inl(GHW_PM_TMR); }

static void on_timer(struct rt_frame *f)
{
    (void)f;
    fired_at = rdtsc();
    fired_pm = pm();
    lapic_eoi();
}

/* Within one part in a hundred. */
static void near(const char *name, uint64_t got, uint64_t want)
{
    if (got > want - want / 100 && got < want + want / 100)
        rt_pass(name);
    else
        rt_fail(name, "%lu, not near %lu", got, want);
}

/* TSC ticks a millisecond. */
static uint64_t measure(void)
{
    const uint32_t from = pm();
    const uint64_t a = rdtsc();
    uint32_t now;
    do
        now = pm();
    while (now - from < 20 * MS);
    return (rdtsc() - a) * MS / (now - from);
}

static void rate(void)
{
    const uint64_t a = rdtsc(), m = rdmsr(TSC), b = rdtsc();
    rt_equal("tsc-rate-in-cpuid", cpuid(LEAF_RATE, 0).eax, khz);
    near("tsc-rate", measure(), khz);
    rt_check(a <= m && m <= b, "tsc-msr-between-two-rdtsc");
}

static void moved(void)
{
    wrmsr(TSC, 1000);
    const uint64_t now = rdtsc(), adjust = rdmsr(TSC_ADJUST), from = rdtsc();
    rt_check(now >= 1000 && now < 1000 + khz, "tsc-written");
    wrmsr(TSC_ADJUST, adjust + 5000 * khz);
    const uint64_t to = rdtsc();
    rt_check(to - from >= 5000 * khz && to - from < 5001 * khz, "tsc-adjust-in-guest-ticks");
    rt_equal("tsc-adjust-reads-back", rdmsr(TSC_ADJUST), adjust + 5000 * khz);
    near("tsc-rate-after-writes", measure(), khz);
}

static void deadline(void)
{
    lapic_x2_on();
    lapic_wr(SVR, 0x1ff);
    lapic_wr(LVT_TIMER, 0x40000 | VECTOR);
    rt_on(VECTOR, on_timer);
    const uint32_t from = pm();
    const uint64_t due = rdtsc() + 50 * khz;
    wrmsr(TSC_DEADLINE, due);
    rt_equal("deadline-reads-back", rdmsr(TSC_DEADLINE), due);
    while (fired_at == 0)
        sti_hlt();
    rt_check(fired_at >= due, "deadline-not-early");
    rt_check(fired_at < due + 10 * khz, "deadline-not-late");
    rt_check((uint32_t)fired_pm - from >= 49 * MS && (uint32_t)fired_pm - from < 60 * MS, "deadline-in-real-time");
}

/* [LINUX virt/kvm/x86/msr.rst] */
static struct pvclock { uint32_t version, pad; uint64_t tsc, system_time; uint32_t mul; int8_t shift; uint8_t flags, rest[2]; }
    clock __attribute__((aligned(64)));

static uint64_t clock_ns(void)
{
    const uint64_t gone = rdtsc() - clock.tsc;
    const uint64_t scaled = clock.shift < 0 ? gone >> -clock.shift : gone << clock.shift;
    return clock.system_time + (uint64_t)((unsigned __int128)scaled * clock.mul >> 32);
}

static void kvm_clock(void)
{
    wrmsr(KVM_SYSTEM, (uintptr_t)&clock | 1);
    const uint32_t from = pm();
    const uint64_t a = clock_ns();
    uint32_t now;
    do
        now = pm();
    while (now - from < 20 * MS);
    const uint64_t b = clock_ns();
    rt_check(a < 60000000000ull, "kvm-clock-starts-with-the-guest");
    near("kvm-clock-rate", (b - a) * MS / (now - from), 1000000);
}

void guest_main(void)
{
    khz = rt_option("fast") ? 250000 : 40000;
    rate();
    kvm_clock();                    /* before the guest moves its TSC */
    moved();
    deadline();
}
