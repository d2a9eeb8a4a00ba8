/* SPDX-License-Identifier: BSD-2-Clause */
/* Moving past an emulated instruction, shared by the fast and the slow path. */
#pragma once

#include "kernel/virt/svm/svm.h"

#define CS_ATTR_L  0x200u

/* Ends the interrupt shadow and RF with it. Outside 64-bit mode rip wraps at 32 bits. */
static inline void svm_move_rip(struct vmcb *b, uint64_t rip)
{
    b->rip = rip;
    b->int_state = 0;
    b->rflags &= ~RFLAGS_RF;
}

static inline struct svm_insn *svm_insn_slot(struct svm_vcpu *s, uint64_t linear)
{
    return &s->insn[(linear ^ linear >> 6) % SVM_INSN_SLOTS];
}

/* Length of the instruction that caused the exit, 0 = not known. CPUs with next-RIP give it. */
static inline uint32_t svm_insn_len(struct svm_vcpu *s, uint32_t code)
{
    const struct vmcb *b = s->vmcb;
    uint64_t linear = b->rip + b->cs.base;
    const struct svm_insn *i = svm_insn_slot(s, linear);
    if (likely(i->linear == linear && i->cr3 == b->cr3 && i->code == code))
        return i->len;
    uint64_t len = b->next_rip - b->rip;
    return len >= 1 && len <= 15 ? (uint32_t)len : 0;
}

