/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies the embedded kernel to its place and builds the page tables that it is entered with. */
#include "kernel/boot/uefi.h"

#define BELOW_4G     0xffffffffull
#define KERNEL_PMA   0x200000ull             /* linker/kernel.ld */
#define KERNEL_VMA   0xffffffff80000000ull
#define PTE_RW       0x3ull                  /* present, writable */
#define PTE_LARGE    0x83ull                 /* present, writable, 2 MiB */
#define TABLE_PAGES  8u                      /* PML4, low PDPT, 4 low PDs, high PDPT, high PD */
#define CR4_LA57     (1ull << 12)

struct elf_header {                          /* [ELF-64 3] */
    uint8_t  ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct elf_segment {                         /* [ELF-64 6] */
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf_header) == 64 && sizeof(struct elf_segment) == 56, "ELF64");
#define SEGMENT_LOAD 1u

static const struct elf_segment *segment(const struct elf_header *elf, unsigned i)
{
    return (const struct elf_segment *)(const void *)(blob_kernel + elf->phoff) + i;
}

/* The image is our own build's; this catches a broken build, not an attacker. */
static bool image_ok(const struct elf_header *elf, uint64_t *end)
{
    uint64_t size = (uint64_t)(blob_kernel_end - blob_kernel);
    *end = 0;
    if (size < sizeof *elf || elf->ident[0] != 0x7f || elf->phentsize != sizeof(struct elf_segment) ||
        !range_ok(elf->phoff, (uint64_t)elf->phnum * sizeof(struct elf_segment), size))
        return false;
    for (unsigned i = 0; i < elf->phnum; i++) {
        const struct elf_segment *s = segment(elf, i);
        if (s->type != SEGMENT_LOAD || s->memsz == 0)
            continue;
        if (s->paddr < KERNEL_PMA || s->memsz > (32u << 20) || s->filesz > s->memsz ||
            (s->filesz != 0 && !range_ok(s->offset, s->filesz, size)))
            return false;
        *end = MAX(*end, s->paddr - KERNEL_PMA + s->memsz);
    }
    return *end != 0;
}

/* 2 MiB-aligned pages below 4 GiB; the slack of the alignment goes back. */
static efi_status place(struct loader *l, uint64_t len, uint64_t *base)
{
    uint64_t pages = PAGE_UP(len) / PAGE_SIZE, slack = PAGE_2M / PAGE_SIZE, at = BELOW_4G;
    efi_status st = l->boot->allocate_pages(EFI_ALLOCATE_MAX_ADDRESS, EFI_LOADER_DATA, pages + slack, &at);
    if (st != EFI_OK)
        return st;
    *base = (at + PAGE_2M - 1) & ~(PAGE_2M - 1);
    uint64_t before = (*base - at) / PAGE_SIZE;
    if (before != 0)
        (void)l->boot->free_pages(at, before);
    if (before != slack)
        (void)l->boot->free_pages(*base + pages * PAGE_SIZE, slack - before);
    return EFI_OK;
}

efi_status uefi_kernel_load(struct loader *l)
{
    const struct elf_header *elf = (const void *)blob_kernel;
    uint64_t end;
    if (!image_ok(elf, &end))
        return EFI_LOAD_ERROR;
    efi_status st = place(l, end, &l->info->kernel_base);
    if (st != EFI_OK)
        return st;
    l->info->kernel_len = PAGE_UP(end);
    l->entry = elf->entry;
    char *to = (char *)(uintptr_t)l->info->kernel_base;
    (void)memset(to, 0, l->info->kernel_len);
    for (unsigned i = 0; i < elf->phnum; i++) {
        const struct elf_segment *s = segment(elf, i);
        if (s->type == SEGMENT_LOAD && s->filesz != 0)
            (void)memcpy(to + (s->paddr - KERNEL_PMA), blob_kernel + s->offset, s->filesz);
    }
    return EFI_OK;
}

static uint64_t *table_at(uint64_t base, unsigned i) { return (uint64_t *)(uintptr_t)(base + i * PAGE_SIZE); }

/* Low 4 GiB one to one and the kernel at KERNEL_VMA, all in 2 MiB pages. The kernel replaces them at once. */
static void fill_tables(uint64_t base, uint64_t kernel, uint64_t kernel_len)
{
    (void)memset(table_at(base, 0), 0, TABLE_PAGES * PAGE_SIZE);
    table_at(base, 0)[0] = (base + 1 * PAGE_SIZE) | PTE_RW;
    table_at(base, 0)[511] = (base + 6 * PAGE_SIZE) | PTE_RW;
    for (unsigned i = 0; i < 4; i++)
        table_at(base, 1)[i] = (base + (2 + i) * PAGE_SIZE) | PTE_RW;
    for (unsigned i = 0; i < 4 * 512; i++)
        table_at(base, 2 + i / 512)[i % 512] = i * PAGE_2M | PTE_LARGE;
    table_at(base, 6)[(KERNEL_VMA >> 30) & 511] = (base + 7 * PAGE_SIZE) | PTE_RW;
    for (uint64_t off = 0; off < kernel_len; off += PAGE_2M)
        table_at(base, 7)[off / PAGE_2M] = (kernel + off) | PTE_LARGE;
}

efi_status uefi_tables_build(struct loader *l)
{
    uint64_t base = BELOW_4G, code = BELOW_4G, cr4;
    __asm__ volatile ("mov %%cr4, %0" : "=r"(cr4));
    if (cr4 & CR4_LA57) {
        uefi_print("loader: the firmware runs with 5-level paging, which Cordon does not take over\n");
        return EFI_LOAD_ERROR;
    }
    /* Reserved for ever: the kernel stands on these tables until it has its own. */
    efi_status st = l->boot->allocate_pages(EFI_ALLOCATE_MAX_ADDRESS, EFI_RESERVED, TABLE_PAGES, &base);
    if (st != EFI_OK)
        return st;
    st = l->boot->allocate_pages(EFI_ALLOCATE_MAX_ADDRESS, EFI_LOADER_CODE, 1, &code);
    if (st != EFI_OK)
        return st;
    fill_tables(base, l->info->kernel_base, l->info->kernel_len);
    (void)memcpy((void *)(uintptr_t)code, uefi_jump_code, (size_t)(uefi_jump_code_end - uefi_jump_code));
    l->tables = base;
    l->trampoline = code;
    return EFI_OK;
}
