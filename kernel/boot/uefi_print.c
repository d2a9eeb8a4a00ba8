/* SPDX-License-Identifier: BSD-2-Clause */
/* Text on the firmware's console, and the list of complaints that the monitor shows later. */
#include "kernel/boot/uefi.h"

#include "kernel/lib/fmt.h"

static struct efi_text_output *console;

void uefi_print_init(struct efi_text_output *out) { console = out; }

static void put_text(const char *s)
{
    uint16_t wide[128];
    unsigned n = 0;
    while (console && *s) {
        if (*s == '\n')
            wide[n++] = '\r';
        wide[n++] = (uint8_t)*s++;
        if (n >= ARRAY_LEN(wide) - 2 || *s == 0) {
            wide[n] = 0;
            (void)console->output(console, wide);
            n = 0;
        }
    }
}

void uefi_print(const char *format, ...)
{
    char line[320];
    va_list ap;
    va_start(ap, format);
    (void)fmt_v(line, sizeof line, format, ap);
    va_end(ap);
    put_text(line);
}

void uefi_complain(struct bootinfo *info, const char *format, ...)
{
    char line[320];
    size_t used = str_nlen(info->loader_error, sizeof info->loader_error);
    va_list ap;
    va_start(ap, format);
    (void)fmt_v(line, sizeof line, format, ap);
    va_end(ap);
    uefi_print("loader: %s\n", line);
    if (used > 0 && used + 3 < sizeof info->loader_error)
        used += str_copy(info->loader_error + used, sizeof info->loader_error - used, "; ");
    if (used + 1 < sizeof info->loader_error)
        (void)str_copy(info->loader_error + used, sizeof info->loader_error - used, line);
}

const char *uefi_status_text(efi_status status)
{
    switch (status) {
    case EFI_OK: return "done";
    case EFI_NOT_FOUND: return "no such file";
    case EFI_OUT_OF_RESOURCES: return "not enough memory";
    case EFI_INVALID_PARAMETER: return "not a valid name";
    case EFI_LOAD_ERROR: return "not what it should be";
    default: return "firmware error while reading";
    }
}

/* lib code asserts; before the kernel runs there is nobody but the person at the console. */
void kassert_fail(const char *condition, const char *file, int line)
{
    uefi_print("loader: assertion failed: %s (%s:%d)\n", condition, file, line);
    for (;;)
        __asm__ volatile ("hlt");
}
