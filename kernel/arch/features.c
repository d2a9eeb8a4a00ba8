/* SPDX-License-Identifier: BSD-2-Clause */
/* What this CPU has, and what Cordon needs of it: one table. */
#include "kernel/arch/boot.h"
#include "kernel/log/console.h"

struct cpu_features cpu_features;

#define LEAF_SVM  0x8000000au
enum { EAX, EBX, ECX, EDX };
enum need { OPTIONAL, GUESTS, KERNEL };     /* without it: all runs, no guest starts, the kernel does not start */

/* [SDM2 CPUID], [APM3 E.3]. The first rows, with names, are the requirements that users see. */
static const struct feature {
    uint32_t leaf, bits;
    uint8_t reg, at, need;                  /* at: of the bool in cpu_features; true when a row has all its bits */
    const char *name, *why;
} features[] = {
#define F(field) offsetof(struct cpu_features, field)
    { 0x80000001, BIT32(20), EDX, F(nx), KERNEL, "NX", "no page is both writable and executable" },
    { 1, MASK32(26, 24), EDX, F(fxsr_sse2), KERNEL, "FXSAVE and SSE2", "register state of guests" },
    { 1, BIT32(13), EDX, F(pge), KERNEL, "global pages", "kernel mappings outlive a switch" },
    { 1, BIT32(9), EDX, F(apic), KERNEL, "local APIC", "timer and interrupts between CPUs" },
    { 1, BIT32(5), ECX, F(vmx), GUESTS, "VT-x", "guests run in it" },
    { 0x80000001, BIT32(2), ECX, F(svm), GUESTS, "SVM", "guests run in it" },
    { LEAF_SVM, BIT32(0), EDX, F(npt), GUESTS, "nested paging", "guests have no shadow page tables" },
    { 1, BIT32(26), ECX, F(xsave), OPTIONAL, "XSAVE", "AVX in guests" },
    { 0x80000007, BIT32(8), EDX, F(invariant_tsc), OPTIONAL, "invariant TSC", "one clock for all CPUs" },
    { 1, BIT32(21), ECX, F(x2apic), OPTIONAL, "x2APIC", "else the local APIC is a page of registers" },
    { 7, BIT32(7), EBX, F(smep), OPTIONAL, "SMEP", "the kernel cannot execute user pages" },
    { 7, BIT32(20), EBX, F(smap), OPTIONAL, "SMAP", "the kernel touches user pages only where it means to" },
    { 7, BIT32(2), ECX, F(umip), OPTIONAL, "UMIP", "ring 3 cannot read descriptor table addresses" },
    { 7, BIT32(26), EDX, F(ibpb), OPTIONAL, "IBPB", "branch history does not cross owners" },
    { LEAF_SVM, BIT32(3), EDX, F(nrips), OPTIONAL, "next RIP", "else the VMM finds instruction lengths" },
    { .leaf = 1, BIT32(24), ECX, F(tsc_deadline) },
    { .leaf = 1, BIT32(17), ECX, F(pcid) },
    { .leaf = 7, BIT32(0), EBX, F(fsgsbase) },
    { .leaf = 7, BIT32(10), EDX, F(verw) },
    { .leaf = 7, BIT32(26), EDX, F(spec_ctrl) },
    { .leaf = 7, BIT32(27), EDX, F(stibp) },
    { .leaf = 7, BIT32(28), EDX, F(l1d_flush) },
    { .leaf = 7, BIT32(29), EDX, F(arch_caps) },
    { .leaf = 0x80000001, BIT32(26), EDX, F(page1g) },
    { .leaf = 0x80000001, BIT32(27), EDX, F(rdtscp) },
    { .leaf = 0x80000008, BIT32(12), EBX, F(ibpb) },         /* AMD's bits for the same [APM2 3.2.9] */
    { .leaf = 0x80000008, BIT32(14), EBX, F(spec_ctrl) },
    { .leaf = 0x80000008, BIT32(15), EBX, F(stibp) },
    { .leaf = LEAF_SVM, BIT32(6), EDX, F(flush_by_asid) },
    { .leaf = LEAF_SVM, BIT32(7), EDX, F(decode_assists) },
    { .leaf = 1, BIT32(31), ECX, F(hypervisor) },
    { .leaf = 0x80000008, BIT32(29), EBX, F(btc_no) },
    { .leaf = 0x80000021, BIT32(5), EAX, F(verw) },          /* AMD's bit for the same: TSA */
    { .leaf = 0x80000021, BIT32(8), EAX, F(auto_ibrs) },
    { .leaf = 0x80000021, BIT32(28), EAX, F(ibpb_brtype) },
    { .leaf = 0x80000021, BIT32(29), EAX, F(srso_no) },
    { .leaf = 0x80000021, BIT32(31), EAX, F(bp_reduce) },
};

struct cpuid_regs cpuid_leaf(uint32_t leaf)
{ return hw_cpuid(leaf & 0x80000000u, 0).eax >= leaf ? hw_cpuid(leaf, 0) : (struct cpuid_regs){ 0, 0, 0, 0 }; }

void features_detect(void)
{
    struct cpu_features *f = &cpu_features;
    for (unsigned i = 0; i < ARRAY_LEN(features); i++) {
        const struct feature *row = &features[i];
        const struct cpuid_regs r = cpuid_leaf(row->leaf);
        const uint32_t word[] = { r.eax, r.ebx, r.ecx, r.edx };
        *((bool *)f + row->at) |= (word[row->reg] & row->bits) == row->bits;
    }
    f->svm_locked = f->svm && (hw_rdmsr(MSR_VM_CR) & VM_CR_SVMDIS);     /* [APM2 15.4] */
    f->svm = f->svm && !f->svm_locked;
    f->intel = cpuid_leaf(0).ebx == 0x756e6547;                            /* "Genu" */
    f->emulated = f->hypervisor && hw_cpuid(0x40000000, 0).ebx == 0x54474354;   /* "TCGT": QEMU's own */
    const uint32_t signature = cpuid_leaf(1).eax;
    f->family = (uint8_t)((signature >> 8 & 15) + (signature >> 20));
    f->model = (uint8_t)((signature >> 4 & 15) | (signature >> 12 & 0xf0));
    f->phys_bits = (uint8_t)cpuid_leaf(0x80000008).eax;
    f->asids = cpuid_leaf(LEAF_SVM).ebx;
    f->vmx_in_use = f->vmx && (hw_read_cr4() & CR4_VMXE);
    /* Not PKE: nobody switches PKRU between guests. */
    f->cr4_known = MASK64(10, 0) | (f->umip ? CR4_UMIP : 0) | (f->xsave ? CR4_OSXSAVE : 0) | (f->smep ? CR4_SMEP : 0) |
                   (f->smap ? CR4_SMAP : 0) | (f->fsgsbase ? CR4_FSGSBASE : 0) | (f->pcid ? CR4_PCIDE : 0);
}

/* SVM and what belongs to it, or VT-x. */
static bool is_other_vendors(const struct feature *row)
{ return cpu_features.intel ? row->at == F(svm) || row->leaf == LEAF_SVM : row->at == F(vmx); }

const char *features_log(void)
{
    const char *missing = NULL;
    for (const struct feature *row = features; row < features + ARRAY_LEN(features) && row->name; row++) {
        if (is_other_vendors(row))
            continue;
        bool have = *((const bool *)&cpu_features + row->at);
        log_line("cpu: %-16s %-3s  %-8s  %s", row->name, have ? "yes" : "no", row->need ? "needed" : "optional", row->why);
        if (!missing && !have && row->need == KERNEL)
            missing = row->name;
    }
    return missing;
}
