/* SPDX-License-Identifier: BSD-2-Clause */
/* Turning VT-x on, what it must have [SDM3 A], and the MSR bitmaps that all guests share. */
#include "kernel/lib/fmt.h"
#include "kernel/log/console.h"
#include "kernel/mm/bootmem.h"
#include "kernel/mm/pmm.h"
#include "kernel/virt/vmx/vmx.h"

#define MSR_FEATURE_CONTROL   0x03au
#define   FEATURE_LOCKED      BIT64(0)
#define   FEATURE_VMX         BIT64(2)
#define MSR_VMX_BASIC         0x480u
#define   BASIC_REVISION      MASK64(30, 0)
#define   BASIC_TRUE          BIT64(55)
#define MSR_VMX_MISC          0x485u
#define   MISC_TIMER_SHIFT    MASK64(4, 0)
#define MSR_VMX_EPT_VPID      0x48cu
#define   EPT_CAP_4_LEVELS    BIT64(6)
#define   EPT_CAP_WB          BIT64(14)
#define   EPT_CAP_2M          BIT64(16)
#define   EPT_CAP_1G          BIT64(17)
#define   EPT_CAP_INVEPT      BIT64(20)
#define   EPT_CAP_AD          BIT64(21)
#define   EPT_CAP_INVEPT_ONE  BIT64(25)
#define   EPT_CAP_INVEPT_ALL  BIT64(26)
#define   EPT_CAP_INVVPID     BIT64(32)
#define   EPT_CAP_INVVPID_ONE BIT64(41)
#define   EPT_CAP_INVVPID_ALL BIT64(42)
#define VMX_CPU_ORDER         1u
#define VPIDS                 0x10000u
#define LEAF_2M               2u
#define LEAF_1G               3u
#define READS                 1u
#define WRITES                2u

_Static_assert(sizeof(struct vmx_cpu) <= PAGE_SIZE << VMX_CPU_ORDER, "struct vmx_cpu");

struct vmx_caps vmx_caps;

/* ---- controls ---- */

/* ON: needed and set. MAY: set where the CPU has it. OFF: starts clear, must be settable. CLEAR: must be clearable.
 * LATER: starts clear, noted where the CPU has it. */
enum rule { ON, MAY, OFF, CLEAR, LATER };
static const struct control { uint8_t word, rule; uint32_t bit; const char *name; } controls[] = {
    { VMX_PIN, ON, PIN_EXTINT | PIN_NMI | PIN_VIRTUAL_NMI, "exits for interrupts and NMIs, virtual NMIs" },
    { VMX_PIN, MAY, PIN_PREEMPT_TIMER, "preemption timer" },
    { VMX_PIN, LATER, PIN_POSTED, "" },
    { VMX_PROC, LATER, PROC_TPR_SHADOW, "" },
    { VMX_PROC2, LATER, PROC2_APIC, "" },
    { VMX_PROC, OFF, PROC_INTR_WINDOW | PROC_NMI_WINDOW, "interrupt and NMI windows" },
    { VMX_PROC, ON, PROC_TSC_OFFSET, "TSC offsetting" },
    { VMX_PROC, ON, PROC_HLT | PROC_MWAIT | PROC_MONITOR | PROC_RDPMC | PROC_CR8 | PROC_MOV_DR | PROC_IO,
      "exits for HLT, MWAIT, MONITOR, RDPMC, CR8, debug registers and ports" },
    { VMX_PROC, ON, PROC_MSR_BITMAP, "MSR bitmaps" },
    { VMX_PROC, CLEAR, PROC_CR3, "CR3 accesses without exits" },
    { VMX_PROC, ON, PROC_SECONDARY, "secondary controls" },
    { VMX_PROC2, ON, PROC2_EPT, "EPT (nested paging)" },
    { VMX_PROC2, ON, PROC2_UNRESTRICTED, "unrestricted guest" },
    { VMX_PROC2, ON, PROC2_VPID, "VPID" },
    { VMX_PROC2, MAY, PROC2_WBINVD | PROC2_ENCLS, "" },
    { VMX_PROC2, MAY, PROC2_RDTSCP, "RDTSCP" }, { VMX_PROC2, MAY, PROC2_INVPCID, "INVPCID" },
    { VMX_PROC2, MAY, PROC2_XSAVES, "XSAVES" }, { VMX_PROC2, MAY, PROC2_TSC_SCALING, "TSC scaling" },
    { VMX_PROC2, MAY, PROC2_MBEC, "mode-based execute control" },
    { VMX_EXIT, ON, EXIT_ACK_INTR, "exits that acknowledge interrupts" },
    { VMX_EXIT, ON, EXIT_HOST_64 | EXIT_SAVE_DEBUG | EXIT_SAVE_PAT | EXIT_LOAD_PAT | EXIT_SAVE_EFER | EXIT_LOAD_EFER,
      "exits to 64-bit mode that switch debug controls, IA32_PAT and IA32_EFER" },
    { VMX_ENTRY, ON, ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER,
      "entries that load debug controls, IA32_PAT and IA32_EFER" },
};

/* The MSR of a word: bits 31:0 must be 1, bits 63:32 may be 1 [SDM3 A.3]. The name of what is missing, or NULL. */
static const char *control_word(unsigned word, uint64_t msr, struct vmx_caps *caps)
{
    uint32_t *out = &caps->ctl[word];
    const uint32_t must = (uint32_t)msr, may = (uint32_t)(msr >> 32);
    *out = must;
    caps->later[word] = 0;
    for (unsigned i = 0; i < ARRAY_LEN(controls); i++) {
        const struct control *c = &controls[i];
        if (c->word != word)
            continue;
        if (c->rule == CLEAR ? (must & c->bit) != 0 : (c->rule == ON || c->rule == OFF) && (may & c->bit) != c->bit)
            return c->name;
        if (c->rule == OFF && (must & c->bit))
            return c->name;
        *out |= c->rule == ON || c->rule == MAY ? c->bit & may : 0;
        caps->later[word] |= c->rule == LATER ? c->bit & may : 0;
    }
    return NULL;
}

/* What is used where it is there. */
static void log_options(const struct vmx_caps *caps)
{
    log_line("virt: EPT leaves of 1 GiB: %s", caps->ept_vpid & EPT_CAP_1G ? "yes" : "no");
    log_line("virt: EPT accessed and dirty flags: %s", caps->ept_vpid & EPT_CAP_AD ? "yes" : "no");
    for (const struct control *c = controls; c < controls + ARRAY_LEN(controls); c++)
        if (c->rule == MAY && c->name[0])
            log_line("virt: %s: %s", c->name, caps->ctl[c->word] & c->bit ? "yes" : "no");
}

static const char *ept_missing(uint64_t cap)
{
    static const struct { uint64_t any; const char *name; } rows[] = {
        { EPT_CAP_4_LEVELS, "EPT with four levels" }, { EPT_CAP_WB, "EPT tables in write-back memory" },
        { EPT_CAP_INVEPT, "INVEPT" }, { EPT_CAP_INVEPT_ONE | EPT_CAP_INVEPT_ALL, "a type of INVEPT" },
        { EPT_CAP_INVVPID, "INVVPID" }, { EPT_CAP_INVVPID_ONE | EPT_CAP_INVVPID_ALL, "a type of INVVPID" },
    };
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        if (!(cap & rows[i].any))
            return rows[i].name;
    return NULL;
}

/* The MSRs of a word exist only when the words before it have what is needed. */
static const char *read_caps(struct vmx_caps *caps)
{
    static const uint16_t msrs[2][VMX_WORDS] = { { 0x481, 0x482, 0x48b, 0x483, 0x484 },
                                                 { 0x48d, 0x48e, 0x48b, 0x48f, 0x490 } };     /* exact ones */
    const uint64_t basic = hw_rdmsr(MSR_VMX_BASIC);
    const char *missing = NULL;
    for (unsigned i = 0; i < VMX_WORDS && !missing; i++)
        missing = control_word(i, hw_rdmsr(msrs[(basic & BASIC_TRUE) != 0][i]), caps);
    if (missing)
        return missing;
    caps->apicv = caps->later[VMX_PROC] && caps->later[VMX_PROC2] == PROC2_APIC;
    caps->posted = caps->apicv && caps->later[VMX_PIN];
    caps->ept_vpid = hw_rdmsr(MSR_VMX_EPT_VPID);
    caps->eptp = EPTP_WB | EPTP_4_LEVELS | (caps->ept_vpid & EPT_CAP_AD ? EPTP_AD : 0);
    caps->timer_shift = (uint8_t)(hw_rdmsr(MSR_VMX_MISC) & MISC_TIMER_SHIFT);
    caps->invept = caps->ept_vpid & EPT_CAP_INVEPT_ONE ? INV_SINGLE : INV_ALL;
    caps->invvpid = caps->ept_vpid & EPT_CAP_INVVPID_ONE ? INV_SINGLE : INV_ALL;
    missing = ept_missing(caps->ept_vpid);
    caps->revision = missing ? 0 : (uint32_t)(basic & BASIC_REVISION);       /* last: vmx_init_cpu */
    return missing;
}

/* ---- MSRs ---- */

/* What a guest reads or writes directly, and why it may. */
static const struct { uint32_t msr, ways; } direct[] = {
    { 0xc0000100, READS | WRITES },  /* FS_BASE: a guest field; each context switch of a 64-bit kernel */
    { 0xc0000101, READS | WRITES },  /* GS_BASE: same */
    { MSR_KERNEL_GS_BASE, READS | WRITES },  /* loaded before entry (vmx_run.c); same */
    { MSR_STAR, READS },             /* loaded before entry; writes are noted */
    { MSR_LSTAR, READS },            /* same */
    { MSR_SFMASK, READS },           /* same */
    { 0x174, READS | WRITES },       /* SYSENTER_CS: a guest field */
    { 0x175, READS | WRITES },       /* SYSENTER_ESP: same */
    { 0x176, READS | WRITES },       /* SYSENTER_EIP: same */
    { MSR_PAT, READS | WRITES },     /* switched at entry and exit; the CPU checks what is written */
    { MSR_EFER, READS | WRITES },    /* same */
};

/* x2APIC registers whose reads and writes do what they should on the page without an exit [SDM3 30.5]. Not ICR: 64 bits
 * in one slot; not the timer's count: nobody counts there; and what is no register is #GP. */
#define APIC_READS   (BIT64(VLR_ID) | BIT64(VLR_VERSION) | BIT64(VLR_TPR) | BIT64(VLR_PPR) | BIT64(VLR_LDR) | \
                      BIT64(VLR_SVR) | MASK64(VLR_ESR, VLR_ISR) | MASK64(VLR_TIMER_INIT, VLR_LVT) | \
                      BIT64(VLR_TIMER_DIVIDE))
#define APIC_WRITES  (BIT64(VLR_TPR) | BIT64(VLR_EOI) | BIT64(VLR_SELF_IPI))

/* [SDM3 25.6.9]: four bitmaps, reads of low and high MSRs, writes of low and high ones. */
static void bitmap_fill(uint8_t map[PAGE_SIZE], bool apicv)
{
    uint64_t *reads = (uint64_t *)(uintptr_t)&map[MSR_X2APIC_FIRST / 8], *writes = reads + PAGE_SIZE / 2 / 8;
    memset(map, 0xff, PAGE_SIZE);
    for (unsigned i = 0; i < ARRAY_LEN(direct); i++) {
        const uint32_t bit = (direct[i].msr & 0x1fff) + (direct[i].msr >> 31) * 0x2000;
        for (uint32_t way = READS, at = bit / 8; way <= WRITES; way <<= 1, at += PAGE_SIZE / 2)
            if (direct[i].ways & way)
                map[at] &= (uint8_t)~BIT32(bit % 8);
    }
    *reads = apicv ? ~APIC_READS : ~UINT64_C(0);
    *writes = apicv ? ~APIC_WRITES : ~UINT64_C(0);
}

/* ---- boot ---- */

static status_t refuse(char reason[96], const char *why, const char *what)
{
    fmt(reason, 96, "%s%s", why, what);
    return ST_UNSUPP;
}

static status_t first_cpu(char reason[96])
{
    static ALIGNED(PAGE_SIZE) uint8_t bitmap[2][PAGE_SIZE];
    const char *missing = read_caps(&vmx_caps);
    if (missing)
        return refuse(reason, "this CPU's VT-x lacks ", missing);
    log_options(&vmx_caps);
    cpu_features.xsaves = vmx_caps.ctl[VMX_PROC2] & PROC2_XSAVES;
    cpu_features.tsc_scaling = vmx_caps.ctl[VMX_PROC2] & PROC2_TSC_SCALING;
    for (unsigned i = 0; i < 2; i++) {
        bitmap_fill(bitmap[i], i == 1);
        vmx_caps.msr_bitmap_pa[i] = boot_image_pa(bitmap[i]).v;
    }
    for (unsigned i = 0; i < ARRAY_LEN(vmx_caps.host_syscall); i++)
        vmx_caps.host_syscall[i] = hw_rdmsr(MSR_STAR + i);
    cpu_features.asids = VPIDS;
    return ST_OK;
}

status_t vmx_init_cpu(char reason[96])
{
    const uint64_t control = hw_rdmsr(MSR_FEATURE_CONTROL);
    if (cpu_features.vmx_in_use)
        return refuse(reason, "VT-x is in use already: CR4.VMXE was 1 at the start", "");
    if ((control & FEATURE_LOCKED) && !(control & FEATURE_VMX))
        return refuse(reason, "the firmware locked VT-x off (IA32_FEATURE_CONTROL): switch it on in setup", "");
    if (vmx_caps.revision == 0)
        TRY(first_cpu(reason));
    struct vmx_cpu *cpu = pmm_alloc_order(VMX_CPU_ORDER);
    if (!cpu)
        return ST_NOSPACE;
    if (!(control & FEATURE_LOCKED))
        hw_wrmsr(MSR_FEATURE_CONTROL, control | FEATURE_LOCKED | FEATURE_VMX);
    cpu->vmxon[0] = vmx_caps.revision;
    hw_write_cr4(hw_read_cr4() | CR4_VMXE);
    if (!vmx_on(pmm_pa(cpu->vmxon).v)) {
        pmm_free_order(cpu, VMX_CPU_ORDER);
        return refuse(reason, "VMXON failed: something else owns VT-x on this CPU", "");
    }
    percpu()->virt = cpu;
    return ST_OK;
}

status_t vmx_npt_init(struct ptab *pt)
{
    const uint64_t cap = vmx_caps.ept_vpid;
    return ptab_init(pt, &ptab_fmt_ept, 4, cap & EPT_CAP_2M ? cap & EPT_CAP_1G ? LEAF_1G : LEAF_2M : 1, false);
}

void vmcs_failed(uint32_t field)
{
    static const struct { uint16_t field; char name[18]; } names[] = {
#define X(n, w, e) { (e), #n },
        VMCS_FIELDS(X)
#undef X
    };
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].field == field)
            panic("VMREAD or VMWRITE of %s failed", names[i].name);
    panic("VMREAD or VMWRITE of field %x failed", field);
}
