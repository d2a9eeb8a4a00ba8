/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual machines: creation, guest RAM, vCPUs, the CPUID table, and the end. */
#include "kernel/sys/sys.h"

#include "drivers/iommu/iommu.h"

_Static_assert(sizeof(struct iommu_dom) <= PAGE_SIZE, "a domain is a page");

status_t sys_vm_create(struct vm *vm, uint64_t flags, uint32_t tsc_khz, uint64_t *id)
{
    TRY(vm_create(vm, tsc_khz));
    *id = vm->id;
    if (!(flags & VM_DMA))
        return ST_OK;
    vm->dma = pmm_alloc();
    status_t st = vm->dma ? iommu_dom_create(vm->dma, vm->id) : ST_NOSPACE;
    if (st != ST_OK) {
        pmm_free(vm->dma);
        vm_destroy(vm);
    }
    return st;
}

/* A VM goes when nothing refers to it: its devices were released. If the IOMMU does not
 * confirm that the domain is gone, the memory behind it is never used again. */
void sys_vm_destroy(struct vm *vm)
{
    status_t st = vm->dma ? iommu_dom_destroy(vm->dma) : ST_OK;
    if (st == ST_OK)
        pmm_free(vm->dma);
    for (uint32_t i = 0; i < vm->mems; i++) {
        if (st != ST_OK)
            vm->mem[i]->dirty = true;
        kobj_put(&vm->mem[i]->obj);
    }
    vm_destroy(vm);
    kobj_delete(&vm->obj);
}

/* Guest RAM goes into the nested table and, when the VM may own devices, the IOMMU's. The VM
 * takes its reference first and keeps it on failure: what is half mapped stays owned. */
status_t sys_vm_map(struct vm *vm, gpa_t gpa, struct memory *mem, uint64_t off, uint64_t len)
{
    if (vm->started || mem->kind != MEMORY_RAM)
        return ST_STATE;
    if (vm->mems == VM_MAX_MEMORY)
        return ST_NOSPACE;
    if (!range_ok(off, len, mem->len) || !range_ok(gpa.v, len, GPA_TOP))
        return ST_RANGE;
    kobj_get(&mem->obj);
    vm->mem[vm->mems++] = mem;
    TRY(vm_map(vm, gpa, hpa_add(mem->base, off), len, PT_R | PT_W | PT_X));
    return vm->dma ? iommu_dom_map(vm->dma, (iova_t){ gpa.v }, hpa_add(mem->base, off), len, PT_R | PT_W) : ST_OK;
}

status_t sys_vcpu_create(struct vm *vm, uint32_t index_cpu, struct event *doorbell, struct vcpu **out)
{
    uint32_t index = index_cpu & 0xffff, cpu = index_cpu >> 16;
    if (vm->started)
        return ST_STATE;
    if (!cpu_is_up(cpu) || index >= MAX_VCPUS_VM || index != vm->vcpus)
        return ST_RANGE;
    return vcpu_create(vm, index, cpu, doorbell, out);
}

/* Once per VM, before its first run: the scratch page is the only allocation of a VMM's call. */
status_t sys_vm_cpuid(struct vm *vm, uint64_t ptr, uint64_t count)
{
    _Static_assert(sizeof(struct vm_cpuid) * VM_CPUID_MAX <= PAGE_SIZE, "rows fit a page");
    if (count == 0 || count > VM_CPUID_MAX)
        return ST_INVAL;
    struct vm_cpuid *rows = pmm_alloc();
    if (!rows)
        return ST_NOSPACE;
    status_t st = user_copy_in(rows, ptr, count * sizeof *rows);
    if (st == ST_OK)
        st = vm_set_cpuid(vm, rows, (uint32_t)count);
    pmm_free(rows);
    return st;
}
