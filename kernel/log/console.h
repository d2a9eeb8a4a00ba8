/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console: a 16550 UART (I/O port), the monitor's once it runs; the kernel's own lines
 * come between the monitor's. Any context, own spinlock, interrupts may be on or off.
 */
#pragma once

#include <stdarg.h>

#include "kernel/lib/base.h"

/* "cordon: " lines as in docs: one fact a line, no trailing newline in format. */
void log_line(const char *format, ...) PRINTF(1, 2);
void log_va(const char *kind, const char *format, va_list ap) PRINTF(2, 0);   /* "cordon: " kind text */

/* UART I/O port and baud; boot CPU, before the first line. */
void console_init(uint16_t port, uint32_t baud);
/* Raw bytes to the UART (the monitor's). Waits for the transmitter with a bound per byte;
 * returns bytes written. */
size_t console_write(const char *bytes, size_t len);
/* Before the power goes: waits, with a bound, until the last byte is on the wire. */
void console_drain(void);
/* Bytes received so far, at most max; empties the receive buffer. */
size_t console_read(char *bytes, size_t max);
/* From the UART interrupt or a poll: moves received bytes to the buffer; true when there are new ones. */
bool console_poll(void);
/* From here on received bytes interrupt: once the interrupt has its way. */
void console_input_on(void);

/* For panic only: from here on log_line takes no lock and always reaches a UART: COM1, when none was set up. */
void console_last_words(void);
/* Says that an NMI came, unless the console is in use just now. */
void console_nmi_line(void);

/* Last words (panic.c). Prints build, CPU, reason, return addresses; stops other CPUs; blocks DMA; halts. */
struct trap_frame;
NORETURN void panic(const char *format, ...) PRINTF(1, 2);
NORETURN void panic_trap(const struct trap_frame *frame);
/* At boot, before other CPUs and devices run: the machine does not do. The reason alone; halts. */
NORETURN void boot_refuse(const char *format, ...) PRINTF(1, 2);
/* From an NMI: a CPU that panics stops the others by it. */
void panic_nmi(void);
