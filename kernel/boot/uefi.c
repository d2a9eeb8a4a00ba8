/* SPDX-License-Identifier: BSD-2-Clause */
/* The UEFI application: loads the kernel and what cordon.conf names, leaves boot services, enters the kernel. */
#include "kernel/boot/uefi.h"

#define READ_TIME  10000000ull               /* microseconds that a last message stays before firmware goes on */

static efi_status prepare(struct loader *l)
{
    uint64_t at = 0xffffffffull;
    efi_status st = l->boot->allocate_pages(EFI_ALLOCATE_MAX_ADDRESS, EFI_LOADER_DATA, BOOTINFO_PAGES, &at);
    if (st != EFI_OK)
        return st;
    l->info = (struct bootinfo *)(uintptr_t)at;
    (void)memset(l->info, 0, BOOTINFO_PAGES * PAGE_SIZE);
    l->info->magic = BOOTINFO_MAGIC;
    l->info->size = sizeof *l->info;
    st = uefi_kernel_load(l);
    return st == EFI_OK ? uefi_tables_read(l) : st;
}

static efi_status give_up(struct loader *l, const char *what, efi_status st)
{
    loader_print("loader: cannot start: %s: %s (status %lx)\n", what, uefi_status_text(st), st);
    (void)l->boot->stall(READ_TIME);
    return st;
}

efi_status EFIAPI efi_main(efi_handle image, struct efi_system_table *system)
{
    struct loader l = { .system = system, .boot = system->boot };
    uefi_print_init(system->con_out);
    loader_print("\nCordon " CORDON_VERSION " UEFI loader\n");
    (void)l.boot->set_watchdog(0, 0, 0, NULL);
    efi_status st = prepare(&l);
    if (st != EFI_OK)
        return give_up(&l, "kernel", st);
    st = uefi_volume_open(&l, image);
    if (st != EFI_OK)
        loader_complain(l.info, "the boot volume cannot be read: status %lx", st);
    modules_load(l.info);
    loader_print("entering the kernel at %lx, %lu KiB\n", l.info->kernel_base, l.info->kernel_len / 1024);
    st = uefi_leave(&l, image);
    if (st != EFI_OK)
        return give_up(&l, "leaving boot services", st);
    __asm__ volatile ("cli");
    memmap_split(l.info);
    clock_read(l.info);
    clock_rate(l.info);
    image_enter(l.info, l.trampoline);
}
