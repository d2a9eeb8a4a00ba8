/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel uses of arch/: CPU bring-up, features, time, FPU, local APIC, context switch, and what it includes. */
#pragma once

#include "kernel/arch/percpu.h"
#include "kernel/arch/spinlock.h"
#include "kernel/arch/upcall.h"

/* Selectors, in the order SYSCALL/SYSRET wants. */
#define SEL_KCODE  0x08u
#define SEL_KDATA  0x10u
#define SEL_UDATA  0x1bu
#define SEL_UCODE  0x23u
#define SEL_TSS    0x28u

#define CPU_ONLINE 1u      /* percpu.online: it came up at boot */
/* Numbers come from outside: also whether there is such a CPU. */
static inline bool cpu_is_up(uint32_t cpu)
{
    return cpu < cpu_count &&
           __atomic_load_n(&cpu_block[index_clamp(cpu, cpu_count)]->online, __ATOMIC_ACQUIRE) == CPU_ONLINE;
}

struct cpu_features {       /* const after boot; the bools are what features.c says of them */
    bool smap;              /* 00 entry.S and copy.S look at it */
    bool nx, fxsr_sse2, pge, apic, svm, svm_locked, npt, vmx, vmx_in_use, xsave, invariant_tsc, x2apic, smep, umip, ibpb, nrips;
    bool tsc_deadline, verw, spec_ctrl, stibp, l1d_flush, arch_caps, page1g, flush_by_asid, decode_assists, auto_ibrs,
         rdtscp, fsgsbase, pcid, btc_no, srso_no, ibpb_brtype, bp_reduce, hypervisor;
    bool intel, emulated;   /* emulated: by one that says so, and does not speculate */
    bool xsaves, tsc_scaling;   /* the back end's word: guests may use XSAVES where CPUID has it, have a TSC of their own */
    uint8_t phys_bits, family, model;
    uint32_t asids;
    uint64_t host_xcr0, cr4_known;   /* cr4_known: bits that this CPU does not fault on and that guests may have */
};
AT(struct cpu_features, smap, 0);
extern struct cpu_features cpu_features;
struct cpuid_regs cpuid_leaf(uint32_t leaf);   /* zeros when the CPU does not have it */

uint64_t tsc_hz(void);                        /* const after boot */
void tsc_init(uint64_t per_second);           /* boot CPU, once: what the loader measured */
static inline uint64_t tsc_from_us(uint64_t us) { return us * (tsc_hz() / 1000000u); }

/* Per-CPU deadlines. The handler is named by an enum; no function pointers. */
enum ktimer_kind { KTIMER_EVENT = 0, KTIMER_VLAPIC, KTIMER_WAIT, KTIMER_KICK };

struct ktimer {
    struct ktimer *next;     /* list of the CPU, by deadline */
    uint64_t deadline;       /* TSC */
    uint32_t cpu;            /* where it is armed */
    uint8_t kind, armed;
};

/* Arms (or re-arms) on the calling CPU. */
void ktimer_set(struct ktimer *timer, uint64_t deadline_tsc);
/* From any CPU; afterwards the handler does not run. */
void ktimer_cancel(struct ktimer *timer);
/* The timer interrupt: runs what is due, programs the next. */
void ktimer_irq(void);

/* Host local APIC: x2APIC when the CPU has it, else the xAPIC page. Its vectors; those of devices
 * are VEC_DEVICE_FIRST .. VEC_DEVICE_LAST, per CPU. */
#define VEC_DEVICE_FIRST 0x30u
#define VEC_DEVICE_LAST  0xdfu
#define VEC_CONSOLE      0xe0u   /* UART through the I/O APIC, CPU 0 */
#define VEC_IOMMU_FAULT  0xe1u
#define VEC_TIMER        0xf0u
#define VEC_RESCHED      0xf1u   /* look at need_resched, leave the guest */
#define VEC_POSTED       0xf2u   /* look at the posted interrupts of the vCPU; nothing to do outside the guest */
#define VEC_SPURIOUS     0xffu

extern bool lapic_is_x2apic;         /* const after boot */
void lapic_init_cpu(void);           /* each CPU once */
void lapic_eoi(void);
void lapic_ipi(uint32_t cpu, uint8_t vector);      /* fixed, by CPU index */
void lapic_nmi_others(void);                        /* panic: stop the others */
/* One shot at an absolute TSC value that is not 0; a past value fires at once. This CPU. */
void lapic_timer_set(uint64_t deadline_tsc);

/* Any command, by APIC id. */
void lapic_send(uint32_t apic_id, uint32_t command);
#define IPI_INIT         0x04500u
#define IPI_STARTUP      0x04600u    /* | number of the page below 1 MiB to start in */

/* FPU. An area is a page in XSAVE layout. */
struct fpu_area;
void fpu_area_init(struct fpu_area *area);   /* gives it the power-on state */
/* Makes `area` (NULL = clean state) what the registers hold; saves what was there. This CPU. An area is
 * loaded on its thread's CPU only, and no longer than the thread lives. */
void fpu_switch(struct fpu_area *area);

/* CR4 is set: XCR0 (host_xcr0 too), clean registers, closed to ring 3. Each CPU once. */
void fpu_init_cpu(void);

/* Speculation policy. What is done on this machine, SPEC_*; const once all CPUs are up. */
extern uint32_t spec_actions;
extern uint64_t spec_caps;   /* IA32_ARCH_CAPABILITIES, for the monitor's texts */
MUST_USE uint32_t spec_decide(const struct cpu_features *features, uint64_t arch_caps);   /* pure */
void spec_init_cpu(void);    /* what is on since boot; each CPU */
/* On this CPU another owner's code runs next, and nothing of the last one's is in registers any more. */
void spec_switch(void);
/* After an exit of a guest, where spec_actions & SPEC_AT_EXIT: the first before any return (it takes rax, rcx, rdx), the
 * second before a return to a caller from before the entry (it takes flags only). spec_entry.S. */
void spec_exit_barrier(void);
void spec_fill_returns(void);

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

