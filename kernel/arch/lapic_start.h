/* SPDX-License-Identifier: BSD-2-Clause */
/* The local APIC's part in starting other CPUs. */
#pragma once

#include "kernel/lib/base.h"

uint32_t lapic_id(void);
void lapic_send_init(uint32_t apic_id);
void lapic_send_startup(uint32_t apic_id, uint8_t page_number);

