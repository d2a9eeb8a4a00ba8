/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's I/O APICs: all pins masked but those the kernel itself uses. */
#pragma once

#include "kernel/abi/bootinfo.h"
#include "kernel/lib/base.h"

/* Masks every pin and both 8259s. */
void ioapic_init(const struct bootinfo *bi);
/* One pin to a host vector. Mode comes from the caller. ST_NOTFOUND: no I/O APIC has the GSI. */
MUST_USE status_t ioapic_route(uint32_t gsi, bool level, bool active_low, uint32_t apic_id, uint8_t vector);

