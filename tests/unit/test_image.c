/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/boot/image.c kernel/lib/str.c */
/* The kernel in a loader: what is no image, where its bytes go, the page tables behind it. */
#include "kernel/boot/loader.h"

#include <stdlib.h>

#include "kernel/boot/elf.h"
#include "unit.h"

/* blob.S's symbols around an image that the test makes. */
extern char blob_kernel[], blob_kernel_end[];
__asm__ (".data\n.globl blob_kernel, blob_kernel_end\n.balign 4096\nblob_kernel: .skip 0x3000\nblob_kernel_end: .skip 8\n.text");

static struct elf64_ehdr *eh = (struct elf64_ehdr *)(void *)blob_kernel;
static struct elf64_phdr *ph = (struct elf64_phdr *)(void *)(blob_kernel + 64);
static struct bootinfo info;

static void make(void)
{
    memset(blob_kernel, 0, 0x3000);
    memcpy(eh->ident, "\x7f" "ELF\2\1", 6);
    *eh = (struct elf64_ehdr){ .ident = { 0x7f, 'E', 'L', 'F', 2, 1 }, .type = 2, .machine = 62, .phoff = 64,
                               .entry = KERNEL_VMA + 0x10, .phentsize = sizeof *ph, .phnum = 3 };
    ph[0] = (struct elf64_phdr){ .type = ELF_PT_LOAD, .offset = 0x1000, .vaddr = KERNEL_VMA, .filesz = 0x1000, .memsz = 0x1000 };
    ph[1] = (struct elf64_phdr){ .type = ELF_PT_LOAD, .offset = 0x2000, .vaddr = KERNEL_VMA + 0x3000, .filesz = 0x800,
                                 .memsz = 0x212345 };
    ph[2] = (struct elf64_phdr){ .type = 4, .offset = ~0ull, .filesz = 5, .memsz = 5 };     /* a note: not loaded */
    memset(blob_kernel + 0x1000, 'a', 0x1000);
    memset(blob_kernel + 0x2000, 'b', 0x1000);
}

#define WRONG(change) do { make(); change; CHECK_EQ(image_len(), 0); } while (0)

static void refused(void)
{
    WRONG(eh->ident[1] = 'e');
    WRONG(eh->phentsize--);
    WRONG(eh->phoff = 0x3000 - 100);
    WRONG(eh->phnum = 0xffff);
    WRONG(eh->phnum = 0);
    WRONG(ph[0].vaddr = 0x200000);
    WRONG(ph[0].offset = 0x2001);
    WRONG(ph[1].offset = ~0ull);
    WRONG(ph[1].filesz = 0x212346);
    WRONG(ph[1].memsz = 33u << 20);
}

static void loaded(void)
{
    uint8_t *mem = aligned_alloc(PAGE_2M, 2 * PAGE_2M);
    make();
    uint64_t len = image_len();
    CHECK_EQ(len, 0x216000 + 8 * 4096);
    memset(mem, 0xee, 2 * PAGE_2M);
    image_load(&info, (uintptr_t)mem);
    CHECK_EQ(info.kernel_base, (uintptr_t)mem);
    CHECK_EQ(info.kernel_len, len);
    CHECK(mem[0] == 'a' && mem[0xfff] == 'a' && mem[0x1000] == 0 && mem[0x2fff] == 0);
    CHECK(mem[0x3000] == 'b' && mem[0x37ff] == 'b' && mem[0x3800] == 0 && mem[0x215fff] == 0);
    CHECK_EQ(mem[len], 0xee);
    const uint64_t (*table)[512] = (const uint64_t (*)[512])(void *)(mem + 0x216000);
    CHECK_EQ(table[0][0], (uintptr_t)table[1] | 3);
    CHECK_EQ(table[0][511], (uintptr_t)table[6] | 3);
    CHECK_EQ(table[0][256], 0);
    CHECK_EQ(table[1][3], (uintptr_t)table[5] | 3);
    CHECK_EQ(table[1][4], 0);
    CHECK_EQ(table[2][0], 0x83);
    CHECK_EQ(table[5][511], 0xffe00083);
    CHECK_EQ(table[6][510], (uintptr_t)table[7] | 3);
    CHECK_EQ(table[6][511], 0);
    CHECK_EQ(table[7][0], (uintptr_t)mem | 0x83);
    CHECK_EQ(table[7][1], ((uintptr_t)mem + PAGE_2M) | 0x83);
    CHECK_EQ(table[7][2], 0);
    free(mem);
}

int main(void)
{
    refused();
    loaded();
    return unit_done();
}
