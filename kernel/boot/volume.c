/* SPDX-License-Identifier: BSD-2-Clause */
/* The FAT volume of the boot disk: the first partition of the GPT, or else of the MBR, that can be read as one. Pure. */
#include "kernel/boot/volume.h"


#define GPT_LBA       1u
#define ENTRIES_MAX   256u
#define MBR_ENTRY     446u
#define MBR_TYPE_GPT  0xeeu

static uint32_t le32(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }
static uint64_t le64(const uint8_t *p) { return le32(p) | (uint64_t)le32(p + 4) << 32; }

static MUST_USE status_t try_at(struct fat *fat, uint64_t first, uint64_t sectors)
{
    if (first < 2 || !range_ok(first, sectors, UINT64_C(1) << 48))
        return ST_NOTFOUND;
    return fat_mount(fat, first, sectors);
}

/* [UEFI 5.3] The header's sums are not checked: a wrong table only leads to a volume that does not mount. */
static MUST_USE status_t by_gpt(struct fat *fat)
{
    uint8_t sector[FAT_SECTOR];
    TRY(disk_read(GPT_LBA, 1, sector));
    uint64_t table = le64(sector + 72);
    uint32_t count = le32(sector + 80), size = le32(sector + 84);
    if (memcmp(sector, "EFI PART", 8) != 0 || size < 128 || size > FAT_SECTOR || FAT_SECTOR % size != 0 || table < 2)
        return ST_NOTFOUND;
    for (uint32_t i = 0; i < MIN(count, ENTRIES_MAX); i++) {
        const uint8_t *e = sector + i * size % FAT_SECTOR;
        if (i * size % FAT_SECTOR == 0)
            TRY(disk_read(table + i * size / FAT_SECTOR, 1, sector));
        uint64_t first = le64(e + 32), last = le64(e + 40);
        if ((le64(e) | le64(e + 8)) != 0 && last >= first && try_at(fat, first, last - first + 1) == ST_OK)
            return ST_OK;
    }
    return ST_NOTFOUND;
}

static MUST_USE status_t by_mbr(struct fat *fat)
{
    uint8_t sector[FAT_SECTOR];
    TRY(disk_read(0, 1, sector));
    for (const uint8_t *e = sector + MBR_ENTRY; e < sector + MBR_ENTRY + 4 * 16; e += 16)
        if (e[4] != 0 && e[4] != MBR_TYPE_GPT && try_at(fat, le32(e + 8), le32(e + 12)) == ST_OK)
            return ST_OK;
    return ST_NOTFOUND;
}

status_t volume_find(struct fat *fat)
{
    status_t st = by_gpt(fat);
    return st == ST_NOTFOUND ? by_mbr(fat) : st;
}
