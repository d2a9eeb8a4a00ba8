/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VMCS from nothing, and the guest's registers in groups between the shared page and the VMCS. Into guest fields go
 * only values that were masked or checked, or that VM entry checks; controls never hold a value from the page.
 */
#include "kernel/arch/boot.h"
#include "kernel/mm/pmm.h"
#include "kernel/virt/vmx/vmx.h"

/* What a guest changes in CR0 and CR4 without an exit. CD and NW are the host's caches: entry and exit leave them alone
 * [SDM3 27.3.2.1]. Machine checks stay on; of CR4 it may have what this CPU knows and the kernel switches. */
#define CR0_GUEST     (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_WP | CR0_AM | CR0_PG)
#define CR4_GUEST     (cpu_features.cr4_known & ~CR4_MCE)
#define LIMIT_TSS     0x67u
#define TIMER_US      10000u
#define MSR_LSTAR_AT  1u             /* of x->syscall[] */
#define MSR_CSTAR_AT  2u
#define MSR_SFMASK_AT 3u

extern const char vmx_exit_point[];

/* ---- a new VMCS ---- */

/* Fields that keep one value, or that reset does not set. */
static const struct { uint16_t field; uint64_t value; } constant[] = {
    { VMCS_EXC_BITMAP, BIT32(EXC_DB) | BIT32(EXC_AC) | BIT32(EXC_MC) },     /* the first two: CVE-2015-8104, -5307 */
    { VMCS_PF_MASK, 0 }, { VMCS_PF_MATCH, 0 }, { VMCS_CR3_TARGETS, 0 }, { VMCS_EXIT_STORES, 0 }, { VMCS_EXIT_LOADS, 0 },
    { VMCS_ENTRY_LOADS, 0 }, { VMCS_LINK_POINTER, ~UINT64_C(0) }, { VMCS_DEBUGCTL, 0 },
    { VMCS_ACTIVITY, ACTIVITY_ACTIVE }, { VMCS_CR0_MASK, ~CR0_GUEST }, { VMCS_PAT, PAT_RESET },
    { VMCS_SYSENTER_CS, 0 }, { VMCS_SYSENTER_ESP, 0 }, { VMCS_SYSENTER_EIP, 0 },
    { VMCS_HOST_CS, SEL_KCODE }, { VMCS_HOST_SS, SEL_KDATA }, { VMCS_HOST_TR, SEL_TSS },
    { VMCS_HOST_ES, 0 }, { VMCS_HOST_DS, 0 }, { VMCS_HOST_FS, 0 }, { VMCS_HOST_GS, 0 }, { VMCS_HOST_FS_BASE, 0 },
    { VMCS_HOST_SYSENTER_CS, 0 }, { VMCS_HOST_SYSENTER_ESP, 0 }, { VMCS_HOST_SYSENTER_EIP, 0 },
    { VMCS_HOST_CR3, 0 },                                                    /* vmx_switch_in */
};

static void host_state(const struct cpu_area *home)
{
    vmcs_write(VMCS_HOST_CR0, hw_read_cr0() & ~CR0_TS);      /* the FPU is the guest's while its thread runs */
    vmcs_write(VMCS_HOST_CR4, hw_read_cr4());
    vmcs_write(VMCS_HOST_EFER, hw_rdmsr(MSR_EFER));
    vmcs_write(VMCS_HOST_PAT, hw_rdmsr(MSR_PAT));
    vmcs_write(VMCS_HOST_GS_BASE, (uintptr_t)&home->pc);
    vmcs_write(VMCS_HOST_TR_BASE, (uintptr_t)&home->tss);
    vmcs_write(VMCS_HOST_GDTR_BASE, (uintptr_t)home->gdt);
    vmcs_write(VMCS_HOST_IDTR_BASE, tables_idt());
    vmcs_write(VMCS_HOST_RIP, (uintptr_t)vmx_exit_point);
}

/* EOIs never exit: with a level-triggered vector the CPU is kept off the page (vmx_event.c). */
static void apic_state(const struct vcpu *v)
{
    vmcs_write(VMCS_APIC_PAGE, pmm_pa(v->lapic.page).v);
    vmcs_write(VMCS_INTR_STATUS, 0);
    vmcs_write(VMCS_TPR_THRESHOLD, 0);
    for (unsigned i = 0; i < 4; i++)
        vmcs_write(VMCS_EOI_EXIT0 + 2 * i, 0);
    if (!vmx_caps.posted)
        return;
    vmcs_write(VMCS_POSTED, pmm_pa(&v->lapic.page->posted).v);
    vmcs_write(VMCS_POSTED_VECTOR, VEC_POSTED);
}

void vmx_vmcs_init(struct vmx_vcpu *x)
{
    const struct vm *vm = x->vcpu->vm;
    static const uint16_t words[VMX_WORDS] = { VMCS_PIN, VMCS_PROC, VMCS_PROC2, VMCS_EXIT_CTL, VMCS_ENTRY_CTL };
    for (unsigned i = 0; i < VMX_WORDS; i++)
        vmcs_write(words[i], vmx_caps.ctl[i]);
    x->proc = vmx_caps.ctl[VMX_PROC];
    for (unsigned i = 0; i < ARRAY_LEN(constant); i++)
        vmcs_write(constant[i].field, constant[i].value);
    vmcs_write(VMCS_CR4_MASK, ~CR4_GUEST);
    vmcs_write(VMCS_VPID, vm->asid);
    vmcs_write(VMCS_EPTP, x->eptp);
    vmcs_write(VMCS_MSR_BITMAP, vmx_caps.msr_bitmap_pa[false]);
    vmcs_write(VMCS_TSC_OFFSET, x->vcpu->tsc_offset);
    if (vmx_caps.ctl[VMX_PROC2] & PROC2_TSC_SCALING)
        vmcs_write(VMCS_TSC_MULTIPLIER, vm->tsc_ratio);
    if (vmx_caps.ctl[VMX_PROC2] & PROC2_XSAVES)
        vmcs_write(VMCS_XSS_BITMAP, ~UINT64_C(0));         /* with IA32_XSS = 0, and its component bits stay 0, never */
    if (vmx_caps.ctl[VMX_PROC2] & PROC2_ENCLS)
        vmcs_write(VMCS_ENCLS_BITMAP, ~UINT64_C(0));
    if (vmx_caps.ctl[VMX_PIN] & PIN_PREEMPT_TIMER)
        vmcs_write(VMCS_PREEMPT_TIMER, tsc_from_us(TIMER_US) >> vmx_caps.timer_shift);
    if (vmx_caps.apicv)
        apic_state(x->vcpu);
    host_state((const struct cpu_area *)cpu_block[x->vcpu->cpu]);
}

/* What is not in the page's groups. */
void vmx_reset(struct vcpu *v)
{
    struct vmx_vcpu *x = v->vmx;
    vmx_dr_unload(x);
    vmx_window(x, PROC_INTR_WINDOW | PROC_NMI_WINDOW, false);
    vmcs_write(VMCS_ENTRY_INTR, 0);
    vmcs_write(VMCS_INTERRUPTIBILITY, 0);
}

/* ---- page and VMCS ---- */

/* Words that are one field. What is set is masked, and has the fixed bits. */
static const struct row { uint32_t group; uint16_t at, field; uint64_t mask, fixed; } rows[] = {
#define ROW(m, f, mask, fixed) { VMCS_GROUP_##f, offsetof(struct vcpu_state, m), VMCS_##f, mask, fixed }
    ROW(rip, RIP, ~UINT64_C(0), 0),
    ROW(gpr[GPR_RSP], RSP, ~UINT64_C(0), 0),
    ROW(rflags, RFLAGS, RFLAGS_DEFINED, RFLAGS_FIXED),
    ROW(dr7, DR7, DR7_SETTABLE, DR7_FIXED),
    ROW(msr.sysenter_cs, SYSENTER_CS, 0xffffffffu, 0),
    ROW(msr.sysenter_esp, SYSENTER_ESP, ~UINT64_C(0), 0),
    ROW(msr.sysenter_eip, SYSENTER_EIP, ~UINT64_C(0), 0),
};

/* enum vcpu_seg to the order of the VMCS's fields; from SEG_TABLES on there is neither selector nor rights. */
static const uint8_t seg_index[SEG_COUNT] = { 0, 1, 2, 3, 4, 5, 8, 6, 9, 7 };
#define SEG_TABLES  8u
#define ATTR_P      0x80u

static void segment_get(struct vcpu_segment *s, unsigned i)
{
    *s = (struct vcpu_segment){ .limit = (uint32_t)vmcs_read(VMCS_SEG_LIMIT(i)), .base = vmcs_read(VMCS_SEG_BASE(i)) };
    if (i >= SEG_TABLES)
        return;
    const uint32_t ar = (uint32_t)vmcs_read(VMCS_SEG_AR(i));
    s->sel = (uint16_t)vmcs_read(VMCS_SEG_SEL(i));
    s->attr = (uint16_t)(((ar & 0xff) | (ar >> 4 & 0xf00)) & ~(ar & AR_UNUSABLE ? ATTR_P : 0));
}

static void segment_set(const struct vcpu_segment *s, unsigned i)
{
    const uint32_t attr = s->attr;
    vmcs_write(VMCS_SEG_LIMIT(i), s->limit);
    vmcs_write(VMCS_SEG_BASE(i), s->base);
    if (i >= SEG_TABLES)
        return;
    vmcs_write(VMCS_SEG_AR(i), (attr & 0xff) | (attr & 0xf00) << 4 | (attr & ATTR_P ? 0 : AR_UNUSABLE));
    vmcs_write(VMCS_SEG_SEL(i), s->sel);
}

/* MOV to CR3 loads the PDPTEs; VM entry takes them from the VMCS [SDM3 27.3.2.4]: the VMM supplies them. */
static bool pae_paging(uint64_t cr0, uint64_t cr4, uint64_t efer)
{ return (cr0 & CR0_PG) && (cr4 & CR4_PAE) && !(efer & EFER_LMA); }

static void get(struct vmx_vcpu *x, uint32_t groups)
{
    struct vcpu *v = x->vcpu;
    struct vcpu_state *st = v->state;
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
        if (groups & rows[i].group)
            *(uint64_t *)((uintptr_t)st + rows[i].at) = vmcs_read(rows[i].field);
    if (groups & VS_RIP)
        st->int_shadow = (vmcs_read(VMCS_INTERRUPTIBILITY) & BLOCK_SHADOW) != 0;
    if (groups & VS_CR) {
        const uint64_t cr4_guest = CR4_GUEST;
        st->cr0 = (vmcs_read(VMCS_CR0) & CR0_GUEST) | (vmcs_read(VMCS_CR0_SHADOW) & ~CR0_GUEST);
        st->cr2 = x->cr2;
        st->cr3 = vmcs_read(VMCS_CR3);
        st->cr4 = (vmcs_read(VMCS_CR4) & cr4_guest) | (vmcs_read(VMCS_CR4_SHADOW) & ~cr4_guest);
        st->efer = vmcs_read(VMCS_EFER);
        for (unsigned i = 0; i < 4 && pae_paging(st->cr0, st->cr4, st->efer); i++)
            st->pdpte[i] = vmcs_read(VMCS_PDPTE0 + 2 * i);
    }
    for (unsigned i = 0; i < SEG_COUNT && (groups & VS_SEG); i++)
        segment_get(&st->seg[i], seg_index[i]);
    if (groups & VS_MSR) {
        memcpy(&st->msr, x->syscall, sizeof x->syscall);
        st->msr.kernel_gs_base = x->msrs_loaded ? hw_rdmsr(MSR_KERNEL_GS_BASE) : x->kernel_gs_base;
        st->pat = vmcs_read(VMCS_PAT);
        st->xcr0 = v->xcr0;
    }
    if (groups & VS_DR) {
        vmx_dr_unload(x);
        memcpy(st->dr, v->dr, sizeof st->dr);
        st->dr6 = x->dr6;
        if (v->thread)                    /* else this may be a foreign CPU */
            vmx_switch_in(v);
    }
    st->valid = groups;
}

static bool crs_set(struct vmx_vcpu *x)
{
    struct vcpu_crs c;
    if (!vcpu_crs_in(x->state, &c))
        return false;
    const uint64_t entry = vmcs_read(VMCS_ENTRY_CTL) & ~(uint64_t)ENTRY_IA32E;
    vmcs_write(VMCS_ENTRY_CTL, entry | (c.efer & EFER_LMA ? ENTRY_IA32E : 0));
    vmcs_write(VMCS_EFER, c.efer);
    vmcs_write(VMCS_CR0, (c.cr0 & ~(CR0_CD | CR0_NW)) | CR0_NE);
    vmcs_write(VMCS_CR0_SHADOW, c.cr0);
    vmcs_write(VMCS_CR3, c.cr3);
    vmcs_write(VMCS_CR4, c.cr4 | CR4_VMXE | CR4_MCE);
    vmcs_write(VMCS_CR4_SHADOW, c.cr4);
    x->cr2 = c.cr2;
    for (unsigned i = 0; i < 4 && pae_paging(c.cr0, c.cr4, c.efer); i++)
        vmcs_write(VMCS_PDPTE0 + 2 * i, once(&x->state->pdpte[i]));
    return true;
}

bool vmx_syscall_msr_ok(unsigned i, uint64_t value)
{
    if (i == MSR_SFMASK_AT)
        return value >> 32 == 0;
    return (i != MSR_LSTAR_AT && i != MSR_CSTAR_AT) || is_canonical(value);
}

static bool msrs_set(struct vmx_vcpu *x)
{
    const struct vcpu_msrs *msr = &x->state->msr;
    const uint64_t pat = once(&x->state->pat), xcr0 = once(&x->state->xcr0), gs = once(&msr->kernel_gs_base);
    const uint64_t syscall[] = { once(&msr->star), once(&msr->lstar), once(&msr->cstar), once(&msr->sfmask) };
    bool ok = vcpu_pat_ok(pat) && vcpu_xcr0_ok(xcr0) && is_canonical(gs);
    for (unsigned i = 0; i < ARRAY_LEN(syscall); i++)
        ok = ok && vmx_syscall_msr_ok(i, syscall[i]);
    if (!ok)
        return false;
    vmx_msrs_unload(x);
    memcpy(x->syscall, syscall, sizeof syscall);
    x->kernel_gs_base = gs;
    vmcs_write(VMCS_PAT, pat);
    x->vcpu->xcr0 = xcr0;
    return true;
}

/* Entry wants a pending single step in an interrupt shadow under TF, and no STI shadow without IF [SDM3 27.3.1.5]. */
static void shadow_set(const struct vmx_vcpu *x)
{
    const uint64_t blocking = vmcs_read(VMCS_INTERRUPTIBILITY), flags = vmcs_read(VMCS_RFLAGS);
    const bool shadow = once(&x->state->int_shadow) & 1;
    vmcs_write(VMCS_INTERRUPTIBILITY, (blocking & ~(uint64_t)BLOCK_SHADOW) | (shadow ? BLOCK_MOV_SS : 0));
    vmcs_write(VMCS_PENDING_DEBUG, shadow && (flags & RFLAGS_TF) ? PENDING_BS : 0);
}

static void drs_set(struct vmx_vcpu *x)
{
    vmx_dr_unload(x);
    memcpy(x->vcpu->dr, x->state->dr, sizeof x->vcpu->dr);
    x->dr6 = (once(&x->state->dr6) & DR6_SETTABLE) | DR6_FIXED;
    if (x->vcpu->thread)
        vmx_switch_in(x->vcpu);
}

static bool set(struct vmx_vcpu *x, uint32_t groups)
{
    const struct vcpu_state *st = x->state;
    if (((groups & VS_CR) && !crs_set(x)) || ((groups & VS_MSR) && !msrs_set(x)))
        return false;
    for (const struct row *r = rows; r < rows + ARRAY_LEN(rows); r++)
        if (groups & r->group)
            vmcs_write(r->field, (once((const uint64_t *)((uintptr_t)st + r->at)) & r->mask) | r->fixed);
    for (unsigned i = 0; i < SEG_COUNT && (groups & VS_SEG); i++) {
        const struct vcpu_segment s = st->seg[i];
        segment_set(&s, seg_index[i]);
    }
    if (groups & VS_RIP)
        shadow_set(x);
    if (groups & VS_DR)
        drs_set(x);
    return !(groups & VS_EVENT) || vcpu_event_in(x->vcpu, once(&st->pending_event));
}

void vmx_state_get(struct vcpu *v, uint32_t groups)
{
    struct vmx_vcpu *before = vmx_borrow(v->vmx);
    get(v->vmx, groups);
    vmx_give_back(v->vmx, before);
}

bool vmx_state_set(struct vcpu *v, uint32_t groups)
{
    struct vmx_vcpu *before = vmx_borrow(v->vmx);
    const bool ok = set(v->vmx, groups);
    vmx_give_back(v->vmx, before);
    return ok;
}
