/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt dispatch by vector, and the kernel's own two interrupt sources. */
#include "kernel/irq/irq.h"

#include "kernel/acpi/acpi.h"
#include "kernel/acpi/acpi_spcr.h"
#include "kernel/arch/lapic.h"
#include "kernel/arch/percpu.h"
#include "kernel/arch/upcall.h"
#include "kernel/irq/ioapic.h"
#include "kernel/irq/irq_route.h"
#include "kernel/irq/irq_vector.h"
#include "kernel/log/console.h"
#include "kernel/obj/event.h"
#include "kernel/arch/ktimer.h"

struct signal { struct event *event; uint64_t bits; };
static struct signal console_signal, fault_signal;   /* event: atomic, last */

static void signal_set(struct signal *signal, struct event *event, uint64_t bits)
{
    signal->bits = bits;
    __atomic_store_n(&signal->event, event, __ATOMIC_RELEASE);
}

static void signal_raise(const struct signal *signal)
{
    struct event *event = __atomic_load_n(&signal->event, __ATOMIC_ACQUIRE);
    if (event != NULL)
        event_signal(event, signal->bits);
}

static void device_irq(unsigned vector)
{
    uint32_t cpu = percpu()->cpu;
    struct irq_obj *irq = irq_vector_begin(cpu, vector);
    if (irq != NULL)
        irq_route_deliver(irq);
    irq_vector_end(cpu);
}

/* VEC_RESCHED has done its work by arriving: the CPU looks at need_resched on the way out. */
void upcall_irq(unsigned vector)
{
    if (vector == VEC_TIMER)
        ktimer_irq();
    else if (vector >= VEC_DEVICE_FIRST && vector <= VEC_DEVICE_LAST)
        device_irq(vector);
    else if (vector == VEC_RESCHED)
        percpu()->ipis++;
    else if (vector == VEC_CONSOLE && console_poll())
        signal_raise(&console_signal);
    else if (vector == VEC_IOMMU_FAULT && irq_route_read_faults() != 0)
        signal_raise(&fault_signal);
    lapic_eoi();
}

void irq_init(void) { ioapic_init(); }

/* ISA lines by the ports that PCs have used since 1984. */
static uint8_t isa_line_of(uint16_t port)
{
    switch (port) {
    case 0x3f8:
    case 0x3e8: return 4;
    case 0x2f8:
    case 0x2e8: return 3;
    default: return 0;
    }
}

static MUST_USE status_t console_route(uint16_t port, uint32_t apic_id)
{
    struct acpi_table table;
    struct acpi_spcr spcr = { 0 };
    uint8_t line = isa_line_of(port);
    bool told = acpi_find("SPCR", 0, &table) == ST_OK &&
                acpi_spcr_parse(table.data, table.len, &spcr) == ST_OK && spcr.port == port;
    if (told && spcr.isa_irq != 0)
        line = spcr.isa_irq;
    if (line != 0)
        return ioapic_route_isa(line, apic_id, VEC_CONSOLE);
    /* Not an ISA line: the GSI of a PCI UART, level and low. */
    return told && spcr.gsi != 0 ? ioapic_route(spcr.gsi, true, true, apic_id, VEC_CONSOLE) : ST_UNSUPP;
}

status_t irq_console(struct event *event, uint64_t bits)
{
    signal_set(&console_signal, event, bits);
    status_t st = console_port() != 0 ? console_route(console_port(), cpu_block[0]->apic_id) : ST_UNSUPP;
    if (st == ST_OK)
        return ST_OK;
    log_line("irq: console interrupt cannot be routed (%s): polled", status_name(st));
    return ST_UNSUPP;
}

status_t irq_iommu_faults(struct event *event, uint64_t bits)
{
    signal_set(&fault_signal, event, bits);
    return irq_route_faults(cpu_block[0]->apic_id, VEC_IOMMU_FAULT);
}
