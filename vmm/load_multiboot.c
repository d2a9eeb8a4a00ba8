/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiboot 1: header, placement, information structure, 32-bit entry. */
#include "vmm/load_multiboot.h"

#include "vmm/load_elf.h"

#define MB_SEARCH        8192u        /* [MB1 3.1] */
#define MB_MAGIC         0x1badb002u
#define MB_BOOT_MAGIC    0x2badb002u
#define MB_REQUIRED      MASK32(15, 0)
#define MB_ALIGN         BIT32(0)     /* modules on pages: always so */
#define MB_MEMORY        BIT32(1)
#define MB_VIDEO         BIT32(2)     /* there is no screen: the structure says so */
#define MB_ADDRESSES     BIT32(16)

/* Information structure [MB1 3.3]; offsets in the order of the fields. */
struct mb_info {
    uint32_t flags;                   /* 00 */
    uint32_t mem_lower, mem_upper;    /* 04 KiB */
    uint32_t boot_device;             /* 0c */
    uint32_t cmdline;                 /* 10 */
    uint32_t mods_count, mods_addr;   /* 14 */
    uint32_t syms[4];                 /* 1c */
    uint32_t mmap_length, mmap_addr;  /* 2c */
    uint32_t drives_length, drives_addr, config_table; /* 34 */
    uint32_t boot_loader_name;        /* 40 */
    uint32_t rest[13];                /* 44 APM, VBE, framebuffer: not given */
};
AT(struct mb_info, cmdline, 0x10);
AT(struct mb_info, mmap_length, 0x2c);
AT(struct mb_info, boot_loader_name, 0x40);
#define MBI_FLAGS  (BIT32(0) | BIT32(2) | BIT32(3) | BIT32(6) | BIT32(9))

struct mb_module { uint32_t start, end, string, reserved; };
#define MMAP_ENTRY  24u               /* size field and 20 bytes */

struct mb_header { uint32_t offset, flags, header_addr, load_addr, load_end, bss_end, entry; };

/* Bump allocator for what goes behind the kernel. */
struct placer { const struct guest_mem *mem; uint64_t next; };

static uint32_t get32(const struct boot_file *file, uint64_t offset)
{
    uint32_t v;
    memcpy(&v, file->bytes + offset, 4);
    return v;
}

/* Offset of the header, or MB_SEARCH: magic, flags and checksum sum to zero. */
static uint32_t find_header(const struct boot_file *file)
{
    uint64_t limit = MIN(file->len, (uint64_t)MB_SEARCH);
    for (uint32_t at = 0; at + 12 <= limit; at += 4)
        if (get32(file, at) == MB_MAGIC && get32(file, at) + get32(file, at + 4) + get32(file, at + 8) == 0)
            return at;
    return MB_SEARCH;
}

bool multiboot_is_image(const struct boot_file *file) { return find_header(file) != MB_SEARCH; }

static status_t header_read(const struct boot_file *file, struct mb_header *h, struct boot_reason *reason)
{
    h->offset = find_header(file);
    if (h->offset == MB_SEARCH)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: no Multiboot header in the first 8 KiB");
    h->flags = get32(file, h->offset + 4);
    uint32_t unknown = h->flags & MB_REQUIRED & ~(MB_ALIGN | MB_MEMORY | MB_VIDEO);
    if (unknown != 0)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: Multiboot header requires unknown features %x", unknown);
    if (!(h->flags & MB_ADDRESSES))
        return ST_OK;
    if (!range_ok(h->offset, 32, file->len))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: Multiboot header cut off");
    h->header_addr = get32(file, h->offset + 12);
    h->load_addr = get32(file, h->offset + 16);
    h->load_end = get32(file, h->offset + 20);
    h->bss_end = get32(file, h->offset + 24);
    h->entry = get32(file, h->offset + 28);
    return ST_OK;
}

/* The a.out way: the header says where its file goes [MB1 3.1.3]. */
static status_t load_addresses(const struct guest_mem *mem, const struct boot_file *file,
                               const struct mb_header *h, struct elf_image *out, struct boot_reason *reason)
{
    if (h->load_addr > h->header_addr || h->header_addr - h->load_addr > h->offset)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: Multiboot load address %x does not fit header address %x",
                           h->load_addr, h->header_addr);
    uint64_t start = h->offset - (h->header_addr - h->load_addr);
    uint64_t len = h->load_end == 0 ? file->len - start : (uint64_t)h->load_end - h->load_addr;
    if ((h->load_end != 0 && h->load_end < h->load_addr) || !range_ok(start, len, file->len))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: Multiboot load range %x..%x is not in the file",
                           h->load_addr, h->load_end);
    uint64_t end = MAX(h->load_addr + len, (uint64_t)h->bss_end);
    if (!range_ok(h->load_addr, end - h->load_addr, mem->low))
        return boot_refuse(reason, VMM_FAIL_MEMORY, "kernel needs %x..%lx; the guest has %lu MiB below 3 GiB",
                           h->load_addr, (unsigned long)end, (unsigned long)(mem->low >> 20));
    *out = (struct elf_image){ h->entry, end };
    status_t st = mem_write(mem, (gpa_t){ h->load_addr }, file->bytes + start, len);
    if (st == ST_OK && end > h->load_addr + len)
        st = mem_zero(mem, (gpa_t){ h->load_addr + len }, end - h->load_addr - len);
    return st;
}

/* Page-aligned room behind everything placed so far. */
static status_t place(struct placer *placer, uint64_t len, const char *what, uint32_t *address,
                      struct boot_reason *reason)
{
    uint64_t at = PAGE_UP(placer->next);
    if (!range_ok(at, MAX(len, (uint64_t)1), placer->mem->low))
        return boot_refuse(reason, VMM_FAIL_MEMORY, "%s of %lu bytes does not fit behind %lx; the guest has %lu MiB below 3 GiB",
                           what, (unsigned long)len, (unsigned long)at, (unsigned long)(placer->mem->low >> 20));
    placer->next = at + len;
    *address = (uint32_t)at;
    return ST_OK;
}

/* A string with its NUL into the information page at *at. */
static uint32_t put_string(uint8_t *page, uint32_t base, uint32_t *at, uint32_t size, const char *text)
{
    uint32_t start = *at;
    KASSERT(start < size);
    *at += (uint32_t)str_copy((char *)page + start, size - start, text) + 1;
    return base + start;
}

#define INFO_PAGES   4u
#define INFO_GDT     0x0c0u
#define INFO_MODS    0x100u
#define INFO_MMAP    0x200u
#define INFO_STRINGS 0x400u

static void put_mmap(uint8_t *page, const struct guest_mem *mem, struct mb_info *info, uint32_t base)
{
    struct boot_map map[BOOT_MAP_MAX];
    unsigned n = boot_memory_map(mem, map);
    for (unsigned i = 0; i < n; i++) {
        uint8_t *entry = page + INFO_MMAP + i * MMAP_ENTRY;
        uint32_t size = MMAP_ENTRY - 4;
        memcpy(entry, &size, 4);
        memcpy(entry + 4, &map[i].base, 8);
        memcpy(entry + 12, &map[i].len, 8);
        memcpy(entry + 20, &map[i].type, 4);
    }
    info->mmap_addr = base + INFO_MMAP;
    info->mmap_length = n * MMAP_ENTRY;
}
_Static_assert(INFO_MMAP + BOOT_MAP_MAX * MMAP_ENTRY <= INFO_STRINGS, "map fits");
_Static_assert(INFO_MODS + (VMM_MAX_MODULES + 1) * sizeof(struct mb_module) <= INFO_MMAP, "modules fit");
_Static_assert(sizeof(struct mb_info) <= INFO_GDT && INFO_GDT + BOOT_GDT_SIZE <= INFO_MODS, "info fits");

static status_t place_modules(struct placer *placer, const struct boot_image *image,
                              struct mb_module *mods, struct boot_reason *reason)
{
    for (uint32_t i = 0; i < image->modules; i++) {
        const struct boot_file *file = &image->module[i];
        status_t st = place(placer, file->len, "module", &mods[i].start, reason);
        if (st == ST_OK && file->len != 0)
            st = mem_write(placer->mem, (gpa_t){ mods[i].start }, file->bytes, file->len);
        if (st != ST_OK)
            return st;
        mods[i].end = mods[i].start + (uint32_t)file->len;
    }
    return ST_OK;
}

/* Everything that ebx leads to, in INFO_PAGES pages behind the modules. */
static status_t place_info(struct placer *placer, const struct boot_image *image,
                           struct mb_module *mods, uint32_t *address, struct boot_reason *reason)
{
    struct mb_info info = { .flags = MBI_FLAGS };
    uint32_t size = INFO_PAGES * PAGE_SIZE, at = INFO_STRINGS;
    status_t st = place(placer, size, "boot information", address, reason);
    if (st != ST_OK)
        return st;
    uint8_t *page = mem_ptr(placer->mem, (gpa_t){ *address }, size);
    if (page == NULL)
        return ST_RANGE;
    memset(page, 0, size);
    info.mem_lower = BOOT_EBDA >> 10;
    info.mem_upper = placer->mem->one_to_one ? 0 : (uint32_t)((placer->mem->low - 0x100000) >> 10);
    info.cmdline = put_string(page, *address, &at, size, image->cmdline);
    info.boot_loader_name = put_string(page, *address, &at, size, "Cordon");
    for (uint32_t i = 0; i < image->modules; i++)
        mods[i].string = put_string(page, *address, &at, size, image->module[i].name);
    info.mods_count = image->modules;
    info.mods_addr = *address + INFO_MODS;
    memcpy(page + INFO_MODS, mods, image->modules * sizeof *mods);
    put_mmap(page, placer->mem, &info, *address);
    memcpy(page, &info, sizeof info);
    return ST_OK;
}

static status_t load_kernel(const struct guest_mem *mem, const struct boot_file *file,
                            struct elf_image *out, struct boot_reason *reason)
{
    struct mb_header h = { 0 };
    status_t st = header_read(file, &h, reason);
    if (st != ST_OK)
        return st;
    if (h.flags & MB_ADDRESSES)
        return load_addresses(mem, file, &h, out, reason);
    if (!elf_is_image(file))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: Multiboot header without addresses in a file that is not ELF");
    return elf_load(mem, file, out, reason);
}

/* Machine state at the entry [MB1 3.2]. */
static void set_state(struct vcpu_state *vs, uint64_t entry, uint32_t info)
{
    boot_state_init(vs, false, entry, (gpa_t){ info + INFO_GDT });
    vs->gpr[GPR_RAX] = MB_BOOT_MAGIC;
    vs->gpr[GPR_RBX] = info;
}

status_t multiboot_load(const struct guest_mem *mem, const struct boot_image *image,
                        struct vcpu_state *vs, struct boot_reason *reason)
{
    struct elf_image kernel = { 0, 0 };
    struct mb_module mods[VMM_MAX_MODULES] = { { 0, 0, 0, 0 } };
    uint32_t info = 0;
    if (mem->low < 2 * PAGE_2M)
        return boot_refuse(reason, VMM_FAIL_MEMORY, "the guest has too little memory: %lu KiB",
                           (unsigned long)(mem->low >> 10));
    status_t st = load_kernel(mem, &image->kernel, &kernel, reason);
    struct placer placer = { mem, MAX(kernel.end, UINT64_C(0x100000)) };
    if (st == ST_OK)
        st = place_modules(&placer, image, mods, reason);
    if (st == ST_OK)
        st = place_info(&placer, image, mods, &info, reason);
    if (st == ST_OK)
        st = boot_gdt_write(mem, (gpa_t){ info + INFO_GDT }, false);
    if (st == ST_RANGE)
        return boot_refuse(reason, VMM_FAIL_MEMORY, "the guest has too little memory: %lu KiB",
                           (unsigned long)(mem->low >> 10));
    if (st == ST_OK)
        set_state(vs, kernel.entry, info);
    return st;
}
