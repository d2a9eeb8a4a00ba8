/* SPDX-License-Identifier: BSD-2-Clause */
/* Turning SVM on, and the permission maps that all guests share. */
#include "kernel/mm/bootmem.h"
#include "kernel/mm/pmm.h"
#include "kernel/virt/svm/svm.h"

#define MSR_VM_HSAVE_PA  0xc0010117u
#define SVM_CPU_ORDER    2u

_Static_assert(sizeof(struct svm_cpu) <= PAGE_SIZE << SVM_CPU_ORDER, "struct svm_cpu");

uint64_t svm_iopm_pa, svm_msrpm_pa;

/* MSRs that a guest reads and writes directly, and why it may. All of them are switched by
 * VMLOAD and VMSAVE, or lie in the VMCB's save area: nothing of the host's is behind them. */
static const uint32_t direct[] = {
    0xc0000100, 0xc0000101, 0xc0000102,                 /* FS, GS, KERNEL_GS_BASE: each context switch */
    0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084,     /* STAR, LSTAR, CSTAR, SFMASK: system call entry */
    0x174, 0x175, 0x176,                                /* SYSENTER_CS, ESP, EIP: the 32-bit one */
};

/* All ports and MSRs exit but these. [APM2 15.11]: two bits an MSR, from 0 and from C0000000h. */
static void make_maps(void)
{
    static ALIGNED(PAGE_SIZE) uint8_t iopm[0x3000], msrpm[0x2000];
    memset(iopm, 0xff, sizeof iopm);
    memset(msrpm, 0xff, sizeof msrpm);
    for (unsigned i = 0; i < ARRAY_LEN(direct); i++) {
        uint32_t bit = 2 * (direct[i] < 0x2000 ? direct[i] : direct[i] - 0xc0000000 + 0x2000);
        msrpm[bit / 8] &= (uint8_t)~(3u << bit % 8);
    }
    svm_iopm_pa = boot_image_pa(iopm).v;
    svm_msrpm_pa = boot_image_pa(msrpm).v;
}

status_t svm_init_cpu(char reason[96])
{
    const char *why = NULL;
    if (!cpu_features.svm)
        why = cpu_features.intel ? "this CPU has no VT-x" : !cpu_features.svm_locked ? "this CPU has no SVM" :
              "the firmware disabled SVM (VM_CR.SVMDIS): switch it on in setup";
    else if (!cpu_features.npt)
        why = "this CPU has no nested paging";
    else if (cpu_features.asids < 2)
        why = "this CPU has no address space identifiers";
    if (why) {
        (void)str_copy(reason, 96, why);
        return ST_UNSUPP;
    }
    if (svm_iopm_pa == 0)
        make_maps();
    cpu_features.xsaves = true;                     /* as CPUID says: no control stands before it */
    struct svm_cpu *cpu = pmm_alloc_order(SVM_CPU_ORDER);
    if (!cpu)
        return ST_NOSPACE;
    percpu()->virt = cpu;
    hw_wrmsr(MSR_EFER, hw_rdmsr(MSR_EFER) | EFER_SVME);
    hw_wrmsr(MSR_VM_HSAVE_PA, pmm_pa(cpu->hsave).v);
    return ST_OK;
}

status_t svm_npt_init(struct ptab *pt) { return ptab_init(pt, &ptab_fmt_npt, 4, cpu_features.page1g ? 3 : 2, false); }
