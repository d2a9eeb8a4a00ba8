/* SPDX-License-Identifier: BSD-2-Clause */
/* Two CPUs: INIT and SIPI in both APIC modes, IPIs both ways, NMI out of HLT, one TSC, one memory. */
#include "tests/guest/lib/rt.h"

static volatile unsigned got[2][256], stage;
static volatile uint64_t ap_tsc;
static uint32_t counter;
static bool x2;

static unsigned me(void) { return x2 ? (unsigned)rdmsr(0x802) : lapic_rd(2) >> 24; }

static void on(struct rt_frame *f)
{
    got[me() & 1][f->vector]++;
    if (f->vector != 2)
        lapic_eoi();
}

static bool until(volatile unsigned *what, unsigned want)
{
    uint64_t end = rdtsc() + 40000000000ull;
    while (*what < want && rdtsc() < end)
        pause();
    return *what >= want;
}

static void count(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        __atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST);
}

static void ap(void *arg)
{
    (void)arg;
    if (x2)
        (void)lapic_x2_on();
    lapic_wr(0xf, 0x1ff);
    ap_tsc = rdtsc();
    stage = 1;
    while (stage < 2)
        pause();
    count(100000);
    stage = 3;
    for (unsigned i = 0; i < 50; i++) {            /* answer each IPI with one */
        while (got[1][0x61] <= i)
            sti_hlt();
        lapic_icr(0, 0x62);
    }
    stage = 4;
    while (got[1][2] == 0)
        __asm__ volatile ("cli; hlt");             /* only the NMI gets it out */
    stage = 5;
    for (;;)
        __asm__ volatile ("cli; hlt");
}

static void again(void *arg) { *(volatile unsigned *)arg = 77; }

#define NAME(n) (x2 ? "x2-" n : "x-" n)
static void mode(void)
{
    volatile unsigned mark = 0;
    stage = 0;
    counter = 0;
    for (unsigned v = 0; v < 256; v++)
        got[0][v] = got[1][v] = 0;
    lapic_wr(0xf, 0x1ff);
    rt_equal(NAME("own-id"), me(), 0);
    if (!rt_ap_run(1, ap, 0)) {
        rt_fail(NAME("ap-start"), "it did not come up");
        return;
    }
    rt_pass(NAME("ap-start"));
    rt_check(until(&stage, 1), NAME("ap-runs"));
    lapic_icr(1, 0x4608);                          /* a SIPI to a running CPU is ignored */
    uint64_t now = rdtsc();
    rt_check(ap_tsc <= now && now - ap_tsc < 20000000000ull, NAME("one-tsc"));
    stage = 2;
    count(100000);
    rt_check(until(&stage, 3), NAME("ap-counts"));
    rt_equal(NAME("atomics"), counter, 200000);
    sti();
    for (unsigned i = 0; i < 50; i++) {
        lapic_icr(1, 0x61);
        if (!until(&got[0][0x62], i + 1))
            break;
    }
    rt_equal(NAME("ipi-ping-pong"), got[0][0x62], 50);
    rt_check(until(&stage, 4), NAME("ap-past-ipis"));
    lapic_icr(1, 0x400);
    rt_check(until(&stage, 5), NAME("nmi-wakes-hlt-with-if-0"));
    rt_equal(NAME("one-nmi"), got[1][2], 1);
    lapic_icr(0, 0xc0000 | 0x63);                  /* the other has IF = 0: pending for ever */
    cli();
    rt_equal(NAME("none-to-itself"), got[0][0x63], 0);
    rt_check(rt_ap_run(1, again, (void *)(uintptr_t)&mark), NAME("init-restarts"));
    rt_check(until(&mark, 77), NAME("runs-again"));
}

void guest_main(void)
{
    for (unsigned v = 0x20; v < 256; v++)
        rt_on(v, on);
    rt_on(2, on);
    mode();
    x2 = lapic_x2_on();
    if (x2)
        mode();
}
