/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID of a virtual machine: the row for a leaf in a few instructions, and what changes at run time. */
#pragma once

#include "kernel/virt/vm.h"

/* vm_cpuid.rsvd inside the kernel: 0 = the row is the answer as it stands. */
enum cpuid_patch { CPUID_FIXED, CPUID_LEAF_1, CPUID_LEAF_7, CPUID_TOPOLOGY, CPUID_XSAVE, CPUID_XSAVEC, CPUID_AMD_ID };
#define CPUID_PATCH     0xffu
#define CPUID_SUBLEAVES 0x100u      /* the rows of this leaf differ by subleaf */

struct cpuid_now {          /* what the patches need */
    uint32_t apic_id;
    bool apic_on, osxsave, ospke;
    uint64_t xcr0;
};

/* The answer to CPUID, zero for a leaf without a row. */
void vm_cpuid_get(const struct vm *vm, uint32_t leaf, uint32_t sub, const struct cpuid_now *now, struct vm_cpuid *out);
/* Once at boot: sizes of the XSAVE components. */
void vm_cpuid_init(void);

/* First row of an indexed leaf, the zero row when it has none; NULL = not indexed. */
static inline const struct vm_cpuid *vm_cpuid_row(const struct vm *vm, uint32_t leaf)
{
    uint32_t bank = leaf >> 30, low = leaf & 0x3fffffffu;
    if (unlikely(low >= 32 || bank >= 3))
        return NULL;
    return &vm->cpuid[vm->cpuid_index[bank][low & 31u]];    /* the mask also holds under misprediction */
}

