/* SPDX-License-Identifier: BSD-2-Clause */
/* Host interrupt vectors, I/O APICs, and device interrupts on their way to a vCPU. */
#pragma once

#include "drivers/iommu/iommu.h"
#include "kernel/obj/obj.h"

struct pci_fn;

/* One interrupt of a device. The vector is reserved on every CPU of the VM at creation, so
 * that retargeting cannot fail for want of one. */
struct irq_obj {
    struct kobj obj;
    /* const */
    struct kobj *device;         /* struct device's object: holds a reference */
    struct pci_fn *fn;
    struct vm *vm;               /* target; const while the device is assigned */
    uint64_t cpus;               /* reserved CPUs, bit mask */
    uint32_t kind, index;        /* IRQ_KIND_*, entry */
    struct irte_run run;         /* MSI: shared by all of the function, this one's is entry `index`; MSI-X: one entry */
    uint8_t vector;              /* same number on each reserved CPU */
    /* fn->irq_lock */
    struct irq_obj *next;        /* fn->irqs */
    bool wanted;                 /* the guest has not switched it off */
    uint32_t cpu;                /* where the remapping entry points, or CPU_* (irq_route.c) */
    /* any CPU, atomic */
    uint64_t message;            /* the guest's: address << 32 | data */
    uint32_t on, pending;        /* on: wanted and not masked; pending: arrived while not on */
};

/* Masks every pin of every I/O APIC. The 8259s are masked, and no CPU listens to them, since lapic_init_cpu. */
void ioapic_init(const struct bootinfo *bi);
/* Console UART interrupt -> VEC_CONSOLE on CPU 0; the event gets bits. On error: poll instead. */
MUST_USE status_t irq_console(const struct bootinfo *bi, struct event *event, uint64_t bits);
/* IOMMU fault interrupt -> VEC_IOMMU_FAULT on CPU 0; the event gets bits. */
MUST_USE status_t irq_iommu_faults(struct event *event, uint64_t bits);

/* cpus: bit mask of the VM's host CPUs. Allocates vector and remapping entry, blocked. Takes a
 * reference of device, is in fn->irqs. ST_RANGE: no such entry; ST_BUSY: it exists, or
 * the function uses the other kind; ST_UNSUPP: no such capability; ST_NOSPACE. kind and flags
 * below are as SYSCALLS says. */
MUST_USE status_t irq_create(struct kobj *device, struct pci_fn *fn, struct vm *vm, uint64_t cpus,
                             uint32_t kind, uint32_t index, struct irq_obj **out);
void irq_destroy(struct kobj *obj);
/* The guest's message and flags (IRQ_MASKED, IRQ_OFF). Only the route, the entry and the
 * kernel's own MSI, MSI-X registers change. After a reset it writes all of them anew. */
MUST_USE status_t irq_set(struct irq_obj *irq, uint64_t addr, uint32_t data, uint32_t flags);

/* ---- inside kernel/irq ---- */
/* Device vectors (irq.c), root thread. Gives irq->vector, free on every CPU of irq->cpus; leads to irq. ST_NOSPACE. */
MUST_USE status_t irq_vector_alloc(struct irq_obj *irq);
/* Leads nowhere; returns after no CPU is still inside the handler with the object. reuse: the number is free again;
 * only when the remapping entry is confirmed blocked. */
void irq_vector_release(const struct irq_obj *irq, bool reuse);

/* ioapic.c: one pin to a host vector, through a remapping entry where the machine remaps interrupts. Mode comes from
 * the caller. ST_NOTFOUND: no I/O APIC has the GSI, or no unit knows it. */
MUST_USE status_t ioapic_route(uint32_t gsi, bool level, bool active_low, uint32_t apic_id, uint8_t vector);

/* irq_route.c: a device interrupt arrived on this CPU. Lock-free, interrupts off. */
void irq_route_deliver(struct irq_obj *irq);
