/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel that a loader carries: to its place, and the page tables that it is entered with. */
#include "kernel/boot/loader.h"

#include "kernel/boot/elf.h"

#define MAX_LEN     (32u << 20)              /* linker/kernel.ld asserts it */
#define TABLE_PAGES 8u                       /* PML4, low PDPT, 4 low PDs, high PDPT, high PD */
#define CPUID1_RDRAND BIT32(30)              /* ECX */
#define PTE_RW      0x3ull                   /* present, writable */
#define PTE_LARGE   0x83ull                  /* present, writable, 2 MiB */

extern const char blob_kernel[], blob_kernel_end[];     /* blob.S */

static const struct elf64_ehdr *header(void) { return (const struct elf64_ehdr *)(const void *)blob_kernel; }

static const struct elf64_phdr *segment(unsigned i)
{
    return (const struct elf64_phdr *)(const void *)(blob_kernel + header()->phoff) + i;
}

/* The image is our own build's; this catches a broken build, not an attacker. */
uint64_t image_len(void)
{
    const struct elf64_ehdr *elf = header();
    uint64_t size = (uint64_t)(blob_kernel_end - blob_kernel), end = 0;
    if (size < sizeof *elf || !elf64_is_exec(elf) || elf->phentsize != sizeof(struct elf64_phdr) ||
        !range_ok(elf->phoff, (uint64_t)elf->phnum * sizeof(struct elf64_phdr), size))
        return 0;
    for (unsigned i = 0; i < elf->phnum; i++) {
        const struct elf64_phdr *s = segment(i);
        if (s->type != ELF_PT_LOAD || s->memsz == 0)
            continue;
        if (s->vaddr < KERNEL_VMA || !range_ok(s->vaddr - KERNEL_VMA, s->memsz, MAX_LEN) || s->filesz > s->memsz ||
            (s->filesz != 0 && !range_ok(s->offset, s->filesz, size)))
            return 0;
        end = MAX(end, s->vaddr - KERNEL_VMA + s->memsz);
    }
    return PAGE_UP(end) + TABLE_PAGES * PAGE_SIZE;
}

static uint64_t tables_at(const struct bootinfo *info)
{
    return info->kernel_base + info->kernel_len - TABLE_PAGES * PAGE_SIZE;
}

/* In 2 MiB pages. The kernel stands on them until it has its own. */
static void fill_tables(const struct bootinfo *info)
{
    uint64_t at = tables_at(info), (*table)[512] = (uint64_t (*)[512])(uintptr_t)at;
    table[0][0] = (at + 1 * PAGE_SIZE) | PTE_RW;
    table[0][511] = (at + 6 * PAGE_SIZE) | PTE_RW;
    for (unsigned i = 0; i < 4; i++)
        table[1][i] = (at + (2 + i) * PAGE_SIZE) | PTE_RW;
    for (unsigned i = 0; i < 4 * 512; i++)
        table[2 + i / 512][i % 512] = i * PAGE_2M | PTE_LARGE;
    table[6][(KERNEL_VMA >> 30) & 511] = (at + 7 * PAGE_SIZE) | PTE_RW;
    for (uint64_t off = 0; off < info->kernel_len; off += PAGE_2M)
        table[7][off / PAGE_2M] = (info->kernel_base + off) | PTE_LARGE;
}

/* For the kernel's stack protector: the time stamp, and what RDRAND gives where there is one. */
static uint64_t guard(void)
{
    uint64_t random = 0;
    uint32_t a = 1, b, c = 0, d, low, high;
    __asm__ volatile ("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (c & CPUID1_RDRAND)
        __asm__ volatile ("rdrand %0" : "+r"(random) : : "cc");
    __asm__ volatile ("rdtsc" : "=a"(low), "=d"(high));
    return (((uint64_t)high << 32 | low) * 0x9e3779b97f4a7c15 ^ random) & ~UINT64_C(0xff);    /* a string copy cannot write it */
}

void image_load(struct bootinfo *info, uint64_t base)
{
    char *to = (char *)(uintptr_t)base;
    info->kernel_base = base;
    info->kernel_len = image_len();
    info->guard = guard();
    memset(to, 0, info->kernel_len);
    for (unsigned i = 0; i < header()->phnum; i++) {
        const struct elf64_phdr *s = segment(i);
        if (s->type == ELF_PT_LOAD && s->filesz != 0)
            memcpy(to + (s->vaddr - KERNEL_VMA), blob_kernel + s->offset, s->filesz);
    }
    fill_tables(info);
}

void image_enter(const struct bootinfo *info, uint64_t at)
{
    __asm__ volatile ("jmp *%0" : : "r"(at), "D"(info), "S"(tables_at(info)), "d"(header()->entry) : "memory");
    __builtin_unreachable();
}
