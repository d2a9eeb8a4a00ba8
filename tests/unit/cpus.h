/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs as their CPUID and IA32_ARCH_CAPABILITIES describe them, with the microcode of 2024, in what the speculation
 * policy reads. From the vendors' lists of enumerations per model, not from dumps.
 */
#pragma once

#include "kernel/lib/base.h"

#define CAP(n) BIT64(n)
/* RDCL_NO IBRS_ALL SKIP_L1DFL MDS_NO PSCHANGE_MC_NO: what all Intel CPUs since Ice Lake say. */
#define CAPS_2019  (CAP(0) | CAP(1) | CAP(3) | CAP(5) | CAP(6))
#define MMIO_ALL   (CAP(13) | CAP(14) | CAP(15))
/* Leaf 7 EDX: MD_CLEAR, IBRS+IBPB, STIBP, L1D_FLUSH, ARCH_CAPABILITIES, SSBD */
#define EDX_2018   (BIT32(10) | BIT32(26) | BIT32(27) | BIT32(28) | BIT32(31))
#define EDX_2019   (EDX_2018 | BIT32(29))
#define RTM        BIT32(11)
/* 80000008 EBX: IBPB, IBRS, STIBP, SSBD, BTC_NO; 80000021 EAX: VERW_CLEAR, AutoIBRS, IBPB_BRTYPE */
#define EBX8_ZEN1  BIT32(12)
#define EBX8_ZEN2  (BIT32(12) | BIT32(14) | BIT32(15) | BIT32(24))
#define EBX8_ZEN3  (EBX8_ZEN2 | BIT32(29))
#define EAX21_ZEN3 (BIT32(5) | BIT32(28))

struct test_cpu {
    const char *name;
    bool intel;
    uint32_t signature, ecx1, ebx7, edx7, ebx8, eax21, ecx21;
    uint64_t caps;
    uint32_t hypervisor;                 /* EBX of leaf 40000000h */
};

enum { SKYLAKE, SKYLAKE_2017, CASCADE_LAKE, ICE_LAKE, ALDER_LAKE, SAPPHIRE_RAPIDS, ALL_NO, BOCHS_SKYLAKE,
       ZEN1, ZEN2, ZEN3, ZEN3_2020, ZEN4, ZEN5, QEMU_EPYC, KVM_ZEN2, TEST_CPUS };
static const struct test_cpu test_cpus[TEST_CPUS] = {
    [SKYLAKE]         = { "Core i7-6700", true, 0x506e3, 0, RTM, EDX_2018 | BIT32(9), 0, 0, 0, 0, 0 },
    [SKYLAKE_2017]    = { "the same without microcode", true, 0x506e3, 0, RTM, 0, 0, 0, 0, 0, 0 },
    [CASCADE_LAKE]    = { "Xeon 8280", true, 0x50657, 0, RTM, EDX_2019, 0, 0, 0,
                          CAP(0) | CAP(1) | CAP(3) | CAP(5) | CAP(7) | CAP(17) | CAP(25), 0 },
    [ICE_LAKE]        = { "Xeon 8380", true, 0x606a6, 0, RTM, EDX_2019, 0, 0, 0,
                          CAPS_2019 | CAP(7) | CAP(8) | CAP(17) | CAP(25), 0 },
    [ALDER_LAKE]      = { "Core i9-12900", true, 0x90672, 0, 0, EDX_2019, 0, 0, 0,
                          CAPS_2019 | CAP(8) | MMIO_ALL | CAP(26) | CAP(28), 0 },
    [SAPPHIRE_RAPIDS] = { "Xeon 8480", true, 0x806f8, 0, RTM, EDX_2019, 0, 0, 0,
                          CAPS_2019 | CAP(7) | CAP(8) | MMIO_ALL | CAP(26) | CAP(27), 0 },
    [ALL_NO]          = { "an Intel CPU that is safe from all", true, 0xa06d1, 0, 0, EDX_2019 & ~BIT32(10), 0, 0, 0,
                          CAPS_2019 | CAP(4) | CAP(8) | MMIO_ALL | CAP(20) | CAP(24) | CAP(26) | CAP(27) | CAP(62), 0 },
    [BOCHS_SKYLAKE]   = { "Bochs corei7_skylake_x", true, 0x50654, 0, RTM, 0, 0, 0, 0, 0, 0 },
    [ZEN1]            = { "EPYC 7601", false, 0x800f12, 0, 0, 0, EBX8_ZEN1, 0, 0, 0, 0 },
    [ZEN2]            = { "EPYC 7742", false, 0x830f10, 0, 0, 0, EBX8_ZEN2, 0, 0, 0, 0 },
    [ZEN3]            = { "EPYC 7763", false, 0xa00f11, 0, 0, 0, EBX8_ZEN3, EAX21_ZEN3, 0, 0, 0 },
    [ZEN3_2020]       = { "the same without microcode", false, 0xa00f11, 0, 0, 0, EBX8_ZEN3, 0, 0, 0, 0 },
    [ZEN4]            = { "EPYC 9654", false, 0xa10f11, 0, 0, 0, EBX8_ZEN3, EAX21_ZEN3 | BIT32(8), 0, 0, 0 },
    [ZEN5]            = { "EPYC 9755", false, 0xb00f21, 0, 0, 0, EBX8_ZEN3, EAX21_ZEN3 | BIT32(8) | BIT32(30) | BIT32(31), 0, 0, 0 },
    [QEMU_EPYC]       = { "QEMU EPYC", false, 0x800f12, BIT32(31), 0, 0, 0, 0, 0, 0, 0x54474354 },
    [KVM_ZEN2]        = { "EPYC 7742 under KVM", false, 0x830f10, BIT32(31), 0, 0, EBX8_ZEN2, 0, 0, 0, 0x4b4d564b },
};
