/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUID feature bits that a guest may see. A bit that is not listed is hidden;
 * each listed one needs nothing beyond what the kernel switches or passes.
 */
#pragma once

#include "kernel/lib/base.h"

#define B32(n) BIT32(n)

/* Leaf 1 ECX [SDM2 CPUID table 3-10]: SSE3 PCLMULQDQ SSSE3 FMA CX16 PCID SSE4.1 SSE4.2 MOVBE POPCNT
 * AES XSAVE AVX F16C RDRAND. Hidden: MONITOR, VMX, SMX, EST, TM2, PDCM, DCA. */
#define CPUID_1_ECX  (B32(0) | B32(1) | B32(9) | B32(12) | B32(13) | B32(17) | B32(19) | B32(20) | B32(22) \
                      | B32(23) | B32(25) | B32(26) | B32(28) | B32(29) | B32(30))
#define CPUID_1_ECX_X2APIC        B32(21)
#define CPUID_1_ECX_TSC_DEADLINE  B32(24)
#define CPUID_1_ECX_XSAVE         B32(26)
#define CPUID_1_ECX_HYPERVISOR    B32(31)

/* Leaf 1 EDX: FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR
 * SSE SSE2 SS. Hidden: PSN, DS, ACPI (thermal), TM, PBE. */
#define CPUID_1_EDX  (MASK32(9, 0) | MASK32(17, 11) | B32(19) | MASK32(27, 23))
#define CPUID_1_EDX_HTT           B32(28)

/* Leaf 7.0 EBX: FSGSBASE BMI1 AVX2 SMEP BMI2 ERMS INVPCID AVX512F AVX512DQ RDSEED ADX SMAP AVX512IFMA
 * CLFLUSHOPT CLWB AVX512CD SHA AVX512BW AVX512VL. Hidden: TSC_ADJUST, SGX, HLE, RTM, PQM, MPX, PT. */
#define CPUID_7_EBX  (B32(0) | B32(3) | B32(5) | MASK32(10, 7) | MASK32(21, 16) | B32(23) | B32(24) \
                      | MASK32(31, 28))
/* Leaf 7.0 ECX: AVX512_VBMI UMIP AVX512_VBMI2 GFNI VAES VPCLMULQDQ VNNI BITALG VPOPCNTDQ. Hidden: PKU
 * (OSPKE changes at run time), WAITPKG, CET, LA57, RDPID, bus lock. */
#define CPUID_7_ECX  (B32(1) | B32(2) | B32(6) | MASK32(12, 8) | B32(14))
/* Leaf 7.0 EDX: AVX512_4VNNIW AVX512_4FMAPS FSRM VP2INTERSECT MD_CLEAR SERIALIZE. Hidden:
 * speculation controls (26, 27, 29, 31): their MSRs are not the guest's. */
#define CPUID_7_EDX  (B32(2) | B32(3) | B32(4) | B32(8) | B32(10) | B32(14))

/* Leaf D.0 XCR0 [SDM1 13.1]: x87 SSE AVX, AVX-512's three. Hidden: MPX, PKRU, AMX. */
#define CPUID_XCR0   (MASK32(2, 0) | MASK32(7, 5))
/* Leaf D.1 EAX: XSAVEOPT XSAVEC XGETBV1 XSAVES, for its format: no bit of IA32_XSS can be set. Hidden: XFD. */
#define CPUID_D1_EAX MASK32(3, 0)

/* Leaf 80000001 ECX: LAHF CR8L ABM SSE4A MISALIGNSSE 3DNOWPREFETCH. Hidden: SVM, OSVW, IBS, SKINIT, WDT,
 * TOPOEXT (its leaf has no per-vCPU form here), performance counters, MWAITX. */
#define CPUID_81_ECX (B32(0) | MASK32(8, 4))
/* Leaf 80000001 EDX: SYSCALL NX MMXEXT FFXSR 1GB RDTSCP LM; AMD repeats leaf 1's low bits too. */
#define CPUID_81_EDX (B32(11) | B32(20) | B32(22) | MASK32(27, 25) | B32(29))
#define CPUID_81_EDX_AMD (CPUID_81_EDX | MASK32(9, 0) | MASK32(17, 12) | MASK32(24, 23))

/* Leaf 80000008 EBX: CLZERO XSAVEERPTR. */
#define CPUID_88_EBX (B32(0) | B32(2))

/* Largest guest-physical space that the kernel maps. */
#define CPUID_PHYS_BITS_MAX  40u

