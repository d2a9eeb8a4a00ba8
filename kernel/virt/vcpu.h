/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The neutral vCPU. The general registers live in its shared page; everything a
 * back end needs hangs off `hw`.
 */
#pragma once

#include "kernel/abi/info.h"
#include "kernel/sched/sched.h"
#include "kernel/virt/vlapic.h"
#include "kernel/virt/vm.h"

struct svm_vcpu;
struct vmx_vcpu;

struct vcpu_cpuid { struct vm_cpuid row; uint64_t cr4, base; };

struct vcpu {
    struct kobj obj;
    struct vm *vm;                  /* const, holds a reference */
    struct vcpu_state *state;       /* const: the shared page (pmm), untrusted content */
    union { struct svm_vcpu *svm; struct vmx_vcpu *vmx; }; /* const: back end's part */
    struct thread *thread;          /* the home thread, set at the first VCPU_RUN, then const */
    struct event *doorbell;         /* const, holds a reference until vcpu_destroy */
    struct fpu_area *fpu;           /* const */
    uint32_t index, cpu;            /* APIC id, host CPU: const */
    uint32_t phase;                 /* owner CPU: enum vcpu_phase */
    uint32_t extint_line;           /* any CPU, atomic: virtual PIC's output */
    uint32_t nmi_pending;           /* any CPU, atomic */
    uint32_t init_sipi;             /* any CPU, atomic: VCPU_INIT, VCPU_SIPI | vector */
    uint32_t stop;                  /* owner CPU: never runs again, its state is gone */
    uint32_t in_guest;              /* owner CPU writes, others wait on it: hardware may use the nested table */
    uint32_t tlb_seen;              /* owner CPU writes: vm->tlb_gen that it flushed for */
    uint64_t serial;                /* const: never the same for two vCPUs since boot */
    uint64_t tsc_offset, tsc_adjust; /* owner CPU */
    uint32_t tsc_aux;               /* owner CPU; cpu_features.rdtscp */
    uint64_t event;                 /* owner CPU: to inject at the next entry, EVENT_* */
    uint64_t xcr0, dr[4];           /* owner CPU */
    uint32_t dr_loaded;             /* owner CPU: dr[] is in the CPU, where the guest may have changed it */
    struct vcpu_cpuid leaf1;        /* owner CPU: the answer to CPUID leaf 1, and what it depends on */
    struct vlapic lapic;
    struct vcpu_stats stats;        /* owner CPU */
};

enum vcpu_phase { VCPU_PHASE_RUN, VCPU_PHASE_HALT, VCPU_PHASE_WAIT_SIPI };
#define VCPU_INIT  0x100u
#define VCPU_SIPI  0x200u

/* The guest's TSC when the host's is tsc: what its RDTSC gives. */
static inline uint64_t vcpu_tsc(const struct vcpu *v, uint64_t tsc)
{ return (uint64_t)((unsigned __int128)tsc * v->vm->tsc_ratio >> TSC_FRACTION) + v->tsc_offset; }

/* index 0 starts runnable, the others wait for SIPI. Sets vm->vcpu[index]. */
MUST_USE status_t vcpu_create(struct vm *vm, uint32_t index, uint32_t cpu, struct event *doorbell, struct vcpu **out);
void vcpu_destroy(struct kobj *obj);
void vcpu_free(struct vcpu *vcpu);       /* vm_destroy's: the memory of a destroyed vCPU */

/* The VCPU_RUN call: current thread becomes the home; loops until user mode must act.
 * ST_OK with state->exit filled; ST_STATE wrong thread or CPU; ST_KILLED the task ends. */
MUST_USE status_t vcpu_run(struct vcpu *vcpu);
MUST_USE status_t vcpu_state(struct vcpu *vcpu, bool set, uint32_t groups);
MUST_USE status_t vcpu_lapic(struct vcpu *vcpu, bool write, uint32_t offset, uint64_t *value);
/* The virtual PIC's output. */
void vcpu_line(struct vcpu *vcpu, bool level);
/* Makes the vCPU look at its pending work: sets attention, wakes or kicks. Any CPU, interrupts. */
void vcpu_notify(struct vcpu *vcpu);
/* An edge-triggered vector was posted. true: its CPU is inside the guest and takes it there. Any CPU, interrupts. */
MUST_USE bool vcpu_posted(const struct vcpu *vcpu);

/* The back end's run loop asks: looks at all pending work, blocks while the vCPU is halted. true: an exit record is
 * filled. Does not come back when the task ends. Home thread, host state. */
MUST_USE bool vcpu_attend(struct vcpu *vcpu);

