/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual machine control block [APM2 B]: hardware's layout, and the words in it. */
#pragma once

#include "kernel/lib/base.h"

struct vmcb_seg {                    /* same form as struct vcpu_segment */
    uint16_t sel, attr;
    uint32_t limit;
    uint64_t base;
};

struct vmcb {
    /* control area [APM2 B, table B-1] */
    uint32_t icpt_cr;                /* 000 reads 15:0, writes 31:16 */
    uint32_t icpt_dr;                /* 004 same */
    uint32_t icpt_exc;               /* 008 */
    uint32_t icpt_misc1;             /* 00c ICPT1_* */
    uint32_t icpt_misc2;             /* 010 ICPT2_* */
    uint32_t icpt_misc3;             /* 014 ICPT3_* */
    uint8_t  rsvd_018[0x40 - 0x18];
    uint64_t iopm_pa;                /* 040 */
    uint64_t msrpm_pa;               /* 048 */
    uint64_t tsc_offset;             /* 050 */
    uint32_t asid;                   /* 058 */
    uint32_t tlb_control;            /* 05c TLB_* */
    uint32_t int_ctl;                /* 060 V_* */
    uint32_t int_vector;             /* 064 */
    uint64_t int_state;              /* 068 INT_SHADOW */
    uint64_t exit_code;              /* 070 SVM_EXIT_*; compare the low half */
    uint64_t exit_info1;             /* 078 */
    uint64_t exit_info2;             /* 080 */
    uint64_t exit_int_info;          /* 088 INJ_* */
    uint64_t np_enable;              /* 090 */
    uint8_t  rsvd_098[0xa8 - 0x98];
    uint64_t event_inj;              /* 0a8 INJ_* */
    uint64_t ncr3;                   /* 0b0 */
    uint64_t lbr_ctl;                /* 0b8 */
    uint64_t clean;                  /* 0c0 0 = everything may have changed */
    uint64_t next_rip;               /* 0c8 */
    uint8_t  bytes_len;              /* 0d0 */
    uint8_t  bytes[15];              /* 0d1 */
    uint8_t  rsvd_0e0[0x400 - 0xe0];
    /* state save area [APM2 B, table B-2] */
    struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;  /* 400 */
    uint8_t  rsvd_4a0[0x4cb - 0x4a0];
    uint8_t  cpl;                    /* 4cb */
    uint32_t rsvd_4cc;
    uint64_t efer;                   /* 4d0 */
    uint8_t  rsvd_4d8[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0;          /* 548 */
    uint64_t dr7, dr6;               /* 560 */
    uint64_t rflags, rip;            /* 570 */
    uint8_t  rsvd_580[0x5d8 - 0x580];
    uint64_t rsp;                    /* 5d8 */
    uint8_t  rsvd_5e0[0x5f8 - 0x5e0];
    uint64_t rax;                    /* 5f8 */
    uint64_t star, lstar, cstar, sfmask;                       /* 600 */
    uint64_t kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip; /* 620 */
    uint64_t cr2;                    /* 640 */
    uint8_t  rsvd_648[0x668 - 0x648];
    uint64_t g_pat;                  /* 668 */
    uint8_t  rsvd_670[0x1000 - 0x670];
};
AT(struct vmcb, iopm_pa, 0x040);
AT(struct vmcb, asid, 0x058);
AT(struct vmcb, int_ctl, 0x060);
AT(struct vmcb, exit_code, 0x070);
AT(struct vmcb, np_enable, 0x090);
AT(struct vmcb, event_inj, 0x0a8);
AT(struct vmcb, next_rip, 0x0c8);
AT(struct vmcb, bytes, 0x0d1);
AT(struct vmcb, es, 0x400);
AT(struct vmcb, tr, 0x490);
AT(struct vmcb, cpl, 0x4cb);
AT(struct vmcb, efer, 0x4d0);
AT(struct vmcb, cr4, 0x548);
AT(struct vmcb, dr7, 0x560);
AT(struct vmcb, rip, 0x578);
AT(struct vmcb, rsp, 0x5d8);
AT(struct vmcb, rax, 0x5f8);
AT(struct vmcb, star, 0x600);
AT(struct vmcb, kernel_gs_base, 0x620);
AT(struct vmcb, cr2, 0x640);
AT(struct vmcb, g_pat, 0x668);
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "a VMCB is one page");

/* Intercepts [APM2 15.9-15.13] */
#define ICPT_CR_WRITE(n)   BIT32(16 + (n))
#define ICPT_DR_ALL        0x00ff00ffu
#define ICPT1_INTR         BIT32(0)
#define ICPT1_NMI          BIT32(1)
#define ICPT1_SMI          BIT32(2)
#define ICPT1_INIT         BIT32(3)
#define ICPT1_VINTR        BIT32(4)
#define ICPT1_RDPMC        BIT32(15)
#define ICPT1_CPUID        BIT32(18)
#define ICPT1_RSM          BIT32(19)
#define ICPT1_IRET         BIT32(20)
#define ICPT1_INVD         BIT32(22)
#define ICPT1_HLT          BIT32(24)
#define ICPT1_INVLPGA      BIT32(26)
#define ICPT1_IOIO         BIT32(27)
#define ICPT1_MSR          BIT32(28)
#define ICPT1_FERR_FREEZE  BIT32(30)
#define ICPT1_SHUTDOWN     BIT32(31)
#define ICPT2_VMRUN        BIT32(0)
#define ICPT2_VMMCALL      BIT32(1)
#define ICPT2_VMLOAD       BIT32(2)
#define ICPT2_VMSAVE       BIT32(3)
#define ICPT2_STGI         BIT32(4)
#define ICPT2_CLGI         BIT32(5)
#define ICPT2_SKINIT       BIT32(6)
#define ICPT2_WBINVD       BIT32(9)
#define ICPT2_MONITOR      BIT32(10)
#define ICPT2_MWAIT        BIT32(11)
#define ICPT2_MWAIT_ARMED  BIT32(12)
#define ICPT2_XSETBV       BIT32(13)
#define ICPT2_RDPRU        BIT32(14)
#define ICPT3_INVLPGB      BIT32(0)
#define ICPT3_MCOMMIT      BIT32(3)
#define ICPT3_TLBSYNC      BIT32(4)

#define TLB_KEEP           0u
#define TLB_FLUSH_ALL      1u        /* every ASID [APM2 15.16.2] */
#define TLB_FLUSH_ASID     3u        /* needs flush-by-ASID */

/* Virtual interrupt control [APM2 15.21.4] */
#define V_TPR              MASK32(7, 0)
#define V_TPR_CLASS        MASK32(3, 0)
#define V_IRQ              BIT32(8)
#define V_INTR_PRIO        MASK32(19, 16)
#define V_IGN_TPR          BIT32(20)
#define V_INTR_MASKING     BIT32(24)
#define INT_SHADOW         BIT64(0)

/* EVENTINJ and EXITINTINFO [APM2 15.20]; error code in the upper half */
#define INJ_VECTOR         MASK64(7, 0)
#define INJ_TYPE           MASK64(10, 8)
#define INJ_HAS_ERROR      BIT64(11)
#define INJ_VALID          BIT64(31)
#define INJ_TYPE_INTR      0u
#define INJ_TYPE_NMI       2u
#define INJ_TYPE_EXC       3u
#define INJ_TYPE_SOFT      4u
#define INJ(type, vec)     (INJ_VALID | (uint64_t)(type) << 8 | (uint64_t)(vec))

/* Exit codes [APM2 C] */
#define SVM_EXIT_CR_READ    0x000u   /* + n, 16 of them */
#define SVM_EXIT_CR_WRITE   0x010u
#define SVM_EXIT_DR_READ    0x020u
#define SVM_EXIT_DR_WRITE   0x030u
#define SVM_EXIT_EXC        0x040u   /* + vector */
#define SVM_EXIT_INTR       0x060u
#define SVM_EXIT_NMI        0x061u
#define SVM_EXIT_SMI        0x062u
#define SVM_EXIT_INIT       0x063u
#define SVM_EXIT_VINTR      0x064u
#define SVM_EXIT_CR0_SEL    0x065u
#define SVM_EXIT_RDPMC      0x06fu
#define SVM_EXIT_CPUID      0x072u
#define SVM_EXIT_RSM        0x073u
#define SVM_EXIT_IRET       0x074u
#define SVM_EXIT_INVD       0x076u
#define SVM_EXIT_HLT        0x078u
#define SVM_EXIT_INVLPGA    0x07au
#define SVM_EXIT_IOIO       0x07bu
#define SVM_EXIT_MSR        0x07cu
#define SVM_EXIT_FERR       0x07eu
#define SVM_EXIT_SHUTDOWN   0x07fu
#define SVM_EXIT_VMRUN      0x080u
#define SVM_EXIT_VMMCALL    0x081u
#define SVM_EXIT_SKINIT     0x086u
#define SVM_EXIT_WBINVD     0x089u
#define SVM_EXIT_MONITOR    0x08au
#define SVM_EXIT_MWAIT      0x08bu
#define SVM_EXIT_MWAIT_ARMED 0x08cu
#define SVM_EXIT_XSETBV     0x08du
#define SVM_EXIT_RDPRU      0x08eu
#define SVM_EXIT_INVLPGB    0x0a0u
#define SVM_EXIT_MCOMMIT    0x0a3u
#define SVM_EXIT_TLBSYNC    0x0a4u
#define SVM_EXIT_NPF        0x400u
#define SVM_EXIT_INVALID    0xffffffffu

/* EXITINFO1 of IOIO [APM2 15.10.2] */
#define IOIO_IN            BIT64(0)
#define IOIO_STRING        BIT64(2)
#define IOIO_SIZE          MASK64(6, 4)      /* 1, 2, 4 */
#define IOIO_PORT          MASK64(31, 16)

/* EXITINFO1 of a nested page fault [APM2 15.25.6] */
#define NPF_WRITE          BIT64(1)
#define NPF_RESERVED       BIT64(3)
#define NPF_FETCH          BIT64(4)
#define NPF_PT_WALK        BIT64(33)

/* Architectural bits that the checks name */
#define RFLAGS_FIXED       BIT64(1)
#define RFLAGS_TF          BIT64(8)
#define RFLAGS_IF          BIT64(9)
#define RFLAGS_RF          BIT64(16)
#define RFLAGS_DEFINED     0x3f7fd5ull       /* all defined bits, bit 1 apart */
#define DR6_BS             BIT64(14)
#define DR6_FIXED          0xffff0ff0ull
#define DR7_FIXED          0x400ull
#define DR7_BREAKPOINTS    0xffull
#define EFER_SVME          BIT64(12)
#define EFER_LMA           BIT64(10)
#define EFER_GUEST         0xd01ull          /* SCE LME LMA NXE: what a guest may see */
#define PAT_RESET          0x0007040600070406ull

#define EXC_DB   1u
#define EXC_BP   3u
#define EXC_OF   4u
#define EXC_UD   6u
#define EXC_GP  13u
#define EXC_AC  17u
#define EXC_MC  18u

