/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-x back end of the vCPU. Everything here belongs to the vCPU's CPU, interrupts off, with its VMCS current.
 * The VMCS of the thread that runs is always current (vmx_switch_in); others borrow the CPU for a moment.
 */
#pragma once

#include "kernel/config.h"
#include "kernel/virt/backend.h"
#include "kernel/virt/vmx/vmx_hw.h"

struct vmx_vcpu {
    /* vmx_entry.S knows these */
    struct vcpu_state *state;    /* 00 const */
    uint64_t host_rsp;           /* 08 what the VMCS has */
    uint32_t launched;           /* 10 since its last VMCLEAR */
    /* C only */
    uint32_t reason;             /* of the exit that left the fast path */
    struct vcpu *vcpu;           /* const */
    uint64_t vmcs_pa;            /* const */
    uint64_t eptp;               /* const */
    uint64_t cr2, dr6;           /* no VMCS field has them; dr6 is in the CPU while vcpu->dr_loaded */
    uint64_t syscall[4];         /* STAR LSTAR CSTAR SFMASK */
    uint64_t kernel_gs_base;     /* in the CPU while msrs_loaded */
    uint32_t msrs_loaded;        /* the CPU holds the guest's system call MSRs */
    uint32_t proc;               /* as the VMCS has it */
    uint32_t apicv;              /* the CPU works on the virtual APIC's page; others read it: atomic */
    ALIGNED(PAGE_SIZE) uint32_t vmcs[PAGE_SIZE / 4];
};
AT(struct vmx_vcpu, state, 0x00);
AT(struct vmx_vcpu, host_rsp, 0x08);
AT(struct vmx_vcpu, launched, 0x10);
_Static_assert(sizeof(struct vmx_vcpu) == 2 * PAGE_SIZE, "two pages");

/* Hangs off percpu()->virt. Own CPU. */
struct vmx_cpu {
    uint32_t vmxon[PAGE_SIZE / 4];
    struct vmx_vcpu *current;    /* whose VMCS is the current one */
    uint64_t owner[MAX_VMS + 1]; /* by VPID: serial of the vCPU that used it last */
};

static inline struct vmx_cpu *vmx_this_cpu(void) { return percpu()->virt; }

/* ---- behind virt.h ---- */
MUST_USE status_t vmx_init_cpu(char reason[96]);
MUST_USE status_t vmx_npt_init(struct ptab *pt);
MUST_USE status_t vmx_vcpu_init(struct vcpu *vcpu);
void vmx_vcpu_free(struct vcpu *vcpu);
MUST_USE status_t vmx_run(struct vcpu *vcpu);
void vmx_state_get(struct vcpu *vcpu, uint32_t groups);
MUST_USE bool vmx_state_set(struct vcpu *vcpu, uint32_t groups);
void vmx_reset(struct vcpu *vcpu);
MUST_USE bool vmx_update(struct vcpu *vcpu);
MUST_USE bool vmx_post(const struct vcpu *vcpu);
bool vmx_wakes(const struct vcpu *vcpu);
void vmx_switch_out(struct vcpu *vcpu, bool last);
void vmx_switch_in(struct vcpu *vcpu);
void vmx_tsc_moved(struct vcpu *vcpu);
MUST_USE bool vmx_extint(struct vcpu *vcpu, uint8_t vector);
void vmx_step(struct vcpu *vcpu, bool on);

/* ---- vmx_caps.c: const after boot ---- */
enum vmx_word { VMX_PIN, VMX_PROC, VMX_PROC2, VMX_EXIT, VMX_ENTRY, VMX_WORDS };
struct vmx_caps {
    uint32_t ctl[VMX_WORDS];     /* control words that every vCPU starts with */
    uint32_t later[VMX_WORDS];   /* and what the CPU offers beyond, for times */
    bool apicv, posted;          /* APIC virtualization, whole; and posted interrupts */
    uint64_t ept_vpid, eptp;     /* IA32_VMX_EPT_VPID_CAP; bits of every EPT pointer */
    uint64_t msr_bitmap_pa[2];   /* [apicv] */
    uint32_t revision;
    uint8_t timer_shift, invept, invvpid;   /* types of invalidation */
    uint64_t host_syscall[4];    /* STAR LSTAR CSTAR SFMASK */
};
extern struct vmx_caps vmx_caps;

/* ---- vmx_entry.S, vmx_run.c ---- */
/* Runs the guest until something is not for the fast path; VMX_FAILED: VMLAUNCH or VMRESUME failed. */
uint32_t vmx_enter(struct vmx_vcpu *vmx);
#define VMX_FAILED  3u
/* Makes the VMCS current for a caller that is not its running home thread. true: give it back. */
MUST_USE struct vmx_vcpu *vmx_borrow(struct vmx_vcpu *vmx);
void vmx_give_back(struct vmx_vcpu *vmx, struct vmx_vcpu *before);
void vmx_msrs_unload(struct vmx_vcpu *vmx);
void vmx_dr_load(struct vmx_vcpu *vmx);          /* DR0-3, DR6: the guest's are in the CPU, MOV DR does not exit */
void vmx_dr_unload(struct vmx_vcpu *vmx);
void vmx_dr6(struct vmx_vcpu *vmx, uint64_t set, uint64_t clear);

/* ---- vmx_state.c ---- */
void vmx_vmcs_init(struct vmx_vcpu *vmx);        /* a cleared VMCS, all but what vcpu_reset sets */
bool vmx_syscall_msr_ok(unsigned index, uint64_t value);

/* ---- vmx_fast.c: the guest's registers rdx, rcx ---- */
uint32_t vmx_fast(struct vmx_vcpu *vmx, struct vcpu_state *state, uint64_t rdx, uint64_t rcx);

/* ---- vmx_exit.c ---- */
MUST_USE enum virt_next vmx_exit(struct vmx_vcpu *vmx);
/* Entry did not take place. */
MUST_USE enum virt_next vmx_refused(struct vmx_vcpu *vmx, uint32_t reason, uint64_t info);

/* ---- vmx_event.c ---- */
void vmx_raise(struct vmx_vcpu *vmx, unsigned vector);  /* an exception; error code 0 where it has one */
void vmx_insn_over(struct vmx_vcpu *vmx);               /* the interrupt shadow and RF end, a single step traps */
void vmx_delivery_cut_short(struct vmx_vcpu *vmx, bool by_exception);
void vmx_inject(struct vmx_vcpu *vmx);                  /* just before entry */
void vmx_arm_apic(struct vmx_vcpu *vmx);                /* the local APIC's vector, now or when the guest can take it */
bool vmx_is_open(const struct vmx_vcpu *vmx);           /* the next entry can inject an external interrupt */
void vmx_window(struct vmx_vcpu *vmx, uint32_t bit, bool on);

/* Behind the instruction. true: vmx_insn_over has something to do. */
static inline MUST_USE bool vmx_move_rip(void)
{
    vmcs_write(VMCS_RIP, vmcs_read(VMCS_RIP) + vmcs_read(VMCS_INSN_LEN));
    return (vmcs_read(VMCS_INTERRUPTIBILITY) & BLOCK_SHADOW) || (vmcs_read(VMCS_RFLAGS) & (RFLAGS_TF | RFLAGS_RF));
}

static inline void vmx_advance(struct vmx_vcpu *x)
{
    if (unlikely(vmx_move_rip()))
        vmx_insn_over(x);
}
