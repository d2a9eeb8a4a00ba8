/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text: %d %u %x %X %c %s %p %%, flags 0 and -, width, .precision for
 * %s, * for both, and l, ll, z sizes. Anything else prints as it stands.
 */
#pragma once

#include <stdarg.h>

#include "kernel/lib/base.h"

/* Writes at most size-1 bytes and a NUL; returns bytes written (not wanted). size > 0. */
size_t fmt_v(char *buf, size_t size, const char *format, va_list ap) PRINTF(3, 0);
size_t fmt(char *buf, size_t size, const char *format, ...) PRINTF(3, 4);

