/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enumeration: buses in ascending order, so that a bridge is seen before what is behind it and
 * the list is sorted by address. Boot CPU only until pci_init returns.
 */
#include "drivers/pci/scan.h"

#include "kernel/log/console.h"

static struct pci_fn fns[PCI_MAX_FUNCTIONS];

static struct {
    uint32_t count, left_out;
    uint16_t parent[256];                /* by bus: index + 1 of the bridge whose secondary it is */
    bool below[256];                     /* by bus: inside some bridge's range */
} scan;

uint32_t pci_count(void) { return scan.count; }

struct pci_fn *pci_at(uint32_t index) { return index < scan.count ? &fns[index] : NULL; }

struct pci_fn *pci_find(struct bdf bdf)
{
    for (uint32_t i = 0; i < scan.count; i++)
        if (bdf_eq(fns[i].bdf, bdf))
            return &fns[i];
    return NULL;
}

static void header_read(struct pci_fn *fn)
{
    uint32_t *header = fn->header;
    for (unsigned i = 0; i < ARRAY_LEN(fn->header); i++)
        header[i] = pci_rd(fn, 4 * i, 4);
    uint32_t type = header[CFG_HEADER / 4] >> 16, subsystem = (type & 0x7f) == 0 ? header[CFG_SUBSYSTEM / 4] : 0;
    const uint16_t parent = scan.parent[fn->bdf.bus];
    fn->info = (struct dev_info){
        .bdf = bdf_u32(fn->bdf), .state = DEV_BLOCKED, .iommu_unit = ~0u,
        .vendor = (uint16_t)header[CFG_VENDOR / 4], .device = (uint16_t)(header[CFG_VENDOR / 4] >> 16),
        .subvendor = (uint16_t)subsystem, .subdevice = (uint16_t)(subsystem >> 16),
        .class_rev = header[CFG_CLASS_REV / 4], .header = type & 0x7f,
        .line = (uint8_t)header[CFG_INTERRUPT / 4], .pin = (uint8_t)(header[CFG_INTERRUPT / 4] >> 8),
        .firmware_dma = (header[CFG_COMMAND / 4] & CMD_BUS_MASTER) != 0,
        .up = parent != 0 ? (uint16_t)(fn - fns + 1 - parent) : 0 };
}

/* Registers bus numbers of a bridge. Numbers that run backwards or are taken are not followed. */
static void bridge_read(struct pci_fn *fn)
{
    uint8_t second = (uint8_t)(fn->header[CFG_BUSES / 4] >> 8), last = (uint8_t)(fn->header[CFG_BUSES / 4] >> 16);
    if (second == 0 && last == 0)
        return;                          /* firmware gave it no buses */
    if (second <= fn->bdf.bus || last < second || scan.parent[second] != 0) {
        log_line("pci: " BDF_FMT ": bridge with impossible buses %02x-%02x, not followed",
                 BDF_ARGS(fn->bdf), second, last);
        return;
    }
    fn->info.secondary = second;
    scan.parent[second] = (uint16_t)(fn - fns + 1);
    memset(&scan.below[second], true, last - second + 1u);
}

static void fn_add(struct bdf bdf)
{
    if (scan.count == PCI_MAX_FUNCTIONS) {
        scan.left_out++;
        return;
    }
    struct pci_fn *fn = &fns[scan.count++];
    *fn = (struct pci_fn){ .bdf = bdf };
    header_read(fn);
    cap_scan(fn);
    /* Host bridges, ISA bridges and IOMMUs are left as they are: their decode carries the machine. */
    uint32_t class = fn->info.class_rev >> 16;
    bool is_endpoint = fn->info.header == 0 && class >> 8 != CLASS_BRIDGE && class != CLASS_IOMMU;
    if (is_endpoint || fn->info.header == 1) {
        bar_scan(fn);
        cap_open_windows(fn);
    }
    if (fn->info.header == 1)
        bridge_read(fn);
    if (!is_endpoint)
        fn->info.refusals |= BIT32(ST_UNSUPP);
}

static bool is_present(struct bdf bdf)
{
    uint32_t vendor = pci_cfg_read(bdf, CFG_VENDOR, 2);
    return vendor != 0xffff && vendor != 0;
}

/* Below a root or downstream port there is device 0 alone, which may answer for the others
 * too, unless the port forwards ARI: then device numbers are function numbers. */
static void bus_scan(uint8_t bus)
{
    const struct pci_fn *up = scan.parent[bus] != 0 ? &fns[scan.parent[bus] - 1] : NULL;
    bool port = up != NULL && (up->info.pcie_type == PCIE_T_ROOT_PORT || up->info.pcie_type == PCIE_T_DOWNSTREAM);
    bool ari = port && (up->devctl2 & DEVCTL2_ARI) != 0;
    ecam_open_bus(bus);
    for (unsigned dev = 0; dev < (port && !ari ? 1u : 32u); dev++) {
        struct bdf bdf = bdf_make(bus, dev, 0);
        if (!is_present(bdf) && !ari)
            continue;
        bool multi = ari || (pci_cfg_read(bdf, CFG_HEADER, 1) & HEADER_MULTI) != 0;
        for (unsigned fn = 0; fn < (multi ? 8u : 1u); fn++)
            if (is_present(bdf_make(bus, dev, fn)))
                fn_add(bdf_make(bus, dev, fn));
    }
}

/* Further host bridges have no bridge above. A root bus has a device at one of these numbers:
 * asking for all 32 on all buses costs seconds where a port access is an exit of an exit. */
static bool is_root_bus(uint8_t bus)
{
    static const uint8_t usual[] = { 0, 1, 2, 3, 4, 5, 8, 31 };
    for (unsigned i = 0; i < ARRAY_LEN(usual); i++)
        if (is_present(bdf_make(bus, usual[i], 0)))
            return true;
    return false;
}

bool pci_bar_is(const struct dev_bar *bar, uint32_t kind)
{
    return bar->size != 0 && bar->base != 0 && (bar->flags & BAR_IO) == kind;
}

bool pci_bar_touches(const struct pci_fn *fn, uint32_t kind, uint64_t base, uint64_t len, const struct dev_bar *except)
{
    for (const struct dev_bar *bar = fn->info.bar; bar < fn->info.bar + ARRAY_LEN(fn->info.bar); bar++)
        if (bar != except && pci_bar_is(bar, kind) && range_overlaps(bar->base, bar->size, base, len))
            return true;
    return false;
}

/* Also with another BAR of the same function: through that one its MSI-X table could be reached. */
static void refuse_overlaps(struct pci_fn *fn)
{
    for (unsigned i = 0; i < ARRAY_LEN(fn->info.bar); i++) {
        const struct dev_bar *bar = &fn->info.bar[i];
        const uint32_t kind = bar->flags & BAR_IO;
        for (uint32_t k = 0; pci_bar_is(bar, kind) && k < scan.count; k++) {
            if (!pci_bar_touches(&fns[k], kind, bar->base, bar->size, bar))
                continue;
            log_line("pci: " BDF_FMT ": BAR %u overlaps one of " BDF_FMT, BDF_ARGS(fn->bdf), i, BDF_ARGS(fns[k].bdf));
            fn->info.refusals |= BIT32(ST_OVERLAP);
        }
    }
}

/* Mapping such a BAR would give away the RAM. */
static void refuse_over_ram(struct pci_fn *fn, const struct bootinfo *bi)
{
    for (const struct boot_range *r = bi->range; r < bi->range + bi->ranges; r++) {
        if (r->type == BOOT_MMIO || r->type == BOOT_RESERVED || !pci_bar_touches(fn, BAR_MEMORY, r->base, r->len, NULL))
            continue;
        log_line("pci: " BDF_FMT ": a BAR lies over RAM", BDF_ARGS(fn->bdf));
        fn->info.refusals |= BIT32(ST_OVERLAP);
    }
}

status_t pci_init(const struct bootinfo *bi)
{
    memset(&scan, 0, sizeof scan);
    ecam_init(bi);
    for (unsigned bus = 0; bus < 256; bus++)
        if (bus == 0 || scan.parent[bus] != 0 || (!scan.below[bus] && is_root_bus((uint8_t)bus)))
            bus_scan((uint8_t)bus);
    for (uint32_t i = 0; i < scan.count; i++) {
        refuse_overlaps(&fns[i]);
        refuse_over_ram(&fns[i], bi);
    }
    group_compute();
    if (scan.left_out != 0)
        log_line("pci: %u functions beyond the limit of %u are left out", scan.left_out, PCI_MAX_FUNCTIONS);
    log_line("pci: %u functions, config space by %s", scan.count, ecam_covers(0) ? "ECAM" : "ports");
    return scan.count != 0 ? ST_OK : ST_ABSENT;
}
