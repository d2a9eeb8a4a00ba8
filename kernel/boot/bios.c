/* SPDX-License-Identifier: BSD-2-Clause */
/* The BIOS loader, in long mode: what the UEFI application does, with the firmware's calls in real mode. */
#include "kernel/boot/bios.h"

#include "kernel/boot/volume.h"

#define E820_MAGIC  0x534d4150u              /* "SMAP" */
#define E820_MAX    256u                     /* entries that are asked for: firmware may never come to an end */
#define E820_LEN    20u

extern char bios_high[], bios_bss_end[];     /* linker/bios.ld */

static struct bootinfo info ALIGNED(4096);
static struct fat fat;
static struct fat_file file;
static bool have_volume;

static struct boot_range own(void)
{
    return (struct boot_range){ (uintptr_t)bios_high, (uintptr_t)bios_bss_end - (uintptr_t)bios_high, BOOT_RAM, 0 };
}

NORETURN static void stop(const char *why)
{
    loader_print("loader: cannot start: %s\n", why);
    for (;;)
        __asm__ volatile ("cli; hlt");
}

/* [ACPI 15.1] */
static void map_read(void)
{
    uint32_t next = 0;
    for (unsigned i = 0; i < E820_MAX; i++) {
        struct { uint64_t base, len; uint32_t type, attributes; } row = { 0, 0, 0, 1 };
        memcpy((void *)(uintptr_t)BIOS_BOUNCE, &row, sizeof row);
        bios_regs = (struct bios_regs){ .eax = 0xe820, .ebx = next, .ecx = sizeof row, .edx = E820_MAGIC, .es = BIOS_BOUNCE >> 4 };
        bios_call(0x15);
        if ((bios_regs.flags & BIOS_CF) != 0 || bios_regs.eax != E820_MAGIC || bios_regs.ecx < E820_LEN)
            break;
        memcpy(&row, (const void *)(uintptr_t)BIOS_BOUNCE, sizeof row);
        memmap_add(&info, row.base, row.len, memmap_e820_type(row.type));
        next = bios_regs.ebx;
        if (next == 0)
            break;
    }
    memmap_repair(&info);
}

static void keep_tables(void)
{
    const struct phys mem = { (const uint8_t *)0, UINT64_C(1) << 32 };
    const struct boot_range mine = own();
    uint64_t len = acpi_read(&info, &mem, 0);
    uint64_t at = len != 0 ? memmap_place(&info, &mine, PAGE_UP(len), PAGE_SIZE) : 0;
    if (at == 0)
        return;
    acpi_keep(&info, (uint8_t *)(uintptr_t)at, at);
    memmap_add(&info, at, PAGE_UP(len), BOOT_ACPI);
    memmap_repair(&info);
}

status_t loader_open(const char *path, uint64_t *len)
{
    if (!have_volume)
        return ST_NOTFOUND;
    TRY(fat_open(&fat, path, &file));
    *len = file.len;
    return ST_OK;
}

status_t loader_read(uint64_t n, void *to) { return fat_read(&fat, &file, n, to); }
void loader_close(void) { }

status_t loader_pages(struct bootinfo *bi, uint64_t pages, uint64_t *base)
{
    const struct boot_range mine = own();
    *base = pages < 1u << 20 ? memmap_place(bi, &mine, pages * PAGE_SIZE, PAGE_SIZE) : 0;
    return *base != 0 ? ST_OK : ST_NOSPACE;
}

void bios_main(uint32_t drive)
{
    const struct boot_range mine = own();
    bios_print_init();
    loader_print("\nCordon " CORDON_VERSION " BIOS loader\n");
    info = (struct bootinfo){ .magic = BOOTINFO_MAGIC, .size = sizeof info };
    map_read();
    if (info.ranges == 0)
        stop("the firmware gives no memory map (INT 15h E820h)");
    keep_tables();
    if (image_len() == 0)
        stop("the kernel image in this loader is broken");
    uint64_t base = memmap_place(&info, &mine, image_len(), PAGE_2M);
    if (base == 0)
        stop("too little memory for the kernel");
    image_load(&info, base);
    bios_disk_init((uint8_t)drive);
    status_t st = volume_find(&fat);
    have_volume = st == ST_OK;
    if (!have_volume)
        loader_complain(&info, "the boot volume cannot be read: %s", st == ST_NOTFOUND ? "no FAT16 or FAT32 partition" : status_text(st));
    modules_load(&info);
    loader_print("entering the kernel at %lx, %lu KiB\n", info.kernel_base, info.kernel_len / 1024);
    memmap_split(&info);
    clock_read(&info);
    clock_rate(&info);
    image_enter(&info, (uintptr_t)jump_code);
}
