/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine: DMAR builder, PCI functions, ACPI lookup. */
#include "tests/unit/fake/vtd_rig.h"

#include <stdarg.h>
#include <string.h>

#include "drivers/iommu/iommu.h"
#include "drivers/pci/pci.h"
#include "kernel/arch/hw.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"

/* Where drivers/pci is linked its own functions are the ones. */
#define WEAK __attribute__((weak))

struct rig rig;
static struct pci_fn functions[32];
static unsigned nfunctions;
static uint32_t entry_at;

static uint64_t rig_rdmsr(uint32_t msr) { return msr == 0x1b ? rig.apic_base : 0; }

void rig_reset(void)
{
    fake_hw_reset();
    fake_pmm_reset();
    fake_log_reset();
    memset(&rig, 0, sizeof rig);
    rig.apic_base = 0xfee00900;
    fake_hw.rdmsr = rig_rdmsr;
    nfunctions = 0;
}

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
}

void rig_dmar(uint8_t flags)
{
    memset(rig.dmar, 0, sizeof rig.dmar);
    memcpy(rig.dmar, "DMAR", 4);
    rig.len = 0;
    grow(48);
    rig.dmar[36] = 38;
    rig.dmar[37] = flags;
    rig.boot.iommu = BOOT_IOMMU_DMAR;
    rig.boot.iommu_table = (uintptr_t)rig.dmar;
}

void rig_entry(uint16_t type, const void *body, unsigned len)
{
    entry_at = rig.len;
    put(rig.len, type, 2);
    put(rig.len + 2, 4 + len, 2);
    memcpy(rig.dmar + rig.len + 4, body, len);
    grow(4 + len);
}

void rig_drhd(uint64_t base, bool include_all, uint16_t seg)
{
    uint8_t body[12] = { include_all, 0, (uint8_t)seg, (uint8_t)(seg >> 8) };
    memcpy(body + 4, &base, 8);
    rig_entry(0, body, 12);
}

void rig_rmrr(uint64_t first, uint64_t last)
{
    uint8_t body[20] = { 0 };
    memcpy(body + 4, &first, 8);
    memcpy(body + 12, &last, 8);
    rig_entry(1, body, 20);
}

void rig_scope(uint8_t type, uint8_t id, uint8_t bus, unsigned hops, ...)
{
    va_list ap;
    uint32_t at = rig.len;
    put(at, type, 1);
    put(at + 1, 6 + 2 * hops, 1);
    put(at + 4, id, 1);
    put(at + 5, bus, 1);
    va_start(ap, hops);
    for (unsigned i = 0; i < 2 * hops; i++)
        put(at + 6 + i, (uint64_t)va_arg(ap, int), 1);
    va_end(ap);
    grow(6 + 2 * hops);
    put(entry_at + 2, rig.len - entry_at, 2);
}

void rig_function(unsigned bus, unsigned dev, unsigned fn)
{
    functions[nfunctions++] = (struct pci_fn){ .bdf = bdf_make(bus, dev, fn) };
}

void rig_topology(unsigned type)
{
    for (unsigned i = 0; i < nfunctions; i++) {
        struct dev_info *info = &functions[i].info;
        info->pcie_type = (uint8_t)(info->secondary != 0 ? type : 0);
        for (unsigned k = 0; k < i; k++)
            if (functions[k].info.secondary == functions[i].bdf.bus && functions[i].bdf.bus != 0)
                info->up = (uint16_t)(i - k);
    }
}

void rig_bridge(unsigned bus, unsigned dev, unsigned fn, uint8_t secondary, uint8_t subordinate)
{
    rig_function(bus, dev, fn);
    struct pci_fn *bridge = &functions[nfunctions - 1];
    bridge->header[0x18 / 4] = bus | (uint32_t)secondary << 8 | (uint32_t)subordinate << 16;
    bridge->info.secondary = secondary > bus && subordinate >= secondary ? secondary : 0;   /* as the scan judges it */
}

WEAK struct pci_fn *pci_find(struct bdf fn)
{
    for (unsigned i = 0; i < nfunctions; i++)
        if (bdf_eq(functions[i].bdf, fn))
            return &functions[i];
    return NULL;
}

WEAK uint32_t pci_count(void) { return nfunctions; }
WEAK struct pci_fn *pci_at(uint32_t index) { return index < nfunctions ? &functions[index] : NULL; }

WEAK status_t pci_msi_write(struct pci_fn *fn, uint64_t addr, uint32_t data, unsigned vectors, uint32_t masked)
{
    (void)masked;
    rig.msi_fn = fn->bdf;
    rig.msi_addr = vectors ? addr : 0;
    rig.msi_data = data;
    return rig.msi_fails ? ST_HW : ST_OK;
}

status_t rig_start(struct vtd_model *m, uint64_t cap, uint64_t ecap)
{
    char reason[96];
    rig_dmar(1);
    rig_drhd(RIG_BASE0, true, 0);
    rig_scope(3, 0, 0xff, 1, 0, 0);
    vtd_model_init(m, RIG_BASE0, cap, ecap);
    return iommu_init(&rig.boot, reason);
}
