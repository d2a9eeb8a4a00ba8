/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device interrupts on their way to a vCPU: device register -> remapping entry -> host vector
 * -> guest's message. The device's registers hold the kernel's message only; the guest's vector
 * and target change the route. Opened and closed by the root thread; irq_set: the VMM's
 * threads, under the device's lock. Lock order: this one > iommu unit, pci function.
 * With intx.c the file of kernel/irq that knows PCI.
 */
#include "kernel/irq/irq.h"

#include "drivers/pci/pci.h"
#include "kernel/log/console.h"

#define CPU_BLOCKED    (~0u)           /* irq->cpu: the entry is off, confirmed */
#define CPU_UNKNOWN    (~1u)           /* a change was not confirmed */

_Static_assert(sizeof(struct irq_set) <= PAGE_SIZE && DEV_IRQS_MAX <= 64, "a set is a page, its pending bits a word");

/* ---- arrival ---- */
static void forward(struct irq *irq)
{
    uint64_t message = __atomic_load_n(&irq->message, __ATOMIC_ACQUIRE);
    upcall_vm_msi(irq->vm, message >> 32, (uint32_t)message);
}

/* Pairs with route_on: of two that cross, one sees the other's word. */
void irq_route_deliver(struct irq *irq)
{
    if (unlikely(!__atomic_load_n(&irq->on, __ATOMIC_SEQ_CST))) {
        __atomic_store_n(&irq->pending, 1, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&irq->on, __ATOMIC_SEQ_CST) || !__atomic_exchange_n(&irq->pending, 0, __ATOMIC_SEQ_CST))
            return;
    }
    forward(irq);
}

/* ---- the route; the device's lock is held ---- */

/* The device's registers say what the function's interrupts say. MSI: as many vectors as the highest one wanted. */
static MUST_USE status_t program(struct pci_fn *fn, uint32_t index)
{
    const struct irq_set *set = fn->irqs;
    uint64_t addr;
    uint32_t data, top = 0, open = 0;
    iommu_irte_msi(&set->run, &addr, &data);
    if (set->kind == IRQ_KIND_MSIX)
        return pci_msix_write(fn, index, addr, data + index, !set->irq[index].on);
    for (uint32_t i = 0; i < set->count; i++) {
        top = set->irq[i].wanted ? i + 1 : top;
        open |= set->irq[i].on << i;
    }
    return pci_msi_write(fn, addr, data, top, ~open);
}

static MUST_USE status_t route_off(struct pci_fn *fn, struct irq *irq, uint32_t index)
{
    __atomic_store_n(&irq->on, 0, __ATOMIC_SEQ_CST);
    irq->wanted = false;
    const status_t st = program(fn, index), blocked = iommu_irte_block(&fn->irqs->run, index);
    irq->cpu = blocked == ST_OK ? CPU_BLOCKED : CPU_UNKNOWN;
    __atomic_store_n(&irq->pending, 0, __ATOMIC_SEQ_CST);
    return blocked != ST_OK ? blocked : st;
}

/* To the CPU that the message's first target runs on, when the vector is reserved there. */
static MUST_USE status_t route_on(struct pci_fn *fn, struct irq *irq, uint32_t index, uint64_t message, bool masked)
{
    uint32_t cpu = upcall_vm_msi_cpu(irq->vm, message >> 32, (uint32_t)message);
    if (cpu >= MAX_CPUS || (irq->cpus & BIT64(cpu)) == 0)
        cpu = (uint32_t)__builtin_ctzll(irq->cpus);
    if (irq->cpu != cpu) {
        irq->cpu = CPU_UNKNOWN;
        TRY(iommu_irte_set(&fn->irqs->run, index, cpu_block[cpu]->apic_id, irq->vector, false));
        irq->cpu = cpu;
    }
    __atomic_store_n(&irq->message, message, __ATOMIC_RELEASE);
    irq->wanted = true;
    __atomic_store_n(&irq->on, !masked, __ATOMIC_SEQ_CST);
    if (!masked && __atomic_exchange_n(&irq->pending, 0, __ATOMIC_SEQ_CST) != 0)
        forward(irq);
    return program(fn, index);
}

status_t irq_set(struct pci_fn *fn, uint64_t at, uint64_t addr, uint32_t data, uint32_t flags)
{
    struct irq_set *set = __atomic_load_n(&fn->irqs, __ATOMIC_ACQUIRE);
    if ((flags & IRQ_LINE) != 0)
        return flags == IRQ_LINE ? intx_unmask(fn) : ST_INVAL;
    if (set == NULL || at >= set->count)
        return ST_RANGE;
    const uint32_t index = (uint32_t)index_clamp(at, set->count);
    /* What is no message for a local APIC goes nowhere, as on a real machine. */
    const uint64_t message = addr >> 32 == 0 ? addr << 32 | data : 0;
    return (flags & IRQ_OFF) != 0 ? route_off(fn, &set->irq[index], index)
                                  : route_on(fn, &set->irq[index], index, message, (flags & IRQ_MASKED) != 0);
}

uint64_t irq_pending(const struct pci_fn *fn)
{
    const struct irq_set *set = __atomic_load_n(&fn->irqs, __ATOMIC_ACQUIRE);
    uint64_t bits = 0;
    for (uint32_t i = 0; set != NULL && i < set->count; i++)
        bits |= (uint64_t)(__atomic_load_n(&set->irq[i].pending, __ATOMIC_RELAXED) != 0) << i;
    return bits;
}

/* ---- life ---- */
status_t irq_open(struct pci_fn *fn, struct vm *vm, uint64_t cpus, uint32_t kind, uint32_t count)
{
    KASSERT(kind <= IRQ_KIND_MSIX && cpus != 0);
    const uint32_t entries = kind == IRQ_KIND_MSIX ? fn->info.msix_count : fn->info.msi_vectors;
    if (entries == 0 || fn->irqs != NULL)
        return entries == 0 ? ST_UNSUPP : ST_BUSY;
    if (count == 0 || count > MIN(entries, DEV_IRQS_MAX))
        return ST_RANGE;
    struct irq_set *set = pmm_alloc();
    if (set == NULL)
        return ST_NOSPACE;
    set->kind = kind;
    status_t st = iommu_irte_alloc(fn->bdf, kind == IRQ_KIND_MSI ? entries : count, 0, &set->run);
    while (st == ST_OK && set->count < count) {
        struct irq *irq = &set->irq[set->count];
        *irq = (struct irq){ .vm = vm, .cpus = cpus, .cpu = CPU_BLOCKED };
        st = irq_vector_alloc(irq);
        set->count += st == ST_OK;
    }
    __atomic_store_n(&fn->irqs, set, __ATOMIC_RELEASE);
    if (st != ST_OK)
        irq_close(fn);
    return st;
}

/* Vectors whose entries may still be live are given up with them: nothing else may get their interrupts. */
void irq_close(struct pci_fn *fn)
{
    struct irq_set *set = fn->irqs;
    intx_close(fn);
    if (set == NULL)
        return;
    if (pci_msi_off(fn) != ST_OK)
        log_line("irq: " BDF_FMT ": MSI does not turn off; the reset at release decides", BDF_ARGS(fn->bdf));
    const bool blocked = iommu_irte_free(&set->run) == ST_OK;
    if (!blocked)
        log_line("irq: " BDF_FMT ": remapping entries stay taken: their flush is not confirmed", BDF_ARGS(fn->bdf));
    for (uint32_t i = 0; i < set->count; i++)
        irq_vector_release(&set->irq[i], blocked);
    fn->irqs = NULL;
    pmm_free(set);
}
