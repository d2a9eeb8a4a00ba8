/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices and their interrupts: the owner's calls, then the monitor's. */
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "kernel/arch/cpu.h"
#include "kernel/dev/dev.h"
#include "kernel/irq/irq.h"
#include "kernel/sys/sys.h"
#include "kernel/virt/vcpu.h"

static status_t device_at(const struct sys_args *args, unsigned arg, uint32_t rights, struct device **out)
{
    struct kobj *obj;
    status_t st = cap_lookup(args->task, args->a[arg], OBJ_DEVICE, rights, &obj);
    if (st == ST_OK)
        *out = (struct device *)obj;
    return st;
}

/* vm device bar offset gpa len */
static status_t map_bar(const struct sys_args *args)
{
    struct kobj *vm_obj;
    struct device *dev = NULL;
    hpa_t hpa;
    bool prefetchable;
    status_t st = cap_lookup(args->task, args->a[0], OBJ_VM, RIGHT_MAP, &vm_obj);
    if (st == ST_OK)
        st = device_at(args, 1, RIGHT_WRITE, &dev);
    if (st != ST_OK)
        return st;
    struct vm *vm = (struct vm *)vm_obj;
    if (dev->vm != vm)
        return ST_STATE;
    if (!range_ok(args->a[4], args->a[5], GPA_TOP))
        return ST_RANGE;
    st = dev_bar_range(dev, args->a[2], args->a[3], args->a[5], &hpa, &prefetchable);
    if (st != ST_OK)
        return st;
    return vm_map_mmio(vm, (gpa_t){ args->a[4] }, hpa, args->a[5], prefetchable);
}

/* vm device gpa len */
static status_t unmap_bar(const struct sys_args *args)
{
    struct kobj *vm_obj;
    struct device *dev = NULL;
    status_t st = cap_lookup(args->task, args->a[0], OBJ_VM, RIGHT_MAP, &vm_obj);
    if (st == ST_OK)
        st = device_at(args, 1, RIGHT_WRITE, &dev);
    if (st != ST_OK)
        return st;
    struct vm *vm = (struct vm *)vm_obj;
    if (dev->vm != vm)
        return ST_STATE;
    if (!range_ok(args->a[2], args->a[3], GPA_TOP))
        return ST_RANGE;
    return vm_unmap_mmio(vm, (gpa_t){ args->a[2] }, args->a[3]);
}

static status_t info(const struct sys_args *args)
{
    struct device *dev;
    struct dev_info facts;
    status_t st = device_at(args, 0, RIGHT_READ, &dev);
    if (st != ST_OK)
        return st;
    dev_info(dev, &facts);
    return user_copy_out(args->a[1], &facts, sizeof facts);
}

static status_t cfg_read(const struct sys_args *args, uint64_t *value)
{
    struct device *dev;
    uint32_t v = 0;
    status_t st = device_at(args, 0, RIGHT_READ, &dev);
    if (st == ST_OK)
        st = dev_cfg_read(dev, args->a[1], args->a[2], &v);
    *value = v;
    return st;
}

static status_t cfg_write(const struct sys_args *args)
{
    struct device *dev;
    status_t st = device_at(args, 0, RIGHT_WRITE, &dev);
    if (st != ST_OK)
        return st;
    return args->a[3] > UINT32_MAX ? ST_INVAL : dev_cfg_write(dev, args->a[1], args->a[2], (uint32_t)args->a[3]);
}

static status_t owner_reset(const struct sys_args *args)
{
    struct device *dev;
    status_t st = device_at(args, 0, RIGHT_WRITE, &dev);
    return st == ST_OK ? dev_owner_reset(dev) : st;
}

static status_t route(const struct sys_args *args)
{
    struct kobj *obj;
    status_t st = cap_lookup(args->task, args->a[0], OBJ_IRQ, RIGHT_WRITE, &obj);
    if (st != ST_OK)
        return st;
    if (args->a[2] > UINT32_MAX || (args->a[3] & ~(uint64_t)(IRQ_MASKED | IRQ_OFF)) != 0)
        return ST_INVAL;
    return irq_set((struct irq_obj *)obj, args->a[1], (uint32_t)args->a[2], (uint32_t)args->a[3]);
}

status_t sys_dev(unsigned nr, const struct sys_args *args, uint64_t *value)
{
    switch (nr) {
    case SYS_VM_MAP_BAR: return map_bar(args);
    case SYS_VM_UNMAP_BAR: return unmap_bar(args);
    case SYS_DEV_INFO: return info(args);
    case SYS_DEV_CFG_READ: return cfg_read(args, value);
    case SYS_DEV_CFG_WRITE: return cfg_write(args);
    case SYS_DEV_RESET: return owner_reset(args);
    case SYS_IRQ_SET: return route(args);
    default: return ST_INVAL;
    }
}

/* system slot bdf */
static status_t open_device(const struct sys_args *args)
{
    struct cap *slot;
    struct device *dev;
    status_t st = cap_free_slot(args->task, args->a[1], &slot);
    if (st != ST_OK)
        return st;
    if (args->a[2] >> 16 != 0)
        return args->a[2] >> 32 != 0 ? ST_INVAL : ST_NOTFOUND;   /* segment 0 only */
    st = dev_open(bdf_of_rid((uint16_t)args->a[2]), &dev);
    if (st == ST_OK)
        cap_fill(slot, &dev->obj, RIGHT_ALL, 0);
    return st;
}

/* system device vm flags */
static status_t assign(const struct sys_args *args)
{
    struct device *dev;
    struct kobj *vm_obj;
    status_t st = device_at(args, 1, RIGHT_MANAGE, &dev);
    if (st == ST_OK)
        st = cap_lookup(args->task, args->a[2], OBJ_VM, RIGHT_MANAGE, &vm_obj);
    if (st != ST_OK)
        return st;
    struct vm *vm = (struct vm *)vm_obj;
    if ((args->a[3] & ~(uint64_t)(DEV_NO_RESET_OK | DEV_RESERVED_MAP)) != 0)
        return ST_INVAL;
    if (vm->started)
        return ST_STATE;
    if (!vm->dma)
        return ST_NOIOMMU;
    st = dev_assign(dev, vm, vm->id, vm->dma, (uint32_t)args->a[3]);
    if (st == ST_OK)
        kobj_get(vm_obj);      /* until DEV_RELEASE */
    return st;
}

static status_t release(const struct sys_args *args)
{
    struct device *dev;
    status_t st = device_at(args, 1, RIGHT_MANAGE, &dev);
    if (st != ST_OK)
        return st;
    struct vm *vm = dev->vm;
    if (!vm)
        return ST_STATE;
    /* The nested table may still hold its BARs: no vCPU of the VM may ever run again. */
    for (uint32_t i = 0; i < vm->vcpus; i++)
        if (vm->vcpu[i] && vm->vcpu[i]->thread)
            return ST_BUSY;
    for (uint32_t i = 0; i < vm->vcpus; i++)
        if (vm->vcpu[i])
            vm->vcpu[i]->stop = 1;
    st = dev_release(dev);
    if (!dev->vm)              /* also when it ended in quarantine */
        kobj_put(&vm->obj);
    return st;
}

/* system slot device kind index */
static status_t create_irq(const struct sys_args *args)
{
    struct cap *slot;
    struct device *dev;
    struct irq_obj *irq;
    uint64_t cpus = 0;
    status_t st = cap_free_slot(args->task, args->a[1], &slot);
    if (st == ST_OK)
        st = device_at(args, 2, RIGHT_MANAGE, &dev);
    if (st != ST_OK)
        return st;
    if (args->a[3] > IRQ_KIND_MSIX || args->a[4] > 2047)
        return ST_INVAL;
    if (!dev->vm)
        return ST_STATE;
    for (uint32_t i = 0; i < dev->vm->vcpus; i++)
        cpus |= UINT64_C(1) << dev->vm->vcpu[i]->cpu;
    if (cpus == 0)
        return ST_STATE;
    st = irq_create(&dev->obj, dev->fn, dev->vm, cpus, (uint32_t)args->a[3], (uint32_t)args->a[4], &irq);
    if (st == ST_OK)
        cap_fill(slot, &irq->obj, RIGHT_ALL, 0);
    return st;
}

status_t sys_dev_manage(unsigned nr, const struct sys_args *args, uint64_t *value)
{
    *value = 0;
    switch (nr) {
    case SYS_DEV_OPEN: return open_device(args);
    case SYS_DEV_ASSIGN: return assign(args);
    case SYS_DEV_RELEASE: return release(args);
    case SYS_IRQ_CREATE: return create_irq(args);
    default: return ST_INVAL;
    }
}

bool sys_dev_record(uint64_t index, struct dev_info *out)
{
    const struct pci_fn *fn = index < pci_count() ? pci_at((uint32_t)index) : NULL;
    if (fn)
        *out = fn->info;
    return fn != NULL;
}

bool sys_iommu_record(uint64_t unit, struct info_iommu *out)
{
    return unit <= UINT32_MAX && iommu_unit_info((uint32_t)unit, out);
}

/* A storm masks the units' fault interrupt: who asks collects what came since, and unmasks it. */
bool sys_fault_record(uint64_t from_seq, struct info_fault *out)
{
    (void)iommu_fault_irq();
    return iommu_fault_get(from_seq, out);
}
