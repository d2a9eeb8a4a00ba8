/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/virt/vmx/vmx_caps.c kernel/virt/vmx/vmx_state.c kernel/virt/vmx/vmx_event.c kernel/virt/vmx/vmx_exit.c
   kernel/virt/vmx/vmx_fast.c kernel/virt/vmx/vmx_run.c kernel/virt/backend.c kernel/virt/vcpu_msr.c
   kernel/virt/vm_cpuid.c kernel/virt/vlapic.c kernel/virt/vlapic_reg.c kernel/virt/vlapic_icr.c
   kernel/virt/vlapic_timer.c kernel/mm/ptab.c kernel/mm/fmt_x86.c kernel/lib/fmt.c kernel/lib/str.c
   tests/unit/fake/hw.c tests/unit/fake/pmm.c tests/unit/fake/vmx_guest.c tests/unit/fake/no_svm.c
   tests/unit/fake/log.c */
/* VT-x without VT-x: the state page and the VMCS, whose VMCS is current, what is in the CPU when. */
#include "kernel/arch/boot.h"
#include "kernel/mm/pmm.h"
#include "tests/unit/fake/vmx_guest.h"

static void reset(void)
{
    vmx_start();
    CHECK_EQ(vmcs_read(VMCS_RIP), 0xfff0);
    CHECK_EQ(vmcs_read(VMCS_CS_BASE), 0xffff0000);
    CHECK_EQ(vmcs_read(VMCS_CS_AR), 0x9b);
    CHECK_EQ(vmcs_read(VMCS_TR_AR), 0x8b);
    CHECK_EQ(vmcs_read(VMCS_LDTR_AR), 0x82);
    CHECK_EQ(vmcs_read(VMCS_CR0), CR0_NE | 0x10);                 /* CD and NW are the guest's idea only */
    CHECK_EQ(vmcs_read(VMCS_CR0_SHADOW), CR0_CD | CR0_NW | 0x10);
    CHECK_EQ(vmcs_read(VMCS_CR4), CR4_VMXE | CR4_MCE);
    CHECK_EQ(vmcs_read(VMCS_CR4_SHADOW), 0);
    CHECK_EQ(vmcs_read(VMCS_RFLAGS), 2);
    CHECK_EQ(vmcs_read(VMCS_VPID), 3);
    CHECK_EQ(vmcs_read(VMCS_EPTP), pmm_pa(vm.npt.root).v | 0x5e);
    CHECK_EQ(vmcs_read(VMCS_LINK_POINTER), ~UINT64_C(0));
    CHECK_EQ(vmcs_read(VMCS_XSS_BITMAP), ~UINT64_C(0));
    CHECK_EQ(vmcs_read(VMCS_TSC_MULTIPLIER), TSC_SAME);
    CHECK_EQ(vmcs_read(VMCS_HOST_CR0), CR0_PE | CR0_NE | CR0_WP | CR0_PG);      /* not TS */
    CHECK_EQ(vmcs_read(VMCS_HOST_CR3), 0x123000);
    CHECK_EQ(vmcs_read(VMCS_HOST_CR4), CR4_PAE | CR4_MCE | CR4_VMXE);
    CHECK_EQ(vmcs_read(VMCS_HOST_IDTR_BASE), 0x1d7);
    CHECK_EQ(vmcs_read(VMCS_PREEMPT_TIMER), 10000000);
    CHECK_EQ(vmcs_read(VMCS_EXC_BITMAP), 1u << 1 | 1u << 17 | 1u << 18);
    CHECK_EQ(vs->gpr[GPR_RDX], 0x600);
    cpu.event = GP;
    cpu.vmx->kernel_gs_base = 5;
    exit_field(VMCS_INTERRUPTIBILITY, BLOCK_NMI);
    vmx_window(cpu.vmx, PROC_INTR_WINDOW | PROC_NMI_WINDOW, true);
    vcpu_reset(&cpu, 0x9a00, 0x9a000, 0);                          /* SIPI */
    CHECK(cpu.event == 0 && vmcs_read(VMCS_INTERRUPTIBILITY) == 0);
    CHECK_EQ(vmcs_read(VMCS_PROC), vmx_caps.ctl[VMX_PROC]);
    CHECK(vmcs_read(VMCS_RIP) == 0 && vmcs_read(VMCS_CS_SEL) == 0x9a00 && vmcs_read(VMCS_CS_BASE) == 0x9a000);
    CHECK_EQ(cpu.vmx->kernel_gs_base, 5);                          /* MSRs outlive INIT */
}

static void fill(uint64_t n);

extern const char vmx_exit_point[];
static const struct { uint32_t field; const char *name; uint64_t junk; } fields[] = {
#define X(n, w, e) { (e), #n, VMCS_W_##w == VMCS_W_16 ? 0xdead : VMCS_W_##w == VMCS_W_32 ? 0xdeaddead : FAKE_VMX_JUNK },
    VMCS_FIELDS(X)
#undef X
};
#define FIELDS  (sizeof fields / sizeof fields[0])

/* A field that the CPU writes, or that counts for nothing yet. */
static bool is_open(uint32_t field)
{
    static const uint32_t later[] = { VMCS_ENTRY_ERROR, VMCS_PDPTE0, VMCS_PDPTE1, VMCS_PDPTE2, VMCS_PDPTE3, VMCS_HOST_RSP };
    bool open = (field >> 10 & 3) == 1;
    for (unsigned i = 0; i < sizeof later / sizeof later[0]; i++)
        open |= field == later[i];
    return open;
}

/* VMCLEAR leaves fields as they come: all that counts is written, the host's with what this CPU has. */
static void every_field(void)
{
    caps_skylake();
    caps.ctl[VMX_PROC2] |= (uint64_t)PROC2_ENCLS << 32;
    caps.ctl[VMX_PIN] |= (uint64_t)PIN_POSTED << 32;
    vmx_start();
    for (unsigned i = 0; i < FIELDS; i++)
        if (!is_open(fields[i].field) && vmcs_read(fields[i].field) == fields[i].junk)
            unit_fail(__FILE__, __LINE__, fields[i].name);
    const struct cpu_area *area = (const struct cpu_area *)cpu_block[0];
    const struct { uint32_t field; uint64_t value; } rows[] = {
        { VMCS_HOST_CS, 0x08 }, { VMCS_HOST_SS, 0x10 }, { VMCS_HOST_TR, 0x28 }, { VMCS_HOST_DS, 0 }, { VMCS_HOST_ES, 0 },
        { VMCS_HOST_FS, 0 }, { VMCS_HOST_GS, 0 }, { VMCS_HOST_FS_BASE, 0 }, { VMCS_HOST_GS_BASE, (uintptr_t)&area->pc },
        { VMCS_HOST_TR_BASE, (uintptr_t)&area->tss }, { VMCS_HOST_GDTR_BASE, (uintptr_t)area->gdt },
        { VMCS_HOST_RIP, (uintptr_t)vmx_exit_point }, { VMCS_HOST_SYSENTER_CS, 0 }, { VMCS_HOST_SYSENTER_ESP, 0 },
        { VMCS_HOST_SYSENTER_EIP, 0 }, { VMCS_HOST_EFER, hw_rdmsr(MSR_EFER) }, { VMCS_HOST_PAT, hw_rdmsr(MSR_PAT) },
        { VMCS_CR0_MASK, ~UINT64_C(0x8005000f) }, { VMCS_CR4_MASK, ~UINT64_C(0x1407bf) }, { VMCS_ENCLS_BITMAP, ~0ull },
        { VMCS_MSR_BITMAP, vmx_caps.msr_bitmap_pa[false] }, { VMCS_DEBUGCTL, 0 }, { VMCS_PENDING_DEBUG, 0 },
        { VMCS_ENTRY_INTR, 0 }, { VMCS_APIC_PAGE, (uintptr_t)&apic }, { VMCS_INTR_STATUS, 0 }, { VMCS_TPR_THRESHOLD, 0 },
        { VMCS_EOI_EXIT0, 0 }, { VMCS_EOI_EXIT1, 0 }, { VMCS_EOI_EXIT2, 0 }, { VMCS_EOI_EXIT3, 0 },
        { VMCS_POSTED, (uintptr_t)&apic.posted }, { VMCS_POSTED_VECTOR, VEC_POSTED },
        { VMCS_PF_MASK, 0 }, { VMCS_PF_MATCH, 0 }, { VMCS_CR3_TARGETS, 0 }, { VMCS_EXIT_LOADS, 0 }, { VMCS_EXIT_STORES, 0 },
        { VMCS_ENTRY_LOADS, 0 }, { VMCS_ACTIVITY, 0 }, { VMCS_TSC_OFFSET, 0 }, { VMCS_PAT, PAT_RESET },
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_EQ(vmcs_read(rows[i].field), rows[i].value);
    caps_skylake();
}

/* The groups that may change a field. */
static uint32_t groups_of(uint32_t field)
{
    switch (field) {
#define X(n, g) case VMCS_##n: return VS_##g;
    VMCS_PAGE_FIELDS(X)
#undef X
    default: return 0;
    }
}

/* Whatever a VMM writes into its page: no field changes but those of the groups that it names, and the host's part of CR0 and CR4 stays. */
static void noise(void)
{
    static uint64_t before[FIELDS];
    static bool reached[FIELDS];
    uint64_t seed = 0x9e3779b97f4a7c15ull, taken = 0;
    vmx_start();
    for (unsigned round = 0; round < 4000; round++) {
        const uint32_t groups = round % 64;
        for (unsigned i = 0; i < FIELDS; i++)
            before[i] = vmcs_read(fields[i].field);
        fill(round);
        vs->efer = round & 64 ? 0x800 : 0xd01;
        for (unsigned n = 0; n < round % 8; n++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            ((uint64_t *)vs)[(seed >> 33) % (sizeof *vs / 8)] = round & 8 ? seed : seed >> 40;
        }
        taken += vmx_state_set(&cpu, groups);
        for (unsigned i = 0; i < FIELDS; i++) {
            const uint32_t field = fields[i].field;
            const uint64_t own = field == VMCS_ENTRY_CTL && groups & VS_CR ? ENTRY_IA32E
                                 : field == VMCS_PROC && groups & VS_DR ? PROC_MOV_DR : 0;
            const bool changed = ((vmcs_read(field) ^ before[i]) & ~own) != 0;
            if (changed && !(groups_of(field) & groups))
                unit_fail(__FILE__, __LINE__, fields[i].name);
            reached[i] |= changed;
        }
        CHECK((vmcs_read(VMCS_CR0) & (CR0_NE | CR0_CD | CR0_NW)) == CR0_NE);
        CHECK((vmcs_read(VMCS_CR4) & (CR4_VMXE | CR4_MCE)) == (CR4_VMXE | CR4_MCE));
        CHECK(!(vmcs_read(VMCS_CR4) & ~(cpu_features.cr4_known | CR4_VMXE)) && !(vmcs_read(VMCS_EFER) & ~EFER_GUEST));
        cpu.event = 0;
    }
    CHECK(taken > 400 && taken < 4000);
    for (unsigned i = 0; i < FIELDS; i++)                          /* and each field of the policy does */
        if (groups_of(fields[i].field) && !reached[i])
            unit_fail(__FILE__, __LINE__, fields[i].name);
}

/* Every word of every group, set to something legal of its own, comes back, and no other group changes. */
static void fill(uint64_t n)
{
    memset(vs, 0, sizeof *vs);
    vs->rip = 0xffffffff81000000 + n;
    vs->rflags = 0x246;
    vs->gpr[GPR_RSP] = 0xffffc90000000000 + n;
    vs->int_shadow = 1;
    vs->cr0 = CR0_PG | CR0_PE | CR0_WP | CR0_CD | 0x10;
    vs->cr2 = 0x7f0000000000 + n;
    vs->cr3 = 0x1000 * n;
    vs->cr4 = CR4_PAE | CR4_OSXSAVE | CR4_SMEP;
    vs->efer = 0xd01;
    for (unsigned i = 0; i < SEG_COUNT; i++)
        vs->seg[i] = (struct vcpu_segment){ (uint16_t)(8 * (i + n)), 0x893, (uint32_t)(0x10000 * i + n), 0x100000 * i + n };
    vs->seg[SEG_DS].attr = 0xc13;                                  /* not present: unusable */
    vs->seg[SEG_GDTR].sel = vs->seg[SEG_GDTR].attr = vs->seg[SEG_IDTR].sel = vs->seg[SEG_IDTR].attr = 0;
    for (unsigned i = 0; i < 4; i++)
        vs->dr[i] = 0x1000 * i + n;
    vs->dr6 = DR6_FIXED | DR6_BS;
    vs->dr7 = DR7_FIXED | 0x2000;
    vs->msr = (struct vcpu_msrs){ 0x23001000000000 + n, 0xffffffff82000000 + n, 0xffffffff82100000 + n, 0x47700 + n,
                                  0xffff888000000000 + n, 0x10 + n, 0xfffffe0000000000 + n, 0xffffffff82200000 + n };
    vs->pat = 0x0007010600070106;
    vs->xcr0 = 7;
}

static void round_trip(void)
{
    struct vcpu_state want;
    vmx_start();
    fill(1);
    CHECK(vmx_state_set(&cpu, VS_ALL & ~VS_EVENT));
    want = *vs;
    memset(vs, 0xee, sizeof *vs);
    vmx_state_get(&cpu, VS_ALL);
    vs->valid = 0;
    CHECK_EQ(memcmp(&vs->rip, &want.rip, offsetof(struct vcpu_state, msr) - offsetof(struct vcpu_state, rip)), 0);
    CHECK_EQ(memcmp(&vs->msr, &want.msr, sizeof want.msr), 0);
    CHECK(vs->pat == want.pat && vs->xcr0 == 7 && vs->int_shadow == 1 && vs->gpr[GPR_RSP] == want.gpr[GPR_RSP]);
    CHECK_EQ(memcmp(vs->seg, want.seg, sizeof want.seg), 0);
    CHECK_EQ(vmcs_read(VMCS_DS_AR) & AR_UNUSABLE, AR_UNUSABLE);
    CHECK_EQ(vmcs_read(VMCS_CR0), CR0_PG | CR0_PE | CR0_WP | CR0_NE | 0x10);
    CHECK_EQ(vmcs_read(VMCS_ENTRY_CTL), vmx_caps.ctl[VMX_ENTRY] | ENTRY_IA32E);
    for (uint32_t group = VS_RIP; group <= VS_MSR; group <<= 1) {
        vmx_start();
        fill(1);
        CHECK(vmx_state_set(&cpu, VS_ALL & ~VS_EVENT));
        want = *vs;
        fill(2);
        CHECK(vmx_state_set(&cpu, group));
        memset(vs, 0, sizeof *vs);
        vmx_state_get(&cpu, VS_ALL & ~group);
        struct vcpu_state got = *vs;
        fill(2);
        struct vcpu_state two = *vs;
        memset(vs, 0, sizeof *vs);
        vmx_state_get(&cpu, group);
        CHECK_EQ(vs->valid, group);
        CHECK_EQ(group == VS_RIP ? vs->rip : got.rip, group == VS_RIP ? two.rip : want.rip);
        CHECK_EQ(group == VS_CR ? vs->cr3 : got.cr3, group == VS_CR ? two.cr3 : want.cr3);
        CHECK_EQ(group == VS_SEG ? vs->seg[SEG_GS].base : got.seg[SEG_GS].base,
                 group == VS_SEG ? two.seg[SEG_GS].base : want.seg[SEG_GS].base);
        CHECK_EQ(group == VS_DR ? vs->dr[3] : got.dr[3], group == VS_DR ? two.dr[3] : want.dr[3]);
        CHECK_EQ(group == VS_MSR ? vs->msr.lstar : got.msr.lstar, group == VS_MSR ? two.msr.lstar : want.msr.lstar);
    }
}

#define REFUSED(group, field, value) \
    do { fill(1); vs->field = (value); CHECK(!vmx_state_set(&cpu, group)); } while (0)

static void judged(void)
{
    vmx_start();
    REFUSED(VS_CR, cr0, CR0_PG);
    REFUSED(VS_CR, cr0, 1ull << 32);
    REFUSED(VS_CR, cr0, CR0_NW | CR0_PE);
    REFUSED(VS_CR, cr3, 1ull << 40);
    REFUSED(VS_CR, cr4, CR4_VMXE);
    REFUSED(VS_CR, cr4, 0);                                        /* 64-bit mode without PAE */
    REFUSED(VS_CR, efer, 0x1000);
    REFUSED(VS_MSR, pat, 2);
    REFUSED(VS_MSR, xcr0, 6);
    REFUSED(VS_MSR, xcr0, 0xf);
    REFUSED(VS_MSR, msr.lstar, 1ull << 47);                        /* these would fault in the kernel */
    REFUSED(VS_MSR, msr.cstar, 1ull << 47);
    REFUSED(VS_MSR, msr.kernel_gs_base, 1ull << 47);
    REFUSED(VS_MSR, msr.sfmask, 1ull << 32);
    REFUSED(VS_EVENT, pending_event, EVENT(EVENT_TYPE_NMI, 2));
    REFUSED(VS_EVENT, pending_event, EVENT(EVENT_TYPE_EXCEPTION, 2));
    REFUSED(VS_EVENT, pending_event, EVENT(EVENT_TYPE_EXCEPTION, 31));
    REFUSED(VS_EVENT, pending_event, EVENT(4, 0x80));
    REFUSED(VS_EVENT, pending_event, EVENT(EVENT_TYPE_EXTINT, 0x30) | EVENT_HAS_ERROR);
    REFUSED(VS_EVENT, pending_event, EVENT(EVENT_TYPE_EXCEPTION, 6) | 1ull << 32);
    REFUSED(VS_EVENT, pending_event, EVENT(EVENT_TYPE_EXCEPTION, 13) | EVENT_HAS_ERROR | 1ull << 48);
    REFUSED(VS_EVENT, pending_event, EVENT(EVENT_TYPE_EXTINT, 0x30));      /* IF = 0: nobody asked for it */
    CHECK_EQ(cpu.event, 0);
    fill(1);
    vs->pending_event = 0x1234;                                    /* not valid: nothing */
    CHECK(vmx_state_set(&cpu, VS_EVENT));
    vs->rflags = ~UINT64_C(0);
    CHECK(vmx_state_set(&cpu, VS_RIP));
    CHECK_EQ(vmcs_read(VMCS_RFLAGS), RFLAGS_DEFINED | 2);
    CHECK_EQ(vmcs_read(VMCS_INTERRUPTIBILITY), BLOCK_MOV_SS);      /* and TF: a step is pending, or entry fails */
    CHECK_EQ(vmcs_read(VMCS_PENDING_DEBUG), PENDING_BS);
    exit_field(VMCS_INTERRUPTIBILITY, BLOCK_NMI | BLOCK_STI);
    vs->int_shadow = 0;
    CHECK(vmx_state_set(&cpu, VS_RIP));
    CHECK_EQ(vmcs_read(VMCS_INTERRUPTIBILITY), BLOCK_NMI);
    CHECK_EQ(vmcs_read(VMCS_PENDING_DEBUG), 0);
}

static void pdptes(void)
{
    vmx_start();
    fill(1);
    vs->efer = 0x800;
    vs->seg[SEG_CS].attr = 0xc9b;
    for (unsigned i = 0; i < 4; i++)
        vs->pdpte[i] = 0x1001 + 0x1000 * i;
    CHECK(vmx_state_set(&cpu, VS_CR));
    CHECK(vmcs_read(VMCS_PDPTE0) == 0x1001 && vmcs_read(VMCS_PDPTE3) == 0x4001);
    exit_field(VMCS_PDPTE1, 0x9001);                               /* the guest's MOV to CR3 */
    vmx_state_get(&cpu, VS_CR);
    CHECK(vs->pdpte[1] == 0x9001 && vs->pdpte[0] == 0x1001);
    vs->efer = 0xd01;
    vs->pdpte[1] = 7;
    CHECK(vmx_state_set(&cpu, VS_CR));
    CHECK_EQ(vmcs_read(VMCS_PDPTE1), 0x9001);                      /* not in 64-bit mode */
}

static uint64_t seen[3];
static uint32_t look(struct vmx_vcpu *x)
{
    seen[0] = hw_rdmsr(MSR_LSTAR);
    seen[1] = hw_rdmsr(MSR_KERNEL_GS_BASE);
    seen[2] = fake_hw.cr[2];
    fake_hw.cr[2] = 0xbad;                                         /* the guest faults */
    x->reason = VMX_PREEMPT_TIMER;
    return FAST_EXIT;
}

/* Of the system call MSRs the CPU holds the guest's only from an entry to the return to ring 3 or another thread. */
static void lazy_msrs(void)
{
    const uint64_t host = hw_rdmsr(MSR_LSTAR);
    vmx_start();
    fill(1);
    CHECK(vmx_state_set(&cpu, VS_MSR | VS_CR));
    fake_vmx.enter = look;
    CHECK_EQ(hw_rdmsr(MSR_LSTAR), host);
    attention = 1;
    CHECK_EQ(vmx_run(&cpu), ST_OK);                                /* vcpu_attend of this test leaves at once */
    CHECK_EQ(fake_vmx.enters, 0);
    fake_percpu.need_resched = 1;                                  /* one entry, then attention */
    attention = 0;
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    CHECK_EQ(fake_vmx.enters, 1);
    CHECK_EQ(fake_vmx.irqs, 1);
    CHECK(seen[0] == 0xffffffff82000001 && seen[1] == 0xffff888000000001 && seen[2] == 0x7f0000000001);
    CHECK_EQ(cpu.vmx->cr2, 0xbad);
    CHECK(hw_rdmsr(MSR_LSTAR) == host && hw_rdmsr(MSR_KERNEL_GS_BASE) == 0 && !cpu.vmx->msrs_loaded);
    CHECK_EQ(cpu.vmx->kernel_gs_base, 0xffff888000000001);
    CHECK_EQ(cpu.in_guest, 0);
}

/* What the CPU has while the guest runs, and none of it afterwards. */
static uint64_t inside[6];
static uint32_t look_around(struct vmx_vcpu *x)
{
    const uint64_t now[] = { vmcs_read(VMCS_ENTRY_INTR), fake_hw.xcr0, hw_rdmsr(MSR_STAR), hw_rdmsr(MSR_LSTAR),
                             hw_rdmsr(MSR_SFMASK), hw_rdmsr(MSR_KERNEL_GS_BASE) };
    memcpy(inside, now, sizeof now);
    hw_wrmsr(MSR_KERNEL_GS_BASE, 0xffff888000000777);              /* its SWAPGS */
    x->reason = VMX_PREEMPT_TIMER;
    return FAST_EXIT;
}

static void entry(void)
{
    vmx_start();
    const uint64_t host[] = { hw_rdmsr(MSR_STAR), hw_rdmsr(MSR_LSTAR), hw_rdmsr(MSR_SFMASK) };
    fill(1);
    vs->xcr0 = 3;
    CHECK_EQ(cpu.xcr0, 1);                                         /* after power-on */
    CHECK(vmx_state_set(&cpu, VS_MSR | VS_CR | VS_RIP));
    cpu.event = GP;
    fake_hw.xcr0 = 7;
    fake_vmx.enter = look_around;
    fake_percpu.need_resched = 1;
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    const uint64_t want[] = { GP, 3, vs->msr.star, vs->msr.lstar, vs->msr.sfmask, vs->msr.kernel_gs_base };
    CHECK_EQ(memcmp(inside, want, sizeof want), 0);
    CHECK(fake_hw.xcr0 == 7 && hw_rdmsr(MSR_STAR) == host[0] && hw_rdmsr(MSR_LSTAR) == host[1]);
    CHECK(hw_rdmsr(MSR_SFMASK) == host[2] && hw_rdmsr(MSR_KERNEL_GS_BASE) == 0);
    CHECK(cpu.vmx->launched == 1 && cpu.vmx->kernel_gs_base == 0xffff888000000777);
}

/* VMfail: nothing was entered. The VMM gets the error, the state and the event; the vCPU is done. */
static uint32_t fail(struct vmx_vcpu *x) { (void)x; return VMX_FAILED; }
static void entry_fails(void)
{
    vmx_start();
    fill(1);
    CHECK(vmx_state_set(&cpu, VS_RIP | VS_CR));
    cpu.event = GP;
    exit_field(VMCS_INSN_ERROR, 7);
    fake_vmx.enter = fail;
    memset(vs, 0, sizeof *vs);
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    CHECK(vs->exit.reason == EXIT_INVALID && vs->exit.code == 0x80000000 && vs->exit.info1 == 7 && cpu.stop == 1);
    CHECK(vs->exit.info2 == (uint32_t)GP && vs->rip == 0xffffffff81000001 && !cpu.vmx->msrs_loaded);
}

/* Ring 3 finds descriptors in the GDT and nowhere else. */
static void gdt_limit(void)
{
    vmx_start();
    fake_percpu.need_resched = 1;
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    CHECK(fake_vmx.enters == 1 && !fake_vmx.wide_gdt);
    fake_vmx.wide_gdt = true;
    cpu.vmx->msrs_loaded = 1;                                      /* an exit, then another thread */
    vmx_switch_out(&cpu, false);
    CHECK(!fake_vmx.wide_gdt);
}

/* XCR0 is switched where it differs, and where there is one. */
static void xcr0(void)
{
    vmx_start();
    cpu.xcr0 = 3;
    fake_percpu.need_resched = 1;
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    CHECK_EQ(fake_hw.xcr0, 7);
    cpu_features.xsave = false;
    cpu_features.host_xcr0 = 3;
    cpu.xcr0 = 1;
    attention = 0;
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    CHECK(fake_hw.xcr0 == 7 && fake_vmx.enters == 2);              /* XSETBV would be #UD */
}

/* A vCPU is looked into before its first run, on another vCPU's CPU. */
static void borrowed(void)
{
    static struct vcpu other;
    caps_without_apicv();
    vmx_start();
    const uint64_t mine = fake_vmx.current;
    memset(&other, 0, sizeof other);
    other.vm = &vm;
    other.index = 1;
    other.state = pmm_alloc();
    vlapic_init(&other.lapic, pmm_alloc_order(VLAPIC_ORDER), 1, false);
    CHECK_EQ(vmx_vcpu_init(&other), ST_OK);
    CHECK(fake_vmx.current == mine && vmx_this_cpu()->current == cpu.vmx);
    other.state->cr2 = 0;
    vmx_state_get(&other, VS_RIP);
    CHECK_EQ(other.state->rip, 0xfff0);
    other.state->dr7 = 0x401;                                      /* a breakpoint: not into this CPU */
    CHECK(vmx_state_set(&other, VS_DR));
    CHECK(fake_vmx.current == mine && !other.dr_loaded && other.vmx->launched == 0);
    other.thread = &thread;
    vmx_switch_out(&cpu, false);
    vmx_switch_in(&other);
    CHECK(fake_vmx.current == other.vmx->vmcs_pa && other.dr_loaded);
    vmx_switch_out(&other, true);                                  /* its thread died: nothing of it stays */
    CHECK(fake_vmx.current == 0 && vmx_this_cpu()->current == NULL && !other.dr_loaded);
    vmx_vcpu_free(&other);
    pmm_free(other.state);
    vmx_switch_in(&cpu);
    CHECK_EQ(fake_vmx.current, mine);
    fake_percpu.need_resched = 1;
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    vmx_switch_out(&cpu, true);                                    /* cleared: VMLAUNCH is next, and the host's CR3 */
    task.space.cr3 = 0x456000;
    CHECK_EQ(cpu.vmx->launched, 0);
    vmx_switch_in(&cpu);
    CHECK_EQ(vmcs_read(VMCS_HOST_CR3), 0x456000);
}

static void debug_registers(void)
{
    vmx_start();
    fill(1);
    vs->dr7 = 0x401;
    CHECK(vmx_state_set(&cpu, VS_DR));
    CHECK(cpu.dr_loaded && fake_hw.dr[3] == 0x3001 && fake_hw.dr[6] == (DR6_FIXED | DR6_BS));
    CHECK(!(vmcs_read(VMCS_PROC) & PROC_MOV_DR));
    fake_hw.dr[2] = 0x77;                                          /* the guest's MOV DR */
    fake_hw.dr[6] = DR6_FIXED | 1;
    vmx_state_get(&cpu, VS_DR);
    CHECK(vs->dr[2] == 0x77 && vs->dr6 == (DR6_FIXED | 1) && cpu.dr_loaded);
    vmx_switch_out(&cpu, false);
    CHECK(!cpu.dr_loaded && cpu.dr[2] == 0x77 && (vmcs_read(VMCS_PROC) & PROC_MOV_DR));
    vmx_dr6(cpu.vmx, 0, 1);
    CHECK_EQ(cpu.vmx->dr6, DR6_FIXED);
}

/* Whoever used the VPID last on this CPU, and translations that were taken away. */
static void flushes(void)
{
    vmx_start();
    fake_percpu.need_resched = 1;
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    CHECK(fake_vmx.invepts == 1 && fake_vmx.invvpids == 1 && fake_vmx.eptp == cpu.vmx->eptp && fake_vmx.vpid == 3);
    attention = 0;
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    CHECK(fake_vmx.invepts == 1 && fake_vmx.invvpids == 1);
    vm.tlb_gen++;                                                  /* a BAR was unmapped */
    attention = 0;
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    CHECK(fake_vmx.invepts == 2 && fake_vmx.invvpids == 2 && cpu.tlb_seen == vm.tlb_gen);
    vmx_this_cpu()->owner[3] = 78;                                 /* another vCPU of the VM ran here */
    attention = 0;
    CHECK_EQ(vmx_run(&cpu), ST_OK);
    CHECK(fake_vmx.invepts == 3 && fake_vmx.invvpids == 3 && vmx_this_cpu()->owner[3] == 77);
}

int main(void)
{
    reset();
    every_field();
    noise();
    round_trip();
    judged();
    pdptes();
    lazy_msrs();
    entry();
    entry_fails();
    gdt_limit();
    xcr0();
    borrowed();
    debug_registers();
    flushes();
    return unit_done();
}
