/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place of the speculation policy. An owner is a guest with its VMM, or the
 * monitor. The kernel maps no guest's memory and has no indirect branches (the build
 * checks that), which leaves: predictors and buffers that one owner trains or fills
 * and the next one on the same CPU uses or reads. Cost is paid at a change of owner,
 * not at an exit.
 */
#include "kernel/arch/cpu.h"
#include "kernel/log/console.h"

/* [SDM4 2.1 IA32_ARCH_CAPABILITIES]: bits say "not affected". */
#define CAPS_RDCL_NO   0x001u
#define CAPS_IBRS_ALL  0x002u
#define CAPS_L1DFL_NO  0x008u
#define CAPS_MDS_NO    0x020u

static bool mds, l1tf, meltdown;    /* a CPU that is up is affected */
static bool ibrs_all;               /* as auto_ibrs: predictors tell kernel from user by themselves */

void spec_init_cpu(void)
{
    const struct cpu_features *f = &cpu_features;
    uint64_t caps = f->arch_caps ? hw_rdmsr(MSR_ARCH_CAPS) : 0;
    meltdown |= f->intel && !(caps & CAPS_RDCL_NO);
    l1tf |= f->intel && !(caps & (CAPS_RDCL_NO | CAPS_L1DFL_NO));
    mds |= f->intel && !(caps & CAPS_MDS_NO);
    ibrs_all = (caps & CAPS_IBRS_ALL) != 0;
    if (f->auto_ibrs)
        hw_wrmsr(MSR_EFER, hw_rdmsr(MSR_EFER) | EFER_AUTO_IBRS);
    if (f->spec_ctrl && (ibrs_all || f->stibp))
        hw_wrmsr(MSR_SPEC_CTRL, (ibrs_all ? SPEC_CTRL_IBRS : 0) | (f->stibp ? SPEC_CTRL_STIBP : 0));
}

void spec_switch(void)
{
    static const uint16_t selector = SEL_KDATA;
    if (cpu_features.ibpb)
        hw_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
    /* 32 calls whose return addresses are here: the next owner's returns find nothing else. */
    __asm__ volatile (".rept 32\n\t"
                      "call 1f\n"
                      "2: pause; lfence; jmp 2b\n"
                      "1:\n\t"
                      ".endr\n\t"
                      "add $256, %%rsp" : : : "cc", "memory");
    if (mds && cpu_features.verw)
        __asm__ volatile ("verw %0" : : "m"(selector) : "cc", "memory");
    if (l1tf && cpu_features.l1d_flush)
        hw_wrmsr(MSR_FLUSH_CMD, FLUSH_CMD_L1D);
}

void spec_log(void)
{
    const struct cpu_features *f = &cpu_features;
    log_line("spec: v1 bounds: indices from users are clamped without a branch");
    log_line("spec: v2 branch targets: no indirect branches in the kernel; %s at a change of owner",
             f->ibpb ? "IBPB" : "this CPU has no IBPB: return buffer fill only");
    log_line("spec: kernel and user predictors: %s",
             f->auto_ibrs ? "automatic IBRS" : ibrs_all ? "enhanced IBRS" : "shared, see v2");
    log_line("spec: sibling threads: %s", f->stibp ? "STIBP on" : "no STIBP: give siblings to one guest");
    log_line("spec: v3 meltdown: %s",
             meltdown ? "affected: ring 3 may read kernel memory; kernel holds no guest memory" : "not affected");
    log_line("spec: L1TF: %s",
             !l1tf ? "not affected" : f->l1d_flush ? "L1D flush at a change of owner" : "affected, no flush command");
    log_line("spec: MDS: %s",
             !mds ? "not affected" : f->verw ? "VERW at a change of owner" : "affected, no microcode for it");
    log_line("spec: FPU: eager, and closed to ring 3 while no owner's state is loaded");
}
