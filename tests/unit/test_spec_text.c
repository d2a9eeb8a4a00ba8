/* SPDX-License-Identifier: BSD-2-Clause */
/* link: monitor/spec.c kernel/arch/spec.c kernel/lib/str.c tests/unit/fake/hw.c */
/* What `cpus -v` says of known CPUs, with the actions that the kernel decides for them. */
#include <stdio.h>

#include "kernel/arch/cpu.h"
#include "monitor/spec.h"
#include "tests/unit/cpus.h"
#include "tests/unit/unit.h"

struct cpu_features cpu_features;
void spec_fill_returns(void) { }

static struct spec_cpu cpu;

/* As features.c would fill it. */
static void take(unsigned which, uint32_t threads)
{
    const struct test_cpu *t = &test_cpus[which];
    uint32_t family = (t->signature >> 8 & 15) + (t->signature >> 20), edx = t->edx7, ebx = t->ebx8;
    struct cpu_features f = {
        .intel = t->intel, .family = (uint8_t)family, .model = (uint8_t)((t->signature >> 4 & 15) | (t->signature >> 12 & 0xf0)),
        .ibpb = (edx & BIT32(26)) || (ebx & BIT32(12)), .spec_ctrl = (edx & BIT32(26)) || (ebx & BIT32(14)),
        .stibp = (edx & BIT32(27)) || (ebx & BIT32(15)), .verw = (edx & BIT32(10)) || (t->eax21 & BIT32(5)),
        .l1d_flush = (edx & BIT32(28)) != 0, .arch_caps = (edx & BIT32(29)) != 0, .hypervisor = t->ecx1 >> 31,
        .emulated = t->hypervisor == 0x54474354, .btc_no = (ebx & BIT32(29)) != 0, .auto_ibrs = (t->eax21 & BIT32(8)) != 0,
        .ibpb_brtype = (t->eax21 & BIT32(28)) != 0, .srso_no = (t->eax21 & BIT32(29)) != 0, .bp_reduce = t->eax21 >> 31,
    };
    cpu = (struct spec_cpu){ .intel = t->intel, .emulated = f.emulated, .family = f.family, .model = f.model,
                             .stepping = t->signature & 15, .leaf7_ebx = t->ebx7, .leaf7_edx = edx, .ext8_ebx = ebx,
                             .ext21_eax = t->eax21, .ext21_ecx = t->ecx21, .caps = t->caps,
                             .actions = spec_decide(&f, t->caps), .threads = threads };
}

/* All issues in a state, in order. */
static const char *in_state(enum spec_state state)
{
    static char text[400];
    struct spec_line l;
    size_t n = 0;
    text[0] = 0;
    for (unsigned i = 0; spec_line(&cpu, i, &l); i++)
        if (l.state == state)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? " " : "", l.issue);
    return text;
}

static void intel(void)
{
    take(SKYLAKE, 2);
    CHECK_STR(in_state(SPEC_CLOSED), "spectre-v1 spectre-v2 ibrs rsb retbleed vmscape swapgs srbds lazy-fpu guest-msrs");
    CHECK_STR(in_state(SPEC_PARTLY), "meltdown l1tf mds taa mmio-stale lvi ssb smt");
    CHECK_STR(in_state(SPEC_OPEN), "gds multihit");
    take(SKYLAKE, 1);                                /* without siblings */
    CHECK_STR(in_state(SPEC_PARTLY), "meltdown lvi ssb");
    take(SKYLAKE_2017, 1);
    CHECK_STR(in_state(SPEC_OPEN), "l1tf mds taa mmio-stale gds srbds multihit");
    CHECK_STR(in_state(SPEC_PARTLY), "spectre-v2 meltdown lvi ssb");
    take(CASCADE_LAKE, 1);
    CHECK_STR(in_state(SPEC_UNAFFECTED), "srso meltdown l1tf mds rfds tsa srbds zenbleed div smt");
    CHECK_STR(in_state(SPEC_OPEN), "multihit");
    take(ICE_LAKE, 1);
    CHECK_STR(in_state(SPEC_CLOSED), "spectre-v1 spectre-v2 ibrs rsb pbrsb bhi its vmscape swapgs mmio-stale gds lazy-fpu guest-msrs");
    CHECK_STR(in_state(SPEC_OPEN), "");
    take(ALDER_LAKE, 1);
    CHECK_STR(in_state(SPEC_CLOSED), "spectre-v1 spectre-v2 ibrs rsb pbrsb bhi vmscape swapgs rfds lazy-fpu guest-msrs");
    take(SAPPHIRE_RAPIDS, 2);
    CHECK_STR(in_state(SPEC_CLOSED), "spectre-v1 spectre-v2 ibrs rsb pbrsb bhi vmscape swapgs lazy-fpu guest-msrs");
    CHECK_STR(in_state(SPEC_PARTLY), "ssb smt");
    take(ALL_NO, 1);
    CHECK_STR(in_state(SPEC_CLOSED), "spectre-v1 spectre-v2 ibrs rsb vmscape swapgs lazy-fpu guest-msrs");
    CHECK_STR(in_state(SPEC_PARTLY), "");
    CHECK_STR(in_state(SPEC_OPEN), "");
}

static void amd(void)
{
    take(ZEN1, 1);
    CHECK_STR(in_state(SPEC_CLOSED), "spectre-v1 spectre-v2 ibrs rsb vmscape div guest-msrs");
    CHECK_STR(in_state(SPEC_PARTLY), "retbleed srso ssb");
    take(ZEN2, 2);
    CHECK_STR(in_state(SPEC_CLOSED), "spectre-v1 spectre-v2 ibrs rsb vmscape zenbleed guest-msrs");
    CHECK_STR(in_state(SPEC_PARTLY), "retbleed srso ssb smt");
    take(KVM_ZEN2, 1);
    CHECK_STR(in_state(SPEC_OPEN), "zenbleed");
    take(ZEN3, 1);
    CHECK_STR(in_state(SPEC_CLOSED), "spectre-v1 spectre-v2 ibrs rsb vmscape tsa guest-msrs");
    CHECK_STR(in_state(SPEC_PARTLY), "srso ssb");
    take(ZEN3_2020, 1);
    CHECK_STR(in_state(SPEC_OPEN), "srso tsa");
    take(ZEN4, 1);
    CHECK_STR(in_state(SPEC_PARTLY), "srso ssb");
    take(ZEN5, 1);
    CHECK_STR(in_state(SPEC_CLOSED), "spectre-v1 spectre-v2 ibrs rsb srso vmscape guest-msrs");
}

/* An emulator has none; a text always goes with a state, and fits a line of `cpus -v`. */
static void texts(void)
{
    struct spec_line l;
    take(QEMU_EPYC, 1);
    CHECK_STR(in_state(SPEC_CLOSED), "");
    CHECK_STR(in_state(SPEC_PARTLY), "");
    CHECK_STR(in_state(SPEC_OPEN), "");
    for (unsigned which = 0; which < TEST_CPUS; which++) {
        take(which, 2);
        for (unsigned i = 0; spec_line(&cpu, i, &l); i++) {
            CHECK((l.state == SPEC_UNAFFECTED) == (l.done[0] == 0));
            CHECK(strlen(l.issue) <= 11 && strlen(l.done) <= 100);
            CHECK((l.where[0] != 0) == (l.cost[0] != 0));
            CHECK(l.state != SPEC_CLOSED || l.where[0] != 0);
        }
    }
}

int main(void)
{
    intel();
    amd();
    texts();
    return unit_done();
}
