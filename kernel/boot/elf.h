/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of ELF64 that loaders read [ELF-64 1.5]. */
#pragma once

#include "kernel/lib/base.h"

struct elf64_ehdr {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
_Static_assert(sizeof(struct elf64_ehdr) == 64, "ELF-64 header");

struct elf64_phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
_Static_assert(sizeof(struct elf64_phdr) == 56, "ELF-64 program header");

#define ELF_PT_LOAD  1u
#define ELF_PF_X     1u
#define ELF_PF_W     2u

/* Little-endian x86-64 executable with a fixed address. */
static inline bool elf64_is_exec(const struct elf64_ehdr *eh)
{ return memcmp(eh->ident, "\x7f" "ELF" "\2\1", 6) == 0 && eh->type == 2 && eh->machine == 62; }

