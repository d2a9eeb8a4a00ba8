/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every access to hardware that more than one layer needs: MMIO, ports, MSRs,
 * control registers, CPUID, cache and TLB, time. Host tests put a fake with the
 * same names before this file on the include path (tests/unit/fake).
 */
#pragma once

#include "kernel/arch/msr.h"
#include "kernel/lib/base.h"

static inline uint8_t hw_mmio_rd8(uintptr_t a) { return *(volatile uint8_t *)a; }
static inline uint16_t hw_mmio_rd16(uintptr_t a) { return *(volatile uint16_t *)a; }
static inline uint32_t hw_mmio_rd32(uintptr_t a) { return *(volatile uint32_t *)a; }
static inline uint64_t hw_mmio_rd64(uintptr_t a) { return *(volatile uint64_t *)a; }
static inline void hw_mmio_wr8(uintptr_t a, uint8_t v) { *(volatile uint8_t *)a = v; }
static inline void hw_mmio_wr16(uintptr_t a, uint16_t v) { *(volatile uint16_t *)a = v; }
static inline void hw_mmio_wr32(uintptr_t a, uint32_t v) { *(volatile uint32_t *)a = v; }
static inline void hw_mmio_wr64(uintptr_t a, uint64_t v) { *(volatile uint64_t *)a = v; }

/* size 1, 2, 4, 8 */
static inline uint64_t hw_mmio_rd(uintptr_t a, unsigned size)
{ return size == 8 ? hw_mmio_rd64(a) : size == 4 ? hw_mmio_rd32(a) : size == 2 ? hw_mmio_rd16(a) : hw_mmio_rd8(a); }
static inline void hw_mmio_wr(uintptr_t a, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: hw_mmio_wr8(a, (uint8_t)v); break;
    case 2: hw_mmio_wr16(a, (uint16_t)v); break;
    case 4: hw_mmio_wr32(a, (uint32_t)v); break;
    default: hw_mmio_wr64(a, v); break;
    }
}

#define HW_PORT(n) \
    static inline uint##n##_t hw_in##n(uint16_t p) \
    { uint##n##_t v; __asm__ volatile ("in %1, %0" : "=a"(v) : "Nd"(p)); return v; } \
    static inline void hw_out##n(uint16_t p, uint##n##_t v) { __asm__ volatile ("out %0, %1" : : "a"(v), "Nd"(p)); }
HW_PORT(8)
HW_PORT(16)
HW_PORT(32)

/* size 1, 2, 4 */
static inline uint32_t hw_in(uint16_t p, unsigned size)
{ return size == 4 ? hw_in32(p) : size == 2 ? hw_in16(p) : hw_in8(p); }
static inline void hw_out(uint16_t p, unsigned size, uint32_t v)
{
    switch (size) {
    case 1: hw_out8(p, (uint8_t)v); break;
    case 2: hw_out16(p, (uint16_t)v); break;
    default: hw_out32(p, v); break;
    }
}

/* An instruction that reads 64 bits into EDX:EAX and clears the upper halves [SDM2]; the rest is its inputs. */
#define HW_EDX_EAX(head, insn, ...) \
    static inline uint64_t head \
    { \
        uint64_t lo, hi; \
        __asm__ volatile (insn : "=a"(lo), "=d"(hi) : __VA_ARGS__); \
        return hi << 32 | lo; \
    }
HW_EDX_EAX(hw_rdtsc(void), "rdtsc", )
HW_EDX_EAX(hw_xgetbv(void), "xgetbv", "c"(0))
HW_EDX_EAX(hw_rdmsr(uint32_t msr), "rdmsr", "c"(msr))

static inline void hw_wrmsr(uint32_t msr, uint64_t v)
{ __asm__ volatile ("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory"); }

static inline void hw_xsetbv(uint64_t v)
{ __asm__ volatile ("xsetbv" : : "c"(0), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory"); }

struct cpuid_regs { uint32_t eax, ebx, ecx, edx; };
static inline struct cpuid_regs hw_cpuid(uint32_t leaf, uint32_t sub)
{
    struct cpuid_regs r;
    __asm__ volatile ("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(sub));
    return r;
}

#define HW_REG(name) \
    static inline uint64_t hw_read_##name(void) \
    { uint64_t v; __asm__ volatile ("mov %%" #name ", %0" : "=r"(v)); return v; } \
    static inline void hw_write_##name(uint64_t v) \
    { __asm__ volatile ("mov %0, %%" #name : : "r"(v) : "memory"); }
HW_REG(cr0)
HW_REG(cr2)
HW_REG(cr3)
HW_REG(cr4)
HW_REG(dr0)
HW_REG(dr1)
HW_REG(dr2)
HW_REG(dr3)
HW_REG(dr6)

static inline void hw_pause(void) { __asm__ volatile ("pause"); }
static inline void hw_cli(void) { __asm__ volatile ("cli" : : : "memory"); }
static inline void hw_sti(void) { __asm__ volatile ("sti" : : : "memory"); }
static inline void hw_sti_hlt_cli(void) { __asm__ volatile ("sti; hlt; cli" : : : "memory"); }
static inline NORETURN void hw_halt_forever(void) { for (;;) __asm__ volatile ("cli; hlt"); }
static inline void hw_invlpg(uintptr_t va) { __asm__ volatile ("invlpg (%0)" : : "r"(va) : "memory"); }
static inline void hw_mfence(void) { __asm__ volatile ("mfence" : : : "memory"); }

/* Writes the cache lines of [p, p+len) back, for units that do not snoop. */
static inline void hw_flush(const void *p, size_t len)
{
    for (uintptr_t a = (uintptr_t)p & ~(uintptr_t)63; a < (uintptr_t)p + len; a += 64)
        __asm__ volatile ("clflush (%0)" : : "r"(a) : "memory");
    hw_mfence();
}

/* Microseconds since an arbitrary start, from the TSC (arch/tsc.c). */
uint64_t hw_now_us(void);

/* Waits with a deadline: while (!done) if (!spin(&d)) return ST_TIMEOUT; */
struct deadline { uint64_t end_us; };
static inline struct deadline deadline_in(uint64_t us) { return (struct deadline){ hw_now_us() + us }; }
static inline MUST_USE bool spin(const struct deadline *d) { hw_pause(); return hw_now_us() < d->end_us; }
static inline void wait_us(uint64_t us) { for (struct deadline d = deadline_in(us); spin(&d);) ; }

