/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for FPU areas: an object when the CPU's state is small, else a page. */
#include "kernel/arch/cpu.h"

#include "kernel/mm/pmm.h"
#include "kernel/mm/slab.h"

#define SLAB_MAX  1024u      /* and aligned to its size: 64 is enough for XSAVE */

struct fpu_area *fpu_area_alloc(void)
{
    uint32_t size = cpu_features.xsave_size;
    struct fpu_area *area = size <= SLAB_MAX ? slab_alloc(size) : pmm_alloc();
    if (area)
        fpu_area_init(area);
    return area;
}

void fpu_area_free(struct fpu_area *area)
{
    if (cpu_features.xsave_size <= SLAB_MAX)
        slab_free(area, cpu_features.xsave_size);
    else
        pmm_free(area);
}
