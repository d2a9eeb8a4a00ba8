/* SPDX-License-Identifier: BSD-2-Clause */
/* Host interrupt vectors, I/O APICs, and device interrupts on their way to a vCPU. */
#pragma once

#include "drivers/iommu/iommu.h"
#include "kernel/obj/obj.h"

struct pci_fn;
struct ioapic;
struct intx;

/* One interrupt of a function, or a line of several. The vector is reserved on every CPU of the VM at creation, so
 * that retargeting cannot fail for want of one. */
struct irq {
    /* const */
    struct vm *vm;               /* target: its owner's */
    struct intx *intx;           /* a line; NULL: a message, which the rest is for */
    uint64_t cpus;               /* reserved CPUs, bit mask */
    uint8_t vector;              /* same number on each reserved CPU */
    /* lock of the device */
    bool wanted;                 /* the guest has not switched it off */
    uint32_t cpu;                /* where the remapping entry points, or CPU_* (irq_route.c) */
    /* any CPU, atomic */
    uint64_t message;            /* the guest's: address << 32 | data */
    uint32_t on, pending;        /* on: wanted and not masked; pending: arrived while not on */
};

/* Those of a function, all of one kind: the i-th is the MSI-X entry i, or the i-th vector of MSI. A page. */
struct irq_set {
    struct irte_run run;         /* a remapping entry for each; MSI: for as many as the function could send */
    uint32_t kind, count;        /* IRQ_KIND_* */
    struct irq irq[DEV_IRQS_MAX];
};

/* A pin of an I/O APIC that leads somewhere. const from open to close. */
struct ioapic_pin {
    struct ioapic *io;           /* NULL: none was taken */
    uint32_t index;
    uint64_t rte;
    struct irte_run run;
};

/* Masks every pin of every I/O APIC. The 8259s are masked, and no CPU listens to them, since lapic_init_cpu. */
void ioapic_init(const struct bootinfo *bi);
/* Console UART interrupt -> VEC_CONSOLE on CPU 0; the monitor's event gets SYSEV_CONSOLE_RX. On error: poll instead. */
MUST_USE status_t irq_console(const struct bootinfo *bi, struct event *event);
/* IOMMU fault interrupt -> VEC_IOMMU_FAULT on CPU 0; the event, the same one, gets SYSEV_DEV_FAULT. */
MUST_USE status_t irq_iommu_faults(struct event *event);

/* The first `count` of a function's interrupts of the kind, all blocked; cpus: bit mask of the VM's host CPUs. Root thread.
 * ST_UNSUPP: it has none; ST_RANGE: not so many; ST_BUSY: it has some already; ST_NOSPACE. */
MUST_USE status_t irq_open(struct pci_fn *fn, struct vm *vm, uint64_t cpus, uint32_t kind, uint32_t count);
/* All of them end, if there are any, and its line: none arrives any more. What is not confirmed blocked is never used
 * again. */
void irq_close(struct pci_fn *fn);
/* The guest's message and flags (IRQ_MASKED, IRQ_OFF) for one, by the device's owner. Only the route, the entry and
 * the kernel's own MSI, MSI-X registers change. After a reset it writes all of them anew. ST_RANGE. */
MUST_USE status_t irq_set(struct pci_fn *fn, uint64_t index, uint64_t addr, uint32_t data, uint32_t flags);
/* Those that arrived while masked, a bit each, by the device's owner. */
uint64_t irq_pending(const struct pci_fn *fn);

/* The function's INTx: the GSI's pin, masked. When it arrives it is masked again and the event gets the bits, on the CPU.
 * A line belongs to one VM, whose functions share it when they agree on all of this. Root thread. ST_UNSUPP: it has no
 * INTx; ST_BUSY: it has its line already, or the line is another VM's, the console's or another one's in this VM;
 * ST_NOTFOUND: no I/O APIC has it, or no unit knows that; ST_NOSPACE; ST_TIMEOUT, ST_HW: the remapping entry. */
MUST_USE status_t intx_open(struct pci_fn *fn, struct vm *vm, uint32_t cpu, uint32_t gsi, bool active_low,
                            struct event *event, uint64_t bits);
/* The device's lock is held. The line is heard until it arrives. ST_UNSUPP: it has none. */
MUST_USE status_t intx_unmask(const struct pci_fn *fn);

/* ---- inside kernel/irq ---- */
void intx_close(struct pci_fn *fn);
void intx_deliver(const struct intx *line);      /* it arrived: interrupts off */
/* Device vectors (irq.c), root thread. Gives irq->vector, free on every CPU of irq->cpus; leads to irq. ST_NOSPACE. */
MUST_USE status_t irq_vector_alloc(struct irq *irq);
/* Leads nowhere; returns after no CPU is still inside the handler with the object. reuse: the number is free again;
 * only when the remapping entry is confirmed blocked. */
void irq_vector_release(const struct irq *irq, bool reuse);

/* ioapic.c: one pin to a host vector, masked, through a remapping entry where the machine remaps interrupts. Mode comes
 * from the caller, who closes the pin also after an error. ST_NOTFOUND: no I/O APIC has the GSI, or no unit knows it;
 * ST_BUSY: the pin is open already. */
MUST_USE status_t ioapic_pin_open(uint32_t gsi, bool level, bool active_low, uint32_t apic_id, uint8_t vector,
                                  struct ioapic_pin *pin);
void ioapic_pin_mask(const struct ioapic_pin *pin, bool masked);         /* any context */
/* Masked, and its remapping entry free; an error: that is not confirmed, and it stays taken. */
MUST_USE status_t ioapic_pin_close(struct ioapic_pin *pin);

/* irq_route.c: a device interrupt arrived on this CPU. Lock-free, interrupts off. */
void irq_route_deliver(struct irq *irq);
