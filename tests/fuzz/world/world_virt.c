/* SPDX-License-Identifier: BSD-2-Clause */
/* Fakes of VMs, vCPUs, devices and interrupts: objects with the right lives, no hardware. */
#include "kernel/arch/upcall.h"
#include "kernel/dev/dev.h"
#include "kernel/irq/irq.h"
#include "kernel/mm/pmm.h"
#include "kernel/obj/obj.h"
#include "kernel/sys/sys.h"
#include "kernel/virt/vcpu.h"
#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"

struct info_platform platform;
static struct device *opened[4];
static struct pci_fn functions[4];

status_t vm_create(struct vm *vm, uint32_t tsc_khz)
{
    if (tsc_khz != 0)
        return ST_UNSUPP;
    vm->id = 1;
    return ST_OK;
}
void vm_destroy(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->vcpus; i++) {
        pmm_free(vm->vcpu[i]->state);
        pmm_free_order(vm->vcpu[i], 2);
    }
}
status_t vm_map(struct vm *vm, gpa_t gpa, hpa_t hpa, uint64_t len, unsigned prot)
{
    (void)vm; (void)hpa; (void)prot;
    KASSERT(len != 0 && gpa.v <= GPA_TOP - len);
    return gpa.v == 0xbad000 ? ST_OVERLAP : ST_OK;
}
uint64_t vm_page(struct vm *vm, gpa_t gpa) { return vm->id + gpa.v; }
status_t vm_unmap(struct vm *vm, gpa_t gpa, uint64_t len) { return vm_map(vm, gpa, (hpa_t){ 0 }, len, 0); }
status_t vm_set_cpuid(struct vm *vm, const struct vm_cpuid *rows, uint32_t count)
{
    KASSERT(count <= VM_CPUID_MAX);
    if (vm->started)
        return ST_STATE;
    vm->cpuid[0] = rows[count - 1];
    return ST_OK;
}

status_t vcpu_create(struct vm *vm, uint32_t index, uint32_t cpu, struct event *doorbell, struct vcpu **out)
{
    struct vcpu *v = pmm_alloc_order(2);
    _Static_assert(sizeof *v <= 16384, "fits");
    if (!v)
        return ST_NOSPACE;
    v->state = pmm_alloc();
    if (!v->state) {
        pmm_free_order(v, 2);
        return ST_NOSPACE;
    }
    kobj_init(&v->obj, OBJ_VCPU);
    kobj_get(&vm->obj);
    kobj_get(&doorbell->obj);
    v->vm = vm;
    v->doorbell = doorbell;
    v->index = index;
    v->cpu = cpu;
    vm->vcpu[index] = v;
    vm->vcpus++;
    *out = v;
    return ST_OK;
}
void vcpu_destroy(struct kobj *obj)
{
    struct vcpu *v = (struct vcpu *)obj;
    struct vm *vm = v->vm;
    struct event *doorbell = v->doorbell;
    v->stop = 1;
    kobj_gone(obj);
    kobj_put(&doorbell->obj);
    kobj_put(&vm->obj);
}
status_t vcpu_run(struct vcpu *v) { v->vm->started = 1; return ST_OK; }
status_t vcpu_state(struct vcpu *v, bool set, uint32_t groups)
{
    *(set ? &v->state->dirty : &v->state->valid) = groups;
    return ST_OK;
}
status_t vcpu_lapic(struct vcpu *v, bool write, uint32_t offset, uint64_t *value)
{
    KASSERT(offset <= 0xff0 && v->state);
    *value = write;
    return ST_OK;
}
void vcpu_line(struct vcpu *v, bool level) { v->extint_line = level; }
void upcall_vm_msi(struct vm *vm, uint64_t addr, uint32_t data) { (void)addr; vm->tlb_gen = data; }

status_t iommu_dom_create(struct iommu_dom *dma, uint32_t vm_id)
{
    dma->vm = vm_id;
    return ST_OK;
}
status_t iommu_dom_map(struct iommu_dom *dma, iova_t iova, hpa_t hpa, uint64_t len, unsigned prot)
{
    (void)hpa; (void)len;
    KASSERT(dma->vm == 1 && prot == (PT_R | PT_W));
    return iova.v == 0xbae000 ? ST_NOSPACE : ST_OK;
}
status_t iommu_dom_destroy(struct iommu_dom *dma) { dma->vm = 0; return ST_OK; }

status_t dev_open(struct bdf bdf, struct device **out)
{
    unsigned i = bdf.devfn;
    if (i >= ARRAY_LEN(opened))
        return ST_NOTFOUND;
    if (opened[i])
        return ST_BUSY;
    struct device *d = pmm_alloc();
    if (!d)
        return ST_NOSPACE;
    kobj_init(&d->obj, OBJ_DEVICE);
    d->fn = &functions[i];
    d->fn->info.vm = i;
    opened[i] = d;
    *out = d;
    return ST_OK;
}
void dev_destroy(struct kobj *obj)
{
    for (unsigned i = 0; i < ARRAY_LEN(opened); i++)
        if (opened[i] == (struct device *)obj)
            opened[i] = NULL;
    kobj_gone(obj);
    pmm_free(obj);
}
status_t dev_assign(struct device *dev, struct vm *vm, uint32_t vm_id, struct iommu_dom *dma, uint32_t flags)
{
    (void)vm_id;
    KASSERT((flags & ~(uint32_t)(DEV_NO_RESET_OK | DEV_RESERVED_MAP | DEV_UNPROTECTED)) == 0);
    KASSERT((dma == NULL) == ((flags & DEV_UNPROTECTED) != 0));
    if (dev->vm)
        return ST_BUSY;
    dev->vm = vm;
    dev->dma = dma;
    return ST_OK;
}
status_t world_release;
status_t dev_release(struct device *dev) { dev->vm = NULL; return world_release; }
status_t dev_cfg_access(struct device *dev, uint64_t off, uint64_t size, bool write, uint32_t *value)
{
    *value = write ? *value : (uint32_t)(off + size);
    return dev->vm ? ST_OK : ST_STATE;
}
status_t dev_bar_access(struct device *dev, uint64_t bar, uint64_t off, uint64_t size, bool write, uint64_t *value)
{
    *value = write ? *value : (bar << 8 | off << 4 | size);
    return dev->vm ? ST_OK : ST_STATE;
}
status_t dev_owner_reset(struct device *dev) { return dev->vm ? ST_OK : ST_STATE; }
status_t dev_bar_range(const struct device *dev, uint64_t bar, uint64_t off, uint64_t len, hpa_t *hpa, bool *pre)
{
    (void)dev; (void)off;
    *hpa = (hpa_t){ 0xe0000000 };
    *pre = false;
    return bar < 6 && len == 4096 ? ST_OK : ST_RANGE;
}
status_t irq_open(struct pci_fn *fn, struct vm *vm, uint64_t cpus, uint32_t kind, uint32_t count)
{
    (void)fn; (void)vm;
    KASSERT(cpus != 0 && kind <= IRQ_KIND_MSIX);
    return count == 0 || count > DEV_IRQS_MAX ? ST_RANGE : ST_OK;
}
status_t intx_open(struct pci_fn *fn, struct vm *vm, uint32_t cpu, uint32_t gsi, bool active_low,
                   struct event *event, uint64_t bits)
{
    (void)fn; (void)active_low;
    KASSERT(vm != NULL && cpu < MAX_CPUS && event->obj.type == OBJ_EVENT && bits != 0 && (bits & (bits - 1)) == 0);
    return gsi < 24 ? ST_OK : ST_NOTFOUND;
}
status_t dev_irq_set(struct device *dev, uint64_t index, uint64_t addr, uint32_t data, uint32_t flags)
{
    (void)index; (void)addr; (void)data;
    KASSERT((flags & ~(uint32_t)(IRQ_MASKED | IRQ_OFF | IRQ_LINE)) == 0);
    return dev->vm ? ST_OK : ST_STATE;
}

uint32_t pci_count(void) { return 0; }
struct pci_fn *pci_at(uint32_t index) { (void)index; return NULL; }
bool iommu_unit_info(uint32_t unit, struct info_iommu *out) { (void)out; return unit == 0; }
uint32_t iommu_fault_irq(void) { return 0; }
bool iommu_fault_get(uint64_t from, struct info_fault *out) { out->seq = from; return from < 3; }
