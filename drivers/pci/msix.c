/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI and MSI-X registers. The owner may have memory decode off at any time; the table is then
 * reached by turning it on for the access: every BAR is where the kernel found it. In D3hot
 * writes to the table are lost, which harms the owner alone.
 */
#include "drivers/pci/pci.h"

#include "drivers/pci/pci_regs.h"
#include "kernel/mm/kmap.h"

/* Takes the lock; the old command register. */
static uint32_t decode_open(struct pci_fn *fn)
{
    spin_lock(&fn->lock);
    uint32_t command = pci_cfg_read(fn->bdf, CFG_COMMAND, 2);
    if ((command & CMD_MEMORY) == 0)
        pci_cfg_write(fn->bdf, CFG_COMMAND, 2, command | CMD_MEMORY);
    return command;
}

static void decode_close(struct pci_fn *fn, uint32_t command)
{
    if ((command & CMD_MEMORY) == 0)
        pci_cfg_write(fn->bdf, CFG_COMMAND, 2, command);
    spin_unlock(&fn->lock);
}

/* Maps the table at the first use; callers serialise with the scan's facts, which are const. */
static MUST_USE status_t table_get(struct pci_fn *fn)
{
    const struct dev_info *info = &fn->info;
    if (info->msix_off == 0 || info->bar[info->msix_bar].base == 0)
        return ST_UNSUPP;
    spin_lock(&fn->lock);
    if (fn->msix_table == 0) {
        hpa_t at = { info->bar[info->msix_bar].base + info->msix_table_off };
        fn->msix_table = (uintptr_t)kmap_mmio(at, (uint64_t)info->msix_count * MSIX_ENTRY_SIZE);
    }
    spin_unlock(&fn->lock);
    return fn->msix_table != 0 ? ST_OK : ST_NOSPACE;
}

static void entry_mask(const struct pci_fn *fn, unsigned index, bool masked)
{
    uintptr_t ctl = fn->msix_table + index * MSIX_ENTRY_SIZE + MSIX_E_CTL;
    uint32_t old = hw_mmio_rd32(ctl);
    hw_mmio_wr32(ctl, masked ? old | MSIX_E_MASKED : old & ~MSIX_E_MASKED);
}

/* [PCIe 6.1.4.2] an entry changes only while it is masked. */
status_t pci_msix_write(struct pci_fn *fn, unsigned index, uint64_t addr, uint32_t data, bool masked)
{
    status_t st = table_get(fn);
    if (st != ST_OK)
        return st;
    if (index >= fn->info.msix_count)
        return ST_RANGE;
    uintptr_t entry = fn->msix_table + index * MSIX_ENTRY_SIZE;
    uint32_t command = decode_open(fn);
    entry_mask(fn, index, true);
    hw_mmio_wr32(entry + MSIX_E_ADDR, (uint32_t)addr);
    hw_mmio_wr32(entry + MSIX_E_ADDR_HIGH, (uint32_t)(addr >> 32));
    hw_mmio_wr32(entry + MSIX_E_DATA, data);
    if (!masked)
        entry_mask(fn, index, false);
    (void)hw_mmio_rd32(entry + MSIX_E_CTL);      /* posted writes have arrived */
    decode_close(fn, command);
    return ST_OK;
}

status_t pci_msix_mask(struct pci_fn *fn, unsigned index, bool masked)
{
    status_t st = table_get(fn);
    if (st != ST_OK)
        return st;
    if (index >= fn->info.msix_count)
        return ST_RANGE;
    uint32_t command = decode_open(fn);
    entry_mask(fn, index, masked);
    (void)hw_mmio_rd32(fn->msix_table + index * MSIX_ENTRY_SIZE + MSIX_E_CTL);
    decode_close(fn, command);
    return ST_OK;
}

status_t pci_msix_enable(struct pci_fn *fn, bool on)
{
    status_t st = table_get(fn);
    if (st != ST_OK)
        return st;
    unsigned ctl = fn->info.msix_off + MSIX_CTL;
    uint32_t command = decode_open(fn);
    uint32_t old = pci_cfg_read(fn->bdf, ctl, 2);
    bool is_on = (old & MSIX_ENABLE) != 0 && (old & MSIX_FN_MASK) == 0;
    if (!on) {
        pci_cfg_write(fn->bdf, ctl, 2, old & ~(MSIX_ENABLE | MSIX_FN_MASK));
    } else if (!is_on) {
        pci_cfg_write(fn->bdf, ctl, 2, old | MSIX_ENABLE | MSIX_FN_MASK);
        for (unsigned i = 0; i < fn->info.msix_count; i++)
            entry_mask(fn, i, true);
        pci_cfg_write(fn->bdf, ctl, 2, (old & ~MSIX_FN_MASK) | MSIX_ENABLE);
    }
    uint32_t now = pci_cfg_read(fn->bdf, ctl, 2);
    decode_close(fn, command);
    return ((now & MSIX_ENABLE) != 0) == on ? ST_OK : ST_HW;
}

status_t pci_msi_write(struct pci_fn *fn, uint64_t addr, uint32_t data, unsigned log2_vectors, bool on)
{
    const struct dev_info *info = &fn->info;
    if (info->msi_off == 0)
        return ST_UNSUPP;
    if (log2_vectors > 5 || 1u << log2_vectors > info->msi_vectors || data > 0xffff ||
        (!info->msi_64 && addr >> 32 != 0))
        return ST_RANGE;
    unsigned cap = info->msi_off;
    spin_lock(&fn->lock);
    uint32_t ctl = pci_cfg_read(fn->bdf, cap + MSI_CTL, 2) & ~(MSI_ENABLE | MSI_ENABLED);
    pci_cfg_write(fn->bdf, cap + MSI_CTL, 2, ctl);
    pci_cfg_write(fn->bdf, cap + MSI_ADDR, 4, (uint32_t)addr);
    if (info->msi_64)
        pci_cfg_write(fn->bdf, cap + MSI_ADDR_HIGH, 4, (uint32_t)(addr >> 32));
    pci_cfg_write(fn->bdf, cap + (info->msi_64 ? MSI_DATA_64 : MSI_DATA_32), 2, data);
    ctl |= (uint32_t)FIELD_PREP(MSI_ENABLED, log2_vectors) | (on ? MSI_ENABLE : 0);
    pci_cfg_write(fn->bdf, cap + MSI_CTL, 2, ctl);
    uint32_t now = pci_cfg_read(fn->bdf, cap + MSI_CTL, 2);
    spin_unlock(&fn->lock);
    return ((now & MSI_ENABLE) != 0) == on ? ST_OK : ST_HW;
}

status_t pci_msi_mask(struct pci_fn *fn, unsigned vector, bool masked)
{
    const struct dev_info *info = &fn->info;
    if (info->msi_off == 0 || !info->msi_maskable)
        return ST_UNSUPP;
    if (vector >= info->msi_vectors)
        return ST_RANGE;
    unsigned off = info->msi_off + (info->msi_64 ? MSI_MASK_64 : MSI_MASK_32);
    uint32_t bit = BIT32(vector);
    spin_lock(&fn->lock);
    uint32_t old = pci_cfg_read(fn->bdf, off, 4);
    pci_cfg_write(fn->bdf, off, 4, masked ? old | bit : old & ~bit);
    spin_unlock(&fn->lock);
    return ST_OK;
}
