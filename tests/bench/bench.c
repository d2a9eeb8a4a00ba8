/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an exit costs, as the guest sees it: RDTSC; operation; RDTSC, 2000 times.
 * Under QEMU's -icount shift=0 a tick is an instruction. One line an operation:
 * `bench op=NAME median=N max=N`. Port 80h and MSR 8Bh (microcode revision) are the VMM's.
 */
#include "tests/guest/lib/rt.h"

#define ROUNDS      2000u
#define WARM_UP       16u       /* decoder caches of CPUs without next-RIP fill here */
#define VECTOR      0x50u

static uint32_t sample[ROUNDS];
extern volatile uint64_t end_tsc;
volatile uint64_t end_tsc;      /* the handler below names it */

static void sort(void)
{
    for (unsigned gap = ROUNDS / 2; gap > 0; gap /= 2)
        for (unsigned i = gap; i < ROUNDS; i++)
            for (unsigned j = i; j >= gap && sample[j - gap] > sample[j]; j -= gap) {
                uint32_t t = sample[j];
                sample[j] = sample[j - gap];
                sample[j - gap] = t;
            }
}

static void report(const char *name)
{
    sort();
    rt_print("bench op=%s median=%u max=%u\n", name, sample[ROUNDS / 2], sample[ROUNDS - 1]);
}

#define BENCH(name, operation) \
    static void bench_##name(void) \
    { \
        for (unsigned i = 0; i < ROUNDS + WARM_UP; i++) { \
            uint32_t start, end; \
            __asm__ volatile ("rdtsc; mov %%eax, %%edi; " operation "; rdtsc" \
                              : "=a"(end), "=D"(start) : : "rbx", "rcx", "rdx", "memory"); \
            sample[i < WARM_UP ? 0 : i - WARM_UP] = end - start; \
        } \
        report(#name); \
    }

BENCH(nothing, "")
BENCH(cpuid, "xor %%eax, %%eax; cpuid")
BENCH(cpuid1, "mov $1, %%eax; cpuid")
BENCH(port_write, "mov $0x55, %%al; outb %%al, $0x80")
BENCH(port_read, "inb $0x80, %%al")
BENCH(msr_read, "mov $0x8b, %%ecx; rdmsr")

/* The first instruction of the handler takes the time: no frame, no runtime in between. */
extern uint8_t bench_handler[];
__asm__ (".text\n"
         "bench_handler:\n\t"
         "push %rax\n\t push %rdx\n\t push %rcx\n\t"
         "rdtsc\n\t shl $32, %rdx\n\t or %rdx, %rax\n\t mov %rax, end_tsc\n\t"
         "mov $0x80b, %ecx\n\t xor %eax, %eax\n\t xor %edx, %edx\n\t wrmsr\n\t"
         "pop %rcx\n\t pop %rdx\n\t pop %rax\n\t iretq\n");

static void bench_self_ipi(void)
{
    rt_gate(VECTOR, (uintptr_t)bench_handler, 0);
    sti();
    for (unsigned i = 0; i < ROUNDS + WARM_UP; i++) {
        end_tsc = 0;
        uint64_t start = rdtsc();
        wrmsr(0x83f, VECTOR);
        while (end_tsc == 0)
            ;
        sample[i < WARM_UP ? 0 : i - WARM_UP] = (uint32_t)(end_tsc - start);
    }
    cli();
    report("self_ipi");
}

/* One-shot timer to the handler, HLT in between: beyond the 20000 ticks that it is set to. */
static void bench_hlt_wake(void)
{
    rt_gate(VECTOR, (uintptr_t)bench_handler, 0);
    wrmsr(0x83e, 0xb);
    wrmsr(0x832, VECTOR);
    for (unsigned i = 0; i < ROUNDS + WARM_UP; i++) {
        end_tsc = 0;
        uint64_t start = rdtsc();
        wrmsr(0x838, 20000);
        while (end_tsc == 0)
            sti_hlt();
        sample[i < WARM_UP ? 0 : i - WARM_UP] = (uint32_t)(end_tsc - start);
    }
    report("hlt_wake");
}

/* A byte of 100 KiB on the serial port, the monitor's part on the same CPU included: the mean. */
static void bench_print_byte(void)
{
    const unsigned bytes = 100 * 1024;
    uint64_t start = rdtsc();
    for (unsigned i = 0; i < bytes; i++)
        outb(0x3f8, i % 64 == 63 ? '\n' : '.');
    unsigned mean = (unsigned)((rdtsc() - start) / bytes);
    rt_print("bench op=print_byte median=%u max=%u\n", mean, mean);
}

void guest_main(void)
{
    if (rt_option("print")) {
        bench_print_byte();
        return;
    }
    bench_nothing();
    bench_cpuid();
    bench_cpuid1();
    bench_port_write();
    bench_port_read();
    bench_msr_read();
    if (lapic_x2_on()) {
        wrmsr(0x80f, 0x1ff);
        bench_self_ipi();
        bench_hlt_wake();
    }
}
