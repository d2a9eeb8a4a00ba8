/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual machine: guest-physical space, CPUID table, vCPUs. */
#pragma once

#include "kernel/abi/vcpu_state.h"
#include "kernel/mm/ptab.h"
#include "kernel/obj/obj.h"

struct iommu_dom;
struct vcpu;

#define VM_MAX_MEMORY  8u
#define VM_MMIO_TABLES 128u              /* table pages that BAR mappings of one VM may take */
#define TSC_FRACTION   48u               /* bits of vm.tsc_ratio behind the point [SDM3 25.6.5] */
#define TSC_SAME       BIT64(TSC_FRACTION)
#define TSC_RANGE      16u               /* a guest's TSC is at most so many times faster or slower */
#define GPA_TOP        (1ull << 40)      /* guest-physical addresses are below */

struct vm {
    struct kobj obj;
    uint32_t id;                         /* from 1, never used again, const */
    uint32_t vcpus;                      /* const after start */
    uint32_t started;                    /* set by the first VCPU_RUN: CPUID and vCPUs are fixed */
    uint32_t asid;                       /* const: one for the VM, from the pool */
    uint64_t tsc_ratio, tsc_khz;         /* guest's TSC to host's, TSC_SAME when they are one; const after create */
    struct spinlock lock;                /* nested table after start */
    struct ptab npt;                     /* lock */
    uint32_t tlb_gen;                    /* any CPU, atomic: each vCPU flushes when it lags */
    struct iommu_dom *dma;               /* drivers/iommu/iommu.h, NULL = no devices; const after create */
    struct memory *mem[VM_MAX_MEMORY];   /* references; root thread */
    uint32_t mems;
    uint32_t cpuids;                     /* const after start */
    uint8_t cpuid_index[3][32];          /* vm_cpuid.c: first row of a leaf, 0 = the zero row; const after start */
    struct vcpu *vcpu[MAX_VCPUS_VM];     /* const after start */
    struct vm_cpuid cpuid[VM_CPUID_MAX + 1]; /* const after start; row 0 stays zero */
};

/* A new object's; dma is attached by sys_vm.c. tsc_khz: the rate of its TSC, 0: the host's. ST_UNSUPP: the CPU cannot;
 * ST_RANGE: too far from the host's; ST_NOSPACE. */
MUST_USE status_t vm_create(struct vm *vm, uint32_t tsc_khz);
void vm_destroy(struct vm *vm);                      /* every vCPU and device is gone; dma already destroyed */
/* RAM before start, PT_R|PT_W|PT_X; BARs any time, PT_R|PT_W and PT_UC or PT_WC, ST_NOSPACE beyond VM_MMIO_TABLES.
 * Below GPA_TOP: callers have validated it. Takes no reference (caller does). */
MUST_USE status_t vm_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, unsigned prot);
/* Returns after no vCPU can use the old translation. */
MUST_USE status_t vm_unmap(struct vm *vm, gpa_t gpa, uint64_t len);

/* The nested page at gpa: its size and VM_PAGE_*, 0: none. Only looks: nobody clears what hardware sets. */
uint64_t vm_page(struct vm *vm, gpa_t gpa);

/* ---- vm_cpuid.c ---- */
/* vm_cpuid.rsvd of a row inside the kernel. FIXED: the row is the answer as it stands. SLOW: vm_cpuid_get knows. */
enum vm_cpuid_kind { VM_CPUID_FIXED, VM_CPUID_LEAF_1, VM_CPUID_SLOW };
#define VM_CPUID_LOW   0x3fffffffu
/* rows ascend by leaf, subleaf. ST_INVAL; ST_STATE when set or started. */
MUST_USE status_t vm_set_cpuid(struct vm *vm, const struct vm_cpuid *rows, uint32_t count);
/* The answer to CPUID on the vCPU with these registers, zero for a leaf without a row. */
void vm_cpuid_get(const struct vcpu *vcpu, uint32_t leaf, uint32_t sub, uint64_t cr4, uint64_t xcr0,
                  struct vm_cpuid *out);
/* First row of an indexed leaf, the zero row when it has none; NULL = not indexed. */
static inline const struct vm_cpuid *vm_cpuid_row(const struct vm *vm, uint32_t leaf)
{
    uint32_t bank = leaf >> 30, low = leaf & VM_CPUID_LOW;
    if (unlikely(low >= 32 || bank >= 3))
        return NULL;
    return &vm->cpuid[vm->cpuid_index[bank][low & 31u]];    /* the mask also holds under misprediction */
}

