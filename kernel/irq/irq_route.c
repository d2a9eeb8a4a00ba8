/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device interrupts on their way to a vCPU: device register -> remapping entry -> host vector
 * -> guest's message. The device's registers hold the kernel's message only; the guest's vector
 * and target change the route. Creation and destruction: root thread. irq_set: the VMM's
 * threads, under the function's irq_lock. Lock order: this one > iommu unit, pci function.
 * The one file of kernel/irq that knows PCI.
 */
#include "kernel/irq/irq.h"

#include "drivers/pci/pci.h"
#include "kernel/log/console.h"

#define CPU_BLOCKED    (~0u)           /* irq->cpu: the entry is off, confirmed */
#define CPU_UNKNOWN    (~1u)           /* a change was not confirmed */

_Static_assert(sizeof(struct irq_obj) <= PAGE_SIZE, "an object is a page");

/* Remapping entries come in runs: the vectors of MSI share one, since the device adds the vector's number to the
 * message; MSI-X has a run of one for each. */
static uint32_t entry_of(const struct irq_obj *irq) { return irq->kind == IRQ_KIND_MSI ? irq->index : 0; }

/* ---- arrival ---- */
static void forward(struct irq_obj *irq)
{
    uint64_t message = __atomic_load_n(&irq->message, __ATOMIC_ACQUIRE);
    upcall_vm_msi(irq->vm, message >> 32, (uint32_t)message);
}

/* Pairs with route_on: of two that cross, one sees the other's word. */
void irq_route_deliver(struct irq_obj *irq)
{
    if (unlikely(!__atomic_load_n(&irq->on, __ATOMIC_SEQ_CST))) {
        __atomic_store_n(&irq->pending, 1, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&irq->on, __ATOMIC_SEQ_CST) || !__atomic_exchange_n(&irq->pending, 0, __ATOMIC_SEQ_CST))
            return;
    }
    forward(irq);
}

/* ---- the route; irq_lock held ---- */

/* The device's registers say what the function's interrupts say. MSI: as many vectors as the highest one wanted. */
static MUST_USE status_t program(const struct irq_obj *irq)
{
    struct pci_fn *fn = irq->fn;
    uint64_t addr;
    uint32_t data, top = 0, open = 0;
    iommu_irte_msi(&irq->run, &addr, &data);
    if (irq->kind == IRQ_KIND_MSIX)
        return pci_msix_write(fn, irq->index, addr, data, !irq->on);
    for (const struct irq_obj *other = fn->irqs; other != NULL; other = other->next) {
        top = other->wanted ? MAX(top, other->index + 1) : top;
        open |= other->on << other->index;
    }
    return pci_msi_write(fn, addr, data, top, ~open);
}

static MUST_USE status_t route_off(struct irq_obj *irq)
{
    __atomic_store_n(&irq->on, 0, __ATOMIC_SEQ_CST);
    irq->wanted = false;
    const status_t st = program(irq), blocked = iommu_irte_block(&irq->run, entry_of(irq));
    irq->cpu = blocked == ST_OK ? CPU_BLOCKED : CPU_UNKNOWN;
    __atomic_store_n(&irq->pending, 0, __ATOMIC_SEQ_CST);
    return blocked != ST_OK ? blocked : st;
}

/* To the CPU that the message's first target runs on, when the vector is reserved there. */
static MUST_USE status_t route_on(struct irq_obj *irq, uint64_t message, bool masked)
{
    uint32_t cpu = upcall_vm_msi_cpu(irq->vm, message >> 32, (uint32_t)message);
    if (cpu >= MAX_CPUS || (irq->cpus & BIT64(cpu)) == 0)
        cpu = (uint32_t)__builtin_ctzll(irq->cpus);
    if (irq->cpu != cpu) {
        irq->cpu = CPU_UNKNOWN;
        TRY(iommu_irte_set(&irq->run, entry_of(irq), cpu_block[cpu]->apic_id, irq->vector, false));
        irq->cpu = cpu;
    }
    __atomic_store_n(&irq->message, message, __ATOMIC_RELEASE);
    irq->wanted = true;
    __atomic_store_n(&irq->on, !masked, __ATOMIC_SEQ_CST);
    if (!masked && __atomic_exchange_n(&irq->pending, 0, __ATOMIC_SEQ_CST) != 0)
        forward(irq);
    return program(irq);
}

status_t irq_set(struct irq_obj *irq, uint64_t addr, uint32_t data, uint32_t flags)
{
    /* What is no message for a local APIC goes nowhere, as on a real machine. */
    const uint64_t message = addr >> 32 == 0 ? addr << 32 | data : 0;
    spin_lock(&irq->fn->irq_lock);
    status_t st = (flags & IRQ_OFF) != 0 ? route_off(irq) : route_on(irq, message, (flags & IRQ_MASKED) != 0);
    spin_unlock(&irq->fn->irq_lock);
    return st;
}

/* ---- creation ---- */
status_t irq_create(struct kobj *device, struct pci_fn *fn, struct vm *vm, uint64_t cpus,
                    uint32_t kind, uint32_t index, struct irq_obj **out)
{
    KASSERT(kind <= IRQ_KIND_MSIX && cpus != 0);
    /* 0: the function lacks the capability */
    const uint32_t entries = kind == IRQ_KIND_MSIX ? fn->info.msix_count : fn->info.msi_vectors;
    if (index >= entries)
        return entries == 0 ? ST_UNSUPP : ST_RANGE;
    for (const struct irq_obj *other = fn->irqs; other != NULL; other = other->next)
        if (other->kind != kind || other->index == index)
            return ST_BUSY;
    struct irq_obj *irq = pmm_alloc();
    if (irq == NULL)
        return ST_NOSPACE;
    *irq = (struct irq_obj){ .device = device, .fn = fn, .vm = vm, .cpus = cpus, .kind = kind, .index = index,
                             .cpu = CPU_BLOCKED };
    status_t st = irq_vector_alloc(irq);
    if (st == ST_OK && kind == IRQ_KIND_MSI && fn->irqs != NULL) {
        irq->run = fn->irqs->run;
    } else if (st == ST_OK) {
        st = iommu_irte_alloc(fn->bdf, kind == IRQ_KIND_MSI ? entries : 1, 0, &irq->run);
        if (st != ST_OK)
            irq_vector_release(irq, true);
    }
    if (st != ST_OK) {
        pmm_free(irq);
        return st;
    }
    kobj_init(&irq->obj, OBJ_IRQ);
    kobj_get(device);
    spin_lock(&fn->irq_lock);
    irq->next = fn->irqs;
    fn->irqs = irq;
    spin_unlock(&fn->irq_lock);
    *out = irq;
    return ST_OK;
}

/* A vector whose entry may still be live is given up with it: nothing else may get its interrupts. */
void irq_destroy(struct kobj *obj)
{
    struct irq_obj *irq = (struct irq_obj *)obj, **at;
    struct pci_fn *fn = irq->fn;
    spin_lock(&fn->irq_lock);
    bool blocked = route_off(irq) == ST_OK || irq->cpu == CPU_BLOCKED;
    for (at = &fn->irqs; *at != irq; at = &(*at)->next) { }
    *at = irq->next;
    spin_unlock(&fn->irq_lock);
    irq_vector_release(irq, blocked);
    const bool last = fn->irqs == NULL, msix = irq->kind == IRQ_KIND_MSIX;
    if (blocked && (last || msix) && iommu_irte_free(&irq->run) != ST_OK)
        log_line("irq: " BDF_FMT ": remapping entries stay taken: their flush is not confirmed", BDF_ARGS(fn->bdf));
    if (last && msix && pci_msi_off(fn) != ST_OK)
        log_line("irq: " BDF_FMT ": MSI-X stays on; the reset at release decides", BDF_ARGS(fn->bdf));
    kobj_put(irq->device);
    kobj_gone(obj);
    pmm_free(irq);
}
