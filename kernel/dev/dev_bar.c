/* SPDX-License-Identifier: BSD-2-Clause */
/* Which pages of a BAR its owner may map. Facts of the scan only; nothing is read from the device. */
#include "kernel/dev/dev.h"

#include "drivers/pci/pci.h"

#define MSIX_ENTRY  16u

static bool is_memory(const struct dev_bar *bar)
{
    return bar->size != 0 && bar->base != 0 && (bar->flags & (BAR_IO | BAR_UPPER)) == 0;
}

/* True when no other BAR of any function lies in the page. */
static bool page_is_alone(const struct dev_bar *bar)
{
    for (uint32_t i = 0; i < pci_count(); i++) {
        const struct dev_info *info = &pci_at(i)->info;
        for (unsigned k = 0; k < ARRAY_LEN(info->bar); k++)
            if (&info->bar[k] != bar && is_memory(&info->bar[k]) &&
                range_overlaps(info->bar[k].base, info->bar[k].size, bar->base, PAGE_SIZE))
                return false;
    }
    return true;
}

/* The table belongs to the kernel, and with it whatever shares its pages. */
static bool touches_msix(const struct dev_info *info, uint64_t bar, uint64_t off, uint64_t len)
{
    if (info->msix_off == 0 || bar != info->msix_bar)
        return false;
    uint64_t first = PAGE_DOWN(info->msix_table_off);
    uint64_t end = PAGE_UP(info->msix_table_off + (uint64_t)info->msix_count * MSIX_ENTRY);
    return range_overlaps(off, len, first, end - first);
}

status_t dev_bar_range(const struct device *dev, uint64_t bar, uint64_t off, uint64_t len,
                       hpa_t *hpa, bool *prefetchable)
{
    const struct dev_info *info = &dev->fn->info;
    if (__atomic_load_n(&info->state, __ATOMIC_ACQUIRE) != DEV_ASSIGNED)
        return ST_STATE;
    if (bar >= ARRAY_LEN(info->bar))
        return ST_RANGE;
    bar = index_clamp(bar, ARRAY_LEN(info->bar));
    const struct dev_bar *b = &info->bar[bar];
    if (((off | len) & (PAGE_SIZE - 1)) != 0)
        return ST_INVAL;
    if (!is_memory(b) || (b->base & (PAGE_SIZE - 1)) != 0)
        return ST_UNSUPP;
    if (!range_ok(off, len, PAGE_UP(b->size)))
        return ST_RANGE;
    if (touches_msix(info, bar, off, len))
        return ST_OVERLAP;
    if (b->size < PAGE_SIZE && !page_is_alone(b))
        return ST_UNSUPP;
    *hpa = (hpa_t){ b->base + off };
    *prefetchable = (b->flags & BAR_PREFETCH) != 0;
    return ST_OK;
}
