/* SPDX-License-Identifier: BSD-2-Clause */
/* Fake mappings: MMIO must be claimed by a model in whole, tables are host memory. */
#include "tests/unit/fake/kmap.h"

#include "kernel/arch/hw.h"
#include "kernel/mm/kmap.h"

struct fake_kmap fake_kmap;

static bool granted(void)
{
    fake_kmap.maps++;
    if (fake_kmap.fail_after == 0)
        return true;
    if (fake_kmap.fail_after == 1)
        return false;
    fake_kmap.fail_after--;
    return true;
}

void *kmap_mmio(hpa_t pa, uint64_t len)
{
    return granted() && fake_mmio_covers(pa.v, len) ? (void *)(uintptr_t)pa.v : NULL;
}

const void *kmap_ro(hpa_t pa, uint64_t len) { return granted() && len != 0 ? (const void *)(uintptr_t)pa.v : NULL; }
