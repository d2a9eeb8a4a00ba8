/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MSRs that the kernel leaves to the VMM: a table of constants and small
 * stores, MTRRs, and the KVM clock. Unknown ones are #GP for the guest. Pure.
 */
#pragma once

#include "vmm/mem.h"

#define MSR_MTRR_VARS   8u
#define MSR_MTRR_FIXED 11u
#define MSR_STORES      4u
#define MSR_UNKNOWN_MAX 16u

struct msr_clock {            /* guest time: TSC of nanosecond 0, and its scale */
    uint64_t base_tsc;        /* guest TSC */
    uint64_t wall_sec;        /* seconds since 1970 at base_tsc */
    uint32_t wall_nsec;
    uint32_t mul;             /* ns = ((tsc - base) << shift) * mul >> 32 */
    int8_t   shift;
};

struct msr_vm {               /* const after init, but for unknown[] (device lock) */
    const struct guest_mem *mem;
    struct msr_clock clock;
    bool intel;
    unsigned phys_bits;
    uint32_t unknown[MSR_UNKNOWN_MAX];   /* refused so far: each is logged once */
    uint32_t unknowns;
};

struct msr_vcpu {             /* home thread only */
    uint64_t store[MSR_STORES];
    uint64_t system_time;     /* as written: address | 1 */
    uint64_t mtrr_def;
    uint64_t mtrr_base[MSR_MTRR_VARS], mtrr_mask[MSR_MTRR_VARS];
    uint64_t mtrr_fixed[MSR_MTRR_FIXED];
};

/* tsc_hz > 0; base_tsc: guest TSC now; epoch: seconds since 1970 at epoch_tsc (guest TSC), 0 unknown. */
void msr_clock_init(struct msr_clock *clock, uint64_t tsc_hz, uint64_t base_tsc, uint64_t epoch, uint64_t epoch_tsc);
void msr_vcpu_init(struct msr_vcpu *vcpu);

/* false: #GP(0). */
MUST_USE bool msr_read(const struct msr_vm *vm, const struct msr_vcpu *vcpu, uint32_t index, uint64_t *value);
MUST_USE bool msr_write(const struct msr_vm *vm, struct msr_vcpu *vcpu, uint32_t index, uint64_t value);

/* Is this the first time that the guest asked for this unknown MSR? */
bool msr_unknown_note(struct msr_vm *vm, uint32_t index);

