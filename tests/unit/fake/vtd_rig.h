/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine for tests of drivers/iommu: builds its DMAR and is the list of
 * functions in which scope resolution looks.
 */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/lib/base.h"
#include "tests/unit/fake/vtd_model.h"

#define RIG_BASE0 0xfed90000ull
#define RIG_BASE1 0xfed91000ull

struct rig {
    uint8_t dmar[4096];
    uint32_t len;
    struct bootinfo boot;                 /* for iommu_init */
    uint64_t apic_base;                   /* MSR 1Bh */
    struct bdf msi_fn;                    /* whose MSI was written last, and how */
    uint64_t msi_addr;
    uint32_t msi_data;
    bool msi_fails;
};
extern struct rig rig;

/* Everything fresh: hardware, pages, log, no PCI function, no DMAR. */
void rig_reset(void);
void rig_dmar(uint8_t flags);                                         /* header */
void rig_drhd(uint64_t base, bool include_all, uint16_t seg);
void rig_rmrr(uint64_t first, uint64_t last);
void rig_entry(uint16_t type, const void *body, unsigned len);        /* body after type and length */
/* Adds a scope to the last entry. path: pairs dev, fn. */
void rig_scope(uint8_t type, uint8_t id, uint8_t bus, unsigned hops, ...);
void rig_function(unsigned bus, unsigned dev, unsigned fn);
void rig_bridge(unsigned bus, unsigned dev, unsigned fn, uint8_t secondary, uint8_t subordinate);
/* What the scan would say: who is above, and which type all bridges are of. */
void rig_topology(unsigned type);
/* One unit at RIG_BASE0 that takes all, with an I/O APIC 0 as ff:00.0, started. */
status_t rig_start(struct vtd_model *m, uint64_t cap, uint64_t ecap);

