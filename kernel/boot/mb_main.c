/* SPDX-License-Identifier: BSD-2-Clause */
/* The Multiboot loader, in long mode on identity-mapped memory: from the information block to the kernel. */
#include "kernel/boot/mb_info.h"

#define COM1       0x3f8
#define LSR_EMPTY  0x20
#define MAX_POLLS  100000u

extern char __loader_start[], __loader_end[];           /* linker/multiboot.ld */

static struct bootinfo info ALIGNED(4096);

static uint8_t in8(uint16_t port)
{
    uint8_t v;
    __asm__ volatile ("inb %1, %0" : "=a"(v) : "d"(port));
    return v;
}

/* COM1 as the firmware left it: a Multiboot start is for tests. A byte that does not get out in time is lost. */
static void put(char c)
{
    for (unsigned i = 0; i < MAX_POLLS && !(in8(COM1 + 5) & LSR_EMPTY); i++)
        ;
    __asm__ volatile ("outb %0, %1" : : "a"((uint8_t)c), "d"((uint16_t)COM1));
}

void loader_text(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            put('\r');
        put(*text);
    }
}

NORETURN static void stop(const char *why)
{
    loader_print("cordon: refused: %s\n", why);
    for (;;)
        __asm__ volatile ("cli; hlt");
}

static void keep_tables(const struct phys *mem, const struct boot_range *own)
{
    uint64_t len = acpi_read(&info, mem, 0);
    uint64_t at = len != 0 ? memmap_place(&info, own, PAGE_UP(len), PAGE_SIZE) : 0;
    if (at == 0) {
        if (len != 0)
            loader_complain(&info, "no memory for %lu bytes of the firmware's tables", len);
        return;
    }
    acpi_keep(&info, (uint8_t *)(uintptr_t)at, at);
    memmap_add(&info, at, PAGE_UP(len), BOOT_ACPI);
    memmap_repair(&info);
}

void mb_main(uint32_t mbi)
{
    const struct phys mem = { (const uint8_t *)0, UINT64_C(1) << 32 };
    const struct boot_range own = { (uintptr_t)__loader_start, (uintptr_t)__loader_end - (uintptr_t)__loader_start,
                                    BOOT_RAM, 0 };
    mb_fill(&info, &mem, mbi);
    memmap_repair(&info);
    keep_tables(&mem, &own);
    if (image_len() == 0)
        stop("the kernel image in this file is broken");
    uint64_t base = memmap_place(&info, &own, image_len(), PAGE_2M);
    if (base == 0)
        stop("too little memory for the kernel");
    image_load(&info, base);
    memmap_split(&info);
    clock_read(&info);
    clock_rate(&info);
    image_enter(&info, (uintptr_t)jump_code);
}
