/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SVM back end of the vCPU. Everything here belongs to the vCPU's CPU, interrupts
 * off. Between svm_enter's CLGI and STGI the guest's FS, GS, TR and system call
 * registers are loaded: svm_fast and what it calls use no per-CPU data.
 */
#pragma once

#include "kernel/virt/svm/vmcb.h"

/* Who armed V_IRQ; from VIRQ_APIC on with a vector for the guest. */
enum svm_virq { VIRQ_NONE, VIRQ_WINDOW, VIRQ_APIC, VIRQ_EXTINT };
enum svm_nmi { NMI_OPEN, NMI_BLOCKED, NMI_IRET };      /* IRET: unblocked once rip has moved */

/* Instruction lengths that the VMM's decoder found, for CPUs without next-RIP. A guest that
 * rewrites an instruction in place can make its own entry wrong: it hurts only itself. */
#define SVM_INSN_SLOTS 64u
struct svm_insn {
    uint64_t linear, cr3;
    uint32_t code;               /* exit code, never 0 for a used entry */
    uint32_t len;                /* 1..15 */
};

struct svm_vcpu {
    /* svm_entry.S knows these */
    struct vcpu_state *state;    /* 00 const */
    uint64_t vmcb_pa;            /* 08 const */
    uint64_t host_pa;            /* 10 const: where this CPU keeps the host's VMLOAD state */
    /* C only */
    struct vcpu *vcpu;           /* const */
    /* svm_reset clears from here */
    uint64_t shadow_rip;         /* interrupt shadow carried over an exit: see svm_event.c */
    uint64_t iret_rip;
    uint32_t virq;               /* enum svm_virq; the vector is in the VMCB */
    uint32_t nmi;                /* enum svm_nmi */
    uint32_t shadow_left;        /* exits that shadow_rip is good for, 0 = no shadow */
    uint32_t look_again;         /* interrupts to be looked at after the next exit */
    uint32_t want_len;           /* the exit waits for insn_len from the VMM */
    /* up to here */
    struct ktimer kick;
    struct svm_insn insn[SVM_INSN_SLOTS];
    ALIGNED(PAGE_SIZE) struct vmcb vmcb;
};
AT(struct svm_vcpu, state, 0x00);
AT(struct svm_vcpu, vmcb_pa, 0x08);
AT(struct svm_vcpu, host_pa, 0x10);
_Static_assert(sizeof(struct svm_vcpu) == 2 * PAGE_SIZE, "two pages");

/* Hangs off percpu()->virt. */
struct svm_cpu {
    struct vmcb host;            /* the host's VMSAVE state */
    uint8_t hsave[PAGE_SIZE];    /* VM_HSAVE_PA */
    uint64_t owner[MAX_VMS + 1]; /* own CPU, by ASID: serial of the vCPU that used it last */
};

/* ---- behind virt.h ---- */
MUST_USE status_t svm_init_cpu(char reason[96]);
MUST_USE status_t svm_vcpu_init(struct vcpu *vcpu);
void svm_vcpu_free(struct vcpu *vcpu);
MUST_USE status_t svm_run(struct vcpu *vcpu);
void svm_state_get(struct vcpu *vcpu, uint32_t groups);
MUST_USE bool svm_state_set(struct vcpu *vcpu, uint32_t groups);
void svm_reset(struct vcpu *vcpu);
void svm_sync(struct vcpu *vcpu);
void svm_push_tpr(struct vcpu *vcpu);
MUST_USE bool svm_update(struct vcpu *vcpu);
bool svm_wakes(const struct vcpu *vcpu);
MUST_USE status_t svm_npt_init(struct ptab *pt);
void svm_tsc_moved(struct vcpu *vcpu);
MUST_USE bool svm_extint(struct vcpu *vcpu, uint8_t vector);
void svm_step(struct vcpu *vcpu, bool on);
void svm_switch_out(struct vcpu *vcpu);
void svm_switch_in(struct vcpu *vcpu);

/* ---- svm_caps.c: shared by all vCPUs, const after boot ---- */
extern uint64_t svm_iopm_pa, svm_msrpm_pa;

/* ---- svm_entry.S, svm_run.c ---- */
/* Runs the guest until something is not for the fast path. IF = 0 before and after. */
uint32_t svm_enter(struct svm_vcpu *svm);
uint32_t svm_enter_guarded(struct svm_vcpu *svm);       /* where spec_actions & SPEC_AT_EXIT */
/* The registers hold the guest's XCR0: takes note of it, returns it. */
uint64_t svm_xcr0_sync(struct svm_vcpu *svm);
/* DR0-3: the guest's come into the CPU, where it is at home, and are not intercepted until svm_switch_out. */
void svm_dr_load(struct svm_vcpu *svm);

/* ---- svm_fast.c: GIF = 0, guest's GS, with the guest's registers rdx, rcx ---- */
uint32_t svm_fast(struct svm_vcpu *svm, struct vcpu_state *state, uint64_t rdx, uint64_t rcx);

/* ---- svm_exit.c ---- */
void svm_init(struct svm_vcpu *svm);             /* intercepts, permission maps, power-on state */
MUST_USE enum virt_next svm_exit(struct svm_vcpu *svm);
/* Ends in user mode: fills the record's reason and the groups. */
MUST_USE enum virt_next svm_to_user(struct svm_vcpu *svm, enum vcpu_exit_reason reason);
/* The VMM supplied the length for which the exit waited. */
MUST_USE enum virt_next svm_complete(struct svm_vcpu *svm, uint32_t len);
/* The instruction is done: rip moves, a single step traps. */
void svm_advance(struct svm_vcpu *svm, uint32_t len);

/* ---- svm_msr.c ---- */
MUST_USE enum virt_next svm_msr(struct svm_vcpu *svm, uint32_t len);

/* ---- svm_event.c ---- */
void svm_after_exit(struct svm_vcpu *svm);       /* EXITINTINFO; before the exit is handled */
void svm_inject(struct svm_vcpu *svm);           /* just before entry */
void svm_raise(struct svm_vcpu *svm, unsigned vector);          /* an exception; error code 0 where it has one */
void svm_arm_apic(struct vcpu *vcpu);            /* V_IRQ for the local APIC; touches no per-CPU data */

/* The guest's ecx after the fast path. */
static inline uint32_t svm_ecx(const struct svm_vcpu *s) { return (uint32_t)once(&s->state->gpr[GPR_RCX]); }

/* Moving past an instruction ends the interrupt shadow and RF. Outside 64-bit mode rip wraps at 32 bits. */
static inline void svm_move_rip(struct vmcb *b, uint32_t len)
{
    b->rip += len;
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
    const struct vmcb *b = &s->vmcb;
    uint64_t linear = b->rip + b->seg[SEG_CS].base;
    const struct svm_insn *i = svm_insn_slot(s, linear);
    if (likely(i->linear == linear && i->cr3 == b->cr3 && i->code == code))
        return i->len;
    i = svm_insn_slot(s, linear ^ 1);                /* where svm_complete moved it */
    if (i->linear == linear && i->cr3 == b->cr3 && i->code == code)
        return i->len;
    uint64_t len = b->next_rip - b->rip;
    return len >= 1 && len <= 15 ? (uint32_t)len : 0;
}
