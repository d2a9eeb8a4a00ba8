/* SPDX-License-Identifier: BSD-2-Clause */
/* The VMM's ELF image: checked once, copied into fresh memory for every start. */
#pragma once

#include "kernel/lib/base.h"

#define VMM_IMAGE_SEGMENTS 8u

struct vmm_segment {
    uint64_t va, len;            /* page-aligned */
    uint64_t offset;             /* in the memory object, from its first segment */
    uint64_t file, file_len, skip; /* bytes to copy; skip: before them in the first page */
    uint64_t prot;               /* MAP_* */
};

struct vmm_image {
    const uint8_t *elf;
    uint64_t entry, bytes;       /* bytes: all segments */
    uint32_t segments;
    struct vmm_segment segment[VMM_IMAGE_SEGMENTS];
};

/* False: *why says what is wrong. Never writable and executable in one segment. */
MUST_USE bool vmm_image_parse(struct vmm_image *image, const uint8_t *elf, uint64_t size, const char **why);
/* Fills image->bytes at to: file contents, the rest zero. */
void vmm_image_copy(const struct vmm_image *image, uint8_t *to);

