/* SPDX-License-Identifier: BSD-2-Clause */
/* A GPT with one partition and its protective MBR. [UEFI 5.2.3, 5.3] */
#include "linker/mkimage.h"

#include <string.h>

#define ENTRIES      128u
#define ENTRY_SIZE   128u
#define TABLE_LBAS   (ENTRIES * ENTRY_SIZE / SECTOR)

/* Basic data, not ESP: removable media boot from any FAT volume, and every desktop system mounts this one. */
static const uint8_t type_guid[16] = { 0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7 };
static const uint8_t disk_guid[16] = { 0x43, 0x6f, 0x72, 0x64, 0x6f, 0x6e, 0x40, 0x4b, 0x8a, 0x01, 0x64, 0x69, 0x73, 0x6b, 0x00, 0x01 };
static const uint8_t part_guid[16] = { 0x43, 0x6f, 0x72, 0x64, 0x6f, 0x6e, 0x40, 0x4b, 0x8a, 0x01, 0x70, 0x61, 0x72, 0x74, 0x00, 0x01 };

uint32_t gpt_crc32(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint32_t crc = 0xffffffffu;
    for (; len > 0; len--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

uint64_t gpt_disk_sectors(uint64_t start_lba, uint64_t sectors)
{
    uint64_t end = start_lba + sectors + TABLE_LBAS + 1;
    return (end + 2047) / 2048 * 2048;       /* whole MiB: emulators and dd like that */
}

static void header(uint8_t *h, uint64_t self, uint64_t other, uint64_t disk, uint64_t table, uint32_t table_crc)
{
    memset(h, 0, SECTOR);
    memcpy(h, "EFI PART", 8);
    put32(h + 8, 0x00010000);
    put32(h + 12, 92);
    put64(h + 24, self);
    put64(h + 32, other);
    put64(h + 40, 2 + TABLE_LBAS);
    put64(h + 48, disk - TABLE_LBAS - 2);
    memcpy(h + 56, disk_guid, 16);
    put64(h + 72, table);
    put32(h + 80, ENTRIES);
    put32(h + 84, ENTRY_SIZE);
    put32(h + 88, table_crc);
    put32(h + 16, gpt_crc32(h, 92));
}

static void protective_mbr(FILE *f, uint64_t disk, const uint8_t *boot)
{
    uint8_t mbr[SECTOR] = { 0 };
    uint8_t *p = mbr + 446;
    memcpy(mbr, boot, GPT_BOOT_CODE);
    p[2] = 2;                                /* CHS of LBA 1 */
    p[4] = 0xee;
    memset(p + 5, 0xff, 3);
    put32(p + 8, 1);
    put32(p + 12, disk - 1 > 0xffffffffu ? 0xffffffffu : (uint32_t)(disk - 1));
    put16(mbr + 510, 0xaa55);
    write_at(f, 0, mbr, sizeof mbr);
}

void gpt_write(FILE *f, uint64_t start_lba, uint64_t sectors, const uint8_t *boot)
{
    static uint8_t table[ENTRIES * ENTRY_SIZE];
    static const char name[] = "Cordon";
    uint64_t disk = gpt_disk_sectors(start_lba, sectors);
    uint8_t h[SECTOR];
    memset(table, 0, sizeof table);
    memcpy(table, type_guid, 16);
    memcpy(table + 16, part_guid, 16);
    put64(table + 32, start_lba);
    put64(table + 40, start_lba + sectors - 1);
    for (unsigned i = 0; name[i]; i++)
        put16(table + 56 + 2 * i, (uint8_t)name[i]);
    uint32_t crc = gpt_crc32(table, sizeof table);
    protective_mbr(f, disk, boot);
    header(h, 1, disk - 1, disk, 2, crc);
    write_at(f, SECTOR, h, sizeof h);
    write_at(f, 2 * SECTOR, table, sizeof table);
    write_at(f, (disk - 1 - TABLE_LBAS) * SECTOR, table, sizeof table);
    header(h, disk - 1, 1, disk, disk - 1 - TABLE_LBAS, crc);
    write_at(f, (disk - 1) * SECTOR, h, sizeof h);
}
