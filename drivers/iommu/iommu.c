/* SPDX-License-Identifier: BSD-2-Clause */
/* What no vendor owns: which driver the machine gets, and the fault records kept, over all units. */
#include "drivers/iommu/iommu.h"

#include "drivers/iommu/vtd/vtd.h"
#include "kernel/acpi/acpi.h"

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

status_t iommu_init(char reason[96])
{
    struct acpi_table table;
    status_t st = acpi_find("DMAR", 0, &table);
    vendor = st == ST_OK ? IOMMU_VTD : IOMMU_NONE;
    if (st == ST_OK)
        return vtd_init(table.data, table.len, reason);
    if (st != ST_NOTFOUND)
        return iommu_refuse(reason, ST_CORRUPT, "DMAR table is there but broken (length or checksum)");
    if (acpi_find("IVRS", 0, &table) != ST_NOTFOUND)
        return iommu_refuse(reason, ST_UNSUPP, "AMD-Vi found; this version drives VT-d only");
    return iommu_refuse(reason, ST_ABSENT,
                        "no DMAR or IVRS table: the firmware reports no IOMMU (absent, or off in firmware setup)");
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
