/* SPDX-License-Identifier: BSD-2-Clause */
/* The per-CPU block, found through GS in the kernel. Offsets are known to assembly. */
#pragma once

#include "kernel/config.h"
#include "kernel/lib/base.h"

struct thread;

struct percpu {
    struct percpu *self;            /* 00 const */
    uint64_t user_rsp;              /* 08 scratch of the SYSCALL entry */
    struct thread *current;         /* 10 owner CPU */
    uint32_t cpu;                   /* 18 index, const */
    uint32_t apic_id;               /* 1c const */
    uint32_t need_resched;          /* 20 set by interrupts and wakes on this CPU, any CPU atomic */
    uint32_t online;                /* 24 */
    uint64_t kernel_cr3;            /* 28 const: kernel-only address space */
    struct fpu_area *fpu_loaded;    /* 30 whose state is in the registers, NULL = clean */
    void *virt;                     /* 38 kernel/virt per-CPU page (host save area...), const */
    uint64_t idle_tsc, guest_tsc, irqs, ipis, switches;   /* owner CPU */
};
AT(struct percpu, user_rsp, 0x08);
AT(struct percpu, need_resched, 0x20);

static inline struct percpu *percpu(void)
{
    struct percpu *p;
    __asm__ ("mov %%gs:0, %0" : "=r"(p));   /* never changes on a CPU: not volatile */
    return p;
}

extern struct percpu *cpu_block[MAX_CPUS];   /* by index; NULL beyond cpu_count */
extern uint32_t cpu_count;           /* CPUs that the loader listed, up or not (cpu_is_up); const after boot */

