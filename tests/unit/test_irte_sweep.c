/* SPDX-License-Identifier: BSD-2-Clause */
/* link: drivers/iommu/iommu.c drivers/iommu/dom.c drivers/iommu/ir.c drivers/iommu/fault.c
         drivers/iommu/vtd/vtd.c drivers/iommu/vtd/vtd_unit.c drivers/iommu/vtd/vtd_inv.c
         drivers/iommu/vtd/vtd_ctx.c drivers/iommu/vtd/vtd_ir.c
         drivers/iommu/vtd/vtd_fault.c drivers/iommu/vtd/dmar.c
         drivers/iommu/amdvi/amdvi.c drivers/iommu/amdvi/amdvi_unit.c drivers/iommu/amdvi/amdvi_cmd.c
         drivers/iommu/amdvi/amdvi_dte.c drivers/iommu/amdvi/amdvi_ir.c drivers/iommu/amdvi/amdvi_event.c
         drivers/iommu/amdvi/ivrs.c
         kernel/mm/ptab.c kernel/lib/idpool.c kernel/lib/fmt.c kernel/lib/str.c
         tests/unit/fake/hw.c tests/unit/fake/pmm.c tests/unit/fake/log.c tests/unit/fake/kmap.c
         tests/unit/fake/storelog.c tests/unit/fake/vtd_model.c tests/unit/fake/vtd_rig.c
         tests/unit/fake/amdvi_model.c tests/unit/fake/amdvi_rig.c */
/*
 * Forged interrupts: every message that a function can write into the interrupt range, from every kind of source. What
 * arrives is exactly what the source's own entries say; entries of others, blocked ones and freed ones give nothing,
 * also when the unit had them in its cache.
 */
#include "tests/unit/fake/either.h"

static const struct bdf nic = { 0, 3, 0x28 }, disk = { 0, 3, 0x29 }, gone = { 0, 4, 0 };
static struct bdf ioapic;

/* Entry i of a run has vector 60h + i of destination dest + i; but the last, which is blocked. */
struct owner { struct irte_run run; uint32_t dest; };
static struct owner owners[3];
static uint64_t arrived;

static void setup(bool amdvi, uint64_t features, bool x2apic)
{
    struct irte_run late;
    struct vm_intr in;
    uint64_t addr;
    uint32_t data;
    char reason[96];
    either_prepare(amdvi, 0, features);
    rig.apic_base |= x2apic ? 0x400 : 0;
    CHECK_EQ(iommu_init(&rig.boot, reason), ST_OK);
    CHECK_EQ(iommu_ioapic_source(0, &ioapic), ST_OK);
    CHECK_EQ(iommu_irte_alloc(disk, 3, 0, &owners[0].run), ST_OK);
    CHECK_EQ(iommu_irte_alloc(nic, 8, 0, &owners[1].run), ST_OK);
    CHECK_EQ(iommu_irte_alloc(ioapic, 3, 0x60, &owners[2].run), ST_OK);
    for (unsigned o = 0; o < 3; o++) {
        struct owner *own = &owners[o];
        own->dest = 16 * (o + 1);
        for (uint32_t i = 0; i < own->run.count; i++)
            CHECK_EQ(iommu_irte_set(&own->run, i, own->dest + i, (uint8_t)(0x60 + i), false), ST_OK);
        CHECK_EQ(iommu_irte_block(&own->run, own->run.count - 1), ST_OK);
    }
    CHECK_EQ(iommu_irte_alloc(gone, 4, 0, &late), ST_OK);      /* it sent, and its guest is no more */
    iommu_irte_msi(&late, &addr, &data);
    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(iommu_irte_set(&late, i, i, 0x99, false), ST_OK);
        CHECK_EQ(either_msi(late.rid, addr, data + i, &in), 0);
    }
    CHECK_EQ(iommu_irte_free(&late), ST_OK);
}

/* The entry of its own that a source means by an index; NULL: it has none there. */
static const struct owner *owned(uint16_t rid, uint32_t index)
{
    for (const struct owner *o = owners; o < owners + 3; o++)
        if (o->run.rid == rid && index >= o->run.first && (uint64_t)index + 1 < (uint64_t)o->run.first + o->run.count)
            return o;
    return NULL;
}

/* index: what the message means if it is in a format that is taken; ~0: it is not. */
static void judge(uint16_t rid, uint32_t index, unsigned reason, const struct vm_intr *in)
{
    const struct owner *o = owned(rid, index);
    if (reason == 0 && o) {
        arrived++;
        CHECK(in->vector == 0x60 + index - o->run.first && in->dest == o->dest + index - o->run.first);
        return;
    }
    CHECK((reason == 0) == (o != NULL));
}

static void forge(uint16_t rid, uint64_t addr, uint32_t data, uint32_t index)
{
    struct vm_intr in = { 0 };
    unsigned reason = either_msi(rid, addr, data, &in);
    judge(rid, index, reason, &in);
}

/* VT-d: bit 4 of the address tells the format, bit 3 whether data counts. */
static void sweep_vtd(uint16_t rid)
{
    for (uint32_t dest = 0; dest < 256; dest++)                /* compatibility: any vector, with redirection hint and mode */
        for (uint32_t vector = 0; vector < 256; vector++)
            forge(rid, 0xfee00000u | dest << 12 | (vector & 3) << 2, vector | (dest & 7) << 8 | (dest & 8) << 12, ~0u);
    for (uint32_t handle = 0; handle < 0x10000; handle++) {    /* remappable: every handle, alone and with data */
        uint64_t addr = 0xfee00010u | (handle & 0x7fff) << 5 | handle >> 15 << 2;
        forge(rid, addr, handle & 0xff, handle);
        forge(rid, addr | 8, 0, handle);
        forge(rid, addr | 8, 5, handle + 5);
        forge(rid, 0xfee00018u, handle, handle);
        forge(rid, 0xfee00018u | 0x7fffu << 5 | 4, handle, 0xffff + handle);
    }
}

/* AMD-Vi: the low 11 bits of the data are the index, delivery mode included; NMI, INIT, SMI and ExtINT never pass. */
static void sweep_amdvi(uint16_t rid)
{
    for (uint32_t data = 0; data < 0x800; data++)
        for (uint32_t dest = 0; dest < 256; dest += data < 0x200 ? 1 : 51)
            forge(rid, 0xfee00000u | dest << 12 | (data & 3) << 2, data | (dest & 8) << 11 | (dest & 16) << 11,
                  data < 0x200 ? data : ~0u);
}

/* Every redirection entry of a pin: index and vector anything. */
static void sweep_pins(void)
{
    struct vm_intr in;
    const uint16_t rid = bdf_rid(ioapic);
    for (uint64_t index = 0; index < 0x10000; index++) {
        uint64_t rte = is_amd ? index & 0x7ff : (index & 0x7fff) << 49 | index >> 15 << 11 | 1ull << 48 | (index & 0xff);
        const struct owner *o = owned(rid, (uint32_t)(is_amd ? rte : index));
        unsigned reason = either_rte(rid, rte, &in);
        CHECK((reason == 0 || reason == 0xfff) == (o != NULL && (!is_amd || index < 0x200 || (index & 0x7ff) < 0x200)));
        if (!is_amd)
            CHECK(either_rte(rid, rte & ~(1ull << 48), &in) == 0x25);
    }
}

static void sweep(bool amdvi, uint64_t features, bool x2apic)
{
    setup(amdvi, features, x2apic);
    const struct bdf from[] = { nic, disk, ioapic, gone, bdf_make(3, 5, 2), bdf_make(0, 0, 0), bdf_make(0x77, 0, 0) };
    for (unsigned i = 0; i < ARRAY_LEN(from); i++) {
        arrived = 0;
        if (amdvi)
            sweep_amdvi(bdf_rid(from[i]));
        else
            sweep_vtd(bdf_rid(from[i]));
        CHECK((arrived != 0) == (i < 3));                      /* its own are there: the sweep is no empty one */
    }
    sweep_pins();
    CHECK_EQ(either_passed(), 0);
    for (unsigned o = 0; o < 3; o++)                           /* and when they are freed, nothing at all */
        CHECK_EQ(iommu_irte_free(&owners[o].run), ST_OK);
    arrived = 0;
    for (unsigned i = 0; i < 3; i++)
        for (uint32_t index = 0; index < 0x200; index++)
            forge(bdf_rid(from[i]), amdvi ? 0xfee00000u : 0xfee00010u | index << 5, amdvi ? index : 0, index);
    CHECK_EQ(arrived, 0);
    either_end();
}

int main(void)
{
    sweep(false, 0, false);
    sweep(false, VM_ECAP_QEMU | VM_ECAP_EIM, true);
    sweep(true, 0, false);
    sweep(true, AM_EFR_IA, false);
    sweep(true, AM_EFR_QEMU | AM_EFR_XT, true);
    return unit_done();
}
