/* SPDX-License-Identifier: BSD-2-Clause */
/* Model-specific registers and control bits that the host side uses [SDM4 2], [APM2 A]. */
#pragma once

#define MSR_APIC_BASE        0x01bu
#define   APIC_BASE_X2       0x400u
#define   APIC_BASE_ENABLE   0x800u
#define MSR_SPEC_CTRL        0x048u
#define   SPEC_CTRL_IBRS     0x1u
#define   SPEC_CTRL_STIBP    0x2u
#define MSR_PRED_CMD         0x049u
#define   PRED_CMD_IBPB      0x1u
#define MSR_ARCH_CAPS        0x10au
#define MSR_FLUSH_CMD        0x10bu
#define   FLUSH_CMD_L1D      0x1u
#define MSR_TSX_CTRL         0x122u
#define   TSX_CTRL_OFF       0x3u       /* transactions abort, CPUID does not offer them */
#define MSR_PAT              0x277u
#define MSR_TSC_DEADLINE     0x6e0u
#define MSR_X2APIC           0x800u      /* + register offset / 16 */
#define MSR_EFER             0xc0000080u
#define   EFER_SCE           0x001u
#define   EFER_LME           0x100u
#define   EFER_LMA           0x400ull   /* used inverted */
#define   EFER_NXE           0x800u
#define   EFER_AUTO_IBRS     0x200000u
#define MSR_STAR             0xc0000081u
#define MSR_LSTAR            0xc0000082u
#define MSR_CSTAR            0xc0000083u
#define MSR_SFMASK           0xc0000084u
#define MSR_GS_BASE          0xc0000101u
#define MSR_KERNEL_GS_BASE   0xc0000102u
#define MSR_DE_CFG           0xc0011029u   /* [LINUX amd.c] what Zenbleed's advisory calls the chicken bit */
#define   DE_CFG_FP_FIX      0x200u
#define MSR_BP_CFG           0xc001102eu
#define   BP_CFG_REDUCE      0x10u
#define MSR_VM_CR            0xc0010114u
#define   VM_CR_SVMDIS       0x10u

#define CR0_PE          0x1ull
#define CR0_MP          0x2ull
#define CR0_EM          0x4ull
#define CR0_TS          0x8ull
#define CR0_NE          0x20ull
#define CR0_WP          0x10000ull
#define CR0_AM          0x40000ull
#define CR0_NW          0x20000000ull
#define CR0_CD          0x40000000ull
#define CR0_PG          0x80000000ull

#define CR4_PAE         0x20ull
#define CR4_MCE         0x40ull
#define CR4_PGE         0x80ull
#define CR4_OSFXSR      0x200ull
#define CR4_OSXMMEXCPT  0x400ull
#define CR4_UMIP        0x800ull
#define CR4_VMXE        0x2000ull
#define CR4_FSGSBASE    0x10000ull
#define CR4_PCIDE       0x20000ull
#define CR4_OSXSAVE     0x40000ull
#define CR4_SMEP        0x100000ull
#define CR4_SMAP        0x200000ull

