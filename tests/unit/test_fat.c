/* link: kernel/boot/fat.c kernel/lib/str.c linker/mkimage.c linker/fat.c linker/gpt.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader's FAT reader on volumes of our image tool: both widths, fragmented, full, and damaged in every way that a
 * reader could follow too far. */
#include "kernel/boot/fat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/unit.h"

#define DIR    "build/test/fat/"
#define START  2048u
#define BIG    (300u * 1024 + 77)

int mkimage_main(int argc, char **argv);

static uint8_t *disk;
static size_t disk_len;
static uint64_t fail_lba = ~UINT64_C(0);
static unsigned reads;

status_t disk_read(uint64_t lba, uint32_t count, void *to)
{
    reads++;
    if (count == 0 || lba >= disk_len / FAT_SECTOR || count > disk_len / FAT_SECTOR - lba)
        return ST_RANGE;
    if (fail_lba >= lba && fail_lba < lba + count)
        return ST_HW;
    memcpy(to, disk + lba * FAT_SECTOR, (size_t)count * FAT_SECTOR);
    return ST_OK;
}

static uint8_t byte_at(size_t i) { return (uint8_t)(i * 31 + (i >> 9) * 7); }

static void make_file(const char *name, size_t len)
{
    FILE *f = fopen(name, "wb");
    for (size_t i = 0; f && i < len; i++)
        fputc(byte_at(i), f);
    if (f)
        fclose(f);
}

static void make_disk(const char *option, const char *option2)
{
    const char *words[] = { "mkimage", "stick", DIR "img", option, option2, "cordon.conf=" DIR "small", "guests/vmlinuz=" DIR "big",
                            "guests/A Long Name, with Ü and more than 26 letters.img=" DIR "even", "guests/empty=" DIR "empty",
                            "EFI/BOOT/BOOTX64.EFI=" DIR "small" };
    char *argv[16];
    int argc = 0;
    struct stat st;
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (words[i])
            argv[argc++] = strdup(words[i]);
    CHECK(mkimage_main(argc, argv) == 0);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    free(disk);
    FILE *f = fopen(DIR "img", "rb");
    CHECK(f && stat(DIR "img", &st) == 0);
    disk_len = (size_t)st.st_size;
    disk = malloc(disk_len);
    CHECK(disk && fread(disk, 1, disk_len, f) == disk_len);
    fclose(f);
}

static uint64_t volume_sectors(void) { return disk_len / FAT_SECTOR - START; }

static status_t load(struct fat *fat, const char *path, uint8_t *to, size_t size, uint64_t step, uint64_t *len)
{
    struct fat_file file;
    TRY(fat_open(fat, path, &file));
    *len = file.len;
    while (file.pos < file.len && file.len <= size)
        TRY(fat_read(fat, &file, MIN(step, file.len - file.pos), to + file.pos));
    return ST_OK;
}

static bool same(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != byte_at(i))
            return false;
    return true;
}

static void reads_all(const char *option, const char *option2)
{
    static struct fat fat;
    static uint8_t buf[512u * 1024];
    uint64_t len;
    make_disk(option, option2);
    CHECK(fat_mount(&fat, START, volume_sectors()) == ST_OK);
    CHECK(fat.is_32 == !(option && strcmp(option, "-fat16") == 0));
    CHECK(load(&fat, "cordon.conf", buf, sizeof buf, FAT_STEP, &len) == ST_OK && len == 5 && same(buf, 5));
    CHECK(load(&fat, "/guests/VMLINUZ", buf, sizeof buf, FAT_STEP, &len) == ST_OK && len == BIG && same(buf, BIG));
    CHECK(load(&fat, "guests//vmlinuz", buf, sizeof buf, 4 * FAT_STEP, &len) == ST_OK && same(buf, BIG));
    memset(buf, 0xee, sizeof buf);
    CHECK(load(&fat, "guests/a long name, WITH Ü and more than 26 letters.img", buf, sizeof buf, FAT_STEP, &len) == ST_OK);
    CHECK(len == 2 * FAT_STEP && same(buf, len) && buf[len] == 0xee);
    CHECK(load(&fat, "guests/empty", buf, sizeof buf, FAT_STEP, &len) == ST_OK && len == 0);
    CHECK(load(&fat, "efi/boot/bootx64.efi", buf, sizeof buf, FAT_STEP, &len) == ST_OK && len == 5);
    const char *none[] = { "", "/", "guests", "guests/", "cordon.con", "cordon.conf2", "cordon.conf/x", "guests/nothing", "nothing/x",
                           "guests/a long name, with \xff and more than 26 letters.img", "CORDON",
                           "guests/a long name, with Ü and more than 26 letters.im" };
    for (unsigned i = 0; i < sizeof none / sizeof *none; i++)
        CHECK(load(&fat, none[i], buf, sizeof buf, FAT_STEP, &len) == ST_NOTFOUND);
    struct fat_file file;
    CHECK(fat_open(&fat, "guests/vmlinuz", &file) == ST_OK);
    CHECK(fat_read(&fat, &file, FAT_STEP + 1, buf) == ST_RANGE && fat_read(&fat, &file, BIG + 1, buf) == ST_RANGE);
}

static size_t fat_byte(const struct fat *fat, uint32_t cluster) { return fat->fat_lba * FAT_SECTOR + cluster * (fat->is_32 ? 4ul : 2ul); }

/* Damage: each must end with a code, in a bounded number of reads. */
static void damaged(const char *option)
{
    static struct fat fat;
    static uint8_t buf[512u * 1024], *whole;
    struct fat_file file;
    uint64_t len;
    make_disk(option, NULL);
    whole = malloc(disk_len);
    memcpy(whole, disk, disk_len);
    CHECK(fat_mount(&fat, START, volume_sectors()) == ST_OK && fat_open(&fat, "guests/vmlinuz", &file) == ST_OK);
    uint32_t first = file.cluster;
    for (int width = fat.is_32 ? 4 : 2, i = 0; i < 4; i++) {      /* next: 0, 1, beyond the volume, end too early */
        uint32_t bad = i == 0 ? 0 : i == 1 ? 1 : i == 2 ? fat.clusters + 2 : 0x0fffffff;
        memcpy(disk + fat_byte(&fat, first), &bad, (size_t)width);
        CHECK(fat_mount(&fat, START, volume_sectors()) == ST_OK);
        CHECK(load(&fat, "guests/vmlinuz", buf, sizeof buf, FAT_STEP, &len) == ST_CORRUPT);
    }
    memcpy(disk + fat_byte(&fat, first), &first, fat.is_32 ? 4 : 2);    /* a loop: wrong bytes, but an end */
    CHECK(fat_mount(&fat, START, volume_sectors()) == ST_OK);
    CHECK(load(&fat, "guests/vmlinuz", buf, sizeof buf, FAT_STEP, &len) == ST_OK && !same(buf, BIG));
    memcpy(disk, whole, disk_len);
    fail_lba = fat.data_lba + (first - 2) * fat.per_cluster;
    CHECK(load(&fat, "guests/vmlinuz", buf, sizeof buf, FAT_STEP, &len) == ST_HW);
    fail_lba = fat.fat_lba;
    CHECK(fat_mount(&fat, START, volume_sectors()) == ST_OK);
    CHECK(load(&fat, "guests/vmlinuz", buf, sizeof buf, FAT_STEP, &len) == ST_HW);
    fail_lba = ~UINT64_C(0);
    CHECK(load(&fat, "guests/vmlinuz", buf, sizeof buf, FAT_STEP, &len) == ST_OK && same(buf, BIG));
    if (fat.is_32) {                                 /* a root directory that never ends */
        uint32_t root = fat.root_cluster;
        memcpy(disk + fat_byte(&fat, root), &root, 4);
        for (uint32_t i = 0; i < fat.per_cluster * FAT_SECTOR; i += 32)
            disk[(fat.data_lba + (root - 2) * fat.per_cluster) * FAT_SECTOR + i] = 0xe5;
        CHECK(fat_mount(&fat, START, volume_sectors()) == ST_OK);
        reads = 0;
        CHECK(fat_open(&fat, "cordon.conf", &file) == ST_CORRUPT && reads < 6000);
        memcpy(disk, whole, disk_len);
    }
    free(whole);
}

/* Boot sectors: byte values that contradict the rest. */
static void boot_sectors(void)
{
    static const struct { uint16_t at; uint8_t value; status_t st; } bad[] = {
        { 510, 0, ST_UNSUPP }, { 12, 4, ST_UNSUPP }, { 13, 0, ST_CORRUPT }, { 13, 3, ST_CORRUPT }, { 14, 0, ST_CORRUPT },
        { 16, 0, ST_CORRUPT },
        { 35, 1, ST_CORRUPT }, { 38, 0xff, ST_CORRUPT }, { 37, 0, ST_CORRUPT }, { 13, 128, ST_UNSUPP }, { 18, 2, ST_CORRUPT },
    };
    static struct fat fat;
    make_disk(NULL, NULL);
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint8_t *b = disk + START * FAT_SECTOR, keep = b[bad[i].at];
        b[bad[i].at] = bad[i].value;
        CHECK_EQ(fat_mount(&fat, START, volume_sectors()), bad[i].st);
        b[bad[i].at] = keep;
    }
    CHECK(fat_mount(&fat, START, volume_sectors()) == ST_OK);
    CHECK(fat_mount(&fat, START, 1000) == ST_CORRUPT);
    CHECK(fat_mount(&fat, disk_len, 1000) == ST_RANGE);
}

int main(void)
{
    (void)!system("mkdir -p " DIR);
    make_file(DIR "small", 5);
    make_file(DIR "big", BIG);
    make_file(DIR "even", 2 * FAT_STEP);
    make_file(DIR "empty", 0);
    reads_all(NULL, NULL);
    reads_all("-fat16", NULL);
    reads_all("-full", NULL);
    reads_all("-scatter", NULL);
    reads_all("-fat16", "-scatter");
    damaged(NULL);
    damaged("-fat16");
    damaged("-scatter");
    boot_sectors();
    unlink(DIR "img");
    free(disk);
    return unit_done();
}
