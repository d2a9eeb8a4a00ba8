/* SPDX-License-Identifier: BSD-2-Clause */
/* Turning SVM on, and the permission maps that all guests share. */
#include "kernel/arch/cpu.h"
#include "kernel/mm/pmm.h"
#include "kernel/virt/svm/svm.h"

#define MSR_VM_HSAVE_PA  0xc0010117u
#define IOPM_ORDER       2u           /* 12 KiB used */
#define IOPM_BYTES       0x3000u
#define MSRPM_ORDER      1u
#define MSRPM_BYTES      0x2000u

uint64_t svm_iopm_pa, svm_msrpm_pa, svm_cr4_mask;

/* MSRs that a guest reads and writes directly, and why it may. All of them are switched by
 * VMLOAD and VMSAVE, or lie in the VMCB's save area: nothing of the host's is behind them. */
static const uint32_t direct[] = {
    0xc0000100,      /* FS_BASE: each context switch of a 64-bit kernel */
    0xc0000101,      /* GS_BASE: same */
    0xc0000102,      /* KERNEL_GS_BASE: same */
    0xc0000081,      /* STAR: system call entry */
    0xc0000082,      /* LSTAR: same */
    0xc0000083,      /* CSTAR: same */
    0xc0000084,      /* SFMASK: same */
    0x174,           /* SYSENTER_CS: 32-bit system call entry */
    0x175,           /* SYSENTER_ESP: same */
    0x176,           /* SYSENTER_EIP: same */
};

/* [APM2 15.11]: two bits an MSR, three ranges. */
static uint32_t msrpm_bit(uint32_t msr)
{
    if (msr <= 0x1fff)
        return msr * 2;
    KASSERT(msr >= 0xc0000000 && msr <= 0xc0001fff);
    return (0x2000 + msr - 0xc0000000) * 2;
}

static status_t make_maps(void)
{
    uint8_t *io = pmm_alloc_order(IOPM_ORDER), *msr = pmm_alloc_order(MSRPM_ORDER);
    if (!io || !msr)
        return ST_NOSPACE;
    memset(io, 0xff, IOPM_BYTES);
    memset(msr, 0xff, MSRPM_BYTES);
    for (unsigned i = 0; i < ARRAY_LEN(direct); i++) {
        uint32_t bit = msrpm_bit(direct[i]);
        msr[bit / 8] &= (uint8_t)~(3u << bit % 8);
    }
    svm_iopm_pa = pmm_pa(io).v;
    svm_msrpm_pa = pmm_pa(msr).v;
    return ST_OK;
}

/* CR4 bits that this CPU does not fault on [APM2 3.1.3]. */
static uint64_t cr4_known(void)
{
    static const struct { uint32_t leaf; uint8_t reg, bit, cr4; } rows[] = {
        { 1, 2, 26, 18 },    /* XSAVE: OSXSAVE */     { 1, 2, 17, 17 },   /* PCID */
        { 7, 1, 0, 16 },     /* FSGSBASE */           { 7, 1, 7, 20 },    /* SMEP */
        { 7, 1, 20, 21 },    /* SMAP */               { 7, 2, 2, 11 },    /* UMIP */
        { 7, 2, 3, 22 },     /* PKU */
    };
    uint64_t mask = MASK64(10, 0);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (hw_cpuid(0, 0).eax < rows[i].leaf)
            continue;
        struct cpuid_regs r = hw_cpuid(rows[i].leaf, 0);
        if ((rows[i].reg == 1 ? r.ebx : r.ecx) & BIT32(rows[i].bit))
            mask |= BIT64(rows[i].cr4);
    }
    return mask;
}

static status_t refuse(char reason[96], const char *why)
{
    (void)str_copy(reason, 96, why);
    return ST_UNSUPP;
}

static status_t init_cpu(void)
{
    struct svm_cpu *cpu = pmm_alloc();
    void *host = pmm_alloc(), *hsave = pmm_alloc();
    if (!cpu || !host || !hsave)
        return ST_NOSPACE;
    cpu->host_pa = pmm_pa(host).v;
    cpu->hsave_pa = pmm_pa(hsave).v;
    cpu->tsc_aux = ~UINT64_C(0);
    percpu()->virt = cpu;
    hw_wrmsr(MSR_EFER, hw_rdmsr(MSR_EFER) | EFER_SVME);
    hw_wrmsr(MSR_VM_HSAVE_PA, cpu->hsave_pa);
    return ST_OK;
}

status_t svm_init_cpu(char reason[96])
{
    if (!cpu_features.svm)
        return refuse(reason, cpu_features.intel ? "this CPU is Intel's: VT-x is not supported yet"
                                                 : "the CPU has no SVM, or the firmware locked it off");
    if (!cpu_features.npt)
        return refuse(reason, "the CPU has no nested paging");
    if (cpu_features.asids < 2)
        return refuse(reason, "the CPU has no address space identifiers");
    if (svm_iopm_pa == 0) {
        status_t st = make_maps();
        if (st != ST_OK)
            return st;
        svm_cr4_mask = cr4_known();
    }
    return init_cpu();
}
