/* SPDX-License-Identifier: BSD-2-Clause */
/* The remapping side of interrupts: the one file of kernel/irq that knows IOMMU and PCI. */
#pragma once

#include "kernel/irq/irq.h"

/* A device interrupt arrived on this CPU. Lock-free, interrupts off. */
void irq_route_deliver(struct irq_obj *irq);
/* Redirection entry, unmasked, for an I/O APIC pin: through a remapping entry where the machine
 * remaps interrupts, plain otherwise. ST_NOTFOUND: remapping is on and no unit knows the I/O APIC. */
MUST_USE status_t irq_route_pin(uint8_t ioapic_id, uint32_t apic_id, uint8_t vector, bool level, bool active_low,
                                uint64_t *rte);
MUST_USE status_t irq_route_faults(uint32_t apic_id, uint8_t vector);
uint32_t irq_route_read_faults(void);

