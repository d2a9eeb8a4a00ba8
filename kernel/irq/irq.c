/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt dispatch by vector: device vectors, per CPU, and the kernel's own two interrupt sources. */
#include "kernel/irq/irq.h"

#include "kernel/log/console.h"

/* ---- device vectors ---- */
#define VECTORS  (VEC_DEVICE_LAST - VEC_DEVICE_FIRST + 1u)
_Static_assert(MAX_CPUS <= 64, "CPU sets are one word");

static struct irq *target[MAX_CPUS][VECTORS];        /* root thread writes, handlers read: atomic; NULL = free */
static struct irq retired;                           /* a target: the number is taken and leads nowhere */
static unsigned next_vector;                             /* root thread: search starts here */

/* Held by a device handler on its CPU: who has taken it once knows that no handler still uses an old target. */
static struct { struct spinlock lock; uint8_t pad[64 - sizeof(struct spinlock)]; } inside[MAX_CPUS] ALIGNED(64);

static void point(const struct irq *irq, struct irq *to)
{
    for (uint64_t left = irq->cpus; left != 0; left &= left - 1)
        __atomic_store_n(&target[__builtin_ctzll(left)][irq->vector - VEC_DEVICE_FIRST], to, __ATOMIC_SEQ_CST);
}

static bool is_free(uint64_t cpus, unsigned i)
{
    for (uint64_t left = cpus; left != 0; left &= left - 1)
        if (target[__builtin_ctzll(left)][i] != NULL)
            return false;
    return true;
}

/* Next fit: a number that was just freed comes back last, long after a late interrupt. */
status_t irq_vector_alloc(struct irq *irq)
{
    for (unsigned n = 0; n < VECTORS; n++) {
        unsigned i = (next_vector + n) % VECTORS;
        if (!is_free(irq->cpus, i))
            continue;
        next_vector = i + 1;
        irq->vector = (uint8_t)(VEC_DEVICE_FIRST + i);
        point(irq, irq);
        return ST_OK;
    }
    return ST_NOSPACE;
}

/* Without a lock that a handler takes, so the wait is as short as a handler. */
void irq_vector_release(const struct irq *irq, bool reuse)
{
    point(irq, &retired);
    for (uint64_t left = irq->cpus; left != 0; left &= left - 1) {
        struct spinlock *lock = &inside[__builtin_ctzll(left)].lock;
        spin_lock(lock);
        spin_unlock(lock);
    }
    if (reuse)
        point(irq, NULL);
}

static void device_irq(uint32_t cpu, unsigned vector)
{
    spin_lock(&inside[cpu].lock);
    struct irq *irq = __atomic_load_n(&target[cpu][vector - VEC_DEVICE_FIRST], __ATOMIC_SEQ_CST);
    if (irq != NULL && irq->intx != NULL)
        intx_deliver(irq->intx);
    else if (irq != NULL && irq != &retired)
        irq_route_deliver(irq);
    spin_unlock(&inside[cpu].lock);
}

/* ---- dispatch ---- */

static struct event *monitor;    /* written by the boot CPU before it routes the two interrupts, to itself */

/* VEC_RESCHED has done its work by arriving: the CPU looks at need_resched on the way out. So has VEC_POSTED: at entry. */
void upcall_irq(unsigned vector)
{
    if (vector == VEC_TIMER)
        ktimer_irq();
    else if (vector >= VEC_DEVICE_FIRST && vector <= VEC_DEVICE_LAST)
        device_irq(percpu()->cpu, vector);
    else if (vector == VEC_RESCHED || vector == VEC_POSTED)
        percpu()->ipis++;
    else if (vector == VEC_CONSOLE && monitor != NULL && console_poll())
        event_signal(monitor, SYSEV_CONSOLE_RX);
    else if (vector == VEC_IOMMU_FAULT && monitor != NULL && iommu_fault_irq() != 0)
        event_signal(monitor, SYSEV_DEV_FAULT);
    lapic_eoi();
}

status_t irq_console(const struct bootinfo *bi, struct event *event)
{
    struct ioapic_pin pin;       /* for ever; after an error it stays masked and its entry taken */
    monitor = event;
    TRY(ioapic_pin_open(bi->console_gsi, bi->console_level, bi->console_low, cpu_block[0]->apic_id, VEC_CONSOLE, &pin));
    ioapic_pin_mask(&pin, false);
    return ST_OK;
}

status_t irq_iommu_faults(struct event *event)
{
    monitor = event;
    return iommu_fault_route(cpu_block[0]->apic_id, VEC_IOMMU_FAULT);
}
