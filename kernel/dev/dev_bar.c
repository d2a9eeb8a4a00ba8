/* SPDX-License-Identifier: BSD-2-Clause */
/* Which pages of a BAR its owner may map. Facts of the scan only; nothing is read from the device. */
#include "kernel/dev/dev.h"

#include "drivers/pci/pci.h"

/* The table belongs to the kernel, and with it whatever shares its pages. */
static bool touches_msix(const struct dev_info *info, uint64_t bar, uint64_t off, uint64_t len)
{
    uint64_t first = PAGE_DOWN(info->msix_table_off);
    uint64_t end = PAGE_UP(info->msix_table_off + (uint64_t)info->msix_count * MSIX_ENTRY_SIZE);
    return info->msix_off != 0 && bar == info->msix_bar && range_overlaps(off, len, first, end - first);
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
    if (!pci_bar_is(b, BAR_MEMORY) || (b->base & (PAGE_SIZE - 1)) != 0)
        return ST_UNSUPP;
    if (!range_ok(off, len, PAGE_UP(b->size)))
        return ST_RANGE;
    if (touches_msix(info, bar, off, len))
        return ST_OVERLAP;
    /* A BAR smaller than a page is mapped when no other BAR of any function lies in the page. */
    for (uint32_t i = 0; b->size < PAGE_SIZE && i < pci_count(); i++)
        if (pci_bar_touches(pci_at(i), BAR_MEMORY, b->base, PAGE_SIZE, b))
            return ST_UNSUPP;
    *hpa = hpa_add((hpa_t){ b->base }, off);
    *prefetchable = (b->flags & BAR_PREFETCH) != 0;
    return ST_OK;
}
