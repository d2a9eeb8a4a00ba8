/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of the image tool: the file tree, FAT32, GPT, cpio. Host code. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SECTOR 512u

struct node {
    char *name, *host;                   /* host: file to copy; NULL for a directory */
    uint64_t size;
    struct node *child, *next, *parent;  /* children in the order they were added */
    uint32_t cluster, clusters;
    uint8_t  short_name[11];
    bool     lfn;
};

/* full, scatter: for tests of readers: no free cluster (a file `filler` takes them); no two clusters of a file in a row. */
struct fat_options { unsigned bits; bool full, scatter; };     /* bits: 16 or 32 */
struct fat {
    struct fat_options how;
    uint32_t sectors, reserved, fat_sectors, root_sectors, per_cluster, clusters, used, start_lba, stride;
};

/* Prints the reason and exits with status 1. */
void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void put16(uint8_t *p, unsigned v);
void put32(uint8_t *p, uint32_t v);
void put64(uint8_t *p, uint64_t v);
void write_at(FILE *f, uint64_t offset, const void *data, size_t len);

/* The child of a directory by its name, ASCII letters in any case; made when it is not there. */
struct node *tree_child(struct node *dir, const char *name, size_t len);

/* Assigns short names and clusters and fills in the volume's size: content plus a quarter, at least 64 MiB. */
void fat_plan(struct fat *fat, struct node *root, uint32_t start_lba, struct fat_options how);
void fat_write(FILE *f, const struct fat *fat, const struct node *root);

uint32_t gpt_crc32(const void *data, size_t len);
/* Total sectors of a disk with one partition. */
uint64_t gpt_disk_sectors(uint64_t start_lba, uint64_t sectors);
/* boot: code for the MBR's first GPT_BOOT_CODE bytes; GPT_FIRST_FREE: first sector behind the table. */
#define GPT_BOOT_CODE  440u
#define GPT_FIRST_FREE 34u
void gpt_write(FILE *f, uint64_t start_lba, uint64_t sectors, const uint8_t *boot);

/* The tool itself; main() calls it, and so does the unit test. */
int mkimage_main(int argc, char **argv);
