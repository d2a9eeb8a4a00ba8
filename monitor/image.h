/* SPDX-License-Identifier: BSD-2-Clause */
/* Cheap checks of a guest kernel's file by its first bytes. Pure. */
#pragma once

#include "monitor/manifest.h"

#define IMAGE_HEAD 8192u      /* bytes of the file that the checks look at */

enum image_verdict { IMAGE_OK, IMAGE_EMPTY, IMAGE_TRUNCATED, IMAGE_WRONG };

struct image_info {
    enum manifest_type type;  /* LINUX or MULTIBOOT; AUTO when neither */
    uint64_t file_need;       /* bytes that the header speaks of */
    uint64_t ram_need;        /* least guest memory for the kernel alone */
    const char *why;          /* words for what is not OK */
};

/* head: the first min(size, IMAGE_HEAD) bytes. want: what the manifest says. */
enum image_verdict image_check(const uint8_t *head, size_t head_len, uint64_t size, enum manifest_type want,
                               struct image_info *info);

