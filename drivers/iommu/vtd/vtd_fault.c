/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults [VT-d 7]: every record of every unit is read, cleared and kept. A
 * requester that faults VTD_CUT_AFTER times is cut off; a storm masks the fault
 * event for the rest of a second, and polling goes on.
 */
#include "drivers/iommu/vtd/vtd_fault.h"

#include "drivers/iommu/vtd/vtd_unit.h"
#include "kernel/config.h"

#define VTD_CUT_AFTER   64u
#define PASSES           4u      /* over the records, in one call */
#define BURST_MAX     1000u      /* records a second before the event is masked */
#define SECOND_US  1000000u

/* Newest at (next_seq - 1) % FAULT_RECORDS; sequence numbers start at 1. */
static struct {
    struct spinlock lock;
    uint64_t next_seq;
    struct info_fault record[FAULT_RECORDS];
} ring = { .next_seq = 1 };

const char *vtd_fault_text(uint32_t reason)
{
    static const char *const dma[] = {
        [0x1] = "bus has no context table: no function on it is assigned",
        [0x2] = "function is not assigned to any guest",
        [0x3] = "context entry is invalid",
        [0x4] = "address is beyond what the unit translates",
        [0x5] = "write to memory that is not mapped for writing",
        [0x6] = "read of memory that is not mapped for reading",
        [0x7] = "unit could not read a translation table",
        [0x8] = "unit could not read the root table",
        [0x9] = "unit could not read a context table",
        [0xa] = "reserved bits in a root entry",
        [0xb] = "reserved bits in a context entry",
        [0xc] = "reserved bits in a translation table",
        [0xd] = "request type is blocked for this function",
        [0xe] = "translation leads into the interrupt address range",
    };
    static const char *const intr[] = {
        [0x0] = "reserved bits in a remappable interrupt",
        [0x1] = "interrupt index beyond the table",
        [0x2] = "interrupt entry is not present",
        [0x3] = "unit could not read the interrupt table",
        [0x4] = "reserved bits in an interrupt entry",
        [0x5] = "compatibility-format interrupt blocked",
        [0x6] = "interrupt from a function that does not own the entry",
        [0x7] = "unit could not read a posted-interrupt descriptor",
        [0x8] = "reserved bits in a posted-interrupt descriptor",
    };
    if (reason < ARRAY_LEN(dma) && dma[reason])
        return dma[reason];
    if (reason >= 0x20 && reason - 0x20 < ARRAY_LEN(intr))
        return intr[reason - 0x20];
    return "reason unknown to Cordon";
}

static void keep(const struct info_fault *fault)
{
    spin_lock(&ring.lock);
    struct info_fault *slot = &ring.record[ring.next_seq % FAULT_RECORDS];
    *slot = *fault;
    slot->seq = ring.next_seq++;
    spin_unlock(&ring.lock);
}

bool vtd_fault_get(uint64_t from_seq, struct info_fault *out)
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

/* Counts a fault of a requester without an owner; true when it is the one too many. */
static bool count_stranger(struct vtd_unit *u, uint16_t rid)
{
    struct vtd_stranger *at = &u->stranger[rid % VTD_STRANGERS];
    if (!at->used || at->rid != rid)
        *at = (struct vtd_stranger){ .used = true, .rid = rid };
    return ++at->faults == VTD_CUT_AFTER;
}

/* Fills in the owner and applies the limit. */
static void judge(struct vtd_unit *u, uint16_t rid, struct info_fault *fault)
{
    struct vtd_slot *slot = vtd_ctx_find(u, rid);
    if (!slot) {
        if (!fault->interrupt && count_stranger(u, rid))
            vtd_ctx_cut(u, rid, 0);        /* blocked already: only the reports end */
        return;
    }
    fault->vm = slot->vm;
    if (++slot->faults < VTD_CUT_AFTER || slot->cut)
        return;
    slot->cut = true;
    fault->cut = 1;
    vtd_ctx_cut(u, rid, slot->domid);
}

static void take(struct vtd_unit *u, uint64_t lo, uint64_t hi)
{
    struct bdf fn = bdf_of_rid((uint16_t)FIELD_GET(FRCD_HI_SID, hi));
    struct info_fault fault = { .tsc = hw_rdtsc(), .reason = (uint32_t)FIELD_GET(FRCD_HI_FR, hi) };
    fn.seg = u->seg;
    fault.bdf = bdf_u32(fn);
    fault.interrupt = fault.reason >= 0x20 && fault.reason < 0x30;
    fault.address = fault.interrupt ? FIELD_GET(FRCD_LO_INDEX, lo) : lo & FRCD_LO_ADDR;
    fault.write = !fault.interrupt && !(hi & FRCD_HI_READ);
    str_copy(fault.text, sizeof fault.text, vtd_fault_text(fault.reason));
    judge(u, bdf_rid(fn), &fault);
    keep(&fault);
    u->faults++;
    u->burst++;
}

/* One round over the records from the oldest on; how many held a fault. */
static uint32_t collect_round(struct vtd_unit *u, uint32_t first)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < u->frcds; i++) {
        uint16_t off = (uint16_t)(u->frcd + 16 * ((first + i) % u->frcds));
        uint64_t hi = vtd_rd64(u, (vtd_r64){ (uint16_t)(off + 8) });
        if (!(hi & FRCD_HI_F) || hi == ~UINT64_C(0))
            continue;
        uint64_t lo = vtd_rd64(u, (vtd_r64){ off });
        vtd_wr32(u, (vtd_r32){ (uint16_t)(off + 12) }, FRCD_TOP_F_W1C);
        take(u, lo, hi);
        found++;
    }
    return found;
}

static void mute(struct vtd_unit *u)
{
    uint64_t now = hw_now_us();
    if (now - u->burst_us >= SECOND_US) {
        u->burst_us = now;
        u->burst = 0;
    }
    bool storm = u->burst > BURST_MAX;
    if (u->routed && storm != u->muted) {
        vtd_wr32(u, VTD_FECTL, storm ? FECTL_IM : 0);
        u->muted = storm;
    }
}

uint32_t vtd_fault_collect(struct vtd_unit *u)
{
    uint32_t found = 0;
    if (u->mmio == 0 || u->root == NULL)
        return 0;
    for (unsigned pass = 0; pass < PASSES; pass++) {
        uint32_t fsts = vtd_rd32(u, VTD_FSTS);
        if (fsts == ~0u || !(fsts & (FSTS_PPF | FSTS_PFO_W1C)))
            break;
        uint32_t round = collect_round(u, (uint32_t)FIELD_GET(FSTS_FRI, fsts));
        if (fsts & FSTS_PFO_W1C)
            vtd_wr32(u, VTD_FSTS, FSTS_PFO_W1C);
        found += round;
        if (round == 0)
            break;
    }
    mute(u);
    return found;
}

void vtd_fault_clear(struct vtd_unit *u)
{
    for (uint32_t i = 0; i < u->frcds; i++)
        vtd_wr32(u, (vtd_r32){ (uint16_t)(u->frcd + 16 * i + 12) }, FRCD_TOP_F_W1C);
    vtd_wr32(u, VTD_FSTS, FSTS_PFO_W1C);
}

/* The unit's own messages are not remapped: compatibility format. */
void vtd_fault_route(struct vtd_unit *u, uint32_t apic_id, uint8_t vector)
{
    vtd_wr32(u, VTD_FECTL, FECTL_IM);
    vtd_wr32(u, VTD_FEDATA, vector);
    vtd_wr32(u, VTD_FEADDR, (uint32_t)MSI_BASE | (apic_id & 0xff) << 12);
    vtd_wr32(u, VTD_FEUADDR, apic_id & 0xffffff00u);
    vtd_wr32(u, VTD_FECTL, 0);
    u->routed = true;
    u->muted = false;
}
