/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/arch/spec.c kernel/arch/features.c kernel/lib/str.c tests/unit/fake/hw.c tests/unit/fake/log.c */
/* The decisions of the speculation policy on CPUs as they describe themselves, and what each CPU then writes. */
#include <stdio.h>

#include "kernel/abi/spec.h"
#include "kernel/arch/boot.h"
#include "kernel/arch/cpu.h"
#include "tests/unit/cpus.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/unit.h"

static const struct test_cpu *cpu;
static struct { uint32_t number; uint64_t value; } msr[16];
static unsigned msrs, filled;
static char order[16];                   /* of spec_switch: i IBPB, f fill, l L1D */

void spec_fill_returns(void) { order[filled++] = 'f'; }

static struct cpuid_regs answer(uint32_t leaf, uint32_t sub)
{
    (void)sub;
    switch (leaf) {
    case 0:          return (struct cpuid_regs){ 7, cpu->intel ? 0x756e6547 : 0x68747541, 0, 0 };
    case 1:          return (struct cpuid_regs){ cpu->signature, 0, cpu->ecx1, 0 };
    case 7:          return (struct cpuid_regs){ 0, cpu->ebx7, 0, cpu->edx7 };
    case 0x40000000: return (struct cpuid_regs){ 0, cpu->hypervisor, 0, 0 };
    case 0x80000000: return (struct cpuid_regs){ cpu->intel ? 0x80000008 : 0x80000021, 0, 0, 0 };
    case 0x80000008: return (struct cpuid_regs){ 48, cpu->ebx8, 0, 0 };
    case 0x80000021: return (struct cpuid_regs){ cpu->eax21, 0, cpu->ecx21, 0 };
    default:         return (struct cpuid_regs){ 0, 0, 0, 0 };
    }
}

/* An MSR that the CPU does not have must not be touched: it would fault. */
static bool exists(uint32_t number)
{
    switch (number) {
    case MSR_ARCH_CAPS: return (cpu->edx7 & BIT32(29)) != 0;
    case MSR_SPEC_CTRL: return (cpu->edx7 & MASK32(27, 26)) || (cpu->ebx8 & MASK32(15, 14));
    case MSR_PRED_CMD:  return (cpu->edx7 & BIT32(26)) || (cpu->ebx8 & BIT32(12));
    case MSR_FLUSH_CMD: return (cpu->edx7 & BIT32(28)) != 0;
    case MSR_TSX_CTRL:  return cpu->intel && (cpu->caps & CAP(7));
    case MSR_DE_CFG:    return !cpu->intel && cpu->hypervisor == 0;
    case MSR_BP_CFG:    return (cpu->eax21 & BIT32(31)) != 0;
    case MSR_EFER:      return true;
    default:            return number == MSR_VM_CR && !cpu->intel;
    }
}

static uint64_t rdmsr(uint32_t number)
{
    CHECK(exists(number));
    uint64_t value = number == MSR_ARCH_CAPS ? cpu->caps : 0;
    for (unsigned i = 0; i < msrs; i++)
        if (msr[i].number == number)
            value = msr[i].value;
    return value;
}

static void wrmsr(uint32_t number, uint64_t value)
{
    CHECK(exists(number));
    if (number == MSR_PRED_CMD || number == MSR_FLUSH_CMD)
        order[filled++] = number == MSR_PRED_CMD ? 'i' : 'l';
    else if (msrs < ARRAY_LEN(msr)) {
        msr[msrs].number = number;
        msr[msrs++].value = value;
    }
}

static uint32_t start(unsigned which)
{
    cpu = &test_cpus[which];
    fake_hw_reset();
    fake_hw.cpuid = answer;
    fake_hw.rdmsr = rdmsr;
    fake_hw.wrmsr = wrmsr;
    memset(&cpu_features, 0, sizeof cpu_features);
    spec_actions = msrs = filled = 0;
    memset(order, 0, sizeof order);
    features_detect();
    spec_init_cpu();
    CHECK_EQ(spec_caps, cpu->edx7 & BIT32(29) ? cpu->caps : 0);
    CHECK_EQ(spec_actions, spec_decide(&cpu_features, spec_caps));
    return spec_actions;
}

#define SWITCH_AMD    (SPEC_SWITCH_FILL | SPEC_SWITCH_IBPB)
#define SWITCH_INTEL  (SWITCH_AMD | SPEC_SWITCH_VERW)

static void intel(void)
{
    CHECK_EQ(start(SKYLAKE), SWITCH_INTEL | SPEC_SWITCH_L1D | SPEC_EXIT_FILL | SPEC_ON_STIBP);
    CHECK_EQ(start(SKYLAKE_2017), SPEC_SWITCH_FILL | SPEC_EXIT_FILL);
    CHECK_EQ(start(BOCHS_SKYLAKE), SPEC_SWITCH_FILL | SPEC_EXIT_FILL);
    CHECK_EQ(start(CASCADE_LAKE), SWITCH_INTEL | SPEC_EXIT_FILL | SPEC_ON_IBRS | SPEC_ON_STIBP | SPEC_ON_NO_TSX);
    CHECK_EQ(start(ICE_LAKE), SWITCH_INTEL | SPEC_EXIT_FILL | SPEC_ON_IBRS | SPEC_ON_STIBP | SPEC_ON_NO_TSX);
    CHECK_EQ(start(ALDER_LAKE), SWITCH_INTEL | SPEC_EXIT_FILL | SPEC_ON_IBRS | SPEC_ON_STIBP);
    CHECK_EQ(start(SAPPHIRE_RAPIDS), SWITCH_INTEL | SPEC_EXIT_FILL | SPEC_ON_IBRS | SPEC_ON_STIBP | SPEC_ON_NO_TSX);
    CHECK_EQ(start(ALL_NO), SWITCH_AMD | SPEC_ON_IBRS | SPEC_ON_STIBP);      /* nothing at exits, no buffers */
}

static void amd(void)
{
    CHECK_EQ(start(ZEN1), SWITCH_AMD | SPEC_EXIT_FILL | SPEC_EXIT_IBPB);
    CHECK_EQ(start(ZEN2), SWITCH_AMD | SPEC_EXIT_FILL | SPEC_EXIT_IBPB | SPEC_ON_STIBP | SPEC_ON_FP_FIX);
    CHECK_EQ(start(ZEN3), SWITCH_INTEL | SPEC_EXIT_FILL | SPEC_EXIT_IBPB | SPEC_ON_STIBP);
    CHECK_EQ(start(ZEN3_2020), SWITCH_AMD | SPEC_EXIT_FILL | SPEC_ON_STIBP);         /* its IBPB would not help */
    CHECK_EQ(start(ZEN4), SWITCH_INTEL | SPEC_EXIT_IBPB | SPEC_ON_AUTO_IBRS | SPEC_ON_STIBP);
    CHECK_EQ(start(ZEN5), SWITCH_INTEL | SPEC_ON_AUTO_IBRS | SPEC_ON_STIBP | SPEC_ON_BP_REDUCE);
    CHECK_EQ(start(KVM_ZEN2), SWITCH_AMD | SPEC_EXIT_FILL | SPEC_EXIT_IBPB | SPEC_ON_STIBP);
    CHECK_EQ(start(QEMU_EPYC), 0);
}

static uint64_t written(uint32_t number)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < msrs; i++)
        if (msr[i].number == number)
            value = msr[i].value;
    return value;
}

static void what_is_written(void)
{
    start(CASCADE_LAKE);
    CHECK_EQ(written(MSR_SPEC_CTRL), SPEC_CTRL_IBRS | SPEC_CTRL_STIBP);
    CHECK_EQ(written(MSR_TSX_CTRL), TSX_CTRL_OFF);
    CHECK_EQ(written(MSR_EFER), 0);
    start(ZEN4);
    CHECK_EQ(written(MSR_EFER), EFER_AUTO_IBRS);
    CHECK_EQ(written(MSR_SPEC_CTRL), SPEC_CTRL_STIBP);
    start(ZEN5);
    CHECK_EQ(written(MSR_BP_CFG), BP_CFG_REDUCE);
    start(ZEN2);
    CHECK_EQ(written(MSR_DE_CFG), DE_CFG_FP_FIX);
    start(QEMU_EPYC);
    CHECK_EQ(msrs, 0);
}

static void at_a_change(void)
{
    start(SKYLAKE);
    spec_switch();
    CHECK_STR(order, "ifl");             /* what may run code first, what holds data last */
    start(ICE_LAKE);
    spec_switch();
    CHECK_STR(order, "if");
    start(SKYLAKE_2017);
    spec_switch();
    CHECK_STR(order, "f");
    start(QEMU_EPYC);
    spec_switch();
    CHECK_STR(order, "");
}

/* A second CPU that says less about itself makes the machine do more. */
static void mixed(void)
{
    uint32_t first = start(ALL_NO);
    cpu = &test_cpus[ICE_LAKE];
    features_detect();
    spec_init_cpu();
    CHECK((spec_actions & first) == first);
    CHECK(spec_actions & SPEC_EXIT_FILL);
}

int main(void)
{
    intel();
    amd();
    what_is_written();
    at_a_change();
    mixed();
    return unit_done();
}
