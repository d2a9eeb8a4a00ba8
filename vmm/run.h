/* SPDX-License-Identifier: BSD-2-Clause */
/* The exit loop: one thread per vCPU, each at home in its own VCPU_RUN. */
#pragma once

#include "vmm/lock.h"
#include "vmm/mem.h"
#include "vmm/msr.h"
#include "vmm/platform.h"

struct vmm {                     /* const after start unless said */
    const struct vmm_start *start;
    struct vmm_channel *channel; /* shared with the monitor */
    struct guest_mem mem;
    uint64_t cr4_allowed;
    uint32_t ready;              /* any thread, atomic: vCPUs may run */
    struct lock lock;            /* the device lock: platform, msr.unknown */
    struct msr_vm msr;
    struct msr_vcpu msr_vcpu[VMM_MAX_VCPUS];   /* each its thread's */
    struct platform platform;    /* lock */
};

static inline struct vcpu_state *vmm_vcpu_state(unsigned vcpu)
{
    return (struct vcpu_state *)(VMM_VCPU_VA + (uint64_t)vcpu * PAGE_SIZE);
}

/* Runs vCPU index until the VMM ends. */
NORETURN void run_vcpu(struct vmm *vmm, unsigned index);

/* Every exit but a port access: run_exit.c. */
void run_exit(struct vmm *vmm, unsigned index, struct vcpu_state *vs);
/* The guest switched itself off or asked for a reset. */
NORETURN void run_outcome(enum pm_outcome outcome);

