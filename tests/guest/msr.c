/* SPDX-License-Identifier: BSD-2-Clause */
/* MSRs: what may be read and written, what faults, what is emulated. */
#include "tests/guest/lib/rt.h"

#define EFER        0xc0000080u
#define PAT         0x277u
#define TSC         0x10u
#define TSC_ADJUST  0x3bu
#define TSC_AUX     0xc0000103u
#define APIC_BASE   0x1bu
#define PAT_RESET   0x0007040600070406ull

struct access { uint32_t msr; uint64_t value; };
static void do_read(void *p) { struct access *a = p; a->value = rdmsr(a->msr); }
static void do_write(void *p) { const struct access *a = p; wrmsr(a->msr, a->value); }

static int try_read(uint32_t msr, uint64_t *value)
{
    struct access a = { msr, 0 };
    int r = rt_catch(do_read, &a);
    *value = a.value;
    return r;
}

static int try_write(uint32_t msr, uint64_t value)
{
    struct access a = { msr, value };
    return rt_catch(do_write, &a);
}

static void refused(const char *name, uint32_t msr, uint64_t value)
{
    rt_equal(name, (uint64_t)try_write(msr, value), 14);
    rt_equal("error-code-0", rt_trapped.error, 0);
}

static void efer(void)
{
    uint64_t old = rdmsr(EFER);
    rt_equal("efer-as-set", old, 0xd00);
    refused("efer-svme-gp", EFER, old | 1u << 12);
    refused("efer-reserved-gp", EFER, old | 1u << 1);
    refused("efer-lme-under-paging-gp", EFER, old & ~0x100ull);
    wrmsr(EFER, old | 1);
    rt_equal("efer-sce", rdmsr(EFER), old | 1);
    wrmsr(EFER, old);
}

static void pat(void)
{
    rt_equal("pat-reset", rdmsr(PAT), PAT_RESET);
    wrmsr(PAT, 0x0007040600070401ull);
    rt_equal("pat-written", rdmsr(PAT), 0x0007040600070401ull);
    refused("pat-type-2-gp", PAT, 2);
    refused("pat-type-8-gp", PAT, 8ull << 40);
    rt_equal("pat-kept", rdmsr(PAT), 0x0007040600070401ull);
    wrmsr(PAT, PAT_RESET);
}

static void tsc(void)
{
    uint64_t a = rdtsc(), m = rdmsr(TSC), b = rdtsc();
    rt_check(a <= m && m <= b, "tsc-msr-between-two-rdtsc");
    wrmsr(TSC, 0x1000000000000ull);
    uint64_t now = rdtsc();
    rt_check(now >= 0x1000000000000ull && now < 0x1001000000000ull, "tsc-written");
    uint64_t adjust = rdmsr(TSC_ADJUST), t = rdtsc();
    wrmsr(TSC_ADJUST, adjust - 0x1000000000000ull);
    rt_check(rdtsc() < t, "tsc-adjust-moves-tsc");
    rt_equal("tsc-adjust-reads-back", rdmsr(TSC_ADJUST), adjust - 0x1000000000000ull);
    wrmsr(TSC_ADJUST, 0);
}

static void direct(void)
{
    static const struct { uint32_t msr; const char *name; } rows[] = {
        { 0xc0000100, "fs-base" }, { 0xc0000101, "gs-base" }, { 0xc0000102, "kernel-gs-base" },
        { 0xc0000081, "star" }, { 0xc0000082, "lstar" }, { 0xc0000083, "cstar" }, { 0xc0000084, "sfmask" },
        { 0x174, "sysenter-cs" }, { 0x175, "sysenter-esp" }, { 0x176, "sysenter-eip" },
    };
    /* SYSENTER_CS is a selector: some CPUs keep 16 bits of it */
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        wrmsr(rows[i].msr, (rows[i].msr == 0x174 ? 0 : 0x12340000u) + i);
    outb(0x80, 1);
    cpuid(1, 0);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        rt_equal(rows[i].name, rdmsr(rows[i].msr), (rows[i].msr == 0x174 ? 0 : 0x12340000u) + i);
}

static void unknown(void)
{
    static const uint32_t none[] = { 0x12345678, 0xc0010114, 0xc0010117, 0x480, 0xdeadbeef, 0xc0001fff };
    uint64_t value;
    int vector = try_read(0x3a, &value);                      /* Intel: feature control, locked without VT-x */
    if (cpuid(0, 0).ebx == 0x756e6547)
        rt_check(vector == 0 && value == 1, "feature-control-locked");
    else
        rt_equal("unknown-read-gp", (uint64_t)vector, 14);
    for (unsigned i = 0; i < sizeof none / sizeof none[0]; i++)
        rt_equal("unknown-read-gp", (uint64_t)try_read(none[i], &value), 14);
    refused("unknown-write-gp", 0x12345678, 0);
    uint64_t rip = rt_trapped.rip;
    refused("unknown-write-gp-again", 0x12345678, 0);
    rt_equal("gp-points-at-wrmsr", rt_trapped.rip, rip);
    rt_equal("gp-at-0f-30", *(const uint16_t *)(uintptr_t)rip, 0x300f);
}

static void tsc_aux(void)
{
    uint32_t aux, lo, hi;
    if (!(cpuid(0x80000001, 0).edx & 1u << 27))
        return;
    wrmsr(TSC_AUX, 0x77);
    outb(0x80, 2);
    __asm__ volatile ("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux));
    rt_equal("rdtscp-aux", aux, 0x77);
    rt_equal("tsc-aux-reads-back", rdmsr(TSC_AUX), 0x77);
}

static void wide_forms(void)
{
    uint32_t lo, hi, marker = 0;
    __asm__ volatile (".byte 0x66, 0x48, 0x0f, 0x32\n\tinc %2" : "=a"(lo), "=d"(hi), "+r"(marker) : "c"(EFER));
    rt_check(lo == 0xd00 && hi == 0 && marker == 1, "rdmsr-with-prefixes");
    uint64_t a, d;
    __asm__ volatile ("mov $-1, %%rax; mov $-1, %%rdx; rdmsr" : "=a"(a), "=d"(d) : "c"(EFER));
    rt_check(a == 0xd00 && d == 0, "rdmsr-clears-upper-halves");
}

void guest_main(void)
{
    efer();
    pat();
    tsc();
    direct();
    unknown();
    tsc_aux();
    wide_forms();
    rt_equal("apic-base-reset", rdmsr(APIC_BASE), 0xfee00900u);
    refused("apic-base-reserved-gp", APIC_BASE, 0xfee00901u);
}
