/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine of vtd_rig.h with AMD-Vi: builds its IVRS. */
#pragma once

#include "tests/unit/fake/amdvi_model.h"
#include "tests/unit/fake/vtd_rig.h"

#define RIG_AMD0  0xfed80000ull
#define RIG_AMD1  0xfed84000ull

void rig_ivrs(void);                                                  /* header: 48 bits of both */
void rig_ivhd(uint64_t base, uint16_t unit, uint16_t seg);            /* type 10h; unit: its own requester id */
/* Adds to the last block: 4 bytes, and 4 more for types from 40h on. */
void rig_device(uint8_t type, uint16_t id, uint32_t more);
#define RIG_ALL(setting)          rig_device(1, 0, 0)
#define RIG_RANGE(from, to)       do { rig_device(3, from, 0); rig_device(4, to, 0); } while (0)
#define RIG_ALIAS(id, as)         rig_device(0x42, id, (uint32_t)(as) << 8)
#define RIG_IOAPIC(id, as)        rig_device(0x48, 0, (id) | (uint32_t)(as) << 8 | 1u << 24)
/* type 20h all, 21h one, 22h range; flags: 1 unity, 2 read, 4 write, 8 exclusion */
void rig_ivmd(uint8_t type, uint8_t flags, uint16_t first, uint16_t last, uint64_t base, uint64_t len);
/* One unit at RIG_AMD0, function 00:00.2, that takes all, with an I/O APIC 0 as 00:14.0, started. */
status_t rig_start_amd(struct amdvi_model *m, uint64_t efr);
