/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where BARs are: start addresses, and mapping them straight to the device while
 * decode is on; ports are not mapped, vpci.c finds them. A BAR that leaves the guest's
 * windows or covers another one is not there and reads as ones, as on a bus where nobody answers.
 */
#include "vmm/vpci.h"

#include "vmm/guest_hw.h"
#include "vmm/host.h"

#define PORTS_FIRST  0x1000u         /* below are the board's own ports, which win in any case */
#define PORTS_END    0x10000u

/* What the guest wrote into the register, size-aligned by the write mask. */
static uint64_t wanted_at(const struct vpci_fn *fn, unsigned index)
{
    const struct vpci_bar *bar = &fn->bar[index];
    uint64_t value = vpci_image32(fn, CFG_BAR + 4 * index);

    if (bar->is_64 && index + 1 < VPCI_BARS)
        value |= (uint64_t)vpci_image32(fn, CFG_BAR + 4 * index + 4) << 32;
    return value & ~(bar->size - 1);
}

static bool in_window(uint64_t base, uint64_t size, bool is_io)
{
    if (is_io)
        return range_contains(PORTS_FIRST, PORTS_END - PORTS_FIRST, base, size);
    return range_contains(GUEST_MMIO32_BASE, GUEST_MMIO32_END - GUEST_MMIO32_BASE, base, size) ||
           range_contains(GUEST_MMIO64_BASE, GUEST_MMIO64_END - GUEST_MMIO64_BASE, base, size);
}

static bool is_decoding(const struct vpci_fn *fn, bool is_io)
{
    return (fn->image[CFG_COMMAND] & (is_io ? COMMAND_IO : COMMAND_MEM)) && fn->power == 0;
}

static bool is_free(const struct vpci *pci, uint64_t base, uint64_t size, bool is_io)
{
    for (uint32_t f = 0; f < pci->count; f++)
        for (unsigned b = 0; b < VPCI_BARS; b++) {
            const struct vpci_bar *bar = &pci->fn[f].bar[b];

            if (bar->placed && bar->is_io == is_io && range_overlaps(base, size, bar->at, bar->size))
                return false;
        }
    return true;
}

static void unplace(struct vpci_fn *fn, struct vpci_bar *bar)
{
    for (unsigned s = 0; s < VPCI_SEGMENTS; s++) {
        struct vpci_segment *segment = &bar->segment[s];

        if (!segment->mapped)
            continue;
        segment->mapped = false;
        if (host_unmap_bar(fn->dev, bar->at + segment->off, segment->len) != ST_OK)
            host_log("device %u: BAR at %lx could not be unmapped", fn->dev, (unsigned long)bar->at);
    }
    bar->placed = false;
}

static void place(struct vpci_fn *fn, unsigned index, uint64_t at)
{
    struct vpci_bar *bar = &fn->bar[index];

    bar->placed = true;
    bar->at = at;
    for (unsigned s = 0; s < VPCI_SEGMENTS; s++) {
        struct vpci_segment *segment = &bar->segment[s];
        status_t st;

        if (segment->len == 0)
            continue;
        st = host_map_bar(fn->dev, index, segment->off, at + segment->off, segment->len);
        segment->mapped = st == ST_OK;
        if (st != ST_OK && !bar->logged)
            host_log("device %u: BAR %u %s: %s", fn->dev, index, fn->info.bar[index].size < PAGE_SIZE ?
                     "goes through the kernel" : "is not mapped", status_text(st));
        bar->logged |= st != ST_OK;
    }
}

static bool wants(const struct vpci_fn *fn, unsigned index)
{
    const struct vpci_bar *bar = &fn->bar[index];

    return bar->size != 0 && is_decoding(fn, bar->is_io) && in_window(wanted_at(fn, index), bar->size, bar->is_io);
}

static void place_all(struct vpci *pci, struct vpci_fn *fn)
{
    for (unsigned i = 0; i < VPCI_BARS; i++) {
        const struct vpci_bar *bar = &fn->bar[i];
        uint64_t at = wanted_at(fn, i);

        if (!bar->placed && wants(fn, i) && is_free(pci, at, bar->size, bar->is_io))
            place(fn, i, at);
    }
}

void vpci_bar_sync(struct vpci *pci, struct vpci_fn *fn)
{
    bool freed = false;

    for (unsigned i = 0; i < VPCI_BARS; i++) {
        struct vpci_bar *bar = &fn->bar[i];

        if (!bar->placed || (wants(fn, i) && wanted_at(fn, i) == bar->at))
            continue;
        unplace(fn, bar);
        freed = true;
    }
    place_all(pci, fn);
    /* Others may have waited for the room. */
    for (uint32_t f = 0; freed && f < pci->count; f++)
        place_all(pci, &pci->fn[f]);
}

/* The next size-aligned place of a window, 0 when it is full. */
static uint64_t take(uint64_t *next, uint64_t end, uint64_t size)
{
    uint64_t at = (*next + size - 1) & ~(size - 1);

    if (at > end || size > end - at)
        return 0;
    *next = at + size;
    return at;
}

/* The first free place of each window. */
struct next { uint64_t port, mmio32, mmio64; };

static void assign_one(struct vpci_fn *fn, unsigned index, struct next *next)
{
    const struct vpci_bar *bar = &fn->bar[index];
    uint64_t at = bar->is_io ? take(&next->port, PORTS_END, bar->size)
                             : take(&next->mmio32, GUEST_MMIO32_END, bar->size);

    if (at == 0 && bar->is_64)
        at = take(&next->mmio64, GUEST_MMIO64_END, bar->size);
    if (at == 0) {
        host_log("device %u: no room for BAR %u of %lx bytes", fn->dev, index, (unsigned long)bar->size);
        return;
    }
    vpci_set32(fn->image, CFG_BAR + 4 * index,
               (uint32_t)at | (vpci_image32(fn, CFG_BAR + 4 * index) & 15u));
    if (bar->is_64)
        vpci_set32(fn->image, CFG_BAR + 4 * index + 4, (uint32_t)(at >> 32));
}

/* Largest first, so that nothing is lost to alignment; those that must be below
 * 4 GiB before those that need not. */
void vpci_bar_assign(struct vpci *pci)
{
    struct next next = { GHW_PCI_BARS_IO, GUEST_MMIO32_BASE, GUEST_MMIO64_BASE };

    for (unsigned pass = 0; pass < 2; pass++)
        for (uint64_t size = UINT64_C(1) << 46; size >= 4; size >>= 1)
            for (uint32_t f = 0; f < pci->count; f++)
                for (unsigned i = 0; i < VPCI_BARS; i++) {
                    const struct vpci_bar *bar = &pci->fn[f].bar[i];

                    if (bar->size == size && bar->is_64 == (pass == 1))
                        assign_one(&pci->fn[f], i, &next);
                }
}
