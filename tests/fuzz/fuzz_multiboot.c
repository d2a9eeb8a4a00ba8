/* link: vmm/load_multiboot.c vmm/load_elf.c vmm/boot_image.c vmm/mem.c kernel/lib/str.c kernel/lib/fmt.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: the Multiboot and ELF loaders on any file, as they are and behind a forced header. */
#include <stdlib.h>
#include <string.h>

#include "vmm/load_elf.h"
#include "vmm/load_multiboot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM  0x800000u

static void load_at(uint64_t at, const uint8_t *bytes, size_t len, const uint8_t *module, size_t module_len)
{
    static uint8_t *ram;
    static struct vcpu_state vs;
    struct boot_reason reason = { 0 };
    struct guest_mem mem;
    struct boot_image image = { .kernel = { bytes, len, "k" }, .module = { { module, module_len, "m" } }, .modules = 1,
                                .cmdline = "x" };
    if (ram == NULL && (ram = malloc(RAM)) == NULL)
        return;
    mem_init(&mem, ram, RAM, at);
    status_t st = multiboot_load(&mem, &image, &vs, &reason);
    if (st == ST_OK && (vs.gpr[GPR_RAX] != 0x2badb002 || vs.gpr[GPR_RBX] >= RAM))
        abort();
    if (st != ST_OK && (reason.text[0] == '\0' || reason.code == VMM_FAIL_NONE))
        abort();
}

/* As it always is, and in the memory of a guest with dma = unprotected. */
static void load(const uint8_t *bytes, size_t len, const uint8_t *module, size_t module_len)
{
    load_at(0, bytes, len, module, module_len);
    load_at(GUEST_RAM_BOOT, bytes, len, module, module_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);    /* exact size: the sanitizer sees every byte beyond */
    if (exact != NULL) {
        memcpy(exact, data, size);
        load(exact, size, exact, size);
        if (size >= 64) {                        /* a legal header at 52: ELF and flags from the input */
            uint32_t magic = 0x1badb002, flags, sum;
            memcpy(&flags, exact + 56, 4);
            flags &= 0x10007;
            sum = 0u - (magic + flags);
            memcpy(exact + 52, &magic, 4);
            memcpy(exact + 56, &flags, 4);
            memcpy(exact + 60, &sum, 4);
            load(exact, size, exact, size / 2);
            static const uint8_t ident[] = { 0x7f, 'E', 'L', 'F' };
            memcpy(exact, ident, 4);
            exact[5] = 1;
            exact[18] = exact[4] & 1 ? 62 : 3;
            exact[19] = 0;
            load(exact, size, exact, 1);
        }
        free(exact);
    }
    return 0;
}
