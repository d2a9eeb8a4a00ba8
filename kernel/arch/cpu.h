/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel uses of arch/: CPU bring-up, features, time, FPU, context switch, and what it includes. */
#pragma once

#include "kernel/arch/lapic.h"
#include "kernel/arch/percpu.h"
#include "kernel/arch/spinlock.h"
#include "kernel/arch/upcall.h"

/* Selectors, in the order SYSCALL/SYSRET wants. */
#define SEL_KCODE  0x08u
#define SEL_KDATA  0x10u
#define SEL_UDATA  0x1bu
#define SEL_UCODE  0x23u
#define SEL_TSS    0x28u

struct cpu_features {       /* const after boot; the bools are what features.c says of them */
    bool smap;              /* 00 entry.S and copy.S look at it */
    bool nx, fxsr_sse2, pge, apic, svm, npt, xsave, invariant_tsc, x2apic, smep, umip, ibpb, nrips;
    bool tsc_deadline, verw, spec_ctrl, stibp, l1d_flush, arch_caps, page1g, flush_by_asid, decode_assists, auto_ibrs;
    bool intel;
    uint8_t phys_bits;
    uint32_t asids;
    uint64_t host_xcr0;
};
AT(struct cpu_features, smap, 0);
extern struct cpu_features cpu_features;
struct cpuid_regs cpuid_leaf(uint32_t leaf);   /* zeros when the CPU does not have it */

uint64_t tsc_hz(void);                        /* calibrated, const after boot */
/* Boot CPU, once: CPUID when it says, else the 8254; a line says which. */
void tsc_calibrate(void);
const char *tsc_source(void);                 /* how it is known, for the boot log */
static inline uint64_t tsc_from_us(uint64_t us) { return us * (tsc_hz() / 1000000u); }

/* FPU. An area is a page in XSAVE layout. */
struct fpu_area;
void fpu_area_init(struct fpu_area *area);   /* gives it the power-on state */
/* Makes `area` (NULL = clean state) what the registers hold; saves what was there. This CPU. */
void fpu_switch(struct fpu_area *area);
/* Area is about to be freed: forget it wherever it is loaded. Its thread does not run. */
void fpu_forget(struct fpu_area *area);

/* CR4 is set: XCR0 (host_xcr0 too), clean registers, closed to ring 3. Each CPU once. */
void fpu_init_cpu(void);

/* Speculation policy: what leaks between owners, and what is done about it on this CPU. */
void spec_init_cpu(void);    /* SPEC_CTRL and EFER bits; each CPU */
/* On this CPU another owner's code runs next (another task or another guest). */
void spec_switch(void);
void spec_log(void);         /* one line per issue */

/* Clears whole pages: the one instruction sequence every CPU is fast at. p 8-aligned, len a multiple of 8. */
static inline void clear_bytes(void *p, uint64_t len)
{
    uint64_t n = len / 8;
    __asm__ volatile ("rep stosq" : "+D"(p), "+c"(n) : "a"(0ull) : "memory");
}

/* Saves callee-saved registers and the stack, continues at *next_sp. */
void context_switch(uint64_t *save_sp, uint64_t next_sp);
/* Builds the stack of a thread that starts in ring 3 at (rip, rsp, rdi=arg); returns its sp. */
uint64_t context_new_user(uint64_t kstack_top, uint64_t rip, uint64_t rsp, uint64_t arg);
/* RSP0 and SYSCALL stack for the thread that now runs; loads CR3 when it differs. */
void context_set(uint64_t kstack_top, uint64_t cr3);

/* User access with SMAP open, fault = ST_FAULT. Addresses are checked against the user half. */
MUST_USE status_t user_copy_in(void *dst, uint64_t user_src, uint64_t len);
MUST_USE status_t user_copy_out(uint64_t user_dst, const void *src, uint64_t len);

#define USER_TOP  0x00007ffffffff000ull    /* user addresses are below */

