/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files of a FAT16 or FAT32 volume, read only. Pure: who links it supplies disk_read. Nothing on the volume is
 * trusted: every cluster number is checked before use, every chain has a bound. [FAT 3, 4, 6, 7]
 */
#pragma once

#include "kernel/lib/base.h"

#define FAT_SECTOR 512u

/* count sectors at lba into to. Environment. */
MUST_USE status_t disk_read(uint64_t lba, uint32_t count, void *to);

struct fat {
    uint64_t start, fat_lba, root_lba, data_lba;   /* root_lba: FAT16's fixed root directory */
    uint32_t root_sectors, root_cluster;           /* the first is 0 on FAT32 */
    uint32_t per_cluster, clusters;                /* sectors; number of clusters: 2 .. clusters + 1 exist */
    uint32_t fat_sectors;
    bool     is_32;
    uint64_t cached;                               /* first FAT sector in cache, ~0 = none */
    uint8_t  cache[16 * FAT_SECTOR];
};
struct fat_file { uint64_t len, pos; uint32_t cluster; };   /* cluster: of pos, while pos < len */

/* The volume in [start, start + sectors). UNSUPP: not FAT16 or FAT32 with 512-byte sectors; CORRUPT: contradicts itself. */
MUST_USE status_t fat_mount(struct fat *fat, uint64_t start, uint64_t sectors);
/* A file by its path from the root, parts separated by '/', UTF-8, ASCII letters in any case. NOTFOUND. */
MUST_USE status_t fat_open(struct fat *fat, const char *path, struct fat_file *file);
/* The next len bytes. len ends at the file's end or is a multiple of FAT_STEP; to has room for len rounded up to a
 * sector. RANGE beyond the end, CORRUPT when the chain ends early or leaves the volume. */
#define FAT_STEP 65536u                            /* the largest cluster */
MUST_USE status_t fat_read(struct fat *fat, struct fat_file *file, uint64_t len, void *to);
