/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID as a guest sees it: consistent, and every encoding of the instruction at its own length. */
#include "tests/guest/lib/rt.h"

#define CR4_OSXSAVE (1ull << 18)
#define XSS         0xda0u

/* Runs CPUID with prefixes; the marker behind it shows that rip moved by the right length. */
#define CPUID_AS(prefixes, marker, vendor) \
    __asm__ volatile ("xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%esi, %%esi\n\t" \
                      ".byte " prefixes "0x0f, 0xa2\n\t" \
                      "inc %%esi" \
                      : "=S"(marker), "=b"(vendor) : : "rax", "rcx", "rdx")

static void lengths(void)
{
    uint32_t marker, vendor, plain = cpuid(0, 0).ebx;
    for (unsigned round = 0; round < 2; round++) {
        CPUID_AS("", marker, vendor);
        rt_check(marker == 1 && vendor == plain, round ? "cpuid-plain-again" : "cpuid-plain");
        CPUID_AS("0x66, ", marker, vendor);
        rt_check(marker == 1 && vendor == plain, round ? "cpuid-66-again" : "cpuid-66");
        CPUID_AS("0x48, ", marker, vendor);
        rt_check(marker == 1 && vendor == plain, round ? "cpuid-rexw-again" : "cpuid-rexw");
        CPUID_AS("0x2e, 0x66, 0x41, ", marker, vendor);
        rt_check(marker == 1 && vendor == plain, round ? "cpuid-2e-66-rex-again" : "cpuid-2e-66-rex");
        CPUID_AS("0xf3, 0x67, 0x65, 0x66, 0x4f, ", marker, vendor);
        rt_check(marker == 1 && vendor == plain, round ? "cpuid-7-bytes-again" : "cpuid-7-bytes");
    }
}

static void upper_halves(void)
{
    uint64_t a = ~0ull << 32, b = ~0ull, c = ~0ull << 32, d = ~0ull;
    __asm__ volatile ("cpuid" : "+a"(a), "+b"(b), "+c"(c), "+d"(d));
    rt_check((a | b | c | d) >> 32 == 0, "cpuid-clears-upper-halves");
}

static void other_registers(void)
{
    uint64_t ok;
    __asm__ volatile ("mov $0x1111, %%r8; mov $0x2222, %%r9; mov $0x3333, %%r10; mov $0x4444, %%r11\n\t"
                      "mov $0x5555, %%r12; mov $0x6666, %%r13; mov $0x7777, %%r14; mov $0x8888, %%r15\n\t"
                      "mov $0x9999, %%rsi; mov $0xaaaa, %%rdi\n\t"
                      "xor %%eax, %%eax; cpuid\n\t"
                      "lea (%%r8, %%r9), %%rax; add %%r10, %%rax; add %%r11, %%rax; add %%r12, %%rax; add %%r13, %%rax\n\t"
                      "add %%r14, %%rax; add %%r15, %%rax; add %%rsi, %%rax; add %%rdi, %%rax"
                      : "=a"(ok) : : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15");
    rt_equal("cpuid-keeps-registers", ok, 0x1111 * (1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10));
}

static void leaves(void)
{
    struct cpuid r = cpuid(0, 0);
    uint32_t max = r.eax, top = cpuid(0x80000000, 0).eax;
    rt_check(max >= 0xd, "cpuid-max-basic");
    rt_check(top >= 0x80000008u && top < 0x80000100u, "cpuid-max-extended");
    r = cpuid(1, 0);
    rt_equal("cpuid-apic-id", r.ebx >> 24, 0);
    rt_check((r.ecx & 1u << 21) != 0, "cpuid-x2apic-offered");
    rt_check((r.ecx & 1u << 31) != 0, "cpuid-hypervisor-bit");
    rt_check((r.ecx & 1u << 3) == 0, "cpuid-no-monitor");
    rt_check((cpuid(0x80000001, 0).ecx & 4) == 0, "cpuid-svm-hidden");
    rt_check((r.ecx & 1u << 5) == 0, "cpuid-vmx-hidden");
    r = cpuid(0x40000000, 0);
    rt_check(r.eax >= 0x40000000u && r.ebx != 0, "cpuid-hypervisor-leaf");
    struct cpuid gap = cpuid(0x4fffffff, 0), far = cpuid(0x8fffffffu, 0), mid = cpuid(0xc0000000u, 0);
    rt_check(!(gap.eax | gap.ebx | far.eax | far.edx | mid.eax | mid.ecx), "cpuid-unknown-leaf-zero");
}

struct xss { uint32_t value; };
static void write_xss(void *p) { wrmsr(XSS, ((const struct xss *)p)->value); }

/* The compacted format: as long as the components say, written and read by XSAVES; no supervisor state. */
static void saves(uint32_t can)
{
    static uint8_t area[4096] __attribute__((aligned(64)));
    struct cpuid d1 = cpuid(0xd, 1);
    uint32_t size = 576;
    if (!(d1.eax & 8)) {
        rt_print("note: no XSAVES\n");
        return;
    }
    __asm__ volatile ("xsetbv" : : "a"(can), "d"(0), "c"(0));
    for (uint32_t i = 2; i < 8; i++)
        if (can >> i & 1)
            size = (cpuid(0xd, i).ecx & 2 ? (size + 63) & ~63u : size) + cpuid(0xd, i).eax;
    rt_equal("cpuid-xsaves-size", cpuid(0xd, 1).ebx, size);
    rt_equal("cpuid-no-supervisor-state", d1.ecx | d1.edx, 0);
    struct xss zero = { 0 }, pt = { 1 << 8 };
    rt_check(rt_catch(write_xss, &zero) == 0 && rdmsr(XSS) == 0, "xss-0");
    rt_equal("xss-bit-gp", (uint64_t)rt_catch(write_xss, &pt), 14);
    __asm__ volatile ("xsaves64 %0" : "+m"(area) : "a"(~0u), "d"(~0u));
    rt_check(area[527] == 0x80 && area[520] == (can & 0xff), "xsaves-compacted");     /* XCOMP_BV */
    __asm__ volatile ("xrstors64 %0" : : "m"(area), "a"(~0u), "d"(~0u));
    __asm__ volatile ("xsetbv" : : "a"(3), "d"(0), "c"(0));
}

static void osxsave(void)
{
    if (!(cpuid(1, 0).ecx & 1u << 26)) {
        rt_print("note: no XSAVE\n");
        return;
    }
    rt_check(!(cpuid(1, 0).ecx & 1u << 27), "cpuid-osxsave-clear");
    write_cr4(read_cr4() | CR4_OSXSAVE);
    rt_check((cpuid(1, 0).ecx & 1u << 27) != 0, "cpuid-osxsave-follows-cr4");
    __asm__ volatile ("xsetbv" : : "a"(3), "d"(0), "c"(0));
    rt_equal("cpuid-xsave-size-sse", cpuid(0xd, 0).ebx, 576);
    uint32_t can = cpuid(0xd, 0).eax;
    if (can & 4) {
        __asm__ volatile ("xsetbv" : : "a"(7), "d"(0), "c"(0));
        outb(0x80, 0);                /* an exit that leaves the fast path */
        uint32_t lo, hi;
        __asm__ volatile ("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
        rt_equal("xcr0-kept-over-exit", lo, 7);
        rt_equal("cpuid-xsave-size-avx", cpuid(0xd, 0).ebx, 832);
    }
    saves(can);
    write_cr4(read_cr4() & ~CR4_OSXSAVE);
    rt_check(!(cpuid(1, 0).ecx & 1u << 27), "cpuid-osxsave-clear-again");
}

static void topology(void)
{
    if (cpuid(0, 0).eax < 0xb)
        return;
    rt_equal("cpuid-b-x2apic-id", cpuid(0xb, 0).edx, 0);
    rt_equal("cpuid-b-level-echo", cpuid(0xb, 7).ecx & 0xff, 7);
}

void guest_main(void)
{
    leaves();
    lengths();
    upper_halves();
    other_registers();
    osxsave();
    topology();
}
