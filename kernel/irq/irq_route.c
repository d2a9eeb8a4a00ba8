/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device interrupts on their way to a vCPU: device register -> remapping entry -> host vector
 * -> guest's message. The device's registers hold the kernel's message only; the guest's vector
 * and target change the route. Creation and destruction: root thread. irq_set: the VMM's
 * threads, under one lock per function. Lock order: this one > iommu unit, pci function.
 */
#include "kernel/irq/irq_route.h"

#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "kernel/abi/syscall.h"
#include "kernel/arch/percpu.h"
#include "kernel/arch/upcall.h"
#include "kernel/irq/irq_vector.h"
#include "kernel/log/console.h"
#include "kernel/mm/pmm.h"

#define MSIX_MAX       2048u
#define MSI_MAX        32u
#define MSI_PAGE       0xfee00000u     /* [SDM3 11.11.1] bits 31:20 of every message address */
#define MSI_PAGE_MASK  0xfff00000u

/* What the interrupts of one function share. */
struct irq_fn {
    struct spinlock lock;
    uint32_t kind;                     /* const */
    struct irte_handle run;            /* const: MSI: entries of all its vectors, adjacent */
    struct irq_obj *msi[MSI_MAX];      /* lock */
    uint64_t msix_taken[MSIX_MAX / 64];/* root thread */
};

static uint32_t kind_count(const struct pci_fn *fn, uint32_t kind)
{
    if (kind == IRQ_KIND_MSIX)
        return fn->info.msix_off != 0 ? MIN(fn->info.msix_count, MSIX_MAX) : 0;
    return fn->info.msi_off != 0 ? MIN(fn->info.msi_vectors, MSI_MAX) : 0;
}

static struct irte_handle handle_of(const struct irq_obj *irq)
{
    return (struct irte_handle){ .unit = irq->irte_unit, .index = irq->irte_index, .src = irq->fn->bdf, .valid = true };
}

/* ---- arrival ---- */
static void forward(struct irq_obj *irq)
{
    uint64_t message = __atomic_load_n(&irq->message, __ATOMIC_ACQUIRE);
    upcall_vm_msi(irq->vm, message >> 32, (uint32_t)message);
}

/* Pairs with irq_set: of two that cross, one sees the other's word. */
void irq_route_deliver(struct irq_obj *irq)
{
    __atomic_fetch_add(&irq->count, 1, __ATOMIC_RELAXED);
    if (likely(__atomic_load_n(&irq->on, __ATOMIC_SEQ_CST) != 0)) {
        forward(irq);
        return;
    }
    __atomic_store_n(&irq->pending, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&irq->on, __ATOMIC_SEQ_CST) != 0 && __atomic_exchange_n(&irq->pending, 0, __ATOMIC_SEQ_CST) != 0)
        forward(irq);
}

/* ---- the device's registers; shared->lock held ---- */
static MUST_USE status_t msix_program(struct irq_obj *irq)
{
    uint64_t addr;
    uint32_t data;
    struct irte_handle h = handle_of(irq);
    status_t st = pci_msix_enable(irq->fn, true);
    if (st != ST_OK)
        return st;
    if (!irq->wanted)
        return pci_msix_mask(irq->fn, irq->index, true);
    iommu_irte_msi(&h, 0, &addr, &data);
    return pci_msix_write(irq->fn, irq->index, addr, data, irq->masked);
}

/* As many vectors as the highest one that the guest wants. */
static MUST_USE status_t msi_program(const struct irq_obj *irq)
{
    const struct irq_fn *shared = irq->shared;
    uint64_t addr;
    uint32_t data;
    unsigned top = 0, log2 = 0;
    for (unsigned i = 0; i < MSI_MAX; i++)
        if (shared->msi[i] != NULL && shared->msi[i]->wanted)
            top = i + 1;
    while (1u << log2 < top)
        log2++;
    iommu_irte_msi(&shared->run, 0, &addr, &data);
    status_t st = pci_msi_write(irq->fn, addr, data, log2, top != 0);
    for (unsigned i = 0; st == ST_OK && irq->fn->info.msi_maskable && i < irq->fn->info.msi_vectors; i++) {
        const struct irq_obj *other = shared->msi[i];
        st = pci_msi_mask(irq->fn, i, other == NULL || !other->wanted || other->masked);
    }
    return st;
}

static MUST_USE status_t program(struct irq_obj *irq)
{
    return irq->kind == IRQ_KIND_MSIX ? msix_program(irq) : msi_program(irq);
}

/* ---- the route ---- */
static MUST_USE status_t route_off(struct irq_obj *irq)
{
    struct irte_handle h = handle_of(irq);
    __atomic_store_n(&irq->on, 0, __ATOMIC_SEQ_CST);
    irq->wanted = false;
    irq->masked = false;
    status_t st = program(irq);
    status_t blocked = iommu_irte_block(&h);
    irq->routed = blocked != ST_OK;
    __atomic_store_n(&irq->pending, 0, __ATOMIC_SEQ_CST);
    return blocked != ST_OK ? blocked : st;
}

/* The CPU that the message's first target runs on, when the vector is reserved there. */
static uint32_t cpu_for(const struct irq_obj *irq, uint64_t addr, uint32_t data)
{
    uint32_t cpu = upcall_vm_msi_cpu(irq->vm, addr, data);
    return cpu < 64 && (irq->cpus & BIT64(cpu)) != 0 ? cpu : (uint32_t)__builtin_ctzll(irq->cpus);
}

static MUST_USE status_t route_to(struct irq_obj *irq, uint32_t cpu)
{
    struct irte_handle h = handle_of(irq);
    if (irq->routed && irq->cpu == cpu)
        return ST_OK;
    status_t st = iommu_irte_set(&h, cpu_block[cpu]->apic_id, irq->vector, false);
    irq->routed = st == ST_OK;
    irq->cpu = cpu;
    return st;
}

static MUST_USE status_t route_on(struct irq_obj *irq, uint64_t message, bool masked)
{
    status_t st = route_to(irq, cpu_for(irq, message >> 32, (uint32_t)message));
    if (st != ST_OK)
        return st;
    if (masked)
        __atomic_store_n(&irq->on, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&irq->message, message, __ATOMIC_RELEASE);
    irq->wanted = true;
    irq->masked = masked;
    if (!masked) {
        __atomic_store_n(&irq->on, 1, __ATOMIC_SEQ_CST);
        if (__atomic_exchange_n(&irq->pending, 0, __ATOMIC_SEQ_CST) != 0)
            forward(irq);
    }
    return program(irq);
}

status_t irq_set(struct irq_obj *irq, uint64_t addr, uint32_t data, uint32_t flags)
{
    if ((flags & ~(IRQ_MASKED | IRQ_OFF)) != 0)
        return ST_INVAL;
    /* What is no message for a local APIC goes nowhere, as on a real machine. */
    bool is_message = addr >> 32 == 0 && (addr & MSI_PAGE_MASK) == MSI_PAGE;
    uint64_t message = is_message ? addr << 32 | data : 0;
    spin_lock(&irq->shared->lock);
    status_t st = (flags & IRQ_OFF) != 0 ? route_off(irq) : route_on(irq, message, (flags & IRQ_MASKED) != 0);
    spin_unlock(&irq->shared->lock);
    return st;
}

/* ---- creation ---- */
_Static_assert(sizeof(struct irq_fn) <= PAGE_SIZE && sizeof(struct irq_obj) <= PAGE_SIZE, "an object is a page");
static MUST_USE status_t shared_get(struct pci_fn *fn, uint32_t kind, struct irq_fn **out)
{
    struct irq_fn *shared = fn->irq_fn;
    if (shared == NULL) {
        shared = pmm_alloc();
        if (shared == NULL)
            return ST_NOSPACE;
        shared->kind = kind;
        status_t st = kind == IRQ_KIND_MSI ? iommu_irte_alloc(fn->bdf, kind_count(fn, kind), &shared->run) : ST_OK;
        if (st != ST_OK) {
            pmm_free(shared);
            return st;
        }
        fn->irq_fn = shared;
    }
    *out = shared;
    return shared->kind == kind ? ST_OK : ST_BUSY;
}

/* The last interrupt went. Entries whose flush is not confirmed are never used again. */
static void shared_put(struct pci_fn *fn)
{
    struct irq_fn *shared = fn->irq_fn;
    if (fn->irqs != 0 || shared == NULL)
        return;
    if (shared->run.valid && iommu_irte_free(&shared->run, kind_count(fn, IRQ_KIND_MSI)) != ST_OK)
        shared->run.valid = false;
    fn->irq_fn = NULL;
    pmm_free(shared);
}

static bool entry_is_taken(const struct irq_fn *shared, uint32_t index)
{
    if (shared->kind == IRQ_KIND_MSI)
        return shared->msi[index] != NULL;
    return (shared->msix_taken[index / 64] & BIT64(index % 64)) != 0;
}

static void entry_take(struct irq_obj *irq, bool take)
{
    struct irq_fn *shared = irq->shared;
    spin_lock(&shared->lock);
    if (shared->kind == IRQ_KIND_MSI)
        shared->msi[irq->index] = take ? irq : NULL;
    else if (take)
        shared->msix_taken[irq->index / 64] |= BIT64(irq->index % 64);
    else
        shared->msix_taken[irq->index / 64] &= ~BIT64(irq->index % 64);
    spin_unlock(&shared->lock);
}

static MUST_USE status_t irte_get(struct irq_obj *irq)
{
    struct irte_handle h;
    if (irq->kind == IRQ_KIND_MSI) {
        irq->irte_unit = irq->shared->run.unit;
        irq->irte_index = irq->shared->run.index + irq->index;
        return ST_OK;
    }
    status_t st = iommu_irte_alloc(irq->fn->bdf, 1, &h);
    irq->irte_unit = h.unit;
    irq->irte_index = h.index;
    return st;
}

static MUST_USE status_t obj_fill(struct irq_obj *irq, struct kobj *device)
{
    status_t st = irq_vector_alloc(irq->cpus, &irq->vector);
    if (st != ST_OK)
        return st;
    st = irte_get(irq);
    if (st != ST_OK) {
        irq_vector_free(irq->cpus, irq->vector);
        return st;
    }
    kobj_init(&irq->obj, OBJ_IRQ);
    irq->device = device;
    kobj_get(device);
    irq->fn->irqs++;
    entry_take(irq, true);
    irq_vector_bind(irq->cpus, irq->vector, irq);
    return ST_OK;
}

status_t irq_create(struct kobj *device, struct pci_fn *fn, struct vm *vm, uint64_t cpus,
                    uint32_t kind, uint32_t index, struct irq_obj **out)
{
    struct irq_fn *shared;
    if (kind > IRQ_KIND_MSIX || cpus == 0 || (cpu_count < 64 && cpus >> cpu_count != 0))
        return ST_INVAL;
    if (kind_count(fn, kind) == 0)
        return ST_UNSUPP;
    if (index >= kind_count(fn, kind))
        return ST_RANGE;
    status_t st = shared_get(fn, kind, &shared);
    if (st != ST_OK)
        return st;
    if (entry_is_taken(shared, index))
        return ST_BUSY;
    struct irq_obj *irq = pmm_alloc();
    st = ST_NOSPACE;
    if (irq != NULL) {
        irq->fn = fn;
        irq->shared = shared;
        irq->vm = vm;
        irq->cpus = cpus;
        irq->kind = kind;
        irq->index = index;
        st = obj_fill(irq, device);
    }
    if (st == ST_OK) {
        *out = irq;
        return ST_OK;
    }
    pmm_free(irq);
    shared_put(fn);
    return st;
}

/* A vector whose entry may still be live is given up with it: nothing else may get its interrupts. */
void irq_destroy(struct kobj *obj)
{
    struct irq_obj *irq = (struct irq_obj *)obj;
    struct irte_handle h = handle_of(irq);
    struct pci_fn *fn = irq->fn;
    spin_lock(&irq->shared->lock);
    bool blocked = route_off(irq) == ST_OK || !irq->routed;
    spin_unlock(&irq->shared->lock);
    entry_take(irq, false);
    irq_vector_unbind(irq->cpus, irq->vector);
    if (blocked && irq->kind == IRQ_KIND_MSIX)
        blocked = iommu_irte_free(&h, 1) == ST_OK;
    if (blocked)
        irq_vector_free(irq->cpus, irq->vector);
    fn->irqs--;
    if (fn->irqs == 0 && irq->kind == IRQ_KIND_MSIX && pci_msix_enable(fn, false) != ST_OK)
        log_line("irq: " BDF_FMT ": MSI-X stays on; the reset at release decides", BDF_ARGS(fn->bdf));
    shared_put(fn);
    kobj_put(irq->device);
    kobj_gone(obj);
    pmm_free(irq);
}

/* ---- lines and faults ---- */
status_t irq_route_pin(uint8_t ioapic_id, uint32_t apic_id, uint8_t vector, bool level, bool active_low, uint64_t *rte)
{
    struct irte_handle h;
    struct bdf src;
    if (!iommu_has_ir()) {               /* [82093AA 3.2.4] */
        if (apic_id > 0xfe)
            return ST_UNSUPP;
        *rte = vector | (active_low ? BIT64(13) : 0) | (level ? BIT64(15) : 0) | (uint64_t)apic_id << 56;
        return ST_OK;
    }
    status_t st = iommu_ioapic_source(ioapic_id, &src);
    if (st == ST_OK)
        st = iommu_irte_alloc(src, 1, &h);
    if (st != ST_OK)
        return st;
    st = iommu_irte_set(&h, apic_id, vector, level);
    if (st != ST_OK) {
        if (iommu_irte_free(&h, 1) != ST_OK)
            return ST_TIMEOUT;
        return st;
    }
    *rte = iommu_irte_rte(&h, level, active_low);
    return ST_OK;
}

status_t irq_route_faults(uint32_t apic_id, uint8_t vector) { return iommu_fault_route(apic_id, vector); }
uint32_t irq_route_read_faults(void) { return iommu_fault_irq(); }
