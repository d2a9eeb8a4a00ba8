/* SPDX-License-Identifier: BSD-2-Clause */
/* What no vendor owns: which driver the machine gets, and the fault records kept, over all units. */
#include "drivers/iommu/iommu.h"

#include "drivers/iommu/vtd/vtd.h"
#include "kernel/mm/kmap.h"

static enum iommu_vendor vendor = IOMMU_NONE;      /* const after iommu_init */

/* Newest at (next_seq - 1) % FAULT_RECORDS; sequence numbers start at 1. */
static struct {
    struct spinlock lock;
    uint64_t next_seq;
    struct info_fault record[FAULT_RECORDS];
} ring = { .next_seq = 1 };

status_t iommu_refuse(char reason[96], status_t st, const char *why)
{
    str_copy(reason, 96, why);
    return st;
}

status_t iommu_init(const struct bootinfo *bi, char reason[96])
{
    vendor = IOMMU_NONE;
    switch ((enum boot_iommu)bi->iommu) {
    case BOOT_IOMMU_BAD:
        return iommu_refuse(reason, ST_CORRUPT, "DMAR or IVRS table is there but broken (length or checksum)");
    case BOOT_IOMMU_IVRS:
        return iommu_refuse(reason, ST_UNSUPP, "AMD-Vi found; this version drives VT-d only");
    case BOOT_IOMMU_NONE:
        return iommu_refuse(reason, ST_ABSENT,
                            "no DMAR or IVRS table: the firmware reports no IOMMU (absent, or off in firmware setup)");
    case BOOT_IOMMU_DMAR: break;
    }
    const uint8_t *table = kmap_ro((hpa_t){ bi->iommu_table }, bi->iommu_len);
    if (!table)
        return iommu_refuse(reason, ST_CORRUPT, "DMAR table cannot be mapped");
    vendor = IOMMU_VTD;
    return vtd_init(table, bi->iommu_len, reason);
}

void iommu_log_notes(const char *table, const struct fw_notes *n)
{
    for (uint32_t i = 0; i < MIN(n->count, FW_NOTES); i++)
        log_line("iommu: %s offset %u, entry type %u: %s", table, n->at[i].offset, n->at[i].type, n->at[i].text);
    if (n->count > FW_NOTES)
        log_line("iommu: %s: %u more such lines", table, n->count - FW_NOTES);
}

enum iommu_vendor iommu_vendor(void) { return vendor; }

void iommu_fault_keep(const struct info_fault *fault)
{
    spin_lock(&ring.lock);
    struct info_fault *slot = &ring.record[ring.next_seq % FAULT_RECORDS];
    *slot = *fault;
    slot->seq = ring.next_seq++;
    spin_unlock(&ring.lock);
}

bool iommu_fault_get(uint64_t from_seq, struct info_fault *out)
{
    spin_lock(&ring.lock);
    uint64_t oldest = ring.next_seq > FAULT_RECORDS ? ring.next_seq - FAULT_RECORDS : 1;
    uint64_t seq = MAX(from_seq, oldest);
    bool there = seq < ring.next_seq;
    if (there)
        *out = ring.record[seq % FAULT_RECORDS];
    spin_unlock(&ring.lock);
    return there;
}
