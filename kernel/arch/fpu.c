/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Eager FPU state. While no area is loaded CR0.TS keeps ring 3 out of the registers
 * (nothing in user mode uses them) and they hold the power-on state, so that
 * there is nothing to read past TS either.
 */
#include "kernel/arch/cpu.h"

/* XCR0 components [SDM1 13.1] */
#define XCR0_X87      0x01u
#define XCR0_SSE      0x02u
#define XCR0_AVX      0x04u
#define XCR0_AVX512   0xe0u
#define FXSAVE_BYTES  512u
#define XHEADER_BYTES 64u
#define FCW_INIT      0x037fu
#define MXCSR_INIT    0x1f80u

struct fpu_area {            /* [SDM1 10.5.1]: the start of the legacy region */
    uint16_t fcw, fsw;
    uint8_t rsvd_04[0x14];
    uint32_t mxcsr;          /* 18 */
    uint8_t rest[PAGE_SIZE - 0x1c];
};
AT(struct fpu_area, mxcsr, 0x18);

static struct fpu_area clean ALIGNED(64) = { .fcw = FCW_INIT, .mxcsr = MXCSR_INIT };   /* never written */

void fpu_detect(void)
{
    struct cpu_features *f = &cpu_features;
    f->xsave_size = FXSAVE_BYTES;
    f->host_xcr0 = XCR0_X87 | XCR0_SSE;
    if (!f->xsave)
        return;
    struct cpuid_regs r = hw_cpuid(0xd, 0);
    uint64_t can = (uint64_t)r.edx << 32 | r.eax;
    if (can & XCR0_AVX)
        f->host_xcr0 |= XCR0_AVX;
    if ((can & XCR0_AVX) && (can & XCR0_AVX512) == XCR0_AVX512)
        f->host_xcr0 |= XCR0_AVX512;
    f->xsaveopt = (hw_cpuid(0xd, 1).eax & BIT32(0)) != 0;
    f->xsave_size = FXSAVE_BYTES + XHEADER_BYTES;
    for (uint32_t i = 2; i < 8; i++) {       /* standard format: each component has its place */
        r = hw_cpuid(0xd, i);
        if (f->host_xcr0 & BIT64(i))
            f->xsave_size = MAX(f->xsave_size, r.eax + r.ebx);
    }
    KASSERT(f->xsave_size <= sizeof(struct fpu_area));
}

static void save(struct fpu_area *area)
{
    uint32_t lo = (uint32_t)cpu_features.host_xcr0, hi = (uint32_t)(cpu_features.host_xcr0 >> 32);
    if (cpu_features.xsave)
        __asm__ volatile ("xsave64 %0" : "+m"(*area) : "a"(lo), "d"(hi) : "memory");
    else
        __asm__ volatile ("fxsave64 %0" : "+m"(*area) : : "memory");
}

static void load(const struct fpu_area *area)
{
    uint32_t lo = (uint32_t)cpu_features.host_xcr0, hi = (uint32_t)(cpu_features.host_xcr0 >> 32);
    if (cpu_features.xsave)
        __asm__ volatile ("xrstor64 %0" : : "m"(*area), "a"(lo), "d"(hi) : "memory");
    else
        __asm__ volatile ("fxrstor64 %0" : : "m"(*area) : "memory");
}

static void close_to_user(void) { hw_write_cr0(hw_read_cr0() | CR0_TS); }
static void open_to_user(void) { __asm__ volatile ("clts" : : : "memory"); }

void fpu_init_cpu(void)
{
    open_to_user();
    if (cpu_features.xsave)
        __asm__ volatile ("xsetbv" : : "c"(0), "a"((uint32_t)cpu_features.host_xcr0), "d"(0) : "memory");
    load(&clean);
    close_to_user();
}

void fpu_area_init(struct fpu_area *area)
{
    area->fcw = FCW_INIT;
    area->mxcsr = MXCSR_INIT;
}

/* What percpu.fpu_loaded holds besides an area and NULL (= clean). */
#define FPU_BUSY   ((struct fpu_area *)1)    /* its CPU is switching now */
#define FPU_STALE  ((struct fpu_area *)2)    /* registers of an area that is gone: load before use */

void fpu_switch(struct fpu_area *area)
{
    struct percpu *cpu = percpu();
    if (cpu->fpu_loaded == area)
        return;
    struct fpu_area *old = __atomic_exchange_n(&cpu->fpu_loaded, FPU_BUSY, __ATOMIC_ACQ_REL);
    open_to_user();                       /* else the save itself would fault */
    if (old && old != FPU_STALE)
        save(old);
    load(area ? area : &clean);
    if (!area)
        close_to_user();
    __atomic_store_n(&cpu->fpu_loaded, area, __ATOMIC_RELEASE);   /* partner: fpu_forget */
}

void fpu_forget(struct fpu_area *area)
{
    for (uint32_t i = 0; i < MAX_CPUS; i++) {
        struct percpu *cpu = cpu_block[i];
        struct fpu_area *held;
        do {
            held = cpu ? __atomic_load_n(&cpu->fpu_loaded, __ATOMIC_ACQUIRE) : NULL;
            if (held == FPU_BUSY)
                hw_pause();               /* ends by itself: that CPU runs with interrupts off */
        } while (held == FPU_BUSY ||
                 (held == area && !__atomic_compare_exchange_n(&cpu->fpu_loaded, &held, FPU_STALE, false,
                                                               __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)));
    }
}
