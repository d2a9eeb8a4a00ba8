/* SPDX-License-Identifier: BSD-2-Clause */
/* What loaders say: to the person before the screen, and to the boot log by way of the kernel. */
#include "kernel/boot/loader.h"

#include "kernel/lib/fmt.h"

#define LINE_BYTES 320u

void loader_print(const char *format, ...)
{
    char line[LINE_BYTES];
    va_list ap;
    va_start(ap, format);
    (void)fmt_v(line, sizeof line, format, ap);
    va_end(ap);
    loader_text(line);
}

void loader_complain(struct bootinfo *info, const char *format, ...)
{
    char line[LINE_BYTES];
    size_t used = str_nlen(info->loader_error, sizeof info->loader_error);
    va_list ap;
    va_start(ap, format);
    (void)fmt_v(line, sizeof line, format, ap);
    va_end(ap);
    loader_print("loader: %s\n", line);
    if (used > 0 && used + 3 < sizeof info->loader_error)
        used += str_copy(info->loader_error + used, sizeof info->loader_error - used, "; ");
    if (used + 1 < sizeof info->loader_error)
        (void)str_copy(info->loader_error + used, sizeof info->loader_error - used, line);
}

#ifndef CORDON_HOST
/* lib code asserts; before the kernel runs there is nobody but the person at the console. */
void kassert_fail(const char *condition, const char *file, int line)
{
    loader_print("loader: assertion failed: %s (%s:%d)\n", condition, file, line);
    for (;;)
        __asm__ volatile ("hlt");
}
#endif
