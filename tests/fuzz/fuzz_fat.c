/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/boot/fat.c kernel/boot/volume.c kernel/lib/str.c */
/* Fuzz target: a disk with a small FAT16 volume, bytes of it changed as the input says, read as the BIOS loader reads
 * it. Whatever the volume says, the number of reads has a bound and nothing beyond the disk is asked for. */
#include <stdlib.h>
#include <string.h>

#include "kernel/boot/volume.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define START     8u
#define FATS      17u                        /* sectors of the table: 4202 entries of 2 bytes */
#define ROOT      4u
#define CLUSTERS  4200u
#define ROOT_LBA  (START + 1 + FATS)
#define DATA_LBA  (ROOT_LBA + ROOT)
#define SECTORS   (DATA_LBA + CLUSTERS)
#define READS_MAX 100000u

static uint8_t disk[SECTORS][FAT_SECTOR];
static unsigned reads;

status_t disk_read(uint64_t lba, uint32_t count, void *to)
{
    if (count == 0 || ++reads > READS_MAX)
        abort();
    if (lba >= SECTORS || count > SECTORS - lba)
        return ST_RANGE;
    memcpy(to, disk[lba], (size_t)count * FAT_SECTOR);
    return ST_OK;
}

static void put16(uint8_t *p, unsigned v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static void put32(uint8_t *p, uint32_t v) { put16(p, v & 0xffff); put16(p + 2, v >> 16); }

static void entry(uint8_t *e, const char *name, unsigned attr, unsigned cluster, uint32_t size)
{
    memcpy(e, name, 11);
    e[11] = (uint8_t)attr;
    put16(e + 26, cluster);
    put32(e + 28, size);
}

static void long_entry(uint8_t *e, const char *name, uint8_t sum)
{
    static const uint8_t at[13] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30 };
    size_t len = strlen(name);
    e[0] = 0x41;
    e[11] = 0x0f;
    e[13] = sum;
    for (size_t i = 0; i < 13; i++)
        put16(e + at[i], i < len ? (uint8_t)name[i] : i == len ? 0 : 0xffff);
}

static void chain(const uint16_t *c)
{
    for (; *c; c++)
        put16(disk[START + 1] + 2 * c[0], c[1] ? c[1] : 0xffff);
}

static void make_disk(void)
{
    static const uint16_t conf[] = { 5, 0 }, dir[] = { 10, 11, 0 }, kernel[] = { 20, 21, 22, 40, 30, 0 };
    uint8_t *b = disk[START], sum = 0;
    memset(disk, 0, sizeof disk);
    disk[0][450] = 0x0e;
    put32(disk[0] + 454, START);
    put32(disk[0] + 458, SECTORS - START);
    put16(b + 11, FAT_SECTOR);
    b[13] = b[14] = b[16] = 1;
    put16(b + 17, ROOT * 16);
    put16(b + 19, SECTORS - START);
    put16(b + 22, FATS);
    put16(b + 510, 0xaa55);
    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum << 7 | sum >> 1) + (uint8_t)"CORDON~1CON"[i]);
    long_entry(disk[ROOT_LBA], "cordon.conf", sum);
    entry(disk[ROOT_LBA] + 32, "CORDON~1CON", 0x20, 5, 100);
    entry(disk[ROOT_LBA] + 64, "GUESTS     ", 0x10, 10, 0);
    memset(disk[DATA_LBA + 10 - 2], 0xe5, FAT_SECTOR);
    entry(disk[DATA_LBA + 11 - 2], "VMLINUZ    ", 0x20, 20, 2200);
    chain(conf);
    chain(dir);
    chain(kernel);
}

static void read_file(struct fat *fat, const char *path)
{
    static uint8_t buf[4 * FAT_STEP];
    struct fat_file file;
    if (fat_open(fat, path, &file) != ST_OK)
        return;
    for (unsigned i = 0; file.pos < file.len && i < 8; i++)
        if (fat_read(fat, &file, MIN(FAT_STEP, file.len - file.pos), buf) != ST_OK)
            return;
}

/* Input: changes of 3 bytes each: a place among the metadata and a value. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fat fat;
    make_disk();
    reads = 0;
    for (size_t i = 0; i + 3 <= size; i += 3) {
        size_t at = (size_t)(data[i] | data[i + 1] << 8) % ((DATA_LBA + 12) * FAT_SECTOR);
        ((uint8_t *)disk)[at] = data[i + 2];
    }
    if (volume_find(&fat) != ST_OK) {
        if (size < 3)
            abort();                         /* the disk as it is must be readable */
        return 0;
    }
    read_file(&fat, "cordon.conf");
    read_file(&fat, "guests/vmlinuz");
    read_file(&fat, "guests/nothing");
    return 0;
}
