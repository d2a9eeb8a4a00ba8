/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake of kernel/virt/vmx/vmx_hw.h: a VMCS that is a table, with the manual's rules about which fields exist and
 * which are read-only; tests/unit/fake/vmx_guest.c. */
#pragma once

#include "kernel/arch/hw.h"
#include "kernel/virt/vmx/vmx_fields.h"

NORETURN void vmcs_failed(uint32_t field);

uint64_t vmcs_read(uint32_t field);
void vmcs_write(uint32_t field, uint64_t v);
MUST_USE bool vmx_on(uint64_t pa);
MUST_USE bool vmcs_clear(uint64_t pa);
MUST_USE bool vmcs_load(uint64_t pa);
#define INV_SINGLE  1u
#define INV_ALL     2u
MUST_USE bool vmx_invept(uint64_t type, uint64_t eptp);
MUST_USE bool vmx_invvpid(uint64_t type, uint16_t vpid);
struct table_ptr;
void hw_gdt_narrow(const struct table_ptr *gdtr);
void hw_take_irqs(void);
void hw_take_nmi(void);
