/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory type range registers: kept as written, read back, otherwise without
 * effect (the memory types of a guest are the kernel's, DESIGN 6). Pure.
 */
#pragma once

#include "vmm/msr.h"

void mtrr_init(struct msr_vcpu *vcpu);
/* Is index one of these registers? */
bool mtrr_owns(uint32_t index);
uint64_t mtrr_read(const struct msr_vcpu *vcpu, uint32_t index);
/* false: a reserved bit or type [SDM3 12.11.2]. */
MUST_USE bool mtrr_write(struct msr_vcpu *vcpu, unsigned phys_bits, uint32_t index, uint64_t value);

