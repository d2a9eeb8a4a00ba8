/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF loader for Multiboot kernels. */
#include "vmm/load_elf.h"

#define ELF_MAGIC     0x464c457fu
#define ELFCLASS64    2u
#define ELFDATA_LSB   1u
#define EM_386        3u
#define EM_X86_64    62u
#define PT_LOAD       1u
#define PHDR_MAX     64u
#define EHDR32_LEN   52u
#define EHDR64_LEN   64u

struct elf_header { bool wide; uint64_t entry, phoff; uint32_t phentsize, phnum; };
struct elf_segment { uint32_t type; uint64_t offset, vaddr, paddr, filesz, memsz; };

/* offset + size <= file->len is the caller's. */
static uint64_t get(const struct boot_file *file, uint64_t offset, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, file->bytes + offset, size);
    return v;
}

bool elf_is_image(const struct boot_file *file) { return file->len >= EHDR32_LEN && get(file, 0, 4) == ELF_MAGIC; }

static status_t header_read(const struct boot_file *file, struct elf_header *h, struct boot_reason *reason)
{
    if (!elf_is_image(file))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: not an ELF file");
    h->wide = get(file, 4, 1) == ELFCLASS64;
    uint64_t machine = get(file, 18, 2);
    if (get(file, 5, 1) != ELFDATA_LSB || (machine != EM_386 && machine != EM_X86_64))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: ELF machine %lu is not x86", (unsigned long)machine);
    if (h->wide && file->len < EHDR64_LEN)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: ELF header cut off");
    h->entry = get(file, 24, h->wide ? 8 : 4);
    h->phoff = h->wide ? get(file, 32, 8) : get(file, 28, 4);
    h->phentsize = (uint32_t)get(file, h->wide ? 54 : 42, 2);
    h->phnum = (uint32_t)get(file, h->wide ? 56 : 44, 2);
    if (h->phnum == 0 || h->phnum > PHDR_MAX || h->phentsize < (h->wide ? 56u : 32u))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: ELF has %u program headers of %u bytes",
                           h->phnum, h->phentsize);
    if (!range_ok(h->phoff, (uint64_t)h->phnum * h->phentsize, file->len))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: ELF program headers lie outside the file");
    return ST_OK;
}

static struct elf_segment segment_read(const struct boot_file *file, const struct elf_header *h, unsigned i)
{
    uint64_t at = h->phoff + (uint64_t)i * h->phentsize;
    if (h->wide)
        return (struct elf_segment){ (uint32_t)get(file, at, 4), get(file, at + 8, 8), get(file, at + 16, 8),
                                     get(file, at + 24, 8), get(file, at + 32, 8), get(file, at + 40, 8) };
    return (struct elf_segment){ (uint32_t)get(file, at, 4), get(file, at + 4, 4), get(file, at + 8, 4),
                                 get(file, at + 12, 4), get(file, at + 16, 4), get(file, at + 20, 4) };
}

static status_t segment_load(const struct guest_mem *mem, const struct boot_file *file,
                             const struct elf_segment *s, unsigned i, struct boot_reason *reason)
{
    if (s->filesz > s->memsz || (s->filesz != 0 && !range_ok(s->offset, s->filesz, file->len)))
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: ELF segment %u lies outside the file", i);
    if (!range_ok(s->paddr, s->memsz, mem->low))
        return boot_refuse(reason, VMM_FAIL_MEMORY,
                           "kernel: ELF segment %u needs %lx..%lx; the guest has %lu MiB below 3 GiB", i,
                           (unsigned long)s->paddr, (unsigned long)(s->paddr + s->memsz),
                           (unsigned long)(mem->low >> 20));
    status_t st = ST_OK;
    if (s->filesz != 0)
        st = mem_write(mem, (gpa_t){ s->paddr }, file->bytes + s->offset, s->filesz);
    if (st == ST_OK && s->memsz > s->filesz)
        st = mem_zero(mem, (gpa_t){ s->paddr + s->filesz }, s->memsz - s->filesz);
    return st;
}

status_t elf_load(const struct guest_mem *mem, const struct boot_file *file,
                  struct elf_image *out, struct boot_reason *reason)
{
    struct elf_header h = { 0 };
    bool found = false;
    status_t st = header_read(file, &h, reason);
    if (st != ST_OK)
        return st;
    *out = (struct elf_image){ h.entry, 0 };
    for (unsigned i = 0; i < h.phnum; i++) {
        struct elf_segment s = segment_read(file, &h, i);
        if (s.type != PT_LOAD || s.memsz == 0)
            continue;
        st = segment_load(mem, file, &s, i, reason);
        if (st != ST_OK)
            return st;
        out->end = MAX(out->end, s.paddr + s.memsz);
        if (!found && h.entry - s.vaddr < s.memsz) {   /* the entry is a virtual address */
            out->entry = s.paddr + (h.entry - s.vaddr);
            found = true;
        }
    }
    if (out->end == 0)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: ELF without a segment to load");
    if (out->entry >= out->end)
        return boot_refuse(reason, VMM_FAIL_IMAGE, "kernel: ELF entry %lx is outside what was loaded",
                           (unsigned long)h.entry);
    return ST_OK;
}
