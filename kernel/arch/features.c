/* SPDX-License-Identifier: BSD-2-Clause */
/* What this CPU has, and the table of what Cordon needs of it. */
#include "kernel/arch/boot.h"
#include "kernel/arch/cpu.h"
#include "kernel/lib/fmt.h"
#include "kernel/log/console.h"

struct cpu_features cpu_features;
uint8_t cpu_smap_on;                       /* for entry.S and copy.S; const after boot */
extern uint8_t cpu_smap_on;

static struct { uint32_t std_edx, svm_disabled, vmx_locked_off, x2apic, rdtscp; } seen;

static struct cpuid_regs leaf(uint32_t n, uint32_t sub)
{
    struct cpuid_regs none = { 0, 0, 0, 0 };
    return hw_cpuid(n & 0x80000000u, 0).eax >= n ? hw_cpuid(n, sub) : none;
}

/* [SDM2 CPUID], [APM3 E.3] */
static void detect_standard(struct cpu_features *f)
{
    struct cpuid_regs r = hw_cpuid(0, 0);
    f->intel = r.ebx == 0x756e6547;        /* "Genu" */
    f->amd = r.ebx == 0x68747541 || r.ebx == 0x6f677948;   /* "Auth", "Hygo" */
    r = leaf(1, 0);
    seen.std_edx = r.edx;
    f->vmx = (r.ecx & BIT32(5)) != 0;
    f->pcid = (r.ecx & BIT32(17)) != 0;
    f->x2apic = (r.ecx & BIT32(21)) != 0;
    f->tsc_deadline = (r.ecx & BIT32(24)) != 0;
    f->xsave = (r.ecx & BIT32(26)) != 0;
    r = leaf(7, 0);
    f->fsgsbase = (r.ebx & BIT32(0)) != 0;
    f->smep = (r.ebx & BIT32(7)) != 0;
    f->smap = (r.ebx & BIT32(20)) != 0;
    f->umip = (r.ecx & BIT32(2)) != 0;
    f->ibpb = (r.edx & BIT32(26)) != 0;
    f->ssbd = (r.edx & BIT32(31)) != 0;
}

static void detect_extended(struct cpu_features *f)
{
    struct cpuid_regs r = leaf(0x80000001, 0);
    f->svm = (r.ecx & BIT32(2)) != 0;
    f->nx = (r.edx & BIT32(20)) != 0;
    f->page1g = (r.edx & BIT32(26)) != 0;
    f->invariant_tsc = (leaf(0x80000007, 0).edx & BIT32(8)) != 0;
    r = leaf(0x80000008, 0);
    f->phys_bits = (uint8_t)(r.eax & 0xff);
    f->ibpb |= (r.ebx & BIT32(12)) != 0;
    f->ssbd |= (r.ebx & BIT32(24)) != 0;
}

/* [APM2 15.4]: firmware may have locked SVM away. */
static void detect_svm(struct cpu_features *f)
{
    if (!f->svm)
        return;
    seen.svm_disabled = (hw_rdmsr(MSR_VM_CR) & VM_CR_SVMDIS) != 0;
    struct cpuid_regs r = leaf(0x8000000a, 0);
    f->asids = r.ebx;
    f->npt = (r.edx & BIT32(0)) != 0;
    f->nrips = (r.edx & BIT32(3)) != 0;
    f->flush_by_asid = (r.edx & BIT32(6)) != 0;
    f->decode_assists = (r.edx & BIT32(7)) != 0;
    f->svm = !seen.svm_disabled;
}

/* [SDM3 24.7] */
static void detect_vmx(struct cpu_features *f)
{
    if (!f->vmx)
        return;
    uint64_t control = hw_rdmsr(MSR_FEATURE_CONTROL);
    seen.vmx_locked_off = (control & FEATURE_LOCK) != 0 && (control & FEATURE_VMX) == 0;
    f->vmx = !seen.vmx_locked_off;
}

void features_detect(void)
{
    detect_standard(&cpu_features);
    detect_extended(&cpu_features);
    detect_svm(&cpu_features);
    detect_vmx(&cpu_features);
    fpu_detect();
    cpu_smap_on = cpu_features.smap;
}

static const char *virt_why(void)
{
    if (seen.svm_disabled)
        return "firmware disabled SVM (VM_CR.SVMDIS): switch it on in setup";
    if (seen.vmx_locked_off)
        return "firmware locked VT-x off: switch it on in setup";
    return "guests run in it";
}

/* id of each row: what cannot be had without stops the boot only when the kernel itself needs it. */
#define REQ_KERNEL 2u    /* needed, and the kernel does not start without it */
#define REQUIREMENTS(R) \
    R("NX",              cpu_features.nx, REQ_KERNEL, "no page is both writable and executable") \
    R("FXSAVE and SSE2", (seen.std_edx & 0x07000000u) == 0x07000000u, REQ_KERNEL, "register state of guests") \
    R("global pages",    (seen.std_edx & BIT32(13)) != 0, REQ_KERNEL, "kernel mappings outlive a switch") \
    R("local APIC",      (seen.std_edx & BIT32(9)) != 0, REQ_KERNEL, "timer and interrupts between CPUs") \
    R("SVM or VT-x",     cpu_features.svm || cpu_features.vmx, 1u, virt_why()) \
    R("nested paging",   cpu_features.npt || cpu_features.vmx, 1u, "guests have no shadow page tables") \
    R("XSAVE",           cpu_features.xsave, 0u, "AVX in guests") \
    R("invariant TSC",   cpu_features.invariant_tsc, 0u, "one clock for all CPUs") \
    R("x2APIC",          cpu_features.x2apic, 0u, "else the local APIC is a page of registers") \
    R("SMEP",            cpu_features.smep, 0u, "the kernel cannot execute user pages") \
    R("SMAP",            cpu_features.smap, 0u, "the kernel touches user pages only where it means to") \
    R("UMIP",            cpu_features.umip, 0u, "ring 3 cannot read descriptor table addresses") \
    R("IBPB",            cpu_features.ibpb, 0u, "branch history does not cross owners") \
    R("next RIP",        cpu_features.nrips || cpu_features.vmx, 0u, "else the VMM finds instruction lengths")

static bool requirement(uint32_t index, struct info_requirement *out, bool *kernel)
{
    uint32_t at = 0;
#define ROW(n, h, need, text) \
    if (index == at++) { \
        *out = (struct info_requirement){ .have = (h) ? 1 : 0, .needed = (need) ? 1 : 0 }; \
        (void)fmt(out->name, sizeof out->name, "%s", (n)); \
        (void)fmt(out->why, sizeof out->why, "%s", (text)); \
        *kernel = (need) == REQ_KERNEL; \
        return true; \
    }
    REQUIREMENTS(ROW)
#undef ROW
    return false;
}

bool cpu_requirement_at(uint32_t index, struct info_requirement *out)
{
    bool kernel;
    return requirement(index, out, &kernel);
}

uint32_t cpu_requirements(struct info_requirement *out, uint32_t max)
{
    uint32_t n = 0;
    while (n < max && cpu_requirement_at(n, &out[n]))
        n++;
    return n;
}

const char *features_log(void)
{
    static struct info_requirement row, missing;
    bool kernel;
    for (uint32_t i = 0; requirement(i, &row, &kernel); i++) {
        log_line("cpu: %-16s %-3s %s: %s", row.name, row.have ? "yes" : "no", row.needed ? "needed" : "used if there",
                 row.why);
        if (kernel && !row.have && missing.name[0] == 0)
            missing = row;
    }
    return missing.name[0] ? missing.name : NULL;
}
