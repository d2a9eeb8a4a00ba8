/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One vCPU's architectural state as the emulator uses it: mode, privilege,
 * linear addresses, instruction fetch, injection of exceptions. Pure: works on
 * the shared page and guest memory. Needs the groups RIP, CR and SEG filled.
 */
#pragma once

#include "kernel/abi/vcpu_state.h"
#include "vmm/insn.h"
#include "vmm/mem.h"

#define EXC_DB  1u
#define EXC_UD  6u
#define EXC_SS 12u
#define EXC_GP 13u
#define EXC_PF 14u

/* Width of the code segment: 16, 32 or 64. */
unsigned guest_mode(const struct vcpu_state *vs);
unsigned guest_cpl(const struct vcpu_state *vs);
struct mem_paging guest_paging(const struct vcpu_state *vs);

/* Segment and offset to linear. false: not canonical (64-bit mode). */
MUST_USE bool guest_linear(const struct vcpu_state *vs, unsigned mode, unsigned seg, uint64_t offset, uint64_t *out);

/* The page of gpa is the one that a push would go to. */
MUST_USE bool guest_stack_is_at(const struct vcpu_state *vs, const struct guest_mem *mem, gpa_t gpa);

/* Decodes what rip points at: from the bytes that the CPU supplied, or from
 * memory. ST_FAULT: a page fault was injected; ST_INVAL: #UD was injected;
 * ST_RANGE, ST_UNSUPP: cannot be decoded. */
MUST_USE status_t guest_decode(struct vcpu_state *vs, const struct guest_mem *mem, struct insn *out);

/* Queue an exception for the next run; rip must be at the instruction. */
void guest_inject(struct vcpu_state *vs, unsigned vector);                  /* no error code */
void guest_inject_error(struct vcpu_state *vs, unsigned vector, uint32_t error);
void guest_inject_pf(struct vcpu_state *vs, uint64_t address, uint32_t error);

/* The instruction is done: rip moves, the interrupt shadow and RF end, a single step traps. */
void guest_advance(struct vcpu_state *vs, unsigned mode, unsigned len);

