/* SPDX-License-Identifier: BSD-2-Clause */
/* Unprivileged instructions that ring 3 needs: CPUID, RDTSC, PAUSE. */
#pragma once

#include <stdint.h>

struct rt_cpuid { uint32_t eax, ebx, ecx, edx; };

static inline struct rt_cpuid rt_cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct rt_cpuid r;
    __asm__ volatile ("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                      : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint64_t rt_rdtsc(void)
{
    uint32_t lo, hi;
    __asm__ volatile ("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

static inline void rt_pause(void) { __asm__ volatile ("pause" : : : "memory"); }

