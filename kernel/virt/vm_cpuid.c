/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtual machine's CPUID table [SDM2 CPUID], [APM3 E]. */
#include "kernel/virt/vm_cpuid.h"

#define L1_APIC_ID      MASK32(31, 24)     /* leaf 1 EBX */
#define L1_OSXSAVE      BIT32(27)          /* leaf 1 ECX */
#define L1_APIC         BIT32(9)           /* leaf 1 EDX */
#define L7_OSPKE        BIT32(4)           /* leaf 7 ECX */
#define XS_COMPACT      (BIT32(1) | BIT32(3))  /* leaf D.1 EAX: XSAVEC, XSAVES */
#define XS_ALIGN        BIT32(1)           /* leaf D.n ECX: 64-byte aligned when compacted */
#define XS_LEGACY       576u               /* x87, SSE and the header */
#define XS_COMPONENTS   20u

static struct { uint32_t size, offset, align; } component[XS_COMPONENTS];   /* const after boot */

void vm_cpuid_init(void)
{
    if (hw_cpuid(0, 0).eax < 0xd)
        return;
    for (uint32_t i = 2; i < XS_COMPONENTS; i++) {
        struct cpuid_regs r = hw_cpuid(0xd, i);
        component[i].size = r.eax;
        component[i].offset = r.ebx;
        component[i].align = r.ecx & XS_ALIGN;
    }
}

static enum cpuid_patch patch_of(const struct vm_cpuid *row)
{
    switch (row->leaf) {
    case 1:          return CPUID_LEAF_1;
    case 7:          return row->subleaf == 0 ? CPUID_LEAF_7 : CPUID_FIXED;
    case 0xb:
    case 0x1f:       return CPUID_TOPOLOGY;
    case 0xd:        return row->subleaf == 0 ? CPUID_XSAVE : row->subleaf == 1 ? CPUID_XSAVEC : CPUID_FIXED;
    case 0x8000001e: return CPUID_AMD_ID;
    default:         return CPUID_FIXED;
    }
}

static bool rows_ok(const struct vm_cpuid *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct vm_cpuid *r = &rows[i], *before = i ? &rows[i - 1] : NULL;
        if ((r->flags & ~CPUID_SUBLEAF) || (!(r->flags & CPUID_SUBLEAF) && r->subleaf != 0))
            return false;
        if (before && (r->leaf < before->leaf || (r->leaf == before->leaf &&
            (r->subleaf <= before->subleaf || !(r->flags & before->flags & CPUID_SUBLEAF)))))
            return false;
    }
    return true;
}

status_t vm_set_cpuid(struct vm *vm, const struct vm_cpuid *rows, uint32_t count)
{
    if (count == 0 || count > VM_CPUID_MAX || !rows_ok(rows, count))
        return ST_INVAL;
    if (vm->cpuids != 0 || __atomic_load_n(&vm->started, __ATOMIC_ACQUIRE))
        return ST_STATE;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bank = rows[i].leaf >> 30, low = rows[i].leaf & 0x3fffffffu;
        vm->cpuid[i + 1] = rows[i];
        vm->cpuid[i + 1].rsvd = patch_of(&rows[i]) | (rows[i].flags & CPUID_SUBLEAF ? CPUID_SUBLEAVES : 0);
        if (bank < 3 && low < 32 && vm->cpuid_index[bank][low] == 0)
            vm->cpuid_index[bank][low] = (uint8_t)(i + 1);
    }
    vm->cpuids = count;
    return ST_OK;
}

/* First row of a leaf by binary search, the zero row when it has none. */
static const struct vm_cpuid *search(const struct vm *vm, uint32_t leaf)
{
    uint32_t low = 1, high = vm->cpuids + 1;
    while (low < high) {                       /* first row with leaf >= the one wanted */
        uint32_t mid = (low + high) / 2;
        if (vm->cpuid[mid].leaf < leaf)
            low = mid + 1;
        else
            high = mid;
    }
    return low <= vm->cpuids && vm->cpuid[low].leaf == leaf ? &vm->cpuid[low] : &vm->cpuid[0];
}

static const struct vm_cpuid *find(const struct vm *vm, uint32_t leaf, uint32_t sub)
{
    const struct vm_cpuid *row = vm_cpuid_row(vm, leaf);
    if (!row)
        row = search(vm, leaf);
    if (!(row->rsvd & CPUID_SUBLEAVES))
        return row;
    for (; row <= &vm->cpuid[vm->cpuids] && row->leaf == leaf; row++)
        if (row->subleaf == sub)
            return row;
    return &vm->cpuid[0];
}

/* Standard format: each component has its place [SDM1 13.4.3]. */
static uint32_t xsave_size(uint64_t xcr0)
{
    uint32_t size = XS_LEGACY;
    for (uint32_t i = 2; i < XS_COMPONENTS; i++)
        if (xcr0 & BIT64(i))
            size = MAX(size, component[i].offset + component[i].size);
    return size;
}

/* Compacted format: one behind the other. */
static uint32_t xsavec_size(uint64_t xcr0)
{
    uint32_t size = XS_LEGACY;
    for (uint32_t i = 2; i < XS_COMPONENTS; i++)
        if (xcr0 & BIT64(i))
            size = (component[i].align ? (size + 63u) & ~63u : size) + component[i].size;
    return size;
}

static uint32_t with(uint32_t value, uint32_t bit, bool on) { return on ? value | bit : value & ~bit; }

static void patch(const struct cpuid_now *now, struct vm_cpuid *out)
{
    switch ((enum cpuid_patch)(out->rsvd & CPUID_PATCH)) {
    case CPUID_FIXED:
    case CPUID_TOPOLOGY:
        break;
    case CPUID_LEAF_1:
        out->ebx = (out->ebx & ~L1_APIC_ID) | now->apic_id << 24;
        out->ecx = with(out->ecx, L1_OSXSAVE, now->osxsave);
        if (!now->apic_on)
            out->edx &= ~L1_APIC;
        break;
    case CPUID_LEAF_7:
        out->ecx = with(out->ecx, L7_OSPKE, now->ospke);
        break;
    case CPUID_XSAVE:
        out->ebx = xsave_size(now->xcr0);
        break;
    case CPUID_XSAVEC:
        out->ebx = out->eax & XS_COMPACT ? xsavec_size(now->xcr0) : 0;
        break;
    case CPUID_AMD_ID:
        out->eax = now->apic_id;
        break;
    }
}

void vm_cpuid_get(const struct vm *vm, uint32_t leaf, uint32_t sub, const struct cpuid_now *now, struct vm_cpuid *out)
{
    *out = *find(vm, leaf, sub);
    patch(now, out);
    if ((leaf == 0xb || leaf == 0x1f) && vm_cpuid_row(vm, leaf)->leaf == leaf) {
        out->edx = now->apic_id;               /* also past the last level [SDM2 CPUID] */
        out->ecx = (out->ecx & ~0xffu) | (sub & 0xffu);
    }
}
