/* SPDX-License-Identifier: BSD-2-Clause */
/* Which pages of a BAR its owner may map, and what it reaches by a call. Checked against facts of the scan only. */
#include "kernel/dev/dev.h"

#include "drivers/pci/pci.h"
#include "kernel/arch/hw.h"
#include "kernel/irq/irq.h"

/* The table is the kernel's: no page of it is mapped, no access reaches it. */
static bool touches_msix(const struct dev_info *info, uint64_t bar, uint64_t off, uint64_t len)
{
    return info->msix_off != 0 && bar == info->msix_bar &&
           range_overlaps(off, len, info->msix_table_off, (uint64_t)info->msix_count * MSIX_ENTRY_SIZE);
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

/* Pending bits: the device's, and those that the kernel keeps for interrupts that came while they were masked. */
status_t dev_bar_access(struct device *dev, uint64_t bar, uint64_t off, uint64_t size, bool write, uint64_t *value)
{
    const struct dev_info *info = &dev->fn->info;
    if (bar >= ARRAY_LEN(info->bar))
        return ST_RANGE;
    bar = index_clamp(bar, ARRAY_LEN(info->bar));
    const struct pci_window *w = &dev->fn->window[bar];
    const bool is_io = (info->bar[bar].flags & BAR_IO) != 0;
    if ((size != 1 && size != 2 && size != 4 && size != 8) || (is_io ? size == 8 : (off & (size - 1)) != 0))
        return ST_INVAL;
    if (w->at == 0)
        return ST_UNSUPP;
    if (!range_contains(w->first, w->end - w->first, off, size))
        return ST_RANGE;
    if (touches_msix(info, bar, off, size))
        return ST_OVERLAP;
    TRY(dev_owner_enter(dev));
    const uintptr_t at = w->at + index_clamp(off - w->first, w->end - w->first);
    const uint64_t pba = off - info->pba_off, kept = info->msix_off != 0 && bar == info->pba_bar && pba < 8
                                                     ? irq_pending(dev->fn) >> 8 * pba & MASK64(8 * size - 1, 0) : 0;
    if (!write)
        *value = (is_io ? hw_in((uint16_t)at, (unsigned)size) : hw_mmio_rd(at, (unsigned)size)) | kept;
    else if (is_io)
        hw_out((uint16_t)at, (unsigned)size, (uint32_t)*value);
    else
        hw_mmio_wr(at, (unsigned)size, *value);
    spin_unlock(&dev->lock);
    return ST_OK;
}
