/* SPDX-License-Identifier: BSD-2-Clause */
/* The IOMMU domain of a VM. One that does not go away cleanly is kept for ever. */
#include "kernel/dev/dev.h"

#include "drivers/iommu/iommu.h"
#include "kernel/log/console.h"

_Static_assert(sizeof(struct iommu_dom) <= PAGE_SIZE, "an object is a page");

status_t dma_create(uint32_t vm_id, struct iommu_dom **out)
{
    struct iommu_dom *dom = pmm_alloc();
    if (dom == NULL)
        return ST_NOSPACE;
    status_t st = iommu_dom_create(dom, vm_id);
    if (st == ST_OK)
        *out = dom;
    else
        pmm_free(dom);
    return st;
}

status_t dma_map(struct iommu_dom *dom, iova_t iova, hpa_t hpa, uint64_t len)
{
    return iommu_dom_map(dom, iova, hpa, len, PT_R | PT_W);
}

status_t dma_map_reserved(struct iommu_dom *dom, struct bdf fn)
{
    uint64_t base, len;
    for (uint32_t i = 0; iommu_reserved(fn, i, &base, &len); i++) {
        TRY(dma_map(dom, (iova_t){ base }, (hpa_t){ base }, len));
        log_line("dev: " BDF_FMT ": reserved memory %lx+%lx is mapped for it", BDF_ARGS(fn), base, len);
    }
    return ST_OK;
}

status_t dma_destroy(struct iommu_dom *dom)
{
    TRY(iommu_dom_destroy(dom));
    pmm_free(dom);
    return ST_OK;
}
