/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text: %d %u %x %c %s %%; a width, with 0 or - before it for numbers and
 * text; .* for the most bytes of a %s; l for 64 bits. Nothing else is known.
 */
#pragma once

#include <stdarg.h>

#include "kernel/lib/base.h"

/* Writes at most size-1 bytes and a NUL; returns bytes written (not wanted). size > 0. */
size_t fmt_v(char *buf, size_t size, const char *format, va_list ap) PRINTF(3, 0);
size_t fmt(char *buf, size_t size, const char *format, ...) PRINTF(3, 4);
