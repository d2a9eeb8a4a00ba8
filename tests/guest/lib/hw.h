/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions that C has no words for. */
#pragma once

#include <stdint.h>

static inline void outb(uint16_t p, uint8_t v) { __asm__ volatile ("outb %0, %1" : : "a"(v), "Nd"(p)); }
static inline void outw(uint16_t p, uint16_t v) { __asm__ volatile ("outw %0, %1" : : "a"(v), "Nd"(p)); }
static inline void outl(uint16_t p, uint32_t v) { __asm__ volatile ("outl %0, %1" : : "a"(v), "Nd"(p)); }
static inline uint8_t inb(uint16_t p) { uint8_t v; __asm__ volatile ("inb %1, %0" : "=a"(v) : "Nd"(p)); return v; }
static inline uint16_t inw(uint16_t p) { uint16_t v; __asm__ volatile ("inw %1, %0" : "=a"(v) : "Nd"(p)); return v; }
static inline uint32_t inl(uint16_t p) { uint32_t v; __asm__ volatile ("inl %1, %0" : "=a"(v) : "Nd"(p)); return v; }

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;
    __asm__ volatile ("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}
static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile ("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}
static inline void wrmsr(uint32_t msr, uint64_t v)
{ __asm__ volatile ("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory"); }

struct cpuid { uint32_t eax, ebx, ecx, edx; };
static inline struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
    struct cpuid r;
    __asm__ volatile ("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(sub));
    return r;
}

#define RT_REG(name, reg) \
    static inline uint64_t read_##name(void) { uint64_t v; __asm__ volatile ("mov %%" reg ", %0" : "=r"(v)); return v; } \
    static inline void write_##name(uint64_t v) { __asm__ volatile ("mov %0, %%" reg : : "r"(v) : "memory"); }
RT_REG(cr0, "cr0")
RT_REG(cr2, "cr2")
RT_REG(cr3, "cr3")
RT_REG(cr4, "cr4")
RT_REG(cr8, "cr8")
RT_REG(dr0, "dr0")
RT_REG(dr1, "dr1")
RT_REG(dr2, "dr2")
RT_REG(dr3, "dr3")
RT_REG(dr6, "dr6")
RT_REG(dr7, "dr7")

static inline void cli(void) { __asm__ volatile ("cli" : : : "memory"); }
static inline void sti(void) { __asm__ volatile ("sti" : : : "memory"); }
static inline void sti_nop_cli(void) { __asm__ volatile ("sti; nop; nop; cli" : : : "memory"); }
static inline void sti_hlt(void) { __asm__ volatile ("sti; hlt; cli" : : : "memory"); }
static inline void pause(void) { __asm__ volatile ("pause" : : : "memory"); }
static inline uint32_t mmio_rd32(uintptr_t a) { return *(volatile uint32_t *)a; }
static inline void mmio_wr32(uintptr_t a, uint32_t v) { *(volatile uint32_t *)a = v; }
static inline uint64_t mmio_rd64(uintptr_t a) { return *(volatile uint64_t *)a; }
static inline void mmio_wr64(uintptr_t a, uint64_t v) { *(volatile uint64_t *)a = v; }

