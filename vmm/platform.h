/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's board: creates all devices and wires them to the buses, to each
 * other's lines and to the host. The one place that knows them all.
 *
 * Every function runs with the VMM's device lock held. After each port or MMIO
 * access and after platform_timer the caller looks at platform_outcome.
 */
#pragma once

#include "vmm/bus.h"
#include "vmm/clock.h"
#include "vmm/hostbridge.h"
#include "vmm/ioapic.h"
#include "vmm/line.h"
#include "vmm/pic.h"
#include "vmm/pit.h"
#include "vmm/pm.h"
#include "vmm/rtc.h"
#include "vmm/start_page.h"
#include "vmm/uart.h"
#include "vmm/vpci.h"

/* acpi.c describes this board by the numbers of guest_hw.h: COM1, PM block, reset port,
 * century, I/O APIC, overrides 0 -> 2 (edge) and 9 -> 9 (level, active high). SMI_CMD = 0.
 * INTx of assigned functions: a line of the host is a line here, 16 to 23 of the I/O APIC and 10 or 11 of the 8259s. It is up
 * from its arrival to the guest's EOI at either, and the host's is masked so long; see docs/abi.md. */

struct platform {
    struct bus bus;              /* run.c: bus_port_in(&p->bus, ...), bus_mmio_read(&p->bus, ...) */
    struct clock clock;
    struct line_bus lines;
    struct pic pic;
    struct pit pit;
    struct rtc rtc;
    struct uart uart;
    struct ioapic ioapic;
    struct pm pm;
    struct hostbridge bridge;
    struct vpci vpci;
    uint32_t intx;               /* lines of assigned functions, bit = line */
    uint32_t shut;               /* of those: down here and masked in the host */
    uint64_t deadline;           /* what host_timer was told last */
    uint32_t post;               /* last byte written to port 80h */
    char reason[128];            /* why platform_init failed */
};

/* ST_OK, or why an assigned function cannot be shown to the guest (text in p->reason). */
MUST_USE status_t platform_init(struct platform *p, const struct vmm_start *start);

/* The doorbell's timer bit fired: runs devices that are due and sets the next host_timer. */
void platform_timer(struct platform *p);
/* TSC of the earliest device timer, ~0 = none. The platform itself calls host_timer
 * whenever this changes; for status only. */
uint64_t platform_next_deadline(const struct platform *p);
/* Console input arrived in the channel. */
void platform_console(struct platform *p);
/* enum vmm_request from the monitor. */
void platform_request(struct platform *p, uint32_t request);
/* The kernel says that lines of assigned functions arrived (doorbell bits from VMM_EV_INTX on). */
void platform_intx(struct platform *p, uint32_t lines);
/* A level-triggered vector was completed in a local APIC (EXIT_EOI). */
void platform_eoi(struct platform *p, uint8_t vector);

/* The PIC's INT output, and the INTA cycle that takes the vector (EXIT_EXTINT). */
static inline bool platform_extint_pending(const struct platform *p) { return p->pic.output; }
uint8_t platform_extint_ack(struct platform *p);

/* PM_RUNNING until the guest switched itself off or asked for a reset. */
static inline enum pm_outcome platform_outcome(const struct platform *p) { return p->pm.outcome; }

