/* SPDX-License-Identifier: BSD-2-Clause */
/* MOV to and from control registers, LMSW, SMSW, CLTS: what EXIT_INSN asks for. */
#pragma once

#include "vmm/guest.h"

/* PAE paging: MOV to CR0, CR3 or CR4 loads vs->pdpte from where CR3 points [SDM3 4.4.1]. */
#define CR3_PDPT  0xffffffe0ull
bool cr_pdptes_in_use(const struct vcpu_state *vs);

/* CR4 bits that a guest with this CPUID may set: leaf 1 ECX and EDX, leaf 7 EBX and ECX. */
uint64_t cr4_allowed(uint32_t leaf1_ecx, uint32_t leaf1_edx, uint32_t leaf7_ebx, uint32_t leaf7_ecx);

/*
 * Executes insn (OP_MOV_TO_CR .. OP_CLTS) on vs: registers change and are marked
 * dirty, or an exception is queued. ST_UNSUPP: another instruction, or a memory
 * operand. cr8 goes to the local APIC of this vCPU.
 */
MUST_USE status_t cr_emulate(struct vcpu_state *vs, const struct insn *insn, uint64_t allowed, unsigned vcpu);

