/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Eager FPU state. While no area is loaded CR0.TS keeps ring 3 out of the registers
 * (nothing in user mode uses them) and they hold the power-on state, so that
 * there is nothing to read past TS either.
 */
#include "kernel/arch/cpu.h"

/* XCR0 components [SDM1 13.1] */
#define XCR0_X87_SSE  0x03u
#define XCR0_AVX      0x04u
#define XCR0_AVX512   0xe0u
#define D1_XSAVES     BIT32(3)       /* leaf D.1 EAX */
#define MSR_XSS       0xda0u

struct fpu_area {            /* [SDM1 10.5.1]: the start of the legacy region */
    uint16_t fcw, fsw;
    uint8_t rsvd_04[0x14];
    uint32_t mxcsr;          /* 18 */
    uint8_t rest[PAGE_SIZE - 0x1c];
};
AT(struct fpu_area, mxcsr, 0x18);

static const struct fpu_area clean ALIGNED(64) = { .fcw = 0x037f, .mxcsr = 0x1f80 };   /* power-on state */

static void load(const struct fpu_area *area)
{
    if (cpu_features.xsave)
        __asm__ volatile ("xrstor64 %0" : : "m"(*area), "a"(~0u), "d"(~0u) : "memory");
    else
        __asm__ volatile ("fxrstor64 %0" : : "m"(*area) : "memory");
}

static void save(struct fpu_area *area)
{
    if (cpu_features.xsave)
        __asm__ volatile ("xsave64 %0" : "+m"(*area) : "a"(~0u), "d"(~0u) : "memory");
    else
        __asm__ volatile ("fxsave64 %0" : "+m"(*area) : : "memory");
}

static void close_to_user(void) { hw_write_cr0(hw_read_cr0() | CR0_TS); }
static void open_to_user(void) { __asm__ volatile ("clts" : : : "memory"); }

void fpu_init_cpu(void)
{
    uint32_t xcr0 = XCR0_X87_SSE;
    open_to_user();
    if (cpu_features.xsave) {
        uint32_t can = hw_cpuid(0xd, 0).eax;
        xcr0 |= can & XCR0_AVX;
        if ((can & (XCR0_AVX | XCR0_AVX512)) == (XCR0_AVX | XCR0_AVX512))
            xcr0 |= XCR0_AVX512;
        hw_xsetbv(xcr0);
        if (hw_cpuid(0xd, 1).eax & D1_XSAVES)
            hw_wrmsr(MSR_XSS, 0);        /* no supervisor state is switched: XSAVES saves none, whatever firmware had */
        KASSERT(hw_cpuid(0xd, 0).ebx <= sizeof(struct fpu_area));    /* for what XCR0 holds now */
    }
    cpu_features.host_xcr0 = xcr0;
    load(&clean);
    close_to_user();
}

void fpu_area_init(struct fpu_area *area) { *area = clean; }

void fpu_switch(struct fpu_area *area)
{
    struct percpu *cpu = percpu();
    if (cpu->fpu_loaded == area)
        return;
    open_to_user();                       /* else the save itself would fault */
    if (cpu->fpu_loaded)
        save(cpu->fpu_loaded);
    load(area ? area : &clean);
    if (!area)
        close_to_user();
    cpu->fpu_loaded = area;
}
