/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices and their interrupts: the owner's calls, then the monitor's. */
#include "kernel/sys/sys.h"

static status_t bar_place(const struct vm *vm, const struct device *dev, gpa_t gpa, uint64_t len)
{
    if (dev->vm != vm)
        return ST_STATE;
    return range_ok(gpa.v, len, GPA_TOP) ? ST_OK : ST_RANGE;
}

status_t sys_vm_map_bar(struct vm *vm, const struct device *dev, uint64_t bar, uint64_t off, gpa_t gpa, uint64_t len)
{
    hpa_t hpa;
    bool prefetchable;
    TRY(bar_place(vm, dev, gpa, len));
    TRY(dev_bar_range(dev, bar, off, len, &hpa, &prefetchable));
    return vm_map(vm, gpa, hpa, len, PT_R | PT_W | (prefetchable ? PT_WC : PT_UC));
}

status_t sys_vm_unmap_bar(struct vm *vm, const struct device *dev, gpa_t gpa, uint64_t len)
{
    TRY(bar_place(vm, dev, gpa, len));
    return vm_unmap(vm, gpa, len);
}

status_t sys_dev_assign(struct device *dev, struct vm *vm, uint32_t flags)
{
    if (vm->started)
        return ST_STATE;
    const bool open = (flags & DEV_UNPROTECTED) != 0;
    if (open == (vm->dma != NULL))
        return open ? ST_STATE : ST_NOIOMMU;
    if (open && platform.iommu_status != ST_ABSENT && platform.iommu_status != ST_OK)
        return ST_NOIOMMU;     /* there is one, and it failed: that is not what the user has accepted */
    TRY(dev_assign(dev, vm, vm->id, vm->dma, flags));
    kobj_get(&vm->obj);        /* until DEV_RELEASE */
    return ST_OK;
}

status_t sys_dev_release(struct device *dev)
{
    struct vm *vm = dev->vm;
    if (!vm)
        return ST_STATE;
    /* The nested table may still hold its BARs: no vCPU of the VM may ever run again. */
    for (uint32_t i = 0; i < vm->vcpus; i++)
        if (vm->vcpu[i]->thread)
            return ST_BUSY;
    for (uint32_t i = 0; i < vm->vcpus; i++)
        vm->vcpu[i]->stop = 1;
    const bool open = dev->dma == NULL;
    status_t st = dev_release(dev);
    for (uint32_t i = 0; i < vm->mems && open && st == ST_QUARANTINED; i++)
        vm->mem[i]->dirty = true;        /* nothing stands between it and this memory */
    if (!dev->vm)              /* also when it ended in quarantine */
        kobj_put(&vm->obj);
    return st;
}

status_t sys_dev_irqs(const struct device *dev, uint32_t kind, uint32_t count, uint32_t gsi)
{
    uint64_t cpus = 0;
    for (uint32_t i = 0; dev->vm && i < dev->vm->vcpus; i++)
        cpus |= UINT64_C(1) << dev->vm->vcpu[i]->cpu;
    if (cpus == 0 || kind > IRQ_KIND_INTX)
        return cpus == 0 ? ST_STATE : ST_INVAL;
    if (kind != IRQ_KIND_INTX || count >= 64)
        return kind != IRQ_KIND_INTX ? irq_open(dev->fn, dev->vm, cpus, kind, count) : ST_RANGE;
    const struct vcpu *first = dev->vm->vcpu[0];
    return intx_open(dev->fn, dev->vm, first->cpu, gsi & ~IRQ_GSI_LOW, (gsi & IRQ_GSI_LOW) != 0, first->doorbell,
                     BIT64(count));
}
