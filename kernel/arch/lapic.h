/* SPDX-License-Identifier: BSD-2-Clause */
/* Host local APIC: x2APIC when the CPU has it, else the xAPIC page. */
#pragma once

#include "kernel/lib/base.h"

/* Host vectors. Device interrupts use VEC_DEVICE_FIRST .. VEC_DEVICE_LAST, per CPU. */
#define VEC_DEVICE_FIRST 0x30u
#define VEC_DEVICE_LAST  0xdfu
#define VEC_CONSOLE      0xe0u   /* UART through the I/O APIC, CPU 0 */
#define VEC_IOMMU_FAULT  0xe1u
#define VEC_TIMER        0xf0u
#define VEC_RESCHED      0xf1u   /* look at need_resched, leave the guest */
#define VEC_SPURIOUS     0xffu

extern bool lapic_is_x2apic;         /* const after boot */
void lapic_init_cpu(void);           /* each CPU once */
void lapic_eoi(void);
void lapic_ipi(uint32_t cpu, uint8_t vector);      /* fixed, by CPU index */
void lapic_nmi_others(void);                        /* panic: stop the others */
/* One shot at an absolute TSC value; a past value fires at once; ~0 = off. This CPU. */
void lapic_timer_set(uint64_t deadline_tsc);

/* Starting other CPUs. */
void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, uint8_t page_number);
