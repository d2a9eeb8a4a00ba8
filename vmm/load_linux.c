/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux bzImage: header checks, placement, boot parameters, 64-bit entry. */
#include "vmm/load_linux.h"

/* Offsets in the file and in the boot parameters alike [LINUX boot.rst, zero-page.rst]. */
#define BP_RSDP             0x070u    /* 8, since 2.14 */
#define BP_E820_ENTRIES     0x1e8u    /* 1 */
#define BP_SETUP_SECTS      0x1f1u    /* 1 */
#define BP_BOOT_FLAG        0x1feu    /* 2 */
#define BP_JUMP_LEN         0x201u    /* 1: header ends at 202h plus this */
#define BP_MAGIC            0x202u    /* 4 */
#define BP_VERSION          0x206u    /* 2 */
#define BP_LOADER_TYPE      0x210u    /* 1 */
#define BP_LOADFLAGS        0x211u    /* 1 */
#define   LOADED_HIGH         0x01u
#define   CAN_USE_HEAP        0x80u
#define BP_CODE32           0x214u    /* 4 */
#define BP_RAMDISK_IMAGE    0x218u    /* 4 */
#define BP_RAMDISK_SIZE     0x21cu    /* 4 */
#define BP_CMDLINE          0x228u    /* 4 */
#define BP_INITRD_MAX       0x22cu    /* 4 */
#define BP_ALIGNMENT        0x230u    /* 4 */
#define BP_RELOCATABLE      0x234u    /* 1 */
#define BP_XLOADFLAGS       0x236u    /* 2, since 2.12 */
#define   XLF_KERNEL_64       0x01u
#define BP_CMDLINE_SIZE     0x238u    /* 4 */
#define BP_PREF_ADDRESS     0x258u    /* 8 */
#define BP_INIT_SIZE        0x260u    /* 4 */
#define BP_E820_TABLE       0x2d0u    /* 20 each */
#define E820_ENTRY          20u
#define BP_SIZE             4096u

#define MAGIC_HDRS          0x53726448u
#define VERSION_MIN         0x20cu    /* the 64-bit entry is announced since 2.12 */
#define VERSION_RSDP        0x20eu
#define HEADER_MIN          0x264u    /* through init_size */
#define LOADER_UNDEFINED    0xffu
#define ENTRY_64            0x200u    /* from the start of the protected-mode part */

/* Low memory; all below the EBDA. */
#define LINUX_GDT_GPA       0x06000u
#define LINUX_BP_GPA        0x10000u
#define LINUX_CMDLINE_GPA   0x20000u
#define LINUX_PT_GPA        0x70000u  /* PML4, PDPT, four PDs: identity map of 4 GiB */
#define PT_PAGES            6u
#define CMDLINE_MAX         2048u

struct linux_header {                 /* copied out of the file once */
    uint32_t version, payload, alignment, init_size, initrd_max, cmdline_size;
    uint64_t load;                    /* where it goes: the preferred address if that can be */
    uint64_t first, limit;            /* the RAM for it */
    bool relocatable;
    uint32_t header_end;
};

static uint64_t field(const struct boot_file *file, unsigned offset, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, file->bytes + offset, size);
    return v;
}

bool linux_is_image(const struct boot_file *file)
{
    return file->len >= HEADER_MIN && field(file, BP_BOOT_FLAG, 2) == 0xaa55
           && field(file, BP_MAGIC, 4) == MAGIC_HDRS;
}

static status_t header_read(const struct boot_file *file, struct linux_header *h, struct boot_reason *reason)
{
    if (file->len < HEADER_MIN)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: file of %lu bytes is too short for a bzImage header",
                           (unsigned long)file->len);
    if (!linux_is_image(file))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: no bzImage header (AA55h at 1FEh, HdrS at 202h)");
    h->version = (uint32_t)field(file, BP_VERSION, 2);
    if (h->version < VERSION_MIN)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: boot protocol %u.%02u is older than 2.12",
                           h->version >> 8, h->version & 0xff);
    if (!(field(file, BP_XLOADFLAGS, 2) & XLF_KERNEL_64))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: no 64-bit entry point (xloadflags bit 0): a 32-bit kernel?");
    if (!(field(file, BP_LOADFLAGS, 1) & LOADED_HIGH))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: a zImage (loadflags bit 0 clear), not a bzImage");
    uint32_t sectors = (uint32_t)field(file, BP_SETUP_SECTS, 1);
    h->payload = ((sectors == 0 ? 4 : sectors) + 1) * 512;
    if (file->len <= h->payload + ENTRY_64)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: cut off: %lu bytes, setup code alone has %u",
                           (unsigned long)file->len, h->payload);
    h->alignment = (uint32_t)field(file, BP_ALIGNMENT, 4);
    h->init_size = (uint32_t)field(file, BP_INIT_SIZE, 4);
    h->initrd_max = (uint32_t)field(file, BP_INITRD_MAX, 4);
    h->cmdline_size = (uint32_t)field(file, BP_CMDLINE_SIZE, 4);
    h->load = field(file, BP_PREF_ADDRESS, 8);
    h->relocatable = field(file, BP_RELOCATABLE, 1) != 0;
    h->header_end = MIN(BP_MAGIC + (uint32_t)field(file, BP_JUMP_LEN, 1), (uint32_t)BP_E820_TABLE);
    return ST_OK;
}

/* Device memory comes from where the kernel allocates, so it goes there itself: into the RAM that is one to one. */
static status_t relocate(const struct guest_mem *mem, struct linux_header *h, struct boot_reason *reason)
{
    uint64_t align = MAX(h->alignment, (uint32_t)PAGE_SIZE);
    if (!h->relocatable || (align & (align - 1)) != 0)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: it cannot be moved to %lx, where the memory of a guest"
                           " with dma = unprotected lies (relocatable_kernel is 0)", (unsigned long)mem->high_at);
    h->load = (MAX(h->load, mem->high_at) + align - 1) & ~(align - 1);
    h->first = mem->high_at;
    h->limit = mem->high;
    return ST_OK;
}

/* The kernel decompresses itself in [load, load + init_size): all of it must be RAM. */
static status_t place_kernel(const struct guest_mem *mem, const struct boot_file *file,
                             struct linux_header *h, struct boot_reason *reason)
{
    uint64_t len = file->len - h->payload, need = MAX(len, (uint64_t)h->init_size);
    if (h->load < 0x100000 || (h->load & 0xfff) != 0)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: preferred address %lx is not a page above 1 MiB",
                           (unsigned long)h->load);
    h->limit = mem->low;
    status_t st = mem->one_to_one ? relocate(mem, h, reason) : ST_OK;
    if (st != ST_OK)
        return st;
    if (!range_contains(h->first, h->limit - h->first, h->load, need))
        return boot_refuse(reason, VMM_FAIL_MEMORY,
                           "kernel needs %lu MiB at %lu MiB; the guest has %lu MiB below 3 GiB, from %lu MiB on",
                           (unsigned long)((need + 0xfffff) >> 20), (unsigned long)(h->load >> 20),
                           (unsigned long)((h->limit - h->first) >> 20), (unsigned long)(h->first >> 20));
    return mem_write(mem, (gpa_t){ h->load }, file->bytes + h->payload, len);
}

/* As high as the kernel allows, page aligned, above the kernel. */
static status_t place_initrd(const struct guest_mem *mem, const struct boot_image *image,
                             const struct linux_header *h, uint64_t *address, struct boot_reason *reason)
{
    uint64_t len = image->initrd.len;
    uint64_t floor = PAGE_UP(h->load + MAX(image->kernel.len - h->payload, (uint64_t)h->init_size));
    uint64_t limit = MIN(h->limit, (uint64_t)h->initrd_max + 1);
    *address = 0;
    if (len == 0)
        return ST_OK;
    if (len > limit || PAGE_DOWN(limit - len) < floor)
        return boot_refuse(reason, VMM_FAIL_MEMORY,
                           "initrd of %lu MiB does not fit between %lu MiB (end of kernel) and %lu MiB",
                           (unsigned long)((len + 0xfffff) >> 20), (unsigned long)(floor >> 20),
                           (unsigned long)(limit >> 20));
    *address = PAGE_DOWN(limit - len);
    return mem_write(mem, (gpa_t){ *address }, image->initrd.bytes, len);
}

static status_t place_cmdline(const struct guest_mem *mem, const struct boot_image *image,
                              const struct linux_header *h, struct boot_reason *reason)
{
    size_t len = str_nlen(image->cmdline, CMDLINE_MAX);
    size_t limit = MIN(h->cmdline_size == 0 ? 255u : h->cmdline_size, CMDLINE_MAX - 1);
    if (len > limit)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "command line of %lu characters; this kernel takes %lu",
                           (unsigned long)len, (unsigned long)limit);
    status_t st = mem_zero(mem, (gpa_t){ LINUX_CMDLINE_GPA }, CMDLINE_MAX);
    if (st == ST_OK && len != 0)
        st = mem_write(mem, (gpa_t){ LINUX_CMDLINE_GPA }, image->cmdline, len);
    return st;
}

static void put(uint8_t *page, unsigned offset, uint64_t value, unsigned size) { memcpy(page + offset, &value, size); }

static void put_e820(uint8_t *page, const struct guest_mem *mem)
{
    struct boot_map map[BOOT_MAP_MAX];
    unsigned n = boot_memory_map(mem, map);
    for (unsigned i = 0; i < n; i++) {
        unsigned at = BP_E820_TABLE + i * E820_ENTRY;
        put(page, at, map[i].base, 8);
        put(page, at + 8, map[i].len, 8);
        put(page, at + 16, map[i].type, 4);
    }
    put(page, BP_E820_ENTRIES, n, 1);
}

/* A zeroed page with the file's setup header in its place, and our answers. */
static status_t put_params(const struct guest_mem *mem, const struct boot_image *image,
                           const struct linux_header *h, uint64_t initrd)
{
    uint8_t *page = mem_ptr(mem, (gpa_t){ LINUX_BP_GPA }, BP_SIZE);
    if (page == NULL)
        return ST_RANGE;
    memset(page, 0, BP_SIZE);
    memcpy(page + BP_SETUP_SECTS, image->kernel.bytes + BP_SETUP_SECTS, h->header_end - BP_SETUP_SECTS);
    put(page, BP_LOADER_TYPE, LOADER_UNDEFINED, 1);
    put(page, BP_LOADFLAGS, page[BP_LOADFLAGS] & ~CAN_USE_HEAP, 1);
    put(page, BP_CODE32, h->load, 4);
    put(page, BP_RAMDISK_IMAGE, initrd, 4);
    put(page, BP_RAMDISK_SIZE, image->initrd.len, 4);
    put(page, BP_CMDLINE, LINUX_CMDLINE_GPA, 4);
    if (h->version >= VERSION_RSDP)
        put(page, BP_RSDP, image->rsdp.v, 8);
    put_e820(page, mem);
    return ST_OK;
}

/* 2 MiB pages, present, writable, identity, 4 GiB [SDM3 4.5]. */
static status_t put_page_tables(const struct guest_mem *mem)
{
    uint64_t *table = mem_ptr(mem, (gpa_t){ LINUX_PT_GPA }, PT_PAGES * PAGE_SIZE);
    if (table == NULL)
        return ST_RANGE;
    memset(table, 0, 2 * PAGE_SIZE);
    table[0] = (LINUX_PT_GPA + PAGE_SIZE) | 3;
    for (unsigned i = 0; i < 4; i++)
        table[512 + i] = (LINUX_PT_GPA + (2 + i) * PAGE_SIZE) | 3;
    for (unsigned i = 0; i < 4 * 512; i++)
        table[1024 + i] = i * PAGE_2M | 0x83;
    return ST_OK;
}

/* Paging on, long mode, rsi = boot parameters [LINUX boot.rst 64-bit protocol]. */
static void set_state(struct vcpu_state *vs, uint64_t load)
{
    boot_state_init(vs, true, load + ENTRY_64, (gpa_t){ LINUX_GDT_GPA });
    vs->gpr[GPR_RSI] = LINUX_BP_GPA;
    vs->cr0 |= BIT64(31);
    vs->cr3 = LINUX_PT_GPA;
    vs->cr4 = BIT64(5);                          /* PAE */
    vs->efer = BIT64(8) | BIT64(10);             /* LME, LMA */
}

status_t linux_load(const struct guest_mem *mem, const struct boot_image *image,
                    struct vcpu_state *vs, struct boot_reason *reason)
{
    struct linux_header h = { 0 };
    uint64_t initrd = 0;
    status_t st = header_read(&image->kernel, &h, reason);
    if (st == ST_OK)
        st = place_kernel(mem, &image->kernel, &h, reason);
    if (st == ST_OK)
        st = place_initrd(mem, image, &h, &initrd, reason);
    if (st == ST_OK)
        st = place_cmdline(mem, image, &h, reason);
    if (st == ST_OK)
        st = put_params(mem, image, &h, initrd);
    if (st == ST_OK)
        st = put_page_tables(mem);
    if (st == ST_OK)
        st = boot_gdt_write(mem, (gpa_t){ LINUX_GDT_GPA }, true);
    if (st == ST_RANGE)
        return boot_refuse(reason, VMM_FAIL_MEMORY, "the guest has too little memory: %lu KiB",
                           (unsigned long)(mem->low >> 10));
    if (st == ST_OK)
        set_state(vs, h.load);
    return st;
}
