/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one place of the speculation policy. An owner is a guest with its VMM, or the monitor. The kernel maps no guest's
 * memory and has no indirect branches (the build checks that), which leaves: predictors and buffers that one owner
 * trains or fills and the next one on the same CPU uses or reads, and returns of the kernel behind an exit of a guest.
 * Between two changes of owner a CPU handles data of no other owner, so buffers need no flush at each entry. A guest
 * has no SPEC_CTRL, PRED_CMD or FLUSH_CMD of its own: it runs with the host's value, and no exit switches it. Which
 * issue each action answers, and what is left open, is text: monitor/spec.c.
 */
#include "kernel/abi/spec.h"

#include "kernel/arch/cpu.h"

/* [SDM4 2.1 IA32_ARCH_CAPABILITIES]. The CPU says what it is safe from; silence counts as affected. */
#define CAPS_RDCL_NO     BIT64(0)
#define CAPS_IBRS_ALL    BIT64(1)
#define CAPS_L1DFL_NO    BIT64(3)
#define CAPS_TSX_CTRL    BIT64(7)
#define CAPS_FB_CLEAR    BIT64(17)
#define CAPS_PBRSB_NO    BIT64(24)
#define CAPS_RFDS_CLEAR  BIT64(28)

uint32_t spec_actions;
uint64_t spec_caps;

uint32_t spec_decide(const struct cpu_features *f, uint64_t caps)
{
    const bool ibrs_all = f->intel && f->spec_ctrl && (caps & CAPS_IBRS_ALL);
    const bool keeps_returns = f->auto_ibrs || (ibrs_all && (caps & CAPS_PBRSB_NO));
    /* AMD's returns follow what a guest trained elsewhere: BTC up to Zen 2, SRSO behind it. */
    const bool trained = !f->intel && !(f->family < 0x19 ? f->btc_no : f->srso_no);
    const bool zen2 = !f->intel && f->family == 0x17 && f->model >= 0x30;
    const bool ibpb_clears_types = f->ibpb && (f->family < 0x19 || f->ibpb_brtype);
    const struct { bool when; uint32_t action; } rule[] = {
        { true, SPEC_SWITCH_FILL },
        { f->ibpb, SPEC_SWITCH_IBPB },
        { f->verw || (caps & (CAPS_FB_CLEAR | CAPS_RFDS_CLEAR)), SPEC_SWITCH_VERW },
        { f->intel && f->l1d_flush && !(caps & (CAPS_RDCL_NO | CAPS_L1DFL_NO)), SPEC_SWITCH_L1D },
        { !keeps_returns, SPEC_EXIT_FILL },
        { trained && !f->bp_reduce && ibpb_clears_types, SPEC_EXIT_IBPB },
        { ibrs_all, SPEC_ON_IBRS },
        { f->auto_ibrs, SPEC_ON_AUTO_IBRS },
        { f->stibp, SPEC_ON_STIBP },
        { f->intel && (caps & CAPS_TSX_CTRL), SPEC_ON_NO_TSX },
        { zen2 && !f->hypervisor, SPEC_ON_FP_FIX },
        { trained && f->bp_reduce, SPEC_ON_BP_REDUCE },
    };
    uint32_t actions = 0;
    for (unsigned i = 0; i < ARRAY_LEN(rule) && !f->emulated; i++)
        actions |= rule[i].when ? rule[i].action : 0;
    return actions;
}

void spec_init_cpu(void)
{
    static const struct { uint32_t action, msr, bits; } on[] = {
        { SPEC_ON_AUTO_IBRS, MSR_EFER, EFER_AUTO_IBRS },
        { SPEC_ON_IBRS, MSR_SPEC_CTRL, SPEC_CTRL_IBRS },
        { SPEC_ON_STIBP, MSR_SPEC_CTRL, SPEC_CTRL_STIBP },
        { SPEC_ON_NO_TSX, MSR_TSX_CTRL, TSX_CTRL_OFF },
        { SPEC_ON_FP_FIX, MSR_DE_CFG, DE_CFG_FP_FIX },
        { SPEC_ON_BP_REDUCE, MSR_BP_CFG, BP_CFG_REDUCE },
    };
    spec_caps = cpu_features.arch_caps ? hw_rdmsr(MSR_ARCH_CAPS) : 0;
    spec_actions |= spec_decide(&cpu_features, spec_caps);       /* what one CPU needs all do */
    for (unsigned i = 0; i < ARRAY_LEN(on); i++)
        if (spec_actions & on[i].action)
            hw_wrmsr(on[i].msr, hw_rdmsr(on[i].msr) | on[i].bits);
}

void spec_switch(void)
{
    static const uint16_t selector = SEL_KDATA;
    uint32_t quotient = 0, rest = 0;
    if (spec_actions & SPEC_SWITCH_IBPB)
        hw_wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
    if (spec_actions & SPEC_SWITCH_FILL)
        spec_fill_returns();
    __asm__ volatile ("div %2" : "+a"(quotient), "+d"(rest) : "r"(1u) : "cc");   /* Zen 1 keeps the last one */
    if (spec_actions & SPEC_SWITCH_L1D)
        hw_wrmsr(MSR_FLUSH_CMD, FLUSH_CMD_L1D);
    if (spec_actions & SPEC_SWITCH_VERW)
        __asm__ volatile ("verw %0" : : "m"(selector) : "cc", "memory");
}
