/* SPDX-License-Identifier: BSD-2-Clause */
/* Captures log lines; the test may print them. */
#include "tests/unit/fake/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/log/console.h"

static char text[65536];
static size_t used;
static unsigned lines;

void fake_log_reset(void)
{
    used = 0;
    lines = 0;
    text[0] = 0;
}

void log_line(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    if (used < sizeof text - 1024) {
        used += (size_t)vsnprintf(text + used, 1000, format, ap);
        text[used++] = '\n';
        text[used] = 0;
    }
    lines++;
    va_end(ap);
}

const char *fake_log_text(void) { return text; }
bool fake_log_has(const char *part) { return strstr(text, part) != NULL; }
unsigned fake_log_lines(void) { return lines; }
