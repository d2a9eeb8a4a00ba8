/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Enumeration: buses in ascending order, so that a bridge is seen before what is behind it and
 * the list is sorted by address. Boot CPU only until pci_init returns.
 */
#include "drivers/pci/pci.h"

#include "drivers/pci/bar.h"
#include "drivers/pci/cap.h"
#include "drivers/pci/ecam.h"
#include "drivers/pci/group.h"
#include "drivers/pci/pci_regs.h"
#include "kernel/log/console.h"

static struct pci_fn fns[PCI_MAX_FUNCTIONS];
static uint32_t fn_count;

/* What is known of a bus number: parent = index + 1 of the bridge whose secondary it is. */
static uint16_t bus_parent[256];
static bool bus_below[256];              /* inside some bridge's range */
static uint32_t left_out;

uint32_t pci_count(void) { return fn_count; }

struct pci_fn *pci_at(uint32_t index) { return index < fn_count ? &fns[index] : NULL; }

struct pci_fn *pci_find(struct bdf bdf)
{
    for (uint32_t i = 0; i < fn_count; i++)
        if (bdf_eq(fns[i].bdf, bdf))
            return &fns[i];
    return NULL;
}

static uint32_t base_class(const struct pci_fn *fn) { return fn->info.class_rev >> 24; }
static uint32_t class_of(const struct pci_fn *fn) { return fn->info.class_rev >> 16; }

static void header_read(struct pci_fn *fn)
{
    struct dev_info *info = &fn->info;
    uint32_t ids = pci_cfg_read(fn->bdf, CFG_VENDOR, 4);
    uint8_t header = (uint8_t)pci_cfg_read(fn->bdf, CFG_HEADER, 1);
    uint32_t interrupt = pci_cfg_read(fn->bdf, CFG_INTERRUPT, 2);
    info->bdf = bdf_u32(fn->bdf);
    info->vendor = (uint16_t)ids;
    info->device = (uint16_t)(ids >> 16);
    info->class_rev = pci_cfg_read(fn->bdf, CFG_CLASS_REV, 4);
    info->header = header & 0x7f;
    info->multifunction = (header & HEADER_MULTI) != 0;
    info->line = (uint8_t)interrupt;
    info->pin = (uint8_t)(interrupt >> 8);
    info->state = DEV_BLOCKED;
    info->iommu_unit = ~0u;
    if (info->header == 0) {
        uint32_t sub = pci_cfg_read(fn->bdf, CFG_SUBSYSTEM, 4);
        info->subvendor = (uint16_t)sub;
        info->subdevice = (uint16_t)(sub >> 16);
    }
    fn->command = (uint16_t)pci_cfg_read(fn->bdf, CFG_COMMAND, 2);
    info->firmware_dma = (fn->command & CMD_BUS_MASTER) != 0;
}

static void path_make(struct pci_fn *fn)
{
    struct dev_info *info = &fn->info;
    if (fn->parent != 0) {
        const struct dev_info *up = &fns[fn->parent - 1].info;
        memcpy(info->path, up->path, sizeof info->path);
        info->path_len = up->path_len;
        info->root_bus = up->root_bus;
    } else {
        info->root_bus = fn->bdf.bus;
    }
    if (info->path_len < sizeof info->path)
        info->path[info->path_len++] = fn->bdf.devfn;
    else
        fn->refusal = ST_UNSUPP;
}

/* Registers bus numbers of a bridge. Numbers that run backwards or are taken are not followed. */
static void bridge_read(struct pci_fn *fn, uint32_t index)
{
    uint32_t buses = pci_cfg_read(fn->bdf, CFG_BUSES, 4);
    uint8_t second = (uint8_t)(buses >> 8), sub = (uint8_t)(buses >> 16);
    fn->info.secondary = second;
    fn->subordinate = sub;
    if (second == 0 && sub == 0)
        return;                          /* firmware gave it no buses */
    if (second <= fn->bdf.bus || sub < second || bus_parent[second] != 0) {
        log_line("pci: " BDF_FMT ": bridge with impossible buses %02x-%02x, not followed",
                 BDF_ARGS(fn->bdf), second, sub);
        fn->info.secondary = 0;
        return;
    }
    bus_parent[second] = (uint16_t)(index + 1);
    for (unsigned bus = second; bus <= sub; bus++)
        bus_below[bus] = true;
}

/* Host bridges, ISA bridges and IOMMUs are left as they are: their decode carries the machine. */
static void resources_read(struct pci_fn *fn)
{
    bool fixed = (base_class(fn) == CLASS_BRIDGE && fn->info.header == 0) || class_of(fn) == CLASS_IOMMU;
    if (fn->info.header > 1 || fixed)
        return;
    bar_scan(fn);
    cap_check_msix(fn);
    if (bar_decode_allowed(fn) != (CMD_IO | CMD_MEMORY))
        log_line("pci: " BDF_FMT ": firmware left a BAR without an address", BDF_ARGS(fn->bdf));
}

static void fn_add(struct bdf bdf)
{
    if (fn_count == PCI_MAX_FUNCTIONS) {
        left_out++;
        return;
    }
    uint32_t index = fn_count++;
    struct pci_fn *fn = &fns[index];
    memset(fn, 0, sizeof *fn);
    fn->bdf = bdf;
    fn->parent = bus_parent[bdf.bus];
    header_read(fn);
    cap_scan(fn);
    path_make(fn);
    resources_read(fn);
    if (fn->info.header == 1)
        bridge_read(fn, index);
    if (fn->info.header != 0 || base_class(fn) == CLASS_BRIDGE || class_of(fn) == CLASS_IOMMU)
        fn->refusal = ST_UNSUPP;
    group_acs_enable(fn);
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
    const struct pci_fn *up = bus_parent[bus] != 0 ? &fns[bus_parent[bus] - 1] : NULL;
    bool port = up != NULL && up->info.is_pcie &&
                (up->info.pcie_type == PCIE_T_ROOT_PORT || up->info.pcie_type == PCIE_T_DOWNSTREAM);
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

static bool bar_is_memory(const struct dev_bar *bar)
{
    return bar->size != 0 && bar->base != 0 && (bar->flags & BAR_IO) == 0;
}

static bool covers(const struct pci_fn *fn, uint64_t base, uint64_t len)
{
    for (unsigned i = 0; i < ARRAY_LEN(fn->info.bar); i++)
        if (bar_is_memory(&fn->info.bar[i]) && range_overlaps(fn->info.bar[i].base, fn->info.bar[i].size, base, len))
            return true;
    return false;
}

static void refuse_overlaps(struct pci_fn *a)
{
    for (unsigned i = 0; i < ARRAY_LEN(a->info.bar); i++) {
        const struct dev_bar *bar = &a->info.bar[i];
        for (uint32_t k = 0; bar_is_memory(bar) && k < fn_count; k++) {
            if (&fns[k] == a || !covers(&fns[k], bar->base, bar->size))
                continue;
            log_line("pci: " BDF_FMT ": BAR %u overlaps one of " BDF_FMT, BDF_ARGS(a->bdf), i, BDF_ARGS(fns[k].bdf));
            if (a->refusal == ST_OK)
                a->refusal = ST_OVERLAP;
        }
    }
}

void pci_refuse_over(hpa_t base, uint64_t len)
{
    for (uint32_t i = 0; len != 0 && i < fn_count; i++)
        if (covers(&fns[i], base.v, len)) {
            log_line("pci: " BDF_FMT ": a BAR lies over RAM", BDF_ARGS(fns[i].bdf));
            if (fns[i].refusal == ST_OK)
                fns[i].info.refusal = fns[i].refusal = ST_OVERLAP;
        }
}

status_t pci_init(void)
{
    fn_count = left_out = 0;
    memset(bus_parent, 0, sizeof bus_parent);
    memset(bus_below, 0, sizeof bus_below);
    ecam_init();
    for (unsigned bus = 0; bus < 256; bus++)
        if (bus == 0 || bus_parent[bus] != 0 || (!bus_below[bus] && is_root_bus((uint8_t)bus)))
            bus_scan((uint8_t)bus);
    for (uint32_t i = 0; i < fn_count; i++)
        refuse_overlaps(&fns[i]);
    for (uint32_t i = 0; i < fn_count; i++)
        fns[i].info.refusal = fns[i].refusal;
    group_compute();
    if (left_out != 0)
        log_line("pci: %u functions beyond the limit of %u are left out", left_out, PCI_MAX_FUNCTIONS);
    log_line("pci: %u functions, config space by %s", fn_count, pci_has_ecam() ? "ECAM" : "ports");
    return fn_count != 0 ? ST_OK : ST_ABSENT;
}
