/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake of kernel/arch/percpu.h: one CPU, whose block the test defines (struct percpu fake_percpu). */
#pragma once

#include "kernel/config.h"
#include "kernel/lib/base.h"

struct thread;

struct percpu {
    struct percpu *self;
    uint64_t user_rsp;
    struct thread *current;
    uint32_t cpu, apic_id, need_resched, online;
    uint64_t kernel_cr3;
    struct fpu_area *fpu_loaded;
    void *virt;
    uint64_t idle_tsc, guest_tsc, irqs, ipis, switches;
};

extern struct percpu fake_percpu;
extern struct percpu *cpu_block[MAX_CPUS];
extern uint32_t cpu_count;

static inline struct percpu *percpu(void) { return &fake_percpu; }

