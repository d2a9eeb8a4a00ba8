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

static struct {
    bool known;
    bool ibpb, stibp, spec_ctrl;    /* the commands exist */
    bool ibrs_all, auto_ibrs;       /* predictors tell kernel from user by themselves */
    bool mds, l1tf, meltdown;       /* affected */
    bool verw, l1d_flush;           /* buffers can be cleared */
} policy;                           /* const after the boot CPU's init */

/* [SDM4 2.1 IA32_ARCH_CAPABILITIES]: bits say "not affected". */
#define CAPS_RDCL_NO   0x001u
#define CAPS_IBRS_ALL  0x002u
#define CAPS_L1DFL_NO  0x008u
#define CAPS_MDS_NO    0x020u

static void detect(void)
{
    struct cpuid_regs r = { 0, 0, 0, 0 };
    uint64_t caps = 0;
    if (hw_cpuid(0, 0).eax >= 7)
        r = hw_cpuid(7, 0);
    if (cpu_features.intel && (r.edx & BIT32(29)))
        caps = hw_rdmsr(MSR_ARCH_CAPS);
    policy.spec_ctrl = (r.edx & BIT32(26)) != 0;
    policy.stibp = (r.edx & BIT32(27)) != 0;
    policy.verw = (r.edx & BIT32(10)) != 0;
    policy.l1d_flush = (r.edx & BIT32(28)) != 0;
    policy.ibrs_all = (caps & CAPS_IBRS_ALL) != 0;
    policy.meltdown = cpu_features.intel && !(caps & CAPS_RDCL_NO);
    policy.l1tf = policy.meltdown && !(caps & CAPS_L1DFL_NO);
    policy.mds = cpu_features.intel && !(caps & CAPS_MDS_NO);
    policy.ibpb = cpu_features.ibpb;
    if (cpu_features.amd && hw_cpuid(0x80000000, 0).eax >= 0x80000008) {
        uint32_t ebx = hw_cpuid(0x80000008, 0).ebx;       /* [APM2 3.2.9] */
        policy.spec_ctrl = (ebx & BIT32(14)) != 0;
        policy.stibp = (ebx & BIT32(15)) != 0;
    }
    if (cpu_features.amd && hw_cpuid(0x80000000, 0).eax >= 0x80000021)
        policy.auto_ibrs = (hw_cpuid(0x80000021, 0).eax & BIT32(8)) != 0;
    policy.known = true;
}

void spec_init_cpu(void)
{
    uint64_t ctrl = 0;
    if (!policy.known)
        detect();
    if (policy.auto_ibrs)
        hw_wrmsr(MSR_EFER, hw_rdmsr(MSR_EFER) | EFER_AUTO_IBRS);
    if (policy.ibrs_all)
        ctrl |= SPEC_CTRL_IBRS;
    if (policy.stibp)
        ctrl |= SPEC_CTRL_STIBP;
    if (policy.spec_ctrl && ctrl != 0)
        hw_wrmsr(MSR_SPEC_CTRL, ctrl);
}

/* 32 calls whose return addresses are this function's: the next owner's returns find nothing else. */
static void fill_return_buffer(void)
{
    uint64_t n = 16;
    __asm__ volatile ("1:\n\t"
                      "call 2f\n"
                      "3: pause; lfence; jmp 3b\n"
                      "2: call 4f\n"
                      "5: pause; lfence; jmp 5b\n"
                      "4: add $16, %%rsp\n\t"
                      "dec %0\n\t"
                      "jnz 1b"
                      : "+r"(n) : : "memory", "cc");
}

static void clear_buffers(void)
{
    static const uint16_t selector = SEL_KDATA;
    __asm__ volatile ("verw %0" : : "m"(selector) : "cc", "memory");
}

void spec_switch(void)
{
    if (policy.ibpb)
        hw_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
    fill_return_buffer();
    if (policy.mds && policy.verw)
        clear_buffers();
    if (policy.l1tf && policy.l1d_flush)
        hw_wrmsr(MSR_FLUSH_CMD, FLUSH_CMD_L1D);
}

void spec_log(void)
{
    log_line("spec: v1 bounds: indices from users are clamped without a branch");
    log_line("spec: v2 branch targets: no indirect branches in the kernel; %s at a change of owner",
             policy.ibpb ? "IBPB" : "this CPU has no IBPB: return buffer fill only");
    log_line("spec: kernel and user predictors: %s",
             policy.auto_ibrs ? "automatic IBRS" : policy.ibrs_all ? "enhanced IBRS" : "shared, see v2");
    log_line("spec: sibling threads: %s", policy.stibp ? "STIBP on" : "no STIBP: give siblings to one guest");
    log_line("spec: v3 meltdown: %s",
             policy.meltdown ? "affected: ring 3 may read kernel memory; kernel holds no guest memory" : "not affected");
    log_line("spec: L1TF: %s", !policy.l1tf ? "not affected" : policy.l1d_flush ? "L1D flush at a change of owner"
                                                                                : "affected, no flush command");
    log_line("spec: MDS: %s", !policy.mds ? "not affected" : policy.verw ? "VERW at a change of owner"
                                                                         : "affected, no microcode for it");
    log_line("spec: FPU: eager, and closed to ring 3 while no owner's state is loaded");
}
