/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How devices act on the world: thin names over system calls and the channel
 * (host.c); unit tests answer them with a fake. "dev" is the index into
 * vmm_start.device, "irq" counts through those of all devices. All are called with the device
 * lock held and do not call back into devices.
 */
#pragma once

#include "kernel/abi/info.h"
#include "kernel/lib/base.h"

/* Interrupts. host_extint: the PIC's INT output, at vCPU 0; called on changes only. */
void host_msi(uint64_t addr, uint32_t data);
void host_extint(bool level);

/* Assigned functions. size 1, 2, 4, naturally aligned. */
MUST_USE status_t host_dev_info(unsigned dev, struct dev_info *info);
uint32_t host_dev_cfg_read(unsigned dev, unsigned off, unsigned size);
void host_dev_cfg_write(unsigned dev, unsigned off, unsigned size, uint32_t value);
/* Ports of an I/O BAR, or what of a memory BAR cannot be mapped: there also of size 8, and naturally aligned.
 * Ones and nothing when the kernel does not reach it. */
uint64_t host_dev_bar_read(unsigned dev, unsigned bar, uint64_t off, unsigned size);
void host_dev_bar_write(unsigned dev, unsigned bar, uint64_t off, unsigned size, uint64_t value);
MUST_USE status_t host_dev_reset(unsigned dev);
/* offset, gpa and len are page multiples. */
MUST_USE status_t host_map_bar(unsigned dev, unsigned bar, uint64_t offset, uint64_t gpa, uint64_t len);
MUST_USE status_t host_unmap_bar(unsigned dev, uint64_t gpa, uint64_t len);
/* flags: IRQ_MASKED, IRQ_OFF of syscall.h */
MUST_USE status_t host_irq_set(unsigned irq, uint64_t addr, uint32_t data, unsigned flags);
/* The function's line is heard until it next arrives; that is platform_intx. */
MUST_USE status_t host_intx_open(unsigned dev);

/* Time. deadline ~0 = no timer; a deadline in the past rings at once. */
uint64_t host_now_tsc(void);
void host_timer(uint64_t deadline_tsc);

/* Serial console: put drops what does not fit, get returns how many came. */
void host_console_put(const uint8_t *bytes, unsigned count);
unsigned host_console_get(uint8_t *bytes, unsigned max);

/* One line to the VMM's log. */
void host_log(const char *format, ...) PRINTF(1, 2);

