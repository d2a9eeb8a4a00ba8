/* link: vmm/load_linux.c vmm/boot_image.c vmm/mem.c kernel/lib/str.c kernel/lib/fmt.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Fuzz target: the bzImage loader on any file, as it is and with a forced signature. */
#include <stdlib.h>
#include <string.h>

#include "vmm/load_linux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RAM  0x1400000u

static void load_at(uint64_t at, const uint8_t *bytes, size_t len, const uint8_t *initrd, size_t initrd_len)
{
    static uint8_t *ram;
    static struct vcpu_state vs;
    struct boot_reason reason = { 0 };
    struct guest_mem mem;
    struct boot_image image = { .kernel = { bytes, len, "k" }, .initrd = { initrd, initrd_len, "i" }, .cmdline = "quiet" };
    if (ram == NULL && (ram = malloc(RAM)) == NULL)
        return;
    mem_init(&mem, ram, RAM, at);
    status_t st = linux_load(&mem, &image, &vs, &reason);
    if (st == ST_OK && (vs.rip >= RAM || vs.gpr[GPR_RSI] >= RAM))
        abort();
    if (st != ST_OK && (reason.text[0] == '\0' || reason.code == VMM_FAIL_NONE))
        abort();
}

/* As it always is, and in the memory of a guest with dma = unprotected. */
static void load(const uint8_t *bytes, size_t len, const uint8_t *initrd, size_t initrd_len)
{
    load_at(0, bytes, len, initrd, initrd_len);
    load_at(GUEST_RAM_BOOT, bytes, len, initrd, initrd_len);
}

static void force(uint8_t *bytes, unsigned at, uint64_t value, unsigned len) { memcpy(bytes + at, &value, len); }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (exact == NULL)
        return 0;
    memcpy(exact, data, size);
    load(exact, size, exact, size);
    if (size >= 0x264) {
        force(exact, 0x1fe, 0xaa55, 2);
        force(exact, 0x202, 0x53726448, 4);
        force(exact, 0x206, 0x20c + (exact[0] & 3), 2);
        force(exact, 0x211, 1, 1);
        force(exact, 0x236, 1, 2);
        load(exact, size, exact, size / 3);
        force(exact, 0x1f1, exact[1] & 3, 1);
        force(exact, 0x258, 0x1000000, 8);
        force(exact, 0x260, exact[2] << 12, 4);
        load(exact, size, exact, size);
    }
    free(exact);
    return 0;
}
