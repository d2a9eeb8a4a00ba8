/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual machine's CPUID table [SDM2 CPUID], [APM3 E]: the rows that the VMM supplied, and what changes at
 * run time: the vCPU's id, its mode bits, the sizes that depend on its XCR0. */
#include "kernel/virt/vcpu.h"

#define L1_APIC_ID      MASK32(31, 24)     /* leaf 1 EBX */
#define L1_OSXSAVE      BIT32(27)          /* leaf 1 ECX */
#define L1_APIC         BIT32(9)           /* leaf 1 EDX */
#define XS_SAVES        BIT32(3)           /* leaf D.1 EAX */
#define XS_COMPACT      (BIT32(1) | XS_SAVES)  /* with XSAVEC */
#define XS_ALIGN        BIT32(1)           /* leaf D.n ECX: 64-byte aligned when compacted */
#define XS_LEGACY       576u               /* x87, SSE and the header */

static uint64_t key(const struct vm_cpuid *row) { return (uint64_t)row->leaf << 32 | row->subleaf; }

static bool rows_ok(const struct vm_cpuid *rows, uint32_t count)
{
    for (const struct vm_cpuid *r = rows; r < rows + count; r++)
        if ((r->flags & ~CPUID_SUBLEAF) || (!r->flags && r->subleaf != 0) || (r != rows && (key(r) <= key(r - 1) ||
            (r->leaf == r[-1].leaf && !(r->flags & r[-1].flags)))))
            return false;
    return true;
}

static enum vm_cpuid_kind kind_of(uint32_t leaf, bool subleaves)
{
    const bool computed = leaf == 0xb || leaf == 0xd || leaf == 0x1f;
    return leaf == 1 ? VM_CPUID_LEAF_1 : computed || subleaves ? VM_CPUID_SLOW : VM_CPUID_FIXED;
}

status_t vm_set_cpuid(struct vm *vm, const struct vm_cpuid *rows, uint32_t count)
{
    if (count == 0 || count > VM_CPUID_MAX || !rows_ok(rows, count))
        return ST_INVAL;
    if (vm->cpuids != 0 || __atomic_load_n(&vm->started, __ATOMIC_ACQUIRE))
        return ST_STATE;
    vm->cpuids = count;
    for (uint32_t i = count; i != 0; i--) {              /* downwards: the first row of a leaf stays in the index */
        const uint32_t leaf = rows[i - 1].leaf, bank = leaf >> 30, low = leaf & VM_CPUID_LOW;
        vm->cpuid[i] = rows[i - 1];
        vm->cpuid[i].rsvd = kind_of(leaf, rows[i - 1].flags & CPUID_SUBLEAF);
        if (low < 32 && bank < 3)
            vm->cpuid_index[bank][low] = (uint8_t)i;
    }
    return ST_OK;
}

/* The zero row when there is none. What is not indexed is rare. */
static const struct vm_cpuid *find(const struct vm *vm, uint32_t leaf, uint32_t sub)
{
    const struct vm_cpuid *row = vm_cpuid_row(vm, leaf);
    for (row = row ? row : vm->cpuid; row <= &vm->cpuid[vm->cpuids]; row++)
        if (row->leaf == leaf && (!(row->flags & CPUID_SUBLEAF) || row->subleaf == sub))
            return row;
    return &vm->cpuid[0];
}

/* In the standard format each component has its place, compacted it comes behind the one before [SDM1 13.4.3]. */
static uint32_t xsave_size(uint64_t xcr0, bool compact)
{
    uint32_t size = XS_LEGACY;
    for (uint64_t left = xcr0 & MASK64(62, 2); left != 0; left &= left - 1) {
        const struct cpuid_regs c = hw_cpuid(0xd, (uint32_t)__builtin_ctzll(left));
        const uint32_t packed = c.ecx & XS_ALIGN ? (size + 63u) & ~63u : size;
        size = MAX(size, (compact ? packed : c.ebx) + c.eax);
    }
    return size;
}

void vm_cpuid_get(const struct vcpu *v, uint32_t leaf, uint32_t sub, uint64_t cr4, uint64_t xcr0, struct vm_cpuid *out)
{
    const uint32_t id = v->lapic.page->id.v;
    *out = *find(v->vm, leaf, sub);
    if ((leaf == 0xb || leaf == 0x1f) && vm_cpuid_row(v->vm, leaf)->leaf == leaf) {
        out->edx = id;                         /* also past the last level [SDM2 CPUID] */
        out->ecx = (out->ecx & ~0xffu) | (sub & 0xffu);
    } else if (out->leaf == 1) {
        out->ebx = (out->ebx & ~L1_APIC_ID) | id << 24;
        out->ecx = (out->ecx & ~L1_OSXSAVE) | (cr4 & CR4_OSXSAVE ? L1_OSXSAVE : 0);
        out->edx &= vlapic_is_on(&v->lapic) ? ~0u : ~L1_APIC;
    } else if (out->leaf == 0xd && out->subleaf == 0) {
        out->ebx = xsave_size(xcr0, false);
    } else if (out->leaf == 0xd && out->subleaf == 1) {
        out->eax &= cpu_features.xsaves ? ~0u : ~XS_SAVES;
        out->ebx = out->eax & XS_COMPACT ? xsave_size(xcr0, true) : 0;
    }
}
