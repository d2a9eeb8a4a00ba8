/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial console: the prompt, or one guest's own console. */
#pragma once

#include "kernel/lib/base.h"

#define CONSOLE_DETACHED 0xffffffffu
#define CONSOLE_LEAVE    0x1du           /* Ctrl-] */

/* Text for a person; \n becomes CR LF. */
void console_print(const char *format, ...) PRINTF(1, 2);
void console_text(const char *s, size_t n);
/* One line that appears above the prompt at any time; kept for later while a guest's
 * console is shown. No \n in format. */
void console_notice(const char *format, ...) PRINTF(1, 2);

/* Guest consoles. */
void console_attach(uint32_t guest, const char *name);
uint32_t console_attached(void);
/* Output of a guest: shown when it is the one attached. */
void console_guest_output(uint32_t guest, const uint8_t *data, size_t n);

/* Prints the prompt for the first time. */
void console_start(void);
/* Reads and handles all bytes that wait. */
void console_poll(void);

