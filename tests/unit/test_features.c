/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/arch/features.c kernel/lib/str.c tests/unit/fake/hw.c tests/unit/fake/log.c */
#include <stdio.h>

#include "kernel/arch/boot.h"
#include "kernel/arch/cpu.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/unit.h"

/* A CPU by its leaves; those beyond the highest answer as hardware does: with the data of the highest. */
static struct { struct cpuid_regs std[8], ext[0x22]; uint64_t vm_cr; } cpu;

static struct cpuid_regs answer(uint32_t leaf, uint32_t sub)
{
    (void)sub;
    const struct cpuid_regs *of = leaf & 0x80000000u ? cpu.ext : cpu.std;
    uint32_t n = leaf & 0x7fffffff, max = of[0].eax & 0x7fffffff;
    return of[n <= max ? n : max];
}

static uint64_t msr(uint32_t number) { return number == MSR_VM_CR ? cpu.vm_cr : 0; }

/* Something like an EPYC of the second generation. */
static void make_cpu(void)
{
    fake_hw_reset();
    fake_hw.cpuid = answer;
    fake_hw.rdmsr = msr;
    memset(&cpu, 0, sizeof cpu);
    memset(&cpu_features, 0, sizeof cpu_features);
    cpu.std[0] = (struct cpuid_regs){ 7, 0x68747541, 0, 0 };
    cpu.std[1] = (struct cpuid_regs){ 0, 0, BIT32(26) | BIT32(21), MASK32(26, 24) | BIT32(13) | BIT32(9) };
    cpu.std[7] = (struct cpuid_regs){ 0, BIT32(20) | BIT32(7), BIT32(2), 0 };
    cpu.ext[0] = (struct cpuid_regs){ 0x8000000a, 0, 0, 0 };
    cpu.ext[1] = (struct cpuid_regs){ 0, 0, BIT32(2), BIT32(20) | BIT32(26) };
    cpu.ext[7].edx = BIT32(8);
    cpu.ext[8] = (struct cpuid_regs){ 48, BIT32(12) | BIT32(14) | BIT32(15), 0, 0 };
    cpu.ext[10] = (struct cpuid_regs){ 1, 32768, 0, BIT32(0) | BIT32(3) | BIT32(6) | BIT32(7) };
}

/* What the log says of one, after its name. */
static const char *row(const char *name, const char **missing)
{
    static char line[200];
    fake_log_reset();
    const char *first = features_log();
    const char *at = strstr(fake_log_text(), name);
    if (missing)
        *missing = first;
    snprintf(line, sizeof line, "%.*s", at ? (int)strcspn(at, "\n") : 0, at ? at : "");
    return line;
}

static void all_there(void)
{
    const struct cpu_features *f = &cpu_features;
    const char *missing;
    make_cpu();
    features_detect();
    CHECK(f->nx && f->fxsr_sse2 && f->pge && f->apic && f->svm && f->npt && f->xsave && f->invariant_tsc && f->x2apic);
    CHECK(f->smep && f->smap && f->umip && f->ibpb && f->nrips && f->spec_ctrl && f->stibp && f->page1g);
    CHECK(f->flush_by_asid && f->decode_assists);
    CHECK(!f->intel && !f->tsc_deadline && !f->verw && !f->l1d_flush && !f->arch_caps && !f->auto_ibrs);
    CHECK_EQ(f->phys_bits, 48);
    CHECK_EQ(f->asids, 32768);
    CHECK_STR(row("SVM", &missing), "SVM              yes  needed    guests run in it");
    CHECK(missing == NULL);
    CHECK_EQ(fake_log_lines(), 14);
    CHECK(!f->vmx && !f->vmx_in_use && row("VT-x", NULL)[0] == 0);
    CHECK_EQ(f->cr4_known, 0x340fff);              /* not VMXE, SMXE, PKE, CET, LA57 */
    cpu.std[1].ecx |= BIT32(17);
    cpu.std[7].ebx |= BIT32(0);
    features_detect();
    CHECK_EQ(f->cr4_known, 0x370fff);
}

/* The leaf that holds them is not there: the highest one's data is not taken for it. */
static void short_cpu(void)
{
    make_cpu();
    cpu.std[0].eax = 1;
    cpu.ext[0].eax = 0x80000001;
    features_detect();
    CHECK(!cpu_features.smap && !cpu_features.umip && !cpu_features.spec_ctrl && !cpu_features.ibpb);
    CHECK(!cpu_features.npt && !cpu_features.invariant_tsc && cpu_features.svm && cpu_features.nx);
    CHECK_EQ(cpu_features.asids, 0);
    CHECK_EQ(cpuid_leaf(7).ebx, 0);
}

static void intel(void)
{
    const char *missing;
    make_cpu();
    cpu.std[0].ebx = 0x756e6547;
    cpu.std[1].ecx |= BIT32(24);
    cpu.std[7].edx = BIT32(10) | BIT32(26) | BIT32(27) | BIT32(28) | BIT32(29);
    cpu.ext[0].eax = 0x80000008;
    cpu.ext[1].ecx = 0;
    cpu.ext[8].ebx = 0;
    features_detect();
    CHECK(cpu_features.intel && cpu_features.tsc_deadline && cpu_features.verw && cpu_features.l1d_flush);
    CHECK(cpu_features.arch_caps && cpu_features.ibpb && cpu_features.spec_ctrl && cpu_features.stibp);
    CHECK_STR(row("VT-x", &missing), "VT-x             no   needed    guests run in it");
    CHECK(missing == NULL);                        /* guests do not run, the kernel does */
    CHECK_STR(row("SVM", NULL), "");
    CHECK_STR(row("nested", NULL), "");
    fake_hw.cr[4] = CR4_VMXE;
    cpu.std[1].ecx |= BIT32(5);
    features_detect();
    CHECK_STR(row("VT-x", NULL), "VT-x             yes  needed    guests run in it");
    CHECK(cpu_features.vmx && cpu_features.vmx_in_use && !cpu_features.svm);
}

static void locked(void)
{
    make_cpu();
    cpu.vm_cr = VM_CR_SVMDIS;
    features_detect();
    CHECK(!cpu_features.svm && cpu_features.svm_locked);
    CHECK_STR(row("SVM", NULL), "SVM              no   needed    guests run in it");
}

static void missing(void)
{
    const char *first;
    make_cpu();
    cpu.std[1].edx &= ~BIT32(25);                  /* one of the three bits */
    cpu.std[1].edx &= ~BIT32(9);
    features_detect();
    CHECK_STR(row("local APIC", &first), "local APIC       no   needed    timer and interrupts between CPUs");
    CHECK_STR(first, "FXSAVE and SSE2");
    CHECK_STR(row("SMEP", NULL), "SMEP             yes  optional  the kernel cannot execute user pages");
}

int main(void)
{
    all_there();
    short_cpu();
    intel();
    locked();
    missing();
    return unit_done();
}
