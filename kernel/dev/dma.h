/* SPDX-License-Identifier: BSD-2-Clause */
/* What a VM's devices may reach: one IOMMU domain. Root thread. */
#pragma once

#include "kernel/lib/base.h"

struct dma_space;

/* ST_NOIOMMU, ST_NOIR when the machine cannot protect it: fail closed. */
MUST_USE status_t dma_create(uint32_t vm_id, struct dma_space **out);
MUST_USE status_t dma_map(struct dma_space *dma, iova_t iova, hpa_t hpa, uint64_t len);
/* Firmware's reserved regions of the function, one to one. ST_OVERLAP: guest RAM lies there. */
MUST_USE status_t dma_map_reserved(struct dma_space *dma, struct bdf fn);
MUST_USE status_t dma_attach(struct dma_space *dma, struct bdf fn);
/* ST_OK: blocked, and the unit has confirmed that it forgot the domain. */
MUST_USE status_t dma_detach(struct dma_space *dma, struct bdf fn);
/* ST_BUSY: functions still attached, or one whose detach was not confirmed. Another error: the
 * flush was not confirmed. On any error the memory behind it must never be reused. */
MUST_USE status_t dma_destroy(struct dma_space *dma);

