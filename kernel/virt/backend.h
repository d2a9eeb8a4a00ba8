/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both back ends need and do in the same way. Owner CPU, interrupts off. Values from the shared page are
 * read once and judged here; what a back end then stores no CPU would refuse for its own sake.
 */
#pragma once

#include "kernel/arch/cpu.h"
#include "kernel/virt/vcpu.h"

/* Architectural bits that the checks name */
#define RFLAGS_FIXED       BIT64(1)
#define RFLAGS_TF          BIT64(8)
#define RFLAGS_IF          BIT64(9)
#define RFLAGS_RF          BIT64(16)
#define RFLAGS_DEFINED     0x3f7fd5ull       /* all defined bits, bit 1 apart */
#define DR6_BS             BIT64(14)
#define DR6_FIXED          0xffff0ff0ull
#define DR6_SETTABLE       (MASK64(3, 0) | MASK64(15, 13))
#define DR7_FIXED          0x400ull
#define DR7_GD             BIT64(13)
#define DR7_SETTABLE       (MASK64(31, 16) | MASK64(13, 13) | MASK64(9, 0))
#define DR7_BREAKPOINTS    0xffull
#define EFER_GUEST         0xd01ull          /* SCE LME LMA NXE: what a guest may see */
#define PAT_RESET          0x0007040600070406ull
#define ATTR_BITS          0x0fffu
#define RESET_CS           0xf000u           /* where a CPU starts [SDM3 table 9-1] */
#define RESET_CS_BASE      0xffff0000u
#define RESET_RIP          0xfff0u
#define MSR_TSC_AUX        0xc0000103u

enum { EXC_DB = 1, EXC_NMI = 2, EXC_BP = 3, EXC_OF = 4, EXC_UD = 6, EXC_GP = 13, EXC_AC = 17, EXC_MC = 18 };
#define EXC_HAS_ERROR(v)   ((BIT32(8) | MASK32(14, 10) | BIT32(EXC_AC)) >> (v) & 1)   /* [SDM3 table 6-1] */

enum virt_next { VIRT_RESUME, VIRT_USER };       /* what a handled exit leads to */
enum fast_result { FAST_RESUME, FAST_ATTENTION, FAST_EXIT };    /* the first two: thread->attention, 0 or 1 */
static inline uint32_t vcpu_fast_done(const struct vcpu *v)
{ return __atomic_load_n(&v->thread->attention, __ATOMIC_RELAXED); }

static inline bool is_canonical(uint64_t a) { return (uint64_t)((int64_t)(a << 16) >> 16) == a; }
static inline uint64_t once(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
/* The loop looks at everything before the next entry. */
static inline void vcpu_attend_soon(struct vcpu *v) { __atomic_store_n(&v->thread->attention, 1, __ATOMIC_RELAXED); }

/* ---- state ---- */
bool vcpu_pat_ok(uint64_t pat);
bool vcpu_xcr0_ok(uint64_t xcr0);
struct vcpu_crs { uint64_t cr0, cr2, cr3, cr4, efer; };
/* The group VS_CR of the page, LMA as the CPU would compute it. false: no CPU accepts it. */
MUST_USE bool vcpu_crs_in(const struct vcpu_state *state, struct vcpu_crs *out);
/* pending_event of the page; the #DB of a VMM is a single step. false: cannot be injected. */
MUST_USE bool vcpu_event_in(struct vcpu *vcpu, uint64_t event);
/* INIT and power-on [SDM3 table 9-1] with CS and rip as said: back end and page. */
void vcpu_reset(struct vcpu *vcpu, uint16_t cs, uint64_t cs_base, uint64_t rip);

/* The groups that the VMM wrote since the last run. false: refused. */
MUST_USE bool vcpu_take_dirty(struct vcpu *vcpu);

/* DR0-3: between CPU and vcpu->dr. */
void vcpu_dr_load(struct vcpu *vcpu);
void vcpu_dr_unload(struct vcpu *vcpu);

/* ---- entry ---- */
/* From here on hardware may use the nested table. true: the TLB may hold an older user of the ASID or VPID, whose owner
 * on this CPU is *owner, or translations that were taken away: flush. Partner: vm.c shoot. */
static inline MUST_USE bool vcpu_enters(struct vcpu *v, uint64_t *owner)
{
    (void)__atomic_exchange_n(&v->in_guest, 1, __ATOMIC_SEQ_CST);
    const uint32_t gen = __atomic_load_n(&v->vm->tlb_gen, __ATOMIC_SEQ_CST);
    if (likely(v->tlb_seen == gen && *owner == v->serial))
        return false;
    *owner = v->serial;
    __atomic_store_n(&v->tlb_seen, gen, __ATOMIC_SEQ_CST);
    return true;
}

/* Back, after spent ticks of the TSC. */
static inline void vcpu_left(struct vcpu *v, uint64_t spent)
{
    v->stats.guest_tsc += spent;
    percpu()->guest_tsc += spent;
    __atomic_store_n(&v->in_guest, 0, __ATOMIC_RELEASE);
}

/* ---- exits ---- */
/* Ends in user mode: fills the record's reason and the groups that it needs. */
MUST_USE enum virt_next vcpu_to_user(struct vcpu *vcpu, enum vcpu_exit_reason reason, uint32_t code, uint64_t info1,
                                     uint64_t info2);
/* HLT: the loop blocks. */
void vcpu_halt(struct vcpu *vcpu);
/* Answers CPUID in the page. */
void vcpu_cpuid(struct vcpu *vcpu, uint32_t leaf, uint32_t sub, uint64_t cr4);
/* The answer where it is known, else NULL: a fixed row, or leaf 1 as it was for this CR4 and APIC base. */
static inline const struct vm_cpuid *vcpu_cpuid_ready(const struct vcpu *v, uint32_t leaf, uint64_t cr4)
{
    const struct vm_cpuid *row = vm_cpuid_row(v->vm, leaf);
    if (likely(row && row->rsvd == VM_CPUID_FIXED))
        return row;
    return leaf == v->leaf1.row.leaf && cr4 == v->leaf1.cr4 && v->lapic.base == v->leaf1.base ? &v->leaf1.row : NULL;
}

/* ---- vcpu_msr.c: MSRs that are the same on both ---- */
enum msr_result { MSR_DONE, MSR_GP, MSR_USER };
MUST_USE enum msr_result vcpu_msr(struct vcpu *vcpu, uint32_t msr, bool write, uint64_t *value);
/* Behind the instruction of len bytes: the value goes to the guest, or it is for the VMM. */
MUST_USE enum virt_next vcpu_msr_done(struct vcpu *vcpu, enum msr_result r, uint32_t msr, bool write, uint64_t value,
                                      uint32_t len);
/* What WRMSR or XSETBV writes. */
static inline uint64_t vcpu_msr_value(const struct vcpu *v)
{ return once(&v->state->gpr[GPR_RDX]) << 32 | (uint32_t)once(&v->state->gpr[GPR_RAX]); }
/* A write to a hot x2APIC register that needs nobody else. false: nothing was done. */
MUST_USE bool vcpu_msr_hot(struct vcpu *vcpu, uint32_t msr, uint64_t value);
