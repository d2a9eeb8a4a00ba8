/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of all units: the records kept, and the limits. A requester that faults CUT_AFTER times is
 * cut off; a storm masks the unit's interrupt for the rest of a second, and polling goes on.
 */
#include "drivers/iommu/vendor.h"

#define CUT_AFTER       64u
#define BURST_MAX     1000u      /* records a second before the interrupt is masked */
#define SECOND_US  1000000u

/* Newest at (next_seq - 1) % FAULT_RECORDS; sequence numbers start at 1. */
static struct {
    struct spinlock lock;
    uint64_t next_seq;
    struct info_fault record[FAULT_RECORDS];
} ring = { .next_seq = 1 };

/* Fills in the owner and applies the limit. A requester without one is blocked already: only its reports end, and
 * those of interrupts do not come from its entry. */
static void judge(struct iommu_unit *u, uint16_t rid, struct info_fault *fault)
{
    struct iommu_slot *slot = iommu_slot_of_rid(u, rid, NULL);
    if (!slot && fault->interrupt)
        return;
    if (!slot) {
        slot = &u->stranger[rid % IOMMU_STRANGERS];
        if (slot->key != IOMMU_KEY(rid))
            *slot = (struct iommu_slot){ .key = IOMMU_KEY(rid) };
    }
    fault->vm = slot->vm;
    if (++slot->faults != CUT_AFTER)
        return;
    status_t st = vendor_block(u, rid, slot->domid, true);              /* an error is in the log */
    fault->cut = slot->domid != 0 && st == ST_OK;
}

void iommu_fault_keep(struct iommu_unit *u, uint16_t rid, struct info_fault *fault)
{
    fault->tsc = hw_rdtsc();
    fault->bdf = (uint32_t)u->seg << 16 | rid;
    judge(u, rid, fault);
    u->faults++;
    u->burst++;
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

static void mute(struct iommu_unit *u)
{
    uint64_t now = hw_now_us();
    if (now - u->burst_us >= SECOND_US) {
        u->burst_us = now;
        u->burst = 0;
    }
    bool storm = u->burst > BURST_MAX;
    if (u->routed && storm != u->muted) {
        vendor_mute(u, storm);
        u->muted = storm;
    }
}

uint32_t iommu_fault_irq(void)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < iommu_units; i++) {
        struct iommu_unit *u = iommu_unit[i];
        spin_lock(&u->lock);
        found += vendor_collect(u);
        mute(u);
        spin_unlock(&u->lock);
    }
    return found;
}

/* The units' own messages are not remapped. */
status_t iommu_fault_route(uint32_t apic_id, uint8_t vector)
{
    status_t st = iommu_ready ? ST_OK : ST_NOIOMMU;
    for (uint32_t i = 0; iommu_ready && i < iommu_units; i++) {
        struct iommu_unit *u = iommu_unit[i];
        if (u->status != ST_OK)
            continue;
        spin_lock(&u->lock);
        status_t one = vendor_route(u, apic_id, vector);
        u->routed = one == ST_OK;
        u->muted = false;
        spin_unlock(&u->lock);
        if (st == ST_OK)
            st = one;
    }
    return st;
}
