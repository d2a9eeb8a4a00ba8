/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/virt/vmx/vmx_caps.c kernel/virt/vmx/vmx_state.c kernel/virt/vmx/vmx_event.c kernel/virt/vmx/vmx_exit.c
   kernel/virt/vmx/vmx_fast.c kernel/virt/vmx/vmx_run.c kernel/virt/backend.c kernel/virt/vcpu_msr.c
   kernel/virt/vm_cpuid.c kernel/virt/vlapic.c kernel/virt/vlapic_reg.c kernel/virt/vlapic_icr.c
   kernel/virt/vlapic_timer.c kernel/mm/ptab.c kernel/mm/fmt_x86.c kernel/lib/fmt.c kernel/lib/str.c
   tests/unit/fake/hw.c tests/unit/fake/pmm.c tests/unit/fake/vmx_guest.c tests/unit/fake/no_svm.c
   tests/unit/fake/log.c */
/* What VT-x must have: CPUs that lack one thing each, or lie about it, are refused by its name. */
#include "kernel/lib/fmt.h"
#include "tests/unit/fake/log.h"
#include "tests/unit/fake/vmx_guest.h"

static char reason[96];

static bool refused(const char *text)
{
    vmx_world();
    reason[0] = 0;
    status_t st = vmx_init_cpu(reason);
    st = st == ST_UNSUPP ? vmx_init_cpu(reason) : st;           /* the second CPU lacks it as well */
    if (st != ST_UNSUPP || !strstr(reason, text) || fake_vmx.on || percpu()->virt)
        printf("    wanted \"%s\", got \"%s\"\n", text, reason);
    return st == ST_UNSUPP && strstr(reason, text) != NULL && !fake_vmx.on && percpu()->virt == NULL;
}

/* The CPU cannot do it; then: it cannot leave it off. */
#define LACKS(word, bit) (caps_skylake(), caps.ctl[word] &= ~((uint64_t)(bit) << 32))
#define FORCES(word, bit) (caps_skylake(), caps.ctl[word] |= (bit))

static void missing_controls(void)
{
    static const struct { uint8_t word; uint32_t bits; const char *name; } rows[] = {
        { VMX_PIN, PIN_EXTINT | PIN_NMI | PIN_VIRTUAL_NMI, "virtual NMIs" },
        { VMX_PROC, PROC_INTR_WINDOW | PROC_NMI_WINDOW, "windows" }, { VMX_PROC, PROC_TSC_OFFSET, "TSC offsetting" },
        { VMX_PROC, PROC_HLT | PROC_MWAIT | PROC_MONITOR | PROC_RDPMC | PROC_CR8 | PROC_MOV_DR | PROC_IO, "exits for HLT" },
        { VMX_PROC, PROC_MSR_BITMAP, "MSR bitmaps" }, { VMX_PROC, PROC_SECONDARY, "secondary controls" },
        { VMX_PROC2, PROC2_EPT, "EPT (nested paging)" }, { VMX_PROC2, PROC2_UNRESTRICTED, "unrestricted guest" },
        { VMX_PROC2, PROC2_VPID, "VPID" },
        { VMX_EXIT, EXIT_ACK_INTR, "acknowledge interrupts" },
        { VMX_EXIT, EXIT_HOST_64 | EXIT_SAVE_DEBUG | EXIT_SAVE_PAT | EXIT_LOAD_PAT | EXIT_SAVE_EFER | EXIT_LOAD_EFER,
          "exits to 64-bit mode" },
        { VMX_ENTRY, ENTRY_LOAD_DEBUG | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER, "entries that load" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (uint32_t left = rows[i].bits; left != 0; left &= left - 1) {       /* each bit by itself */
            LACKS(rows[i].word, left & -left);
            CHECK(refused(rows[i].name));
            CHECK(str_starts(reason, "this CPU's VT-x lacks") && strlen(reason) < sizeof reason - 1);      /* whole */
        }
    }
    for (uint32_t bit = BIT32(15); bit <= BIT32(16); bit <<= 1) {
        FORCES(VMX_PROC, bit);
        CHECK(refused("CR3 accesses without exits"));
    }
    FORCES(VMX_PROC, PROC_INTR_WINDOW);
    CHECK(refused("windows"));
    caps_skylake();
    caps.basic &= ~BIT64(55);                                   /* no exact MSRs: CR3 exits cannot be switched off */
    caps.ctl[VMX_PROC] |= 0x0401e172;
    CHECK(refused("CR3 accesses without exits"));
}

static void missing_ept(void)
{
    static const struct { unsigned bit; const char *name; } rows[] = {
        { 6, "four levels" }, { 14, "write-back" }, { 20, "INVEPT" }, { 32, "INVVPID" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        caps_skylake();
        caps.ept_vpid &= ~BIT64(rows[i].bit);
        CHECK(refused(rows[i].name));
    }
    caps_skylake();
    caps.ept_vpid &= ~(BIT64(25) | BIT64(26));
    CHECK(refused("a type of INVEPT"));
    caps_skylake();
    caps.ept_vpid &= ~(BIT64(41) | BIT64(42));
    CHECK(refused("a type of INVVPID"));
}

static void firmware(void)
{
    caps_skylake();
    caps.feature_control = 1;
    CHECK(refused("the firmware locked VT-x off (IA32_FEATURE_CONTROL)"));
    caps.feature_control = 0;                                   /* nobody decided: we do */
    vmx_world();
    CHECK_EQ(vmx_init_cpu(reason), ST_OK);
    CHECK_EQ(caps.feature_control, 5);
    caps_skylake();
    vmx_world();
    cpu_features.vmx_in_use = true;
    CHECK_EQ(vmx_init_cpu(reason), ST_UNSUPP);
    CHECK(strstr(reason, "in use already") != NULL);
    vmx_world();
    fake_vmx.refuse_on = true;
    uint64_t before = fake_pmm.in_use;
    CHECK_EQ(vmx_init_cpu(reason), ST_UNSUPP);
    CHECK(strstr(reason, "VMXON failed") != NULL && percpu()->virt == NULL && fake_pmm.in_use == before);
}

static void words(void)
{
    caps_skylake();
    caps.ctl[VMX_PROC2] |= (uint64_t)PROC2_ENCLS << 32;
    vmx_world();
    CHECK_EQ(vmx_init_cpu(reason), ST_OK);
    CHECK(fake_hw.cr[4] & CR4_VMXE);
    CHECK_EQ(cpu_features.asids, 65536);
    for (unsigned i = 0; i < VMX_WORDS; i++) {
        CHECK_EQ((uint32_t)caps.ctl[i] & ~vmx_caps.ctl[i], 0);                  /* what must be 1 */
        CHECK_EQ(vmx_caps.ctl[i] & ~(uint32_t)(caps.ctl[i] >> 32), 0);          /* what may not */
    }
    CHECK(!(vmx_caps.ctl[VMX_PROC] & (PROC_INTR_WINDOW | PROC_NMI_WINDOW | PROC_CR3)));
    CHECK_EQ(vmx_caps.ctl[VMX_PROC2], PROC2_EPT | PROC2_UNRESTRICTED | PROC2_VPID | PROC2_RDTSCP | PROC2_INVPCID |
                                      PROC2_WBINVD | PROC2_XSAVES | PROC2_TSC_SCALING | PROC2_ENCLS);
    CHECK(cpu_features.tsc_scaling && fake_log_has("virt: TSC scaling: yes\n"));
    CHECK(cpu_features.xsaves && fake_log_has("virt: EPT leaves of 1 GiB: yes\n") && fake_log_has("virt: XSAVES: yes\n"));
    CHECK(fake_log_has("virt: EPT accessed and dirty flags: yes\n") && vmx_caps.eptp == 0x5e);
    CHECK(fake_log_has("virt: mode-based execute control: no\n") && fake_log_has("virt: preemption timer: yes\n"));
    CHECK(vmx_caps.ctl[VMX_PIN] & PIN_PREEMPT_TIMER);
    CHECK(vmx_caps.invept == INV_SINGLE && vmx_caps.invvpid == INV_SINGLE);
    LACKS(VMX_PIN, PIN_PREEMPT_TIMER);                          /* goes without */
    caps.ctl[VMX_PROC2] &= ~((uint64_t)(PROC2_RDTSCP | PROC2_INVPCID | PROC2_WBINVD | PROC2_XSAVES |
                                         PROC2_TSC_SCALING | PROC2_ENCLS) << 32);
    caps.ctl[VMX_PROC2] |= (uint64_t)PROC2_MBEC << 32;
    fake_log_reset();
    caps.ept_vpid &= ~(BIT64(17) | BIT64(21) | BIT64(25) | BIT64(41));
    vmx_world();
    CHECK_EQ(vmx_init_cpu(reason), ST_OK);
    CHECK(!(vmx_caps.ctl[VMX_PIN] & PIN_PREEMPT_TIMER) && (vmx_caps.ctl[VMX_PROC2] & PROC2_MBEC) && !cpu_features.xsaves);
    CHECK(!cpu_features.tsc_scaling);
    CHECK(fake_log_has("virt: XSAVES: no\n") && fake_log_has("mode-based execute control: yes\n"));
    CHECK(fake_log_has("1 GiB: no\n") && fake_log_has("dirty flags: no\n") && vmx_caps.eptp == 0x1e);
    CHECK(vmx_caps.invept == INV_ALL && vmx_caps.invvpid == INV_ALL);
    CHECK(!(vmx_caps.ctl[VMX_PROC] & PROC_TPR_SHADOW) && vmx_caps.apicv && !vmx_caps.posted);
    struct ptab pt;
    CHECK_EQ(vmx_npt_init(&pt), ST_OK);
    CHECK_EQ(pt.leaf_max, 2);
    ptab_destroy(&pt);
}

static void fail(uint32_t field)
{
    fake_vmx.catch = true;
    if (setjmp(fake_vmx_panic) == 0)
        vmcs_failed(field);
}

/* A failed VMREAD or VMWRITE names its field. */
static void field_names(void)
{
    static const struct { uint32_t field; const char *name; } rows[] = {
#define X(n, w, e) { (e), #n },
        VMCS_FIELDS(X)
#undef X
        { 0x6c20, "field 6c20" },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char want[64];
        fmt(want, sizeof want, "VMREAD or VMWRITE of %s failed", rows[i].name);
        fail(rows[i].field);
        CHECK_STR(fake_vmx_said, want);
    }
}

/* APIC virtualization: all of it or nothing; posted interrupts need it. */
static void apic_virtualization(void)
{
    for (uint32_t left = PROC2_APIC; left != 0; left &= left - 1) {
        LACKS(VMX_PROC2, left & -left);
        caps.ctl[VMX_PIN] |= (uint64_t)PIN_POSTED << 32;
        vmx_world();
        CHECK_EQ(vmx_init_cpu(reason), ST_OK);
        CHECK(!vmx_caps.apicv && !vmx_caps.posted);
    }
    LACKS(VMX_PROC, PROC_TPR_SHADOW);
    vmx_world();
    CHECK(vmx_init_cpu(reason) == ST_OK && !vmx_caps.apicv);
    caps_skylake();
    caps.ctl[VMX_PIN] |= (uint64_t)PIN_POSTED << 32;
    vmx_world();
    CHECK(vmx_init_cpu(reason) == ST_OK && vmx_caps.apicv && vmx_caps.posted && !(vmx_caps.ctl[VMX_PIN] & PIN_POSTED));
}

/* What a guest reaches without an exit; x2APIC registers only where the CPU answers them rightly: not ICR, the timer's
 * count, what can only be written, what is no register. */
static void bitmap(bool apicv)
{
    static const uint8_t x2_reads[] = { 0x02, 0x03, 0x08, 0x0a, 0x0d, 0x0f, 0x28, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38,
                                        0x3e }, x2_writes[] = { 0x08, 0x0b, 0x3f };
    const uint8_t *map = (const uint8_t *)vmx_caps.msr_bitmap_pa[apicv];
    unsigned open[2] = { 0, 0 };
    CHECK_EQ((uintptr_t)map % PAGE_SIZE, 0);
    for (unsigned way = 0; way < 2; way++)
        for (uint32_t i = 0; i < 0x4000; i++) {
            const uint32_t msr = i < 0x2000 ? i : 0xc0000000 + i - 0x2000;
            const bool both = (msr >= 0xc0000100 && msr <= 0xc0000102) || (msr >= 0x174 && msr <= 0x176) || msr == MSR_PAT ||
                              msr == MSR_EFER, read = msr == MSR_STAR || msr == MSR_LSTAR || msr == MSR_SFMASK;
            const bool exits = map[way * 0x800 + i / 8] >> i % 8 & 1, in_x2 = apicv && msr >= 0x800 && msr < 0x8ff;
            const bool x2 = in_x2 && (way ? memchr(x2_writes, (int)(msr - 0x800), sizeof x2_writes) != NULL :
                                      (msr >= 0x810 && msr < 0x828) || memchr(x2_reads, (int)(msr - 0x800), sizeof x2_reads));
            CHECK(exits == !(both || (read && way == 0) || x2));
            open[way] += !exits;
        }
    CHECK(open[0] == 11 + (apicv ? 24 + sizeof x2_reads : 0) && open[1] == 8 + (apicv ? sizeof x2_writes : 0));
}

int main(void)
{
    missing_controls();
    missing_ept();
    firmware();
    words();
    apic_virtualization();
    bitmap(false);
    bitmap(true);
    field_names();
    return unit_done();
}
