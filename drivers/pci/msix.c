/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI and MSI-X registers. The owner may have memory decode off at any time; the table is then
 * reached by turning it on for the access: every BAR is where the kernel found it. In D3hot
 * writes to the table are lost, which harms the owner alone.
 */
#include "drivers/pci/scan.h"

/* Turns MSI-X on with every entry masked; no effect when it is on. Lock held, decode on. */
static MUST_USE status_t table_on(struct pci_fn *fn)
{
    unsigned at = fn->info.msix_off + MSIX_CTL;
    uint32_t control = pci_rd(fn, at, 2);
    if ((control & (MSIX_ENABLE | MSIX_FN_MASK)) == MSIX_ENABLE)
        return ST_OK;
    pci_wr(fn, at, 2, control | MSIX_ENABLE | MSIX_FN_MASK);
    for (unsigned i = 0; i < fn->info.msix_count; i++) {
        uintptr_t entry_control = fn->msix_table + i * MSIX_ENTRY_SIZE + MSIX_E_CTL;
        hw_mmio_wr32(entry_control, hw_mmio_rd32(entry_control) | MSIX_E_MASKED);
    }
    pci_wr(fn, at, 2, (control & ~MSIX_FN_MASK) | MSIX_ENABLE);
    return (pci_rd(fn, at, 2) & MSIX_ENABLE) != 0 ? ST_OK : ST_HW;
}

/* [PCIe 6.1.4.2] an entry changes only while it is masked. */
static void entry_write(const struct pci_fn *fn, unsigned index, uint64_t addr, uint32_t data, bool masked)
{
    uintptr_t entry = fn->msix_table + index * MSIX_ENTRY_SIZE;
    uint32_t control = hw_mmio_rd32(entry + MSIX_E_CTL) | MSIX_E_MASKED;
    hw_mmio_wr32(entry + MSIX_E_CTL, control);
    hw_mmio_wr32(entry + MSIX_E_ADDR, (uint32_t)addr);
    hw_mmio_wr32(entry + MSIX_E_ADDR_HIGH, (uint32_t)(addr >> 32));
    hw_mmio_wr32(entry + MSIX_E_DATA, data);
    if (!masked)
        hw_mmio_wr32(entry + MSIX_E_CTL, control & ~MSIX_E_MASKED);
    (void)hw_mmio_rd32(entry + MSIX_E_CTL);      /* posted writes have arrived */
}

status_t pci_msix_write(struct pci_fn *fn, unsigned index, uint64_t addr, uint32_t data, bool masked)
{
    if (fn->msix_table == 0)
        return ST_UNSUPP;
    if (index >= fn->info.msix_count)
        return ST_RANGE;
    spin_lock(&fn->lock);
    uint32_t command = pci_rd(fn, CFG_COMMAND, 2);
    if ((command & CMD_MEMORY) == 0)
        pci_wr(fn, CFG_COMMAND, 2, command | CMD_MEMORY);
    status_t st = table_on(fn);
    if (st == ST_OK)
        entry_write(fn, index, addr, data, masked);
    if ((command & CMD_MEMORY) == 0)
        pci_wr(fn, CFG_COMMAND, 2, command);
    spin_unlock(&fn->lock);
    return st;
}

status_t pci_msi_write(struct pci_fn *fn, uint64_t addr, uint32_t data, unsigned vectors, uint32_t masked)
{
    const struct dev_info *info = &fn->info;
    unsigned cap = info->msi_off, log2 = 0;
    if (cap == 0)
        return ST_UNSUPP;
    if (vectors > info->msi_vectors || data > 0xffff || (!info->msi_64 && addr >> 32 != 0))
        return ST_RANGE;
    while (1u << log2 < vectors)
        log2++;
    spin_lock(&fn->lock);
    uint32_t control = pci_rd(fn, cap + MSI_CTL, 2) & ~(MSI_ENABLE | MSI_ENABLED);
    pci_wr(fn, cap + MSI_CTL, 2, control);
    pci_wr(fn, cap + MSI_ADDR, 4, (uint32_t)addr);
    if (info->msi_64)
        pci_wr(fn, cap + MSI_ADDR_HIGH, 4, (uint32_t)(addr >> 32));
    pci_wr(fn, cap + (info->msi_64 ? MSI_DATA_64 : MSI_DATA_32), 2, data);
    if (info->msi_maskable)
        pci_wr(fn, cap + (info->msi_64 ? MSI_MASK_64 : MSI_MASK_32), 4, masked & MASK32(info->msi_vectors - 1, 0));
    control |= (uint32_t)FIELD_PREP(MSI_ENABLED, log2) | (vectors != 0 ? MSI_ENABLE : 0);
    pci_wr(fn, cap + MSI_CTL, 2, control);
    bool is_on = (pci_rd(fn, cap + MSI_CTL, 2) & MSI_ENABLE) != 0;
    spin_unlock(&fn->lock);
    return is_on == (vectors != 0) ? ST_OK : ST_HW;
}

bool msi_is_off(const struct pci_fn *fn)
{
    const struct dev_info *info = &fn->info;
    return (info->msi_off == 0 || (pci_rd(fn, info->msi_off + MSI_CTL, 2) & MSI_ENABLE) == 0) &&
           (info->msix_off == 0 || (pci_rd(fn, info->msix_off + MSIX_CTL, 2) & MSIX_ENABLE) == 0);
}

status_t pci_msi_off(struct pci_fn *fn)
{
    unsigned msi = fn->info.msi_off + MSI_CTL, msix = fn->info.msix_off + MSIX_CTL;
    spin_lock(&fn->lock);
    if (fn->info.msi_off != 0)
        pci_wr(fn, msi, 2, pci_rd(fn, msi, 2) & ~(MSI_ENABLE | MSI_ENABLED));
    if (fn->info.msix_off != 0)
        pci_wr(fn, msix, 2, pci_rd(fn, msix, 2) & ~(MSIX_ENABLE | MSIX_FN_MASK));
    spin_unlock(&fn->lock);
    return msi_is_off(fn) ? ST_OK : ST_HW;
}
