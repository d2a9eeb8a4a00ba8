/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMCS fields that are used, one row each [SDM3 B]: the constant, its width (checked against the number), and its name
 * for messages. Behind it the user policy.
 */
#pragma once

#include "kernel/abi/vcpu_state.h"
#include "kernel/lib/base.h"

/* name, width, encoding */
#define VMCS_FIELDS(F) \
    F(VPID, 16, 0x0000) F(HOST_ES, 16, 0x0c00) F(HOST_CS, 16, 0x0c02) F(HOST_SS, 16, 0x0c04) F(HOST_DS, 16, 0x0c06) \
    F(HOST_FS, 16, 0x0c08) F(HOST_GS, 16, 0x0c0a) F(HOST_TR, 16, 0x0c0c) F(ES_SEL, 16, 0x0800) F(CS_SEL, 16, 0x0802) \
    F(SS_SEL, 16, 0x0804) F(DS_SEL, 16, 0x0806) F(FS_SEL, 16, 0x0808) F(GS_SEL, 16, 0x080a) F(LDTR_SEL, 16, 0x080c) \
    F(TR_SEL, 16, 0x080e) \
    F(MSR_BITMAP, 64, 0x2004) F(TSC_OFFSET, 64, 0x2010) F(EPTP, 64, 0x201a) F(XSS_BITMAP, 64, 0x202c) \
    F(ENCLS_BITMAP, 64, 0x202e) F(TSC_MULTIPLIER, 64, 0x2032) F(GPA, 64, 0x2400) F(LINK_POINTER, 64, 0x2800) \
    F(DEBUGCTL, 64, 0x2802) F(PAT, 64, 0x2804) F(EFER, 64, 0x2806) F(PDPTE0, 64, 0x280a) F(PDPTE1, 64, 0x280c) \
    F(PDPTE2, 64, 0x280e) F(PDPTE3, 64, 0x2810) F(HOST_PAT, 64, 0x2c00) F(HOST_EFER, 64, 0x2c02) \
    F(PIN, 32, 0x4000) F(PROC, 32, 0x4002) F(EXC_BITMAP, 32, 0x4004) F(PF_MASK, 32, 0x4006) F(PF_MATCH, 32, 0x4008) \
    F(CR3_TARGETS, 32, 0x400a) F(EXIT_CTL, 32, 0x400c) F(EXIT_STORES, 32, 0x400e) F(EXIT_LOADS, 32, 0x4010) \
    F(ENTRY_CTL, 32, 0x4012) F(ENTRY_LOADS, 32, 0x4014) F(ENTRY_INTR, 32, 0x4016) F(ENTRY_ERROR, 32, 0x4018) \
    F(PROC2, 32, 0x401e) F(INSN_ERROR, 32, 0x4400) F(EXIT_REASON, 32, 0x4402) F(EXIT_INTR, 32, 0x4404) \
    F(IDT_INFO, 32, 0x4408) F(IDT_ERROR, 32, 0x440a) F(INSN_LEN, 32, 0x440c) F(ES_LIMIT, 32, 0x4800) \
    F(CS_LIMIT, 32, 0x4802) F(SS_LIMIT, 32, 0x4804) F(DS_LIMIT, 32, 0x4806) F(FS_LIMIT, 32, 0x4808) \
    F(GS_LIMIT, 32, 0x480a) F(LDTR_LIMIT, 32, 0x480c) F(TR_LIMIT, 32, 0x480e) F(GDTR_LIMIT, 32, 0x4810) \
    F(IDTR_LIMIT, 32, 0x4812) F(ES_AR, 32, 0x4814) F(CS_AR, 32, 0x4816) F(SS_AR, 32, 0x4818) F(DS_AR, 32, 0x481a) \
    F(FS_AR, 32, 0x481c) F(GS_AR, 32, 0x481e) F(LDTR_AR, 32, 0x4820) F(TR_AR, 32, 0x4822) \
    F(INTERRUPTIBILITY, 32, 0x4824) F(ACTIVITY, 32, 0x4826) F(SYSENTER_CS, 32, 0x482a) F(PREEMPT_TIMER, 32, 0x482e) \
    F(HOST_SYSENTER_CS, 32, 0x4c00) \
    F(CR0_MASK, NAT, 0x6000) F(CR4_MASK, NAT, 0x6002) F(CR0_SHADOW, NAT, 0x6004) F(CR4_SHADOW, NAT, 0x6006) \
    F(QUALIFICATION, NAT, 0x6400) F(CR0, NAT, 0x6800) F(CR3, NAT, 0x6802) F(CR4, NAT, 0x6804) F(ES_BASE, NAT, 0x6806) \
    F(CS_BASE, NAT, 0x6808) F(SS_BASE, NAT, 0x680a) F(DS_BASE, NAT, 0x680c) F(FS_BASE, NAT, 0x680e) \
    F(GS_BASE, NAT, 0x6810) F(LDTR_BASE, NAT, 0x6812) F(TR_BASE, NAT, 0x6814) F(GDTR_BASE, NAT, 0x6816) \
    F(IDTR_BASE, NAT, 0x6818) F(DR7, NAT, 0x681a) F(RSP, NAT, 0x681c) F(RIP, NAT, 0x681e) F(RFLAGS, NAT, 0x6820) \
    F(PENDING_DEBUG, NAT, 0x6822) F(SYSENTER_ESP, NAT, 0x6824) F(SYSENTER_EIP, NAT, 0x6826) F(HOST_CR0, NAT, 0x6c00) \
    F(HOST_CR3, NAT, 0x6c02) F(HOST_CR4, NAT, 0x6c04) F(HOST_FS_BASE, NAT, 0x6c06) F(HOST_GS_BASE, NAT, 0x6c08) \
    F(HOST_TR_BASE, NAT, 0x6c0a) F(HOST_GDTR_BASE, NAT, 0x6c0c) F(HOST_IDTR_BASE, NAT, 0x6c0e) \
    F(HOST_SYSENTER_ESP, NAT, 0x6c10) F(HOST_SYSENTER_EIP, NAT, 0x6c12) F(HOST_RSP, NAT, 0x6c14) \
    F(HOST_RIP, NAT, 0x6c16) \
    F(POSTED_VECTOR, 16, 0x0002) F(INTR_STATUS, 16, 0x0810) F(APIC_PAGE, 64, 0x2012) F(POSTED, 64, 0x2016) \
    F(EOI_EXIT0, 64, 0x201c) F(EOI_EXIT1, 64, 0x201e) F(EOI_EXIT2, 64, 0x2020) F(EOI_EXIT3, 64, 0x2022) \
    F(TPR_THRESHOLD, 32, 0x401c)

enum vmcs_width { VMCS_W_16 = 0, VMCS_W_64 = 1, VMCS_W_32 = 2, VMCS_W_NAT = 3 };   /* encoding bits 14:13 [SDM3 B] */
enum vmcs_field {
#define X(n, w, e) VMCS_##n = (e),
    VMCS_FIELDS(X)
#undef X
};
#define X(n, w, e) _Static_assert((((e) >> 13) & 3) == VMCS_W_##w && ((e) & 1) == 0, "VMCS " #n " width");
VMCS_FIELDS(X)
#undef X

/*
 * The user policy: the fields that a vCPU's page shows and sets, and the group of the page that does so. Masks and
 * checks are in vmx_state.c. Any other field is the kernel's alone, ENTRY_IA32E apart, which follows EFER.
 * unit/test_vmx_state holds the code to this.
 */
#define VMCS_PAGE_FIELDS(F) \
    F(RIP, RIP) F(RSP, RIP) F(RFLAGS, RIP) F(INTERRUPTIBILITY, RIP) F(PENDING_DEBUG, RIP) \
    F(CR0, CR) F(CR0_SHADOW, CR) F(CR3, CR) F(CR4, CR) F(CR4_SHADOW, CR) F(EFER, CR) \
    F(PDPTE0, CR) F(PDPTE1, CR) F(PDPTE2, CR) F(PDPTE3, CR) F(DR7, DR) \
    F(SYSENTER_CS, MSR) F(SYSENTER_ESP, MSR) F(SYSENTER_EIP, MSR) F(PAT, MSR) \
    F(ES_SEL, SEG) F(CS_SEL, SEG) F(SS_SEL, SEG) F(DS_SEL, SEG) F(FS_SEL, SEG) F(GS_SEL, SEG) F(LDTR_SEL, SEG) \
    F(TR_SEL, SEG) F(ES_LIMIT, SEG) F(CS_LIMIT, SEG) F(SS_LIMIT, SEG) F(DS_LIMIT, SEG) F(FS_LIMIT, SEG) \
    F(GS_LIMIT, SEG) F(LDTR_LIMIT, SEG) F(TR_LIMIT, SEG) F(GDTR_LIMIT, SEG) F(IDTR_LIMIT, SEG) F(ES_AR, SEG) \
    F(CS_AR, SEG) F(SS_AR, SEG) F(DS_AR, SEG) F(FS_AR, SEG) F(GS_AR, SEG) F(LDTR_AR, SEG) F(TR_AR, SEG) \
    F(ES_BASE, SEG) F(CS_BASE, SEG) F(SS_BASE, SEG) F(DS_BASE, SEG) F(FS_BASE, SEG) F(GS_BASE, SEG) \
    F(LDTR_BASE, SEG) F(TR_BASE, SEG) F(GDTR_BASE, SEG) F(IDTR_BASE, SEG)
enum vmcs_page_group {
#define X(n, g) VMCS_GROUP_##n = VS_##g,
    VMCS_PAGE_FIELDS(X)
#undef X
};

/* A segment's four fields, by enum vcpu_seg: selector, limit, access rights and base are 2 apart [SDM3 B]. */
#define VMCS_SEG_SEL(i)    (VMCS_ES_SEL + 2u * (i))
#define VMCS_SEG_LIMIT(i)  (VMCS_ES_LIMIT + 2u * (i))
#define VMCS_SEG_AR(i)     (VMCS_ES_AR + 2u * (i))
#define VMCS_SEG_BASE(i)   (VMCS_ES_BASE + 2u * (i))

/* ---- controls [SDM3 25.6, 25.7, 25.8] ---- */
#define PIN_EXTINT          BIT32(0)
#define PIN_NMI             BIT32(3)
#define PIN_VIRTUAL_NMI     BIT32(5)
#define PIN_PREEMPT_TIMER   BIT32(6)
#define PIN_POSTED          BIT32(7)
#define PROC_INTR_WINDOW    BIT32(2)
#define PROC_TSC_OFFSET     BIT32(3)
#define PROC_HLT            BIT32(7)
#define PROC_MWAIT          BIT32(10)
#define PROC_RDPMC          BIT32(11)
#define PROC_CR3            (BIT32(15) | BIT32(16))
#define PROC_CR8            (BIT32(19) | BIT32(20))     /* loads and stores */
#define PROC_TPR_SHADOW     BIT32(21)
#define PROC_NMI_WINDOW     BIT32(22)
#define PROC_MOV_DR         BIT32(23)
#define PROC_IO             BIT32(24)       /* every port access exits */
#define PROC_MSR_BITMAP     BIT32(28)
#define PROC_MONITOR        BIT32(29)
#define PROC_SECONDARY      BIT32(31)
#define PROC2_EPT           BIT32(1)
#define PROC2_RDTSCP        BIT32(3)
#define PROC2_APIC          (BIT32(4) | BIT32(8) | BIT32(9))    /* x2APIC mode, registers, delivery [SDM3 30] */
#define PROC2_VPID          BIT32(5)
#define PROC2_WBINVD        BIT32(6)
#define PROC2_UNRESTRICTED  BIT32(7)
#define PROC2_INVPCID       BIT32(12)
#define PROC2_TSC_SCALING   BIT32(25)
#define PROC2_ENCLS         BIT32(15)
#define PROC2_XSAVES        BIT32(20)
#define PROC2_MBEC          BIT32(22)       /* EPT entries: execution in ring 3 by a bit of its own */
#define EXIT_SAVE_DEBUG     BIT32(2)
#define EXIT_HOST_64        BIT32(9)
#define EXIT_ACK_INTR       BIT32(15)
#define EXIT_SAVE_PAT       BIT32(18)
#define EXIT_LOAD_PAT       BIT32(19)
#define EXIT_SAVE_EFER      BIT32(20)
#define EXIT_LOAD_EFER      BIT32(21)
#define ENTRY_LOAD_DEBUG    BIT32(2)
#define ENTRY_IA32E         BIT32(9)
#define ENTRY_LOAD_PAT      BIT32(14)
#define ENTRY_LOAD_EFER     BIT32(15)

/* Interruption information [SDM3 25.8.3, 25.9.2] has the form of EVENT_* (vcpu_state.h), and: */
#define INTR_NMI_UNBLOCK    BIT32(12)       /* in exits: by an IRET that then faulted */
#define INTR_PRIV_EXC       5u              /* type: INT1 */

/* Interruptibility [SDM3 table 25-3], pending debug exceptions [table 25-4], activity */
#define BLOCK_STI           BIT32(0)
#define BLOCK_MOV_SS        BIT32(1)
#define BLOCK_NMI           BIT32(3)
#define BLOCK_SHADOW        (BLOCK_STI | BLOCK_MOV_SS)
#define PENDING_BS          BIT64(14)
#define ACTIVITY_ACTIVE     0u

#define AR_UNUSABLE         BIT32(16)

/* Basic exit reasons [SDM3 C] */
enum vmx_reason {
    VMX_EXC_NMI = 0, VMX_EXTINT, VMX_TRIPLE_FAULT, VMX_INIT, VMX_SIPI, VMX_INTR_WINDOW = 7, VMX_NMI_WINDOW,
    VMX_CPUID = 10, VMX_GETSEC, VMX_HLT, VMX_INVD, VMX_RDPMC = 15, VMX_VMCALL = 18, VMX_VMCLEAR, VMX_VMLAUNCH,
    VMX_VMPTRLD, VMX_VMPTRST, VMX_VMREAD, VMX_VMRESUME, VMX_VMWRITE, VMX_VMXOFF, VMX_VMXON, VMX_CR, VMX_DR, VMX_IO,
    VMX_RDMSR, VMX_WRMSR, VMX_BAD_STATE, VMX_MWAIT = 36, VMX_MONITOR = 39, VMX_MACHINE_CHECK = 41,
    VMX_EPT_VIOLATION = 48, VMX_INVEPT = 50, VMX_PREEMPT_TIMER = 52, VMX_INVVPID, VMX_WBINVD, VMX_XSETBV,
    VMX_APIC_WRITE, VMX_ENCLS = 60
};
#define REASON_ENTRY_FAILED BIT32(31)

/* Qualifications [SDM3 28.2.1] */
#define IOQ_SIZE            MASK64(2, 0)    /* bytes - 1 */
#define IOQ_IN              BIT64(3)
#define IOQ_STRING          BIT64(4)
#define IOQ_PORT            MASK64(31, 16)
#define EPTQ_FETCH          BIT64(2)
#define EPTQ_LINEAR         BIT64(7)
#define EPTQ_FINAL          BIT64(8)        /* with LINEAR: the access itself, not the guest's page walk */
#define EPTQ_NMI_UNBLOCK    BIT64(12)

/* EPT pointer and leaves [SDM3 25.6.11, 29.3.2] */
#define EPTP_WB             UINT64_C(6)
#define EPTP_4_LEVELS       (UINT64_C(3) << 3)
#define EPTP_AD             BIT64(6)        /* keeps accessed and dirty flags */
