/* SPDX-License-Identifier: BSD-2-Clause */
/* The per-CPU block, found through GS in the kernel. Offsets are known to assembly. */
#pragma once

#include "kernel/config.h"
#include "kernel/lib/base.h"

struct thread;

struct percpu {
    struct percpu *self;            /* 00 const */
    uint64_t kstack_top;            /* 08 stack for SYSCALL and ring 3 traps: current thread's (TSS.RSP0 too) */
    uint64_t user_rsp;              /* 10 scratch of the SYSCALL entry */
    struct thread *current;         /* 18 owner CPU */
    uint32_t cpu;                   /* 20 index, const */
    uint32_t apic_id;               /* 24 const */
    uint32_t need_resched;          /* 28 set by interrupts and wakes on this CPU, any CPU atomic */
    uint32_t online;                /* 2c */
    uint64_t kernel_cr3;            /* 30 const: kernel-only address space */
    struct fpu_area *fpu_loaded;    /* 38 whose state is in the registers, NULL = clean */
    void *virt;                     /* 40 kernel/virt per-CPU page (host save area...), const */
    uint64_t idle_tsc, guest_tsc, irqs, ipis, switches;   /* owner CPU */
};
AT(struct percpu, kstack_top, 0x08);
AT(struct percpu, user_rsp, 0x10);
AT(struct percpu, need_resched, 0x28);

static inline struct percpu *percpu(void)
{
    struct percpu *p;
    __asm__ ("mov %%gs:0, %0" : "=r"(p));   /* never changes on a CPU: not volatile */
    return p;
}

extern struct percpu *cpu_block[MAX_CPUS];   /* by index; NULL beyond cpu_count */
extern uint32_t cpu_count;           /* CPUs that are up, const after boot */

