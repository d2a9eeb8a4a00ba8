/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first look of an assigned function: header, BAR shapes and the chain of
 * the capabilities that are understood, at their real offsets. Pure but for reads
 * of constant registers.
 */
#include "vmm/vpci.h"

#include "vmm/guest_hw.h"
#include "vmm/host.h"

#define CFG_ID          0x00u
#define   STATUS_CAPS     0x10u
#define CFG_CLASS       0x08u
#define CFG_CACHE_LINE  0x0cu
#define CFG_SUBSYSTEM   0x2cu
#define CFG_CAPS        0x34u
#define CFG_LINE        0x3cu

#define BAR_TYPE_IO     0x1u            /* [PCI 6.2.5.1] */
#define BAR_TYPE_64     0x4u
#define BAR_PREFETCHABLE 0x8u

#define CAP_PM          0x01u           /* [PM 3.2] */
#define   PMC_KEPT        0x0027u       /* version, device-specific init; no D1, D2, PME */
#define   PMCSR_STATE     0x0003u
#define   PMCSR_NO_RESET  0x0008u       /* D3hot -> D0 keeps the state: power is not switched for real */
#define CAP_MSI         0x05u           /* [PCIe 7.7.1] */
#define   MSI_ENABLE      0x0001u
#define   MSI_MMC         MASK32(3, 1)
#define   MSI_MME         0x0070u
#define   MSI_64          0x0080u
#define   MSI_MASKABLE    0x0100u
#define CAP_PCIE        0x10u           /* [PCIe 7.5.3] */
#define   PCIE_RC_ENDPOINT 0x90u        /* root-complex integrated: no link registers */
#define   DEVCAP_KEPT     0x00008007u   /* payload size, role-based errors */
#define   DEVCAP_FLR      BIT32(28)
#define   DEVCTL_SET      0x78ffu       /* errors, ordering, payload, snoop, read request */
#define   DEVCTL_FLR      0x8000u
#define   DEVCAP2_KEPT    0x0000001fu   /* completion time-outs */
#define   PCIE_V1_LEN     0x14u
#define   PCIE_V2_LEN     0x3cu
#define CAP_MSIX        0x11u           /* [PCIe 7.7.2] */
#define   MSIX_SET        0xc000u       /* enable, function mask */

/* Takes [off, off+len) of the space for one capability, if it is a sane place. */
static bool claim(uint64_t *used, unsigned off, unsigned len)
{
    uint64_t dwords;

    if (off < 0x40 || (off & 3u) || !range_ok(off, len, VPCI_CFG_SIZE))
        return false;
    dwords = MASK64((len + 3) / 4 - 1, 0) << (off / 4);
    if (*used & dwords)
        return false;
    *used |= dwords;
    return true;
}

static void header(struct vpci_fn *fn)
{
    const struct dev_info *info = &fn->info;

    vpci_set32(fn->image, CFG_ID, info->vendor | (uint32_t)info->device << 16);
    vpci_set32(fn->image, CFG_CLASS, info->class_rev);
    vpci_set32(fn->image, CFG_SUBSYSTEM, info->subvendor | (uint32_t)info->subdevice << 16);
    vpci_set32(fn->wmask, CFG_COMMAND,
               COMMAND_MEM | COMMAND_MASTER | COMMAND_PARITY | COMMAND_SERR | COMMAND_NO_INTX);
    fn->wmask[CFG_CACHE_LINE] = 0xff;
    fn->wmask[CFG_LINE] = 0xff;         /* a note between firmware, which has set it, and guest programs */
    fn->image[CFG_LINE] = fn->pin ? (uint8_t)ghw_intx_irq(fn->line) : 0;
    fn->image[CFG_LINE + 1] = fn->pin;
}

/* Whether [off, off+len) of a BAR is there. */
static bool in_memory(const struct vpci_fn *fn, unsigned bar, uint64_t off, uint64_t len)
{
    return bar < VPCI_BARS && !fn->bar[bar].is_io && range_ok(off, len, fn->bar[bar].size);
}

/* Takes the pages of [off, off+len) out of a BAR's segments, of which the last that is used is the one they are in,
 * or the one before: callers go upwards. */
static void cut(struct vpci_bar *bar, uint64_t off, uint64_t len)
{
    uint64_t first = PAGE_DOWN(off), end = PAGE_UP(off + len);

    for (unsigned i = 0; i < VPCI_SEGMENTS; i++) {
        struct vpci_segment *s = &bar->segment[i];
        uint64_t top = s->off + s->len;

        if (s->len == 0 || !range_overlaps(s->off, s->len, first, end - first))
            continue;
        s->len = first > s->off ? first - s->off : 0;
        if (end < top && i + 1 < VPCI_SEGMENTS)
            bar->segment[i + 1] = (struct vpci_segment){ .off = end, .len = top - end };
        return;
    }
}

/* What the guest may have mapped: whole BARs that begin a page, but for the pages of the real MSI-X table, whether the
 * guest may use it or not, and of its pending bits, which are the device's and the kernel's together. */
static status_t segments(struct vpci_fn *fn)
{
    const struct dev_info *info = &fn->info;
    uint64_t table = (uint64_t)info->msix_count * 16, pba = vpci_pba_len(info);
    bool table_first = info->msix_table_off < info->pba_off;

    for (unsigned i = 0; i < VPCI_BARS; i++)
        if (!fn->bar[i].is_io && info->bar[i].base != 0 && (info->bar[i].base & (PAGE_SIZE - 1)) == 0)
            fn->bar[i].segment[0].len = fn->bar[i].size;
    if (!info->msix_off)
        return ST_OK;
    if (!in_memory(fn, info->msix_bar, info->msix_table_off, table) || !in_memory(fn, info->pba_bar, info->pba_off, pba))
        return ST_CORRUPT;
    if (table_first)
        cut(&fn->bar[info->msix_bar], info->msix_table_off, table);
    cut(&fn->bar[info->pba_bar], info->pba_off, pba);
    if (!table_first)
        cut(&fn->bar[info->msix_bar], info->msix_table_off, table);
    return ST_OK;
}

/* A memory BAR smaller than a page takes a page in the guest. Port decode is offered with an I/O BAR. */
static status_t bars(struct vpci_fn *fn)
{
    for (unsigned i = 0; i < VPCI_BARS; i++) {
        const struct dev_bar *real = &fn->info.bar[i];
        struct vpci_bar *bar = &fn->bar[i];
        unsigned reg = CFG_BAR + 4 * i;
        uint64_t mask, most;

        if (real->size == 0 || (real->flags & BAR_UPPER))
            continue;
        bar->is_io = real->flags & BAR_IO;
        bar->is_64 = !bar->is_io && (real->flags & BAR_64);
        most = bar->is_io ? BIT64(16) : bar->is_64 ? BIT64(46) : BIT64(31);
        if ((real->size & (real->size - 1)) || real->size > most || real->size < 4 ||
            (bar->is_64 && i == VPCI_BARS - 1))
            return ST_CORRUPT;
        bar->size = bar->is_io ? real->size : MAX(real->size, (uint64_t)PAGE_SIZE);
        mask = ~(bar->size - 1);
        vpci_set32(fn->image, reg, bar->is_io ? BAR_TYPE_IO : (real->flags & BAR_PREFETCH ? BAR_PREFETCHABLE : 0) |
                                                              (bar->is_64 ? BAR_TYPE_64 : 0));
        fn->wmask[CFG_COMMAND] |= bar->is_io ? COMMAND_IO : 0;
        vpci_set32(fn->wmask, reg, (uint32_t)mask);
        if (bar->is_64)
            vpci_set32(fn->wmask, reg + 4, (uint32_t)(mask >> 32));
        i += bar->is_64;                /* the next register is its upper half */
    }
    return segments(fn);
}

static void cap_pm(struct vpci_fn *fn, uint64_t *used)
{
    unsigned off = fn->info.pm_off;
    uint32_t pmc;

    if (!claim(used, off, 8))
        return;
    pmc = host_dev_cfg_read(fn->dev, off + 2, 2) & PMC_KEPT;
    vpci_set32(fn->image, off, CAP_PM | pmc << 16);
    vpci_set32(fn->image, off + 4, PMCSR_NO_RESET);
    vpci_set32(fn->wmask, off + 4, PMCSR_STATE);
    fn->pm = (uint8_t)off;
}

static void cap_msi(struct vpci_fn *fn, uint64_t *used, uint32_t vectors)
{
    const struct dev_info *info = &fn->info;
    unsigned off = info->msi_off, data = info->msi_64 ? 12 : 8;
    unsigned len = data + (info->msi_maskable ? 12 : 4), log2 = 0;
    uint32_t control = (info->msi_64 ? MSI_64 : 0) | (info->msi_maskable ? MSI_MASKABLE : 0);

    if (vectors == 0 || !claim(used, off, len))
        return;
    while (log2 < 5 && (2u << log2) <= vectors)
        log2++;
    control |= (uint32_t)FIELD_PREP(MSI_MMC, log2);
    vpci_set32(fn->image, off, CAP_MSI | control << 16);
    vpci_set32(fn->wmask, off, (MSI_ENABLE | MSI_MME) << 16);
    vpci_set32(fn->wmask, off + 4, ~UINT32_C(3));
    if (info->msi_64)
        vpci_set32(fn->wmask, off + 8, ~UINT32_C(0));
    vpci_set32(fn->wmask, off + data, 0xffff);
    if (info->msi_maskable)             /* pending bits behind it are the device's */
        vpci_set32(fn->wmask, off + data + 4, (uint32_t)MASK64((1u << log2) - 1, 0));
    fn->msi = (uint8_t)off;
}

static void cap_msix(struct vpci_fn *fn, uint64_t *used, uint32_t entries)
{
    const struct dev_info *info = &fn->info;
    unsigned off = info->msix_off;

    if (entries == 0 || !claim(used, off, 12))
        return;
    vpci_set32(fn->image, off, CAP_MSIX | (entries - 1) << 16);
    vpci_set32(fn->wmask, off, MSIX_SET << 16);
    vpci_set32(fn->image, off + 4, (info->msix_table_off & ~7u) | info->msix_bar);
    vpci_set32(fn->image, off + 8, (info->pba_off & ~7u) | (info->pba_bar & 7u));
    fn->msix = (uint8_t)off;
}

static void cap_pcie(struct vpci_fn *fn, uint64_t *used)
{
    unsigned off = fn->info.pcie_off;
    uint32_t version, devcap, devctl;

    if (!range_ok(off, 4, VPCI_CFG_SIZE))
        return;
    version = host_dev_cfg_read(fn->dev, off + 2, 2) & 15u;
    version = MIN(version, 2u);
    if (!claim(used, off, version == 2 ? PCIE_V2_LEN : PCIE_V1_LEN))
        return;
    devcap = host_dev_cfg_read(fn->dev, off + 4, 4) & DEVCAP_KEPT;
    devctl = host_dev_cfg_read(fn->dev, off + 8, 2) & DEVCTL_SET;
    if (fn->info.flr & 1u)
        devcap |= DEVCAP_FLR;
    vpci_set32(fn->image, off, CAP_PCIE | (PCIE_RC_ENDPOINT | version) << 16);
    vpci_set32(fn->image, off + 4, devcap);
    vpci_set32(fn->image, off + 8, devctl);
    vpci_set32(fn->wmask, off + 8, DEVCTL_SET | (devcap & DEVCAP_FLR ? DEVCTL_FLR : 0));
    if (version == 2) {
        vpci_set32(fn->image, off + 0x24, host_dev_cfg_read(fn->dev, off + 0x24, 4) & DEVCAP2_KEPT);
        vpci_set32(fn->wmask, off + 0x28, DEVCAP2_KEPT);
    }
    fn->pcie = (uint8_t)off;
}

/* Links what was claimed, in order of offset. */
static void chain(struct vpci_fn *fn)
{
    unsigned link = CFG_CAPS;

    for (unsigned off = 0x40; off < VPCI_CFG_SIZE; off += 4) {
        if (off != fn->pm && off != fn->msi && off != fn->msix && off != fn->pcie)
            continue;
        fn->image[link] = (uint8_t)off;
        link = off + 1;
    }
    if (fn->image[CFG_CAPS])
        fn->image[CFG_STATUS] |= STATUS_CAPS;
}

status_t vpci_image_build(struct vpci_fn *fn, struct vmsi_entry *entries, const struct vmm_device *dev)
{
    uint32_t have = dev->msix ? fn->info.msix_count : fn->info.msi_vectors, vectors = MIN(dev->irqs, have);
    uint64_t used = 0;
    status_t st;

    if (!dev->msix)
        vectors = MIN(vectors, VMSI_MAX_MSI);
    header(fn);
    st = bars(fn);
    if (st != ST_OK)
        return st;
    cap_pm(fn, &used);
    if (dev->msix)
        cap_msix(fn, &used, vectors);
    else
        cap_msi(fn, &used, vectors);
    cap_pcie(fn, &used);
    chain(fn);
    vmsi_init(&fn->vmsi, entries, vectors, dev->first_irq, dev->msix);
    memcpy(fn->reset, fn->image, sizeof fn->reset);
    return ST_OK;
}
