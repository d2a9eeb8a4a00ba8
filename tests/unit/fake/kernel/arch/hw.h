/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fake of kernel/arch/hw.h for host tests: same names, answered by models.
 * MMIO goes to the model that registered the address range, ports, MSRs and CPUID
 * to hooks. Time moves by fake_hw.step_us at every access and pause, so that
 * deadlines expire. An access that nobody claims ends the test.
 */
#pragma once

#include "kernel/arch/msr.h"
#include "kernel/lib/base.h"

struct cpuid_regs { uint32_t eax, ebx, ecx, edx; };
struct deadline { uint64_t end_us; };

/* ---- the test's side ---- */
/* off counts from the registered base; size is 1, 2, 4 or 8. */
typedef uint64_t fake_read_fn(void *model, uint64_t off, unsigned size);
typedef void fake_write_fn(void *model, uint64_t off, unsigned size, uint64_t value);

#define FAKE_TRACE_MAX 512
struct fake_access { uint64_t addr, value; unsigned size; bool write; };

struct fake_hw {
    uint64_t now_us;                     /* what hw_now_us says */
    uint64_t step_us;                    /* added by each access and pause; reset gives 1 */
    uint64_t cr[5], dr[8], xcr0;
    uint64_t accesses, pauses, flushes;
    bool irq_on;
    bool allow_stray;                    /* unclaimed reads give all ones, writes vanish */
    uint64_t strays;
    /* hooks; NULL: ports read all ones, MSRs read 0, CPUID reads 0 */
    uint32_t (*in)(uint16_t port, unsigned size);
    void (*out)(uint16_t port, unsigned size, uint32_t value);
    uint64_t (*rdmsr)(uint32_t msr);
    void (*wrmsr)(uint32_t msr, uint64_t value);
    struct cpuid_regs (*cpuid)(uint32_t leaf, uint32_t sub);
    void (*flush)(const void *p, size_t len);
    /* a register that lies: what a read gives in place of v; a write that is lost */
    uint64_t (*lie)(uintptr_t a, unsigned size, uint64_t v);
    bool (*lose)(uintptr_t a, unsigned size, uint64_t v);
    /* last MMIO accesses, a ring: trace[(traced - 1) % FAKE_TRACE_MAX] is the newest */
    struct fake_access trace[FAKE_TRACE_MAX];
    uint64_t traced;
};
extern struct fake_hw fake_hw;

/* Forgets all models and hooks, time 1000, step 1. */
void fake_hw_reset(void);
/* Ranges must not overlap; the newest of equal base replaces the older. Up to 64 models. */
void fake_mmio_register(uint64_t base, uint64_t len, void *model, fake_read_fn *read, fake_write_fn *write);
void fake_mmio_remove(uint64_t base);
/* After each step of time: slow devices finish. NULL: no more. */
void fake_runs(void *model, void (*run)(void *));
/* True when [pa, pa+len) lies in one registered range. */
bool fake_mmio_covers(uint64_t base, uint64_t len);

uint64_t fake_mmio_read(uintptr_t a, unsigned size);
void fake_mmio_write(uintptr_t a, unsigned size, uint64_t v);
uint32_t fake_port_in(uint16_t port, unsigned size);
void fake_port_out(uint16_t port, unsigned size, uint32_t value);
void fake_step(void);
void fake_flush(const void *p, size_t len);
uint64_t fake_rdmsr(uint32_t msr);
void fake_wrmsr(uint32_t msr, uint64_t v);
struct cpuid_regs fake_cpuid(uint32_t leaf, uint32_t sub);
NORETURN void fake_die(const char *what, uint64_t value);

/* ---- the names of the real header ---- */
static inline uint8_t hw_mmio_rd8(uintptr_t a) { return (uint8_t)fake_mmio_read(a, 1); }
static inline uint16_t hw_mmio_rd16(uintptr_t a) { return (uint16_t)fake_mmio_read(a, 2); }
static inline uint32_t hw_mmio_rd32(uintptr_t a) { return (uint32_t)fake_mmio_read(a, 4); }
static inline uint64_t hw_mmio_rd64(uintptr_t a) { return fake_mmio_read(a, 8); }
static inline void hw_mmio_wr8(uintptr_t a, uint8_t v) { fake_mmio_write(a, 1, v); }
static inline void hw_mmio_wr16(uintptr_t a, uint16_t v) { fake_mmio_write(a, 2, v); }
static inline void hw_mmio_wr32(uintptr_t a, uint32_t v) { fake_mmio_write(a, 4, v); }
static inline void hw_mmio_wr64(uintptr_t a, uint64_t v) { fake_mmio_write(a, 8, v); }
static inline uint64_t hw_mmio_rd(uintptr_t a, unsigned size) { return fake_mmio_read(a, size); }
static inline void hw_mmio_wr(uintptr_t a, unsigned size, uint64_t v) { fake_mmio_write(a, size, v); }

static inline uint8_t hw_in8(uint16_t p) { return (uint8_t)fake_port_in(p, 1); }
static inline uint16_t hw_in16(uint16_t p) { return (uint16_t)fake_port_in(p, 2); }
static inline uint32_t hw_in32(uint16_t p) { return fake_port_in(p, 4); }
static inline void hw_out8(uint16_t p, uint8_t v) { fake_port_out(p, 1, v); }
static inline void hw_out16(uint16_t p, uint16_t v) { fake_port_out(p, 2, v); }
static inline void hw_out32(uint16_t p, uint32_t v) { fake_port_out(p, 4, v); }
static inline uint32_t hw_in(uint16_t p, unsigned size) { return fake_port_in(p, size); }
static inline void hw_out(uint16_t p, unsigned size, uint32_t v) { fake_port_out(p, size, v); }

static inline uint64_t hw_rdmsr(uint32_t msr) { return fake_rdmsr(msr); }
static inline void hw_wrmsr(uint32_t msr, uint64_t v) { fake_wrmsr(msr, v); }
static inline uint64_t hw_xgetbv(void) { return fake_hw.xcr0; }
static inline void hw_xsetbv(uint64_t v) { fake_hw.xcr0 = v; }
static inline struct cpuid_regs hw_cpuid(uint32_t leaf, uint32_t sub) { return fake_cpuid(leaf, sub); }
static inline uint64_t hw_rdtsc(void) { fake_step(); return fake_hw.now_us * 1000; }

#define FAKE_REG(file, n) \
    static inline uint64_t hw_read_##file##n(void) { return fake_hw.file[n]; } \
    static inline void hw_write_##file##n(uint64_t v) { fake_hw.file[n] = v; }
FAKE_REG(cr, 0)
FAKE_REG(cr, 2)
FAKE_REG(cr, 3)
FAKE_REG(cr, 4)
FAKE_REG(dr, 0)
FAKE_REG(dr, 1)
FAKE_REG(dr, 2)
FAKE_REG(dr, 3)
FAKE_REG(dr, 6)

static inline void hw_pause(void) { fake_hw.pauses++; fake_step(); }
static inline void hw_cli(void) { fake_hw.irq_on = false; }
static inline void hw_sti(void) { fake_hw.irq_on = true; }
static inline void hw_sti_hlt_cli(void) { fake_step(); fake_hw.irq_on = false; }
static inline NORETURN void hw_halt_forever(void) { fake_die("halted", 0); }
static inline void hw_invlpg(uintptr_t va) { (void)va; }
static inline void hw_mfence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
static inline void hw_flush(const void *p, size_t len) { fake_flush(p, len); }

static inline uint64_t hw_now_us(void) { return fake_hw.now_us; }
static inline struct deadline deadline_in(uint64_t us) { return (struct deadline){ hw_now_us() + us }; }
static inline MUST_USE bool spin(const struct deadline *d) { hw_pause(); return hw_now_us() < d->end_us; }
static inline void wait_us(uint64_t us) { for (struct deadline d = deadline_in(us); spin(&d);) ; }

