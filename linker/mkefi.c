/* SPDX-License-Identifier: BSD-2-Clause */
/* Host tool: turns the position-independent ELF of the UEFI application into a PE32+ image.
 * Every PT_LOAD becomes a section with the segment's rights; file offset = RVA. [PE 3, 5.6] */
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE      4096u
#define MAX_SECT  8

static uint8_t *elf, *img;
static size_t elf_len, img_len;              /* img: header page, sections without the .bss tail */
static uint32_t *reloc;
static size_t relocs;

static void die(const char *why)
{
    fprintf(stderr, "mkefi: %s\n", why);
    exit(1);
}

static void put16(uint8_t *p, unsigned v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static void put32(uint8_t *p, uint32_t v) { put16(p, v & 0xffff); put16(p + 2, v >> 16); }
static uint32_t page_up(uint64_t v) { return (uint32_t)((v + PAGE - 1) & ~(uint64_t)(PAGE - 1)); }

static void read_all(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die("cannot read the ELF file");
    elf_len = (size_t)ftell(f);
    rewind(f);
    elf = malloc(elf_len);
    if (!elf || fread(elf, 1, elf_len, f) != elf_len)
        die("cannot read the ELF file");
    fclose(f);
}

static const Elf64_Phdr *phdr(unsigned i)
{
    const Elf64_Ehdr *e = (const void *)elf;
    if (e->e_phoff + (uint64_t)(i + 1) * sizeof(Elf64_Phdr) > elf_len)
        die("program headers outside the file");
    return (const Elf64_Phdr *)(const void *)(elf + e->e_phoff) + i;
}

/* Copies the segments to their RVA; returns the memory end. */
static uint32_t load(unsigned phnum)
{
    uint64_t end = 0, file_end = 0;
    for (unsigned i = 0; i < phnum; i++) {
        const Elf64_Phdr *p = phdr(i);
        if (p->p_type != PT_LOAD || p->p_memsz == 0)
            continue;
        if (p->p_offset + p->p_filesz > elf_len || p->p_vaddr < PAGE || p->p_vaddr % PAGE)
            die("a segment lies outside the file, in the header page or unaligned");
        if ((p->p_flags & PF_W) && (p->p_flags & PF_X))
            die("a segment is writable and executable");
        end = p->p_vaddr + p->p_memsz > end ? p->p_vaddr + p->p_memsz : end;
        file_end = p->p_vaddr + p->p_filesz > file_end ? p->p_vaddr + p->p_filesz : file_end;
    }
    img_len = page_up(file_end);
    img = calloc(1, img_len + (1u << 20));
    if (!img || end == 0)
        die("nothing to load");
    for (unsigned i = 0; i < phnum; i++)
        if (phdr(i)->p_type == PT_LOAD)
            memcpy(img + phdr(i)->p_vaddr, elf + phdr(i)->p_offset, phdr(i)->p_filesz);
    return page_up(end);
}

static int by_rva(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Image base is 0: the word at each place holds the addend, the firmware adds the base. */
static void relocate(unsigned phnum)
{
    uint64_t rela = 0, size = 0;
    for (unsigned i = 0; i < phnum; i++) {
        const Elf64_Phdr *p = phdr(i);
        if (p->p_type != PT_DYNAMIC)
            continue;
        const Elf64_Dyn *d = (const void *)(elf + p->p_offset);
        for (size_t n = p->p_filesz / sizeof *d; n > 0 && d->d_tag != DT_NULL; n--, d++) {
            if (d->d_tag == DT_RELA)
                rela = d->d_un.d_ptr;
            else if (d->d_tag == DT_RELASZ)
                size = d->d_un.d_val;
            else if (d->d_tag == DT_REL || d->d_tag == DT_JMPREL || d->d_tag == DT_NEEDED)
                die("relocations of a kind that PE cannot express");
        }
    }
    if (size == 0)                           /* ld marks a PIE with a base address as EXEC: the type says nothing */
        die("no relocations: not linked with -pie");
    if (rela + size > img_len)
        die("relocation table outside the image");
    relocs = size / sizeof(Elf64_Rela);
    reloc = calloc(relocs + 1, sizeof *reloc);
    const Elf64_Rela *r = (const void *)(img + rela);
    for (size_t i = 0; i < relocs; i++) {
        if (ELF64_R_TYPE(r[i].r_info) != R_X86_64_RELATIVE || r[i].r_offset + 8 > img_len)
            die("a relocation is not R_X86_64_RELATIVE or outside the image");
        memcpy(img + r[i].r_offset, &r[i].r_addend, 8);
        reloc[i] = (uint32_t)r[i].r_offset;
    }
    qsort(reloc, relocs, sizeof *reloc, by_rva);
}

/* Base relocation blocks: page, size, 16-bit entries of type DIR64. [PE 5.6] */
static uint32_t reloc_section(uint8_t *out)
{
    uint32_t n = 0;
    for (size_t i = 0; i < relocs;) {
        uint32_t page = reloc[i] & ~(PAGE - 1), start = n;
        put32(out + n, page);
        for (n += 8; i < relocs && (reloc[i] & ~(PAGE - 1)) == page; i++, n += 2)
            put16(out + n, 10u << 12 | (reloc[i] & (PAGE - 1)));
        if (n % 4) {
            put16(out + n, 0);
            n += 2;
        }
        put32(out + start + 4, n - start);
    }
    if (n == 0) {                            /* an empty block keeps loaders content */
        put32(out + 4, 12);
        n = 12;
    }
    return n;
}

static void section(uint8_t *h, const char *name, uint32_t rva, uint32_t mem, uint32_t raw, uint32_t off, uint32_t flags)
{
    memcpy(h, name, strlen(name));
    put32(h + 8, mem);
    put32(h + 12, rva);
    put32(h + 16, raw);
    put32(h + 20, raw ? off : 0);
    put32(h + 36, flags);
}

static unsigned sections(uint8_t *h, unsigned phnum)
{
    unsigned n = 0;
    for (unsigned i = 0; i < phnum; i++) {
        const Elf64_Phdr *p = phdr(i);
        if (p->p_type != PT_LOAD || p->p_memsz == 0)
            continue;
        bool x = p->p_flags & PF_X, w = p->p_flags & PF_W;
        if (n == MAX_SECT - 1)
            die("too many segments");
        section(h + 40 * n++, x ? ".text" : w ? ".data" : ".rdata", (uint32_t)p->p_vaddr, page_up(p->p_memsz),
                page_up(p->p_filesz), (uint32_t)p->p_vaddr,
                0x40000000u | (x ? 0x20000020u : 0x40u) | (w ? 0x80000000u : 0));
    }
    return n;
}

static void headers(unsigned phnum, uint32_t entry, uint32_t mem_end, uint32_t reloc_len)
{
    uint8_t *pe = img + 0x40, *opt = pe + 24, *sec = opt + 240;
    memcpy(img, "MZ", 2);
    put32(img + 0x3c, 0x40);
    memcpy(pe, "PE\0\0", 4);
    put16(pe + 4, 0x8664);
    unsigned n = sections(sec, phnum);
    section(sec + 40 * n++, ".reloc", mem_end, reloc_len, page_up(reloc_len), (uint32_t)img_len, 0x42000040u);
    put16(pe + 6, n);
    put16(pe + 20, 240);
    put16(pe + 22, 0x0022);                  /* executable, large addresses */
    put16(opt, 0x20b);
    put32(opt + 4, page_up(phdr(0)->p_filesz));
    put32(opt + 8, (uint32_t)img_len - PAGE - page_up(phdr(0)->p_filesz));
    put32(opt + 16, entry);
    put32(opt + 20, PAGE);
    put32(opt + 32, PAGE);                   /* section and file alignment */
    put32(opt + 36, PAGE);
    put32(opt + 56, mem_end + page_up(reloc_len));
    put32(opt + 60, PAGE);
    put16(opt + 68, 10);                     /* EFI application */
    put16(opt + 70, 0x0140);                 /* NX compatible, dynamic base */
    put32(opt + 108, 16);
    put32(opt + 112 + 5 * 8, mem_end);
    put32(opt + 112 + 5 * 8 + 4, reloc_len);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        die("usage: mkefi IN.elf OUT.efi");
    read_all(argv[1]);
    const Elf64_Ehdr *e = (const void *)elf;
    if (elf_len < sizeof *e || memcmp(e->e_ident, ELFMAG, SELFMAG) != 0 || e->e_machine != EM_X86_64)
        die("not an x86-64 ELF");
    uint32_t mem_end = load(e->e_phnum);
    relocate(e->e_phnum);
    if (relocs * 12 > (1u << 20))
        die("too many relocations");
    uint32_t reloc_len = reloc_section(img + img_len);
    headers(e->e_phnum, (uint32_t)e->e_entry, mem_end, reloc_len);
    FILE *f = fopen(argv[2], "wb");
    size_t total = img_len + page_up(reloc_len);
    if (!f || fwrite(img, 1, total, f) != total || fclose(f) != 0)
        die("cannot write the image");
    return 0;
}
