/* SPDX-License-Identifier: BSD-2-Clause */
/* Stacks of threads, and what the CPU must know of the one that runs. */
#include "kernel/arch/cpu.h"

#include "kernel/arch/tables.h"

#define RFLAGS_FIXED  0x002u
#define RFLAGS_IF     0x200u

extern const char context_first_user[];

uint64_t context_new_user(uint64_t kstack_top, uint64_t rip, uint64_t rsp, uint64_t arg)
{
    uint64_t *sp = (uint64_t *)(uintptr_t)kstack_top;
    *--sp = SEL_UDATA;
    *--sp = rsp;
    *--sp = RFLAGS_FIXED | RFLAGS_IF;
    *--sp = SEL_UCODE;
    *--sp = rip;
    *--sp = arg;
    *--sp = (uintptr_t)context_first_user;
    for (unsigned i = 0; i < 6; i++)      /* rbx rbp r12-r15 */
        *--sp = 0;
    return (uintptr_t)sp;
}

void context_set(uint64_t kstack_top, uint64_t cr3)
{
    struct percpu *cpu = percpu();
    cpu->kstack_top = kstack_top;
    cpu->tss->rsp0 = kstack_top;
    if (hw_read_cr3() != cr3)
        hw_write_cr3(cr3);
}
