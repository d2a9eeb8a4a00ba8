/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks both capability lists with a bound and keeps what the kernel enforces. Boot only. */
#include "drivers/pci/cap.h"

#include "drivers/pci/ecam.h"
#include "drivers/pci/pci_regs.h"
#include "kernel/log/console.h"

#define MAX_CAPS       ((CFG_SIZE - CFG_FIRST_CAP) / 4)
#define MAX_EXT_CAPS   ((CFG_EXT_SIZE - CFG_EXT_FIRST) / 8)

static uint32_t rd(const struct pci_fn *fn, unsigned off, unsigned size) { return pci_cfg_read(fn->bdf, off, size); }

/* Bytes that a capability we use occupies; one that does not fit below 256 is ignored. */
static unsigned cap_len(const struct pci_fn *fn, unsigned id, unsigned off)
{
    switch (id) {
    case CAP_PM:
    case CAP_AF: return 8;
    case CAP_MSIX: return 12;
    case CAP_MSI: {
        uint32_t ctl = off + 4 <= CFG_SIZE ? rd(fn, off + MSI_CTL, 2) : 0;
        return 10 + ((ctl & MSI_64) != 0 ? 4u : 0u) + ((ctl & MSI_MASKABLE) != 0 ? 10u : 0u);
    }
    case CAP_PCIE: {
        uint32_t flags = off + 4 <= CFG_SIZE ? rd(fn, off + PCIE_FLAGS, 2) : 0;
        return FIELD_GET(PCIE_VERSION, flags) >= 2 ? 0x3c : 0x14;
    }
    default: return 2;
    }
}

static void pm_read(struct pci_fn *fn, unsigned off)
{
    fn->info.pm_off = (uint16_t)off;
    fn->pm_keeps_state = (rd(fn, off + PM_CSR, 2) & PM_NO_SOFT_RESET) != 0;
    if (!fn->pm_keeps_state)
        fn->info.flr |= PCI_RESET_PM;
}

static void msi_read(struct pci_fn *fn, unsigned off)
{
    uint32_t ctl = rd(fn, off + MSI_CTL, 2);
    unsigned log2 = (unsigned)FIELD_GET(MSI_CAPABLE, ctl);
    if (log2 > 5)                        /* 6 and 7 are reserved */
        return;
    fn->info.msi_off = (uint16_t)off;
    fn->info.msi_vectors = (uint8_t)(1u << log2);
    fn->info.msi_64 = (ctl & MSI_64) != 0;
    fn->info.msi_maskable = (ctl & MSI_MASKABLE) != 0;
}

static void msix_read(struct pci_fn *fn, unsigned off)
{
    uint32_t table = rd(fn, off + MSIX_TABLE, 4), pba = rd(fn, off + MSIX_PBA, 4);
    fn->info.msix_off = (uint16_t)off;
    fn->info.msix_count = (uint16_t)(FIELD_GET(MSIX_SIZE, rd(fn, off + MSIX_CTL, 2)) + 1);
    fn->info.msix_bar = (uint8_t)FIELD_GET(MSIX_BIR, table);
    fn->info.msix_table_off = table & MSIX_OFFSET;
    fn->info.pba_bar = (uint8_t)FIELD_GET(MSIX_BIR, pba);
    fn->info.pba_off = pba & MSIX_OFFSET;
}

static void pcie_read(struct pci_fn *fn, unsigned off)
{
    uint32_t flags = rd(fn, off + PCIE_FLAGS, 2);
    fn->info.pcie_off = (uint16_t)off;
    fn->info.is_pcie = 1;
    fn->info.pcie_type = (uint8_t)FIELD_GET(PCIE_TYPE, flags);
    fn->pcie_version = (uint8_t)FIELD_GET(PCIE_VERSION, flags);
    fn->devctl = (uint16_t)(rd(fn, off + PCIE_DEVCTL, 2) & ~DEVCTL_FLR);
    if (fn->pcie_version >= 2)
        fn->devctl2 = (uint16_t)rd(fn, off + PCIE_DEVCTL2, 2);
    if ((rd(fn, off + PCIE_DEVCAP, 4) & DEVCAP_FLR) != 0)
        fn->info.flr |= PCI_RESET_FLR;
}

static void af_read(struct pci_fn *fn, unsigned off)
{
    uint32_t both = AF_CAP_FLR | AF_CAP_PENDING;
    fn->af_off = (uint16_t)off;
    if ((rd(fn, off + AF_CAP, 1) & both) == both)
        fn->info.flr |= PCI_RESET_AF;
}

/* The first one of each kind counts. */
static void cap_read(struct pci_fn *fn, unsigned id, unsigned off)
{
    if (id == CAP_PM && fn->info.pm_off == 0)
        pm_read(fn, off);
    else if (id == CAP_MSI && fn->info.msi_off == 0)
        msi_read(fn, off);
    else if (id == CAP_MSIX && fn->info.msix_off == 0)
        msix_read(fn, off);
    else if (id == CAP_PCIE && fn->info.pcie_off == 0)
        pcie_read(fn, off);
    else if (id == CAP_AF && fn->af_off == 0)
        af_read(fn, off);
}

static void list_walk(struct pci_fn *fn)
{
    if ((rd(fn, CFG_STATUS, 2) & STATUS_CAPS) == 0)
        return;
    uint64_t seen = 0;
    unsigned off = rd(fn, CFG_CAP_PTR, 1) & 0xfc;
    for (unsigned n = 0; off != 0; n++) {
        if (off < CFG_FIRST_CAP || (seen & BIT64(off / 4)) != 0 || n >= MAX_CAPS) {
            log_line("pci: " BDF_FMT ": capability list is broken at %02x", BDF_ARGS(fn->bdf), off);
            return;
        }
        seen |= BIT64(off / 4);
        uint32_t head = rd(fn, off, 2);
        unsigned id = head & 0xff;
        if (head == 0xffff)
            return;
        if (id != 0 && off + cap_len(fn, id, off) <= CFG_SIZE) {
            fn->cap_at[off / 4] = (uint16_t)id;
            cap_read(fn, id, off);
        }
        off = head >> 8 & 0xfc;
    }
}

/* Address translation services and virtual functions are for the host alone, and off. */
static void ext_read(struct pci_fn *fn, unsigned id, unsigned off)
{
    switch (id) {
    case EXT_ACS:
        fn->ext_flags |= PCI_EXT_ACS;
        fn->acs_off = (uint16_t)off;
        break;
    case EXT_ATS:
        fn->ext_flags |= PCI_EXT_ATS;
        pci_cfg_write(fn->bdf, off + ATS_CTL, 2, rd(fn, off + ATS_CTL, 2) & ~ATS_ENABLE);
        break;
    case EXT_PRI:
        fn->ext_flags |= PCI_EXT_PRI;
        pci_cfg_write(fn->bdf, off + PRI_CTL, 2, 0);
        break;
    case EXT_PASID:
        fn->ext_flags |= PCI_EXT_PASID;
        pci_cfg_write(fn->bdf, off + PASID_CTL, 2, 0);
        break;
    case EXT_SRIOV:
        fn->ext_flags |= PCI_EXT_SRIOV;
        pci_cfg_write(fn->bdf, off + SRIOV_CTL, 2, 0);
        break;
    case EXT_ARI:
        fn->ext_flags |= PCI_EXT_ARI;
        break;
    case EXT_REBAR:
        fn->ext_flags |= PCI_EXT_REBAR;
        break;
    case EXT_DSN:
        fn->dsn_off = (uint16_t)off;
        break;
    default:
        break;
    }
}

static void ext_walk(struct pci_fn *fn)
{
    if (fn->info.pcie_off == 0 || !ecam_covers(fn->bdf))
        return;
    uint64_t seen[CFG_EXT_SIZE / 4 / 64] = { 0 };
    unsigned off = CFG_EXT_FIRST;
    for (unsigned n = 0; off != 0; n++) {
        uint64_t bit = BIT64(off / 4 % 64);
        if (off < CFG_EXT_FIRST || off > CFG_EXT_SIZE - 16 || (seen[off / 256] & bit) != 0 || n >= MAX_EXT_CAPS) {
            log_line("pci: " BDF_FMT ": extended capability list is broken at %03x", BDF_ARGS(fn->bdf), off);
            return;
        }
        seen[off / 256] |= bit;
        uint32_t head = rd(fn, off, 4);
        if (head == 0 || head == ~0u)
            return;
        ext_read(fn, (unsigned)FIELD_GET(EXT_ID, head), off);
        off = (unsigned)FIELD_GET(EXT_NEXT, head) & 0xffc;
    }
}

void cap_scan(struct pci_fn *fn)
{
    list_walk(fn);
    ext_walk(fn);
}

static bool lies_in_bar(const struct pci_fn *fn, unsigned bar, uint32_t off, uint64_t len)
{
    if (bar >= ARRAY_LEN(fn->info.bar))
        return false;
    const struct dev_bar *b = &fn->info.bar[bar];
    return b->size != 0 && (b->flags & (BAR_IO | BAR_UPPER)) == 0 && range_ok(off, len, b->size);
}

void cap_check_msix(struct pci_fn *fn)
{
    const struct dev_info *info = &fn->info;
    if (info->msix_off == 0)
        return;
    uint64_t pba_len = ((uint64_t)info->msix_count + 63) / 64 * 8;
    if (lies_in_bar(fn, info->msix_bar, info->msix_table_off, (uint64_t)info->msix_count * MSIX_ENTRY_SIZE) &&
        lies_in_bar(fn, info->pba_bar, info->pba_off, pba_len))
        return;
    log_line("pci: " BDF_FMT ": MSI-X table or PBA is outside its BAR", BDF_ARGS(fn->bdf));
    fn->info.msix_off = 0;
    fn->info.msix_count = 0;
    fn->refusal = ST_CORRUPT;
}
