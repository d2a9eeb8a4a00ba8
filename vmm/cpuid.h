/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPUID table of the guest: the host's leaves through allow lists, plus what
 * this hypervisor offers. Pure but for cpuid_host.
 */
#pragma once

#include "kernel/abi/vcpu_state.h"
#include "kernel/lib/base.h"

struct cpuid_leaf { uint32_t eax, ebx, ecx, edx; };

/* The host's leaf; host.c executes CPUID, tests answer for a machine. */
struct cpuid_leaf cpuid_host(uint32_t leaf, uint32_t subleaf);

struct cpuid_config {
    unsigned vcpus;           /* 1..VMM_MAX_VCPUS: cores of one socket */
    uint64_t tsc_hz;
    uint64_t lapic_hz;        /* of the virtual APIC timer at divisor 1 */
};

enum cpuid_vendor { CPUID_INTEL, CPUID_AMD, CPUID_OTHER };
enum cpuid_vendor cpuid_vendor(void);

/* Fills rows, sorted by leaf and subleaf; returns the count (<= VM_CPUID_MAX). */
unsigned cpuid_build(struct vm_cpuid rows[VM_CPUID_MAX], const struct cpuid_config *config);

/* The row that answers (leaf, subleaf); all zero when there is none. */
struct cpuid_leaf cpuid_lookup(const struct vm_cpuid *rows, unsigned count, uint32_t leaf, uint32_t subleaf);

/* KVM's paravirtual features that exist here [LINUX virt/kvm/x86/cpuid.rst]. */
#define KVM_FEATURE_CLOCKSOURCE         BIT32(0)
#define KVM_FEATURE_NOP_IO_DELAY        BIT32(1)
#define KVM_FEATURE_CLOCKSOURCE2        BIT32(3)
#define KVM_FEATURE_CLOCKSOURCE_STABLE  BIT32(24)

