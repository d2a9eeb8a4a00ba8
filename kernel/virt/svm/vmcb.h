/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtual machine control block [APM2 B]: hardware's layout, and the words in it. */
#pragma once

#include "kernel/virt/backend.h"

struct vmcb {
    /* control area [APM2 B, table B-1] */
    uint32_t icpt[6];                /* 000 one bit for each exit code below C0h: vmcb_intercept */
    uint8_t  rsvd_018[0x40 - 0x18];
    uint64_t iopm_pa, msrpm_pa;      /* 040 */
    uint64_t tsc_offset;             /* 050 */
    uint32_t asid, tlb_control;      /* 058 TLB_* */
    uint32_t int_ctl, int_vector;    /* 060 V_* */
    uint64_t int_state;              /* 068 INT_SHADOW */
    uint64_t exit_code;              /* 070 enum svm_exit_code; compare the low half */
    uint64_t exit_info1, exit_info2; /* 078 */
    uint64_t exit_int_info;          /* 088 EVENT_* [APM2 15.20] */
    uint64_t np_enable;              /* 090 */
    uint8_t  rsvd_098[0xa8 - 0x98];
    uint64_t event_inj;              /* 0a8 EVENT_* */
    uint64_t ncr3;                   /* 0b0 */
    uint64_t lbr_ctl, clean;         /* 0b8 stay 0: no LBR; everything may have changed */
    uint64_t next_rip;               /* 0c8 */
    uint8_t  bytes_len, bytes[15];   /* 0d0 */
    uint8_t  rsvd_0e0[0x400 - 0xe0];
    /* state save area [APM2 B, table B-2] */
    struct vcpu_segment seg[SEG_COUNT]; /* 400 */
    uint8_t  rsvd_4a0[0x4cb - 0x4a0];
    uint8_t  cpl;                    /* 4cb */
    uint32_t rsvd_4cc;
    uint64_t efer;                   /* 4d0 */
    uint8_t  rsvd_4d8[0x548 - 0x4d8];
    uint64_t cr4, cr3, cr0;          /* 548 */
    uint64_t dr7, dr6, rflags, rip;  /* 560 */
    uint8_t  rsvd_580[0x5d8 - 0x580];
    uint64_t rsp;                    /* 5d8 */
    uint8_t  rsvd_5e0[0x5f8 - 0x5e0];
    uint64_t rax;                    /* 5f8 */
    struct vcpu_msrs msr;            /* 600 */
    uint64_t cr2;                    /* 640 */
    uint8_t  rsvd_648[0x668 - 0x648];
    uint64_t g_pat;                  /* 668 */
    uint8_t  rsvd_670[0x1000 - 0x670];
};
AT(struct vmcb, iopm_pa, 0x040);
AT(struct vmcb, event_inj, 0x0a8);
AT(struct vmcb, bytes, 0x0d1);
AT(struct vmcb, seg, 0x400);
AT(struct vmcb, efer, 0x4d0);
AT(struct vmcb, rip, 0x578);
AT(struct vmcb, rsp, 0x5d8);
AT(struct vmcb, msr, 0x600);
AT(struct vmcb, g_pat, 0x668);
_Static_assert(sizeof(struct vmcb) == PAGE_SIZE, "a VMCB is one page");

/* [APM2 C] Of these, the ones below C0h are also bit numbers in icpt [APM2 15.9-15.13]. */
enum svm_exit_code {
    SVM_EXIT_CR_WRITE = 0x010, SVM_EXIT_DR_READ = 0x020, SVM_EXIT_EXC = 0x040,      /* + register, vector */
    SVM_EXIT_INTR = 0x060, SVM_EXIT_NMI, SVM_EXIT_SMI, SVM_EXIT_INIT, SVM_EXIT_VINTR,
    SVM_EXIT_RDPMC = 0x06f, SVM_EXIT_CPUID = 0x072, SVM_EXIT_RSM, SVM_EXIT_IRET,
    SVM_EXIT_INVD = 0x076, SVM_EXIT_HLT = 0x078, SVM_EXIT_INVLPGA = 0x07a, SVM_EXIT_IOIO, SVM_EXIT_MSR,
    SVM_EXIT_FERR_FREEZE = 0x07e, SVM_EXIT_SHUTDOWN, SVM_EXIT_VMRUN, SVM_EXIT_VMMCALL, SVM_EXIT_VMLOAD,
    SVM_EXIT_VMSAVE, SVM_EXIT_STGI, SVM_EXIT_CLGI, SVM_EXIT_SKINIT, SVM_EXIT_WBINVD = 0x089, SVM_EXIT_MONITOR,
    SVM_EXIT_MWAIT, SVM_EXIT_MWAIT_ARMED, SVM_EXIT_XSETBV, SVM_EXIT_RDPRU,
    SVM_EXIT_INVLPGB = 0x0a0, SVM_EXIT_MCOMMIT = 0x0a3, SVM_EXIT_TLBSYNC = 0x0a4, SVM_EXIT_NPF = 0x400
};
#define SVM_EXIT_INVALID   0xffffffffu

static inline void vmcb_intercept(struct vmcb *b, uint32_t code, bool on)
{
    uint32_t *word = &b->icpt[code / 32];
    *word = (*word & ~BIT32(code % 32)) | (uint32_t)on << code % 32;
}
#define ICPT_DR            1         /* the word with all accesses to debug registers */
#define ICPT_DR_ALL        0x00ff00ffu

#define TLB_FLUSH_ALL      1u        /* every ASID [APM2 15.16.2] */
#define TLB_FLUSH_ASID     3u        /* needs flush-by-ASID */

/* Virtual interrupt control [APM2 15.21.4] */
#define V_TPR              MASK32(3, 0)
#define V_IRQ              BIT32(8)
#define V_INTR_PRIO        MASK32(19, 16)
#define V_IGN_TPR          BIT32(20)
#define V_INTR_MASKING     BIT32(24)
#define INT_SHADOW         BIT64(0)

/* EXITINFO1 of IOIO [APM2 15.10.2] */
#define IOIO_IN            BIT64(0)
#define IOIO_STRING        BIT64(2)
#define IOIO_SIZE          MASK64(6, 4)      /* 1, 2, 4 */
#define IOIO_PORT          MASK64(31, 16)

/* EXITINFO1 of a nested page fault [APM2 15.25.6] */
#define NPF_PRESENT        BIT64(0)
#define NPF_RESERVED       BIT64(3)
#define NPF_FETCH          BIT64(4)
#define NPF_PT_WALK        BIT64(33)

#define EFER_SVME          BIT64(12)
