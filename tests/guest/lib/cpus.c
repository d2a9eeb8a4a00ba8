/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC in either mode, and starting further CPUs. */
#include "tests/guest/lib/rt.h"

#define APIC_BASE   0x1bu
#define BASE_EXTD   0x400u
#define ICR_INIT    0x4500u
#define ICR_SIPI    0x4600u
#define AP_AT       0x8000u

extern uint8_t rt_ap_start[], rt_ap_end[];
extern uint64_t rt_ap_stack;
void rt_load_tables(void);
void rt_ap_main(void);

static uint8_t stacks[16][16384] __attribute__((aligned(16)));
static struct { rt_ap_fn *fn; void *arg; uint32_t up; } job;

static bool is_x2(void) { return (rdmsr(APIC_BASE) & BASE_EXTD) != 0; }

bool lapic_x2_on(void)
{
    if (!(cpuid(1, 0).ecx & 1u << 21))
        return false;
    wrmsr(APIC_BASE, rdmsr(APIC_BASE) | BASE_EXTD);
    return true;
}

uint32_t lapic_rd(unsigned reg) { return is_x2() ? (uint32_t)rdmsr(0x800 + reg) : mmio_rd32(LAPIC_PAGE + 16 * reg); }

void lapic_wr(unsigned reg, uint32_t value)
{
    if (is_x2())
        wrmsr(0x800 + reg, value);
    else
        mmio_wr32(LAPIC_PAGE + 16 * reg, value);
}

void lapic_icr(uint32_t dest, uint32_t low)
{
    if (is_x2()) {
        wrmsr(0x830, (uint64_t)dest << 32 | low);
    } else {
        mmio_wr32(LAPIC_PAGE + 0x310, dest << 24);
        mmio_wr32(LAPIC_PAGE + 0x300, low);
    }
}

void rt_ap_main(void)
{
    rt_load_tables();
    __atomic_store_n(&job.up, 1, __ATOMIC_SEQ_CST);
    job.fn(job.arg);
    for (;;)
        __asm__ volatile ("cli; hlt");
}

bool rt_ap_run(uint32_t apic_id, rt_ap_fn *fn, void *arg)
{
    uint8_t *to = (uint8_t *)(uintptr_t)AP_AT;
    for (long i = 0; i < rt_ap_end - rt_ap_start; i++)
        to[i] = rt_ap_start[i];
    rt_ap_stack = (uintptr_t)stacks[apic_id % 16] + sizeof stacks[0];
    job.fn = fn;
    job.arg = arg;
    __atomic_store_n(&job.up, 0, __ATOMIC_SEQ_CST);
    lapic_icr(apic_id, ICR_INIT);
    for (unsigned i = 0; i < 10000; i++)
        pause();
    lapic_icr(apic_id, ICR_SIPI | AP_AT >> 12);
    for (unsigned i = 0; i < 100000000 && !__atomic_load_n(&job.up, __ATOMIC_SEQ_CST); i++)
        pause();
    return __atomic_load_n(&job.up, __ATOMIC_SEQ_CST) != 0;
}
