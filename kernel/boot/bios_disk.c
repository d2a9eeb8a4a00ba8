/* SPDX-License-Identifier: BSD-2-Clause */
/* Sectors of the boot disk by INT 13h extensions, through a buffer that real mode reaches. [EDD 3.0: 42h] */
#include "kernel/boot/bios.h"

#include "kernel/boot/fat.h"

#define AT_ONCE  64u                         /* sectors: 32 KiB; some firmware takes no more than 127 */
#define TRIES    3u

static uint8_t drive;

void bios_disk_init(uint8_t number) { drive = number; }

static bool read_some(uint64_t lba, uint32_t count)
{
    for (unsigned i = 0; i < TRIES; i++) {
        bios_packet = (struct bios_packet){ .size = sizeof bios_packet, .count = (uint16_t)count, .segment = BIOS_BOUNCE >> 4, .lba = lba };
        bios_regs = (struct bios_regs){ .eax = 0x4200, .edx = drive, .esi = (uint32_t)(uintptr_t)&bios_packet };
        bios_call(0x13);
        if ((bios_regs.flags & BIOS_CF) == 0)
            return true;
        bios_regs = (struct bios_regs){ .eax = 0, .edx = drive };       /* reset */
        bios_call(0x13);
    }
    return false;
}

status_t disk_read(uint64_t lba, uint32_t count, void *to)
{
    uint8_t *out = to;
    for (uint32_t n; count != 0; count -= n, lba += n, out += n * FAT_SECTOR) {
        n = MIN(count, AT_ONCE);
        if (!read_some(lba, n))
            return ST_HW;
        (void)memcpy(out, (const void *)(uintptr_t)BIOS_BOUNCE, n * FAT_SECTOR);
    }
    return ST_OK;
}
