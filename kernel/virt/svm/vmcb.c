/* SPDX-License-Identifier: BSD-2-Clause */
/* What a new VMCB says: which instructions exit and why, and the state after reset. */
#include "kernel/virt/svm/vmcb.h"

#include "kernel/virt/svm/svm.h"

/* Physical events must reach the host. INIT stays pending and hits the host after the exit. */
#define ICPT1_HOST   (ICPT1_INTR | ICPT1_NMI | ICPT1_SMI | ICPT1_INIT | ICPT1_SHUTDOWN | ICPT1_FERR_FREEZE)
/* Emulated or refused. INVD would drop the host's dirty lines; RSM and INVLPGA are not the guest's. Task
 * switches do not exit: the CPU does them right under nested paging. RDTSC does not: tsc_offset. */
#define ICPT1_INSN   (ICPT1_RDPMC | ICPT1_CPUID | ICPT1_RSM | ICPT1_INVD | ICPT1_HLT | ICPT1_INVLPGA | ICPT1_IOIO | \
                      ICPT1_MSR)
/* SVM's own instructions are not offered (#UD); MONITOR and MWAIT would sleep on the host's terms. */
#define ICPT2_INSN   (ICPT2_VMRUN | ICPT2_VMMCALL | ICPT2_VMLOAD | ICPT2_VMSAVE | ICPT2_STGI | ICPT2_CLGI | \
                      ICPT2_SKINIT | ICPT2_WBINVD | ICPT2_MONITOR | ICPT2_MWAIT | ICPT2_MWAIT_ARMED | ICPT2_XSETBV | \
                      ICPT2_RDPRU)
#define ICPT3_INSN   (ICPT3_INVLPGB | ICPT3_MCOMMIT | ICPT3_TLBSYNC)
/* #DB and #AC: a guest whose handler raises them again would keep the CPU in microcode for ever
 * (CVE-2015-8104, CVE-2015-5307). #MC is the machine's. */
#define ICPT_EXC     (BIT32(EXC_DB) | BIT32(EXC_AC) | BIT32(EXC_MC))

/* Segment attributes as the VMCB has them: P, S, type; D and G where wanted. */
#define ATTR_CODE    0x9bu
#define ATTR_DATA    0x93u
#define ATTR_LDT     0x82u
#define ATTR_TSS     0x8bu
#define CR0_RESET    (CR0_CD | CR0_NW | 0x10ull)
#define CPU_FAMILY   0x00000600u      /* rdx after reset; the VMM's CPUID has the real one */

static struct vmcb_seg real_segment(uint16_t attr) { return (struct vmcb_seg){ .attr = attr, .limit = 0xffff }; }

void vmcb_init(struct svm_vcpu *s)
{
    struct vmcb *b = s->vmcb;
    b->icpt_dr = ICPT_DR_ALL;
    b->icpt_exc = ICPT_EXC;
    b->icpt_misc1 = ICPT1_HOST | ICPT1_INSN;
    b->icpt_misc2 = ICPT2_INSN;
    b->icpt_misc3 = ICPT3_INSN;
    b->iopm_pa = svm_iopm_pa;
    b->msrpm_pa = svm_msrpm_pa;
    b->np_enable = 1;
    b->g_pat = PAT_RESET;
    s->pat = PAT_RESET;
    s->xcr0 = 1;
    vmcb_reset(s);
}

/* [SDM3 table 9-1], [APM2 table 14-1]. PAT, TSC and XCR0 keep their values. */
void vmcb_reset(struct svm_vcpu *s)
{
    struct vmcb *b = s->vmcb;
    b->es = b->ss = b->ds = b->fs = b->gs = real_segment(ATTR_DATA);
    b->cs = (struct vmcb_seg){ .sel = 0xf000, .attr = ATTR_CODE, .limit = 0xffff, .base = 0xffff0000 };
    b->gdtr = b->idtr = real_segment(0);
    b->ldtr = real_segment(ATTR_LDT);
    b->tr = real_segment(ATTR_TSS);
    b->cpl = 0;
    b->efer = EFER_SVME;
    b->cr0 = CR0_RESET;
    b->cr2 = b->cr3 = b->cr4 = 0;
    b->dr6 = DR6_FIXED;
    b->dr7 = DR7_FIXED;
    b->rflags = RFLAGS_FIXED;
    b->rip = 0xfff0;
    b->rsp = b->rax = 0;
    b->star = b->lstar = b->cstar = b->sfmask = b->kernel_gs_base = 0;
    b->sysenter_cs = b->sysenter_esp = b->sysenter_eip = 0;
    b->int_ctl = V_INTR_MASKING;
    b->int_vector = 0;
    b->int_state = 0;
    b->event_inj = 0;
    b->exit_int_info = 0;
    b->icpt_misc1 &= ~(ICPT1_VINTR | ICPT1_IRET);
    b->icpt_cr = SVM_ICPT_CR;
    s->cr8_given = 0;
    s->virq = VIRQ_NONE;
    s->nmi = NMI_OPEN;
    s->event = 0;
    s->want_len = 0;
    s->look_again = 0;
    s->shadow_rip = ~UINT64_C(0);
    for (unsigned i = 0; i < GPR_COUNT; i++)
        s->state->gpr[i] = i == GPR_RDX ? CPU_FAMILY : 0;
    for (unsigned i = 0; i < 4; i++)
        s->dr[i] = 0;
}
