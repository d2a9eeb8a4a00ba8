/* SPDX-License-Identifier: BSD-2-Clause */
/* A unit of either vendor under one set of names, for tests that hold for both; include it in one .c file only. */
#pragma once

#include "drivers/iommu/iommu.h"
#include "kernel/arch/hw.h"
#include "tests/unit/fake/amdvi_rig.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/pmm.h"
#include "tests/unit/unit.h"

static bool is_amd;
static struct vtd_model vtd;
static struct amdvi_model amd;

/* A machine with one unit at power-on, covering all, with an I/O APIC 0. features: CAP bits added and ECAP or EFR;
 * 0: QEMU's. It is the caller's to add models before iommu_init. */
static void either_prepare(bool amdvi, uint64_t cap, uint64_t features)
{
    is_amd = amdvi;
    rig_reset();
    if (amdvi) {
        rig_ivrs();
        rig_ivhd(RIG_AMD0, 2, 0);
        RIG_ALL(0);
        RIG_IOAPIC(0, 0xa0);
        amdvi_model_init(&amd, RIG_AMD0, features ? features : AM_EFR_QEMU);
    } else {
        rig_dmar(1);
        rig_drhd(RIG_BASE0, true, 0);
        rig_scope(3, 0, 0xff, 1, 0, 0);
        vtd_model_init(&vtd, RIG_BASE0, VM_CAP_QEMU | cap, features ? features : VM_ECAP_QEMU);
    }
}

static inline void either_end(void)
{
    if (is_amd)
        amdvi_model_free(&amd);
    else
        vtd_model_free(&vtd);
}

/* 0 and *pa, or why not. */
static inline unsigned either_dma(uint16_t rid, uint64_t addr, bool write, uint64_t *pa)
{ return is_amd ? amdvi_model_dma(&amd, rid, addr, write, pa) : vtd_model_dma(&vtd, rid, addr, write, pa); }
static inline unsigned either_msi(uint16_t rid, uint64_t addr, uint32_t data, struct vm_intr *out)
{ return is_amd ? amdvi_model_msi(&amd, rid, addr, data, out) : vtd_model_msi(&vtd, rid, addr, data, out); }
static inline unsigned either_rte(uint16_t rid, uint64_t rte, struct vm_intr *out)
{ return is_amd ? amdvi_model_rte(&amd, rid, rte, out) : vtd_model_rte(&vtd, rid, rte, out); }
static inline bool either_translates(void) { return is_amd ? amd.control & 1 : vtd.gsts >> 31; }
/* Times that something was open after it had been closed, accesses that went by untranslated, and writes no unit likes. */
static inline uint64_t either_windows(void) { return is_amd ? amd.windows : vtd.windows; }
static inline uint64_t either_passed(void) { return is_amd ? amd.passed : vtd.passed + vtd.unchecked; }
static inline uint64_t either_bad(void) { return is_amd ? amd.narrow + amd.bad_writes : vtd.narrow + vtd.bad_writes; }
static inline uint64_t either_base(void) { return is_amd ? RIG_AMD0 : RIG_BASE0; }
