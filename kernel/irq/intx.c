/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INTx: level-triggered lines, which are pins of I/O APICs. What is known of a line is that one of its functions wants
 * something. It is masked when it arrives, before the CPU's EOI, and stays so until the VMM has seen its guest's EOI;
 * a function that still asserts it then makes it arrive again. Opened and closed by the root thread.
 */
#include "drivers/pci/pci.h"
#include "kernel/irq/irq.h"
#include "kernel/log/console.h"

#define INTX_LINES  64u

struct intx {
    /* const while there are users */
    struct irq irq;              /* the vector is reserved on all CPUs: on AMD-Vi it is also the I/O APIC's entry */
    struct ioapic_pin pin;
    struct event *event;         /* holds a reference */
    uint64_t bits;
    uint32_t gsi, cpu;
    bool active_low;
    /* root thread */
    uint32_t users;              /* functions; 0: free */
};
static struct intx lines[INTX_LINES];

void intx_deliver(const struct intx *line)
{
    ioapic_pin_mask(&line->pin, true);
    event_signal(line->event, line->bits);
}

status_t intx_unmask(const struct pci_fn *fn)
{
    if (fn->intx == NULL)
        return ST_UNSUPP;
    ioapic_pin_mask(&fn->intx->pin, false);
    return ST_OK;
}

/* A free line becomes what `want` says. */
static MUST_USE status_t line_open(struct intx *line, const struct intx *want)
{
    *line = *want;
    line->irq.intx = line;
    TRY(irq_vector_alloc(&line->irq));
    const status_t st = ioapic_pin_open(want->gsi, true, want->active_low, cpu_block[want->cpu]->apic_id,
                                        line->irq.vector, &line->pin);
    if (st == ST_OK)
        kobj_get(&line->event->obj);
    else
        irq_vector_release(&line->irq, ioapic_pin_close(&line->pin) == ST_OK);
    return st;
}

status_t intx_open(struct pci_fn *fn, struct vm *vm, uint32_t cpu, uint32_t gsi, bool active_low,
                   struct event *event, uint64_t bits)
{
    const struct intx want = { .irq = { .vm = vm, .cpus = MASK64(cpu_count - 1, 0) }, .event = event, .bits = bits,
                               .gsi = gsi, .cpu = cpu, .active_low = active_low };
    struct intx *line = NULL;
    if (fn->info.pin == 0 || fn->intx != NULL)
        return fn->info.pin == 0 ? ST_UNSUPP : ST_BUSY;
    for (uint32_t i = 0; i < INTX_LINES && (line == NULL || line->users == 0); i++)
        if (lines[i].users == 0 || lines[i].gsi == gsi)
            line = &lines[i];
    if (line == NULL)
        return ST_NOSPACE;
    if (line->users == 0)
        TRY(line_open(line, &want));
    else if (line->irq.vm != vm || line->event != event || line->bits != bits || line->active_low != active_low)
        return ST_BUSY;
    line->users++;
    fn->intx = line;
    return ST_OK;
}

void intx_close(struct pci_fn *fn)
{
    struct intx *line = fn->intx;
    fn->intx = NULL;
    if (line == NULL || --line->users != 0)
        return;
    const bool blocked = ioapic_pin_close(&line->pin) == ST_OK;
    if (!blocked)
        log_line("irq: line %u: its remapping entry stays taken: its flush is not confirmed", line->gsi);
    irq_vector_release(&line->irq, blocked);
    kobj_put(&line->event->obj);
}
