/* SPDX-License-Identifier: BSD-2-Clause */
/* The UEFI application: loads the kernel and what cordon.conf names, leaves boot services, enters the kernel. */
#include "kernel/boot/uefi.h"

#define MAP_PAGES  16u                       /* 64 KiB: ten times what firmware needs today */
#define READ_TIME  10000000ull               /* microseconds that a last message stays before firmware goes on */

static const struct efi_guid acpi2_guid =
    { 0x8868e871, 0xe4f1, 0x11d3, { 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 } };
static const struct efi_guid acpi1_guid =
    { 0xeb9d2d30, 0x2d88, 0x11d3, { 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d } };

static uint64_t find_table(const struct efi_system_table *system, const struct efi_guid *guid)
{
    for (uint64_t i = 0; i < system->tables; i++)
        if (memcmp(&system->table[i].guid, guid, sizeof *guid) == 0)
            return (uintptr_t)system->table[i].table;
    return 0;
}

static efi_status prepare(struct loader *l)
{
    uint64_t at = 0xffffffffull;
    efi_status st = l->boot->allocate_pages(EFI_ALLOCATE_MAX_ADDRESS, EFI_RESERVED, BOOTINFO_PAGES, &at);
    if (st != EFI_OK)
        return st;
    l->info = (struct bootinfo *)(uintptr_t)at;
    (void)memset(l->info, 0, BOOTINFO_PAGES * PAGE_SIZE);
    l->info->magic = BOOTINFO_MAGIC;
    l->info->size = sizeof *l->info;
    l->info->kind = BOOT_UEFI;
    l->info->manifest = ~0u;
    l->info->uefi_systab = (uintptr_t)l->system;
    l->info->rsdp = find_table(l->system, &acpi2_guid);
    if (l->info->rsdp == 0)
        l->info->rsdp = find_table(l->system, &acpi1_guid);
    st = uefi_kernel_load(l);
    return st == EFI_OK ? uefi_tables_build(l) : st;
}

static void take_map(struct bootinfo *info, uint64_t map, uint64_t size, uint64_t stride)
{
    info->ranges = 0;
    for (uint64_t off = 0; stride != 0 && off + sizeof(struct efi_memory_descriptor) <= size; off += stride) {
        const struct efi_memory_descriptor *d = (const void *)(uintptr_t)(map + off);
        if (d->pages <= (1ull << 40))
            uefi_map_add(info, d->physical, d->pages * PAGE_SIZE, uefi_map_type(d->type));
    }
}

/* The map's key goes stale when firmware allocates in between: take a new one and try again. */
static efi_status leave_firmware(struct loader *l, efi_handle image)
{
    uint64_t map = 0, size = 0, key = 0, stride = 0;
    uint32_t version = 0;
    efi_status st = l->boot->allocate_pages(EFI_ALLOCATE_ANY, EFI_LOADER_DATA, MAP_PAGES, &map);
    for (int tries = 0; st == EFI_OK && tries < 8; tries++) {
        size = MAP_PAGES * PAGE_SIZE;
        st = l->boot->get_memory_map(&size, (void *)(uintptr_t)map, &key, &stride, &version);
        if (st != EFI_OK)
            return st;
        st = l->boot->exit_boot_services(image, key);
        if (st == EFI_OK) {
            take_map(l->info, map, size, stride);
            return EFI_OK;
        }
        if (st != EFI_INVALID_PARAMETER)
            return st;
        st = EFI_OK;
    }
    return st == EFI_OK ? EFI_LOAD_ERROR : st;
}

NORETURN static void enter_kernel(const struct loader *l)
{
    __asm__ volatile ("jmp *%0"
                      : : "r"(l->trampoline), "D"(l->info), "S"(l->tables), "d"(l->entry) : "memory");
    __builtin_unreachable();
}

static efi_status give_up(struct loader *l, const char *what, efi_status st)
{
    uefi_print("loader: cannot start: %s: %s (status %lx)\n", what, uefi_status_text(st), st);
    (void)l->boot->stall(READ_TIME);
    return st;
}

efi_status EFIAPI efi_main(efi_handle image, struct efi_system_table *system)
{
    struct loader l = { .system = system, .boot = system->boot };
    uefi_print_init(system->con_out);
    uefi_print("\nCordon " CORDON_VERSION " UEFI loader\n");
    (void)l.boot->set_watchdog(0, 0, 0, NULL);
    efi_status st = prepare(&l);
    if (st != EFI_OK)
        return give_up(&l, "kernel", st);
    st = uefi_volume_open(&l, image);
    if (st != EFI_OK) {
        l.root = NULL;
        uefi_complain(l.info, "the boot volume cannot be read: status %lx", st);
    }
    uefi_modules_load(&l);
    uefi_print("entering the kernel at %lx, %lu KiB\n", l.info->kernel_base, l.info->kernel_len / 1024);
    st = leave_firmware(&l, image);
    if (st != EFI_OK)
        return give_up(&l, "leaving boot services", st);
    enter_kernel(&l);
}
