/* SPDX-License-Identifier: BSD-2-Clause */
/* Turning SVM on, and the permission maps that all guests share. */
#include "kernel/mm/bootmem.h"
#include "kernel/mm/pmm.h"
#include "kernel/virt/svm/svm.h"

#define MSR_VM_HSAVE_PA  0xc0010117u
#define SVM_CPU_ORDER    2u

_Static_assert(sizeof(struct svm_cpu) <= PAGE_SIZE << SVM_CPU_ORDER, "struct svm_cpu");

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

static void make_maps(void)
{
    static ALIGNED(PAGE_SIZE) uint8_t iopm[0x3000], msrpm[0x2000];
    memset(iopm, 0xff, sizeof iopm);
    memset(msrpm, 0xff, sizeof msrpm);
    for (unsigned i = 0; i < ARRAY_LEN(direct); i++) {
        uint32_t bit = msrpm_bit(direct[i]);
        msrpm[bit / 8] &= (uint8_t)~(3u << bit % 8);
    }
    svm_iopm_pa = boot_image_pa(iopm).v;
    svm_msrpm_pa = boot_image_pa(msrpm).v;
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

status_t svm_init_cpu(char reason[96])
{
    const char *why = NULL;
    if (!cpu_features.svm)
        why = cpu_features.intel ? "this CPU is Intel's: VT-x is not supported yet"
                                 : "the CPU has no SVM, or the firmware locked it off";
    else if (!cpu_features.npt)
        why = "the CPU has no nested paging";
    else if (cpu_features.asids < 2)
        why = "the CPU has no address space identifiers";
    if (why) {
        (void)str_copy(reason, 96, why);
        return ST_UNSUPP;
    }
    if (svm_cr4_mask == 0) {
        make_maps();
        svm_cr4_mask = cr4_known();
    }
    struct svm_cpu *cpu = pmm_alloc_order(SVM_CPU_ORDER);
    if (!cpu)
        return ST_NOSPACE;
    cpu->tsc_aux = ~UINT64_C(0);         /* not known */
    percpu()->virt = cpu;
    hw_wrmsr(MSR_EFER, hw_rdmsr(MSR_EFER) | EFER_SVME);
    hw_wrmsr(MSR_VM_HSAVE_PA, pmm_pa(cpu->hsave).v);
    return ST_OK;
}
