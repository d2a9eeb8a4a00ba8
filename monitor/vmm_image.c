/* SPDX-License-Identifier: BSD-2-Clause */
/* VMM image: ELF64 program headers to page-aligned segments. */
#include "monitor/vmm_image.h"

#include "kernel/abi/syscall.h"
#include "kernel/boot/elf.h"
#include "vmm/start_page.h"

/* Segments must lie between the image's base and the start page. */
#define IMAGE_END VMM_START_VA

static bool add_segment(struct vmm_image *image, const struct elf64_phdr *ph, uint64_t size, const char **why)
{
    struct vmm_segment *s = &image->segment[image->segments];
    uint64_t first = PAGE_DOWN(ph->vaddr);
    *why = NULL;
    if (image->segments == VMM_IMAGE_SEGMENTS)
        *why = "more than 8 segments";
    else if (ph->vaddr < VMM_IMAGE_VA || !range_ok(ph->vaddr, ph->memsz, IMAGE_END))
        *why = "a segment outside the image's range";
    else if (ph->filesz > ph->memsz || (ph->filesz && !range_ok(ph->offset, ph->filesz, size)))
        *why = "a segment beyond the end of the file";
    else if ((ph->flags & ELF_PF_W) && (ph->flags & ELF_PF_X))
        *why = "a segment both writable and executable";
    for (uint32_t i = 0; !*why && i < image->segments; i++)
        if (range_overlaps(image->segment[i].va, image->segment[i].len, first,
                           PAGE_UP(ph->vaddr + ph->memsz) - first))
            *why = "two segments in one page";
    if (*why)
        return false;
    *s = (struct vmm_segment){ .va = first, .len = PAGE_UP(ph->vaddr + ph->memsz) - first,
                               .offset = image->bytes, .file = ph->offset, .file_len = ph->filesz,
                               .skip = ph->vaddr - first,
                               .prot = MAP_R | (ph->flags & ELF_PF_W ? MAP_W : 0u) |
                                       (ph->flags & ELF_PF_X ? MAP_X : 0u) };
    image->bytes += s->len;
    image->segments++;
    return true;
}

static bool entry_is_code(const struct vmm_image *image)
{
    for (uint32_t i = 0; i < image->segments; i++)
        if ((image->segment[i].prot & MAP_X) &&
            range_contains(image->segment[i].va, image->segment[i].len, image->entry, 1))
            return true;
    return false;
}

bool vmm_image_parse(struct vmm_image *image, const uint8_t *elf, uint64_t size, const char **why)
{
    struct elf64_ehdr eh;
    struct elf64_phdr ph;
    *image = (struct vmm_image){ .elf = elf };
    *why = "not an ELF64 program for x86-64";
    if (size < sizeof eh)
        return false;
    memcpy(&eh, elf, sizeof eh);
    if (!elf64_is_exec(&eh) || eh.phentsize != sizeof ph || eh.phnum == 0 ||
        !range_ok(eh.phoff, (uint64_t)eh.phnum * sizeof ph, size))
        return false;
    image->entry = eh.entry;
    for (uint32_t i = 0; i < eh.phnum; i++) {
        memcpy(&ph, elf + eh.phoff + (uint64_t)i * sizeof ph, sizeof ph);
        if (ph.type == ELF_PT_LOAD && ph.memsz != 0 && !add_segment(image, &ph, size, why))
            return false;
    }
    *why = "the entry is in no executable segment";
    return entry_is_code(image);
}

void vmm_image_copy(const struct vmm_image *image, uint8_t *to)
{
    for (uint32_t i = 0; i < image->segments; i++) {
        const struct vmm_segment *s = &image->segment[i];
        memset(to + s->offset, 0, s->len);
        memcpy(to + s->offset + s->skip, image->elf + s->file, s->file_len);
    }
}
