/* SPDX-License-Identifier: BSD-2-Clause */
/* Text on the firmware's console. */
#include "kernel/boot/uefi.h"

static struct efi_text_output *console;

void uefi_print_init(struct efi_text_output *out) { console = out; }

void loader_text(const char *s)
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
