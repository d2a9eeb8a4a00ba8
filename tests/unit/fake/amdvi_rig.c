/* SPDX-License-Identifier: BSD-2-Clause */
/* IVRS builder. */
#include "tests/unit/fake/amdvi_rig.h"

#include <string.h>

#include "drivers/iommu/iommu.h"

static uint32_t block_at;

static void put(uint32_t at, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        rig.dmar[at + i] = (uint8_t)(v >> (8 * i));
}

static void grow(uint32_t bytes)
{
    rig.len += bytes;
    rig.boot.iommu_len = rig.len;
    put(4, rig.len, 4);
    if (block_at)
        put(block_at + 2, rig.len - block_at, 2);
}

void rig_ivrs(void)
{
    memset(rig.dmar, 0, sizeof rig.dmar);
    memcpy(rig.dmar, "IVRS", 4);
    rig.len = block_at = 0;
    put(36, 0x00203001, 4);                        /* IVinfo: VASize 40h, PASize 30h, EFRSup */
    grow(48);
    rig.boot.iommu = BOOT_IOMMU_IVRS;
    rig.boot.iommu_table = (uintptr_t)rig.dmar;
}

void rig_ivhd(uint64_t base, uint16_t unit, uint16_t seg)
{
    block_at = rig.len;
    put(block_at, 0x10, 1);
    put(block_at + 4, unit, 2);
    put(block_at + 6, 0x40, 2);
    put(block_at + 8, base, 8);
    put(block_at + 16, seg, 2);
    grow(24);
}

void rig_device(uint8_t type, uint16_t id, uint32_t more)
{
    uint32_t at = rig.len;
    put(at, type, 1);
    put(at + 1, id, 2);
    put(at + 4, more, type >= 0x40 ? 4 : 0);
    grow(type >= 0x40 ? 8 : 4);
}

void rig_ivmd(uint8_t type, uint8_t flags, uint16_t first, uint16_t last, uint64_t base, uint64_t len)
{
    block_at = rig.len;
    put(block_at, type, 1);
    put(block_at + 1, flags, 1);
    put(block_at + 4, first, 2);
    put(block_at + 6, last, 2);
    put(block_at + 16, base, 8);
    put(block_at + 24, len, 8);
    grow(32);
}

status_t rig_start_amd(struct amdvi_model *m, uint64_t efr)
{
    char reason[96];
    rig_ivrs();
    rig_ivhd(RIG_AMD0, 2, 0);
    RIG_ALL(0);
    RIG_IOAPIC(0, 0xa0);
    amdvi_model_init(m, RIG_AMD0, efr);
    return iommu_init(&rig.boot, reason);
}
