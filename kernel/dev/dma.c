/* SPDX-License-Identifier: BSD-2-Clause */
/* DMA spaces: an IOMMU domain for a VM. A domain that does not go away cleanly is kept for ever. */
#include "kernel/dev/dma.h"

#include "drivers/iommu/iommu.h"
#include "kernel/log/console.h"
#include "kernel/mm/pmm.h"

struct dma_space {
    struct iommu_dom dom;
    bool stuck;              /* a detach was not confirmed */
};
_Static_assert(sizeof(struct dma_space) <= PAGE_SIZE, "an object is a page");

status_t dma_create(uint32_t vm_id, struct dma_space **out)
{
    if (iommu_vendor() == IOMMU_NONE)
        return ST_NOIOMMU;
    if (!iommu_has_ir())
        return ST_NOIR;
    struct dma_space *dma = pmm_alloc();
    if (dma == NULL)
        return ST_NOSPACE;
    status_t st = iommu_dom_create(&dma->dom, vm_id);
    if (st == ST_OK)
        *out = dma;
    else
        pmm_free(dma);
    return st;
}

status_t dma_map(struct dma_space *dma, iova_t iova, hpa_t hpa, uint64_t len)
{
    return iommu_dom_map(&dma->dom, iova, hpa, len, PT_R | PT_W);
}

status_t dma_map_reserved(struct dma_space *dma, struct bdf fn)
{
    for (uint32_t i = 0; i < iommu_reserved_count(fn); i++) {
        uint64_t base, len;
        TRY(iommu_reserved(fn, i, &base, &len));
        if (!range_ok(base, len, 1ull << 52))
            return ST_CORRUPT;
        uint64_t first = PAGE_DOWN(base);
        TRY(dma_map(dma, (iova_t){ first }, (hpa_t){ first }, PAGE_UP(base + len) - first));
        log_line("dev: " BDF_FMT ": reserved memory %lx+%lx is mapped for it", BDF_ARGS(fn), base, len);
    }
    return ST_OK;
}

status_t dma_attach(struct dma_space *dma, struct bdf fn)
{
    return dma->stuck ? ST_QUARANTINED : iommu_attach(&dma->dom, fn);
}

status_t dma_detach(struct dma_space *dma, struct bdf fn)
{
    status_t st = iommu_detach(&dma->dom, fn);
    dma->stuck |= st != ST_OK;
    return st;
}

status_t dma_destroy(struct dma_space *dma)
{
    if (dma->stuck)
        return ST_BUSY;
    TRY(iommu_dom_destroy(&dma->dom));
    pmm_free(dma);
    return ST_OK;
}
