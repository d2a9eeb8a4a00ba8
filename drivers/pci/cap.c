/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks both capability lists with a bound and keeps what the kernel enforces. Boot only. */
#include "drivers/pci/scan.h"

#include "kernel/log/console.h"
#include "kernel/mm/kmap.h"

/* What the kernel uses: its bytes at least, and where its offset is kept. */
static const struct { uint8_t id, len; uint16_t slot; } known[] = {
    { CAP_PM,   8,    offsetof(struct pci_fn, info.pm_off) },
    { CAP_MSI,  10,   offsetof(struct pci_fn, info.msi_off) },
    { CAP_PCIE, 0x14, offsetof(struct pci_fn, info.pcie_off) },
    { CAP_MSIX, 12,   offsetof(struct pci_fn, info.msix_off) },
    { CAP_AF,   8,    offsetof(struct pci_fn, af_off) },
};

/* The first one of each kind counts; one that does not fit below 256 is ignored. */
static void cap_note(struct pci_fn *fn, unsigned id, unsigned off)
{
    uint32_t flags = pci_rd(fn, off + PCIE_FLAGS, 2);     /* or MSI_CTL, which is at the same place */
    unsigned more = id == CAP_PCIE && FIELD_GET(PCIE_VERSION, flags) >= 2 ? 0x28 : 0;
    if (id == CAP_MSI)
        more = ((flags & MSI_64) != 0 ? 4u : 0u) + ((flags & MSI_MASKABLE) != 0 ? 10u : 0u);
    for (unsigned i = 0; i < ARRAY_LEN(known); i++) {
        uint16_t *slot = (uint16_t *)(void *)((char *)fn + known[i].slot);
        if (known[i].id != id)
            continue;
        if (off + known[i].len + more > CFG_SIZE)
            return;
        if (*slot == 0)
            *slot = (uint16_t)off;
    }
    fn->cap_at[off / 4] = (uint8_t)id;
}

/* Address translation services and virtual functions are for the host alone, and off. */
static void ext_note(struct pci_fn *fn, unsigned id, unsigned off)
{
    static const struct { uint16_t id, control, keep; } host_only[] = {
        { EXT_ATS, 0x06, 0x7fff },       /* [PCIe 10.5.1] */
        { EXT_PRI, 0x04, 0 },            /* [PCIe 10.5.2] */
        { EXT_PASID, 0x06, 0 },          /* [PCIe 7.8.9] */
        { EXT_SRIOV, 0x08, 0 },          /* [PCIe 9.3.3] */
    };
    for (unsigned i = 0; i < ARRAY_LEN(host_only); i++)
        if (id == host_only[i].id)
            pci_wr(fn, off + host_only[i].control, 2, pci_rd(fn, off + host_only[i].control, 2) & host_only[i].keep);
    if (id == EXT_DSN)
        fn->dsn_off = (uint16_t)off;
    if (id == EXT_ACS) {
        /* A bit that the capability lacks names a path that the function does not have [PCIe 7.7.11.2]. */
        uint32_t have = pci_rd(fn, off + ACS_CAP, 2);
        pci_wr(fn, off + ACS_CTL, 2, have & (ACS_NEEDED | ACS_TB));
        fn->acs_off = (uint16_t)off;
        fn->acs_on = (uint16_t)pci_rd(fn, off + ACS_CTL, 2);
        fn->info.acs = (have & ~fn->acs_on & ACS_NEEDED) == 0;
    }
}

/* Both lists. What loops ends with the count of places: going through it again changes nothing. */
static void list_walk(struct pci_fn *fn, unsigned off, bool ext)
{
    unsigned low = ext ? CFG_EXT_FIRST : CFG_FIRST_CAP, high = ext ? CFG_EXT_SIZE - 16 : CFG_SIZE - 4;
    for (unsigned n = 0; off != 0; n++) {
        if (off < low || off > high || n > (high - low) / 4) {
            log_line("pci: " BDF_FMT ": %scapability list is broken at %02x", BDF_ARGS(fn->bdf),
                     ext ? "extended " : "", off);
            return;
        }
        uint32_t head = pci_rd(fn, off, 4);
        if ((head & 0xffff) == 0xffff || (ext && head == 0))
            return;
        if (ext)
            ext_note(fn, (unsigned)FIELD_GET(EXT_ID, head), off);
        else if ((head & 0xff) != 0)
            cap_note(fn, head & 0xff, off);
        off = ext ? (unsigned)FIELD_GET(EXT_NEXT, head) & 0xffc : head >> 8 & 0xfc;
    }
}

static void facts_read(struct pci_fn *fn)
{
    struct dev_info *info = &fn->info;
    if (info->pm_off != 0) {
        fn->pm_keeps_state = (pci_rd(fn, info->pm_off + PM_CSR, 2) & PM_NO_SOFT_RESET) != 0;
        info->flr |= fn->pm_keeps_state ? 0 : PCI_RESET_PM;
    }
    if (info->msi_off != 0) {
        uint32_t control = pci_rd(fn, info->msi_off + MSI_CTL, 2);
        info->msi_64 = (control & MSI_64) != 0;
        info->msi_maskable = (control & MSI_MASKABLE) != 0;
        info->msi_vectors = (uint8_t)(1u << FIELD_GET(MSI_CAPABLE, control));
        if (info->msi_vectors > 32)      /* 6 and 7 are reserved */
            info->msi_off = info->msi_vectors = 0;
    }
    if (info->msix_off != 0) {
        uint32_t table = pci_rd(fn, info->msix_off + MSIX_TABLE, 4), pba = pci_rd(fn, info->msix_off + MSIX_PBA, 4);
        info->msix_count = (uint16_t)(FIELD_GET(MSIX_SIZE, pci_rd(fn, info->msix_off + MSIX_CTL, 2)) + 1);
        info->msix_bar = (uint8_t)FIELD_GET(MSIX_BIR, table);
        info->msix_table_off = table & MSIX_OFFSET;
        info->pba_bar = (uint8_t)FIELD_GET(MSIX_BIR, pba);
        info->pba_off = pba & MSIX_OFFSET;
    }
    if (info->pcie_off != 0) {
        uint32_t flags = pci_rd(fn, info->pcie_off + PCIE_FLAGS, 2);
        info->pcie_type = (uint8_t)FIELD_GET(PCIE_TYPE, flags);
        fn->pcie_version = (uint8_t)FIELD_GET(PCIE_VERSION, flags);
        fn->devctl = (uint16_t)(pci_rd(fn, info->pcie_off + PCIE_DEVCTL, 2) & ~DEVCTL_FLR);
        if (fn->pcie_version >= 2)
            fn->devctl2 = (uint16_t)pci_rd(fn, info->pcie_off + PCIE_DEVCTL2, 2);
        info->flr |= (pci_rd(fn, info->pcie_off + PCIE_DEVCAP, 4) & DEVCAP_FLR) != 0 ? PCI_RESET_FLR : 0;
    }
    uint32_t both = AF_CAP_FLR | AF_CAP_PENDING;
    if (fn->af_off != 0 && (pci_rd(fn, fn->af_off + AF_CAP, 1) & both) == both)
        info->flr |= PCI_RESET_AF;
}

void cap_scan(struct pci_fn *fn)
{
    if ((pci_rd(fn, CFG_STATUS, 2) & STATUS_CAPS) != 0)
        list_walk(fn, pci_rd(fn, CFG_CAP_PTR, 1) & 0xfc, false);
    facts_read(fn);
    if (fn->info.pcie_off != 0 && ecam_covers(fn->bdf.bus))
        list_walk(fn, CFG_EXT_FIRST, true);
}

/* False: [off, off+len) is not inside a memory BAR. */
static MUST_USE bool window_grow(struct pci_fn *fn, unsigned i, uint64_t off, uint64_t len)
{
    if (i >= ARRAY_LEN(fn->window) || (fn->info.bar[i].flags & BAR_IO) != 0 || !range_ok(off, len, fn->info.bar[i].size))
        return false;
    struct pci_window *w = &fn->window[i];
    w->first = w->end != 0 ? MIN(w->first, PAGE_DOWN(off)) : PAGE_DOWN(off);
    w->end = MAX(w->end, MIN(PAGE_UP(off + len), fn->info.bar[i].size));
    return true;
}

void cap_open_windows(struct pci_fn *fn)
{
    struct dev_info *info = &fn->info;
    const uint64_t count = info->msix_count;
    if (count != 0 && !(window_grow(fn, info->msix_bar, info->msix_table_off, count * MSIX_ENTRY_SIZE) &&
                        window_grow(fn, info->pba_bar, info->pba_off, (count + 63) / 64 * 8))) {
        log_line("pci: " BDF_FMT ": MSI-X table or PBA is outside its BAR", BDF_ARGS(fn->bdf));
        info->msix_off = info->msix_count = 0;
        info->refusals |= BIT32(ST_CORRUPT);
    }
    for (unsigned i = 0; i < ARRAY_LEN(fn->window); i++) {
        const struct dev_bar *bar = &info->bar[i];
        struct pci_window *w = &fn->window[i];
        const bool is_io = (bar->flags & BAR_IO) != 0;
        if (is_io || bar->size < PAGE_SIZE)
            *w = (struct pci_window){ .end = bar->size, .at = is_io ? bar->base : 0 };
        if (pci_bar_is(bar, BAR_MEMORY) && w->end != 0)
            w->at = (uintptr_t)kmap_mmio((hpa_t){ bar->base + w->first }, w->end - w->first);
    }
    if (info->msix_count != 0 && fn->window[info->msix_bar].at != 0)
        fn->msix_table = fn->window[info->msix_bar].at + info->msix_table_off - fn->window[info->msix_bar].first;
}
