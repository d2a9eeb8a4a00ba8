/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop of VCPU_RUN on VT-x, and what of the guest's is in the CPU while it runs or its thread does. */
#include "kernel/arch/boot.h"
#include "kernel/mm/pmm.h"
#include "kernel/virt/vmx/vmx.h"

#define VMX_VCPU_ORDER 1u

/* ---- registers that no control switches ---- */

/* System call MSRs and KERNEL_GS_BASE: loaded at the first entry, unloaded before ring 3 or another thread runs. So is
 * what an exit did to the GDT's limit. */
static void msrs_load(struct vmx_vcpu *x)
{
    hw_wrmsr(MSR_STAR, x->syscall[0]);
    hw_wrmsr(MSR_LSTAR, x->syscall[1]);
    hw_wrmsr(MSR_SFMASK, x->syscall[3]);
    hw_wrmsr(MSR_KERNEL_GS_BASE, x->kernel_gs_base);
    x->msrs_loaded = 1;
}

void vmx_msrs_unload(struct vmx_vcpu *x)
{
    if (!x->msrs_loaded)
        return;
    hw_wrmsr(MSR_STAR, vmx_caps.host_syscall[0]);
    hw_wrmsr(MSR_LSTAR, vmx_caps.host_syscall[1]);
    hw_wrmsr(MSR_SFMASK, vmx_caps.host_syscall[3]);
    x->kernel_gs_base = hw_rdmsr(MSR_KERNEL_GS_BASE);
    hw_wrmsr(MSR_KERNEL_GS_BASE, 0);                 /* ring 3's GS base */
    hw_gdt_narrow(&((const struct cpu_area *)percpu())->gdtr);
    x->msrs_loaded = 0;
}

void vmx_dr_load(struct vmx_vcpu *x)
{
    vcpu_dr_load(x->vcpu);
    hw_write_dr6(x->dr6);
    vmx_window(x, PROC_MOV_DR, false);
}

void vmx_dr_unload(struct vmx_vcpu *x)
{
    if (!x->vcpu->dr_loaded)
        return;
    vcpu_dr_unload(x->vcpu);
    x->dr6 = hw_read_dr6();
    vmx_window(x, PROC_MOV_DR, true);
}

void vmx_dr6(struct vmx_vcpu *x, uint64_t set, uint64_t clear)
{
    if (x->vcpu->dr_loaded)
        hw_write_dr6((hw_read_dr6() & ~clear) | set);
    else
        x->dr6 = (x->dr6 & ~clear) | set;
}

void vmx_step(struct vcpu *v, bool on) { vmx_dr6(v->vmx, on ? DR6_BS : 0, DR6_BS); }
void vmx_tsc_moved(struct vcpu *v) { vmcs_write(VMCS_TSC_OFFSET, v->tsc_offset); }

/* ---- whose VMCS is current ---- */

static void make_current(struct vmx_vcpu *x)
{
    const bool ok = vmcs_load(x->vmcs_pa);
    KASSERT(ok);
    vmx_this_cpu()->current = x;
}

/* Its memory may be freed, or another CPU may use it. */
static void forget(struct vmx_vcpu *x)
{
    const bool ok = vmcs_clear(x->vmcs_pa);
    KASSERT(ok);
    x->launched = 0;
    vmx_this_cpu()->current = NULL;
}

struct vmx_vcpu *vmx_borrow(struct vmx_vcpu *x)
{
    struct vmx_vcpu *before = vmx_this_cpu()->current;
    if (before != x)
        make_current(x);
    return before;
}

void vmx_give_back(struct vmx_vcpu *x, struct vmx_vcpu *before)
{
    if (before == x)
        return;
    forget(x);
    if (before)
        make_current(before);
}

void vmx_switch_out(struct vcpu *v, bool last)
{
    vmx_dr_unload(v->vmx);
    vmx_msrs_unload(v->vmx);
    if (last)
        forget(v->vmx);
}

void vmx_switch_in(struct vcpu *v)
{
    struct vmx_vcpu *x = v->vmx;
    if (vmx_this_cpu()->current != x)
        make_current(x);
    if (!x->launched)
        vmcs_write(VMCS_HOST_CR3, v->thread->task->space.cr3);
    if (vmcs_read(VMCS_DR7) & DR7_BREAKPOINTS)
        vmx_dr_load(x);
}

/* ---- life ---- */

status_t vmx_vcpu_init(struct vcpu *v)
{
    struct vmx_vcpu *x = pmm_alloc_order(VMX_VCPU_ORDER);
    if (!x)
        return ST_NOSPACE;
    v->vmx = x;
    v->xcr0 = 1;
    x->vcpu = v;
    x->state = v->state;
    x->vmcs[0] = vmx_caps.revision;
    x->vmcs_pa = pmm_pa(x->vmcs).v;
    x->eptp = pmm_pa(v->vm->npt.root).v | vmx_caps.eptp;
    const bool ok = vmcs_clear(x->vmcs_pa);
    KASSERT(ok);
    struct vmx_vcpu *before = vmx_borrow(x);
    vmx_vmcs_init(x);
    vcpu_reset(v, RESET_CS, RESET_CS_BASE, RESET_RIP);
    vmx_give_back(x, before);
    return ST_OK;
}

void vmx_vcpu_free(struct vcpu *v) { pmm_free_order(v->vmx, VMX_VCPU_ORDER); }

/* ---- the loop ---- */

static uint32_t enter_guest(struct vmx_vcpu *x)
{
    struct vcpu *v = x->vcpu;
    const bool xcr0 = cpu_features.xsave && v->xcr0 != cpu_features.host_xcr0;
    if (unlikely(vcpu_enters(v, &vmx_this_cpu()->owner[v->vm->asid]))) {    /* what either of them tags */
        const bool ok = vmx_invept(vmx_caps.invept, x->eptp) && vmx_invvpid(vmx_caps.invvpid, (uint16_t)v->vm->asid);
        KASSERT(ok);
    }
    if (x->apicv && unlikely(__atomic_load_n(&v->lapic.page->posted.on, __ATOMIC_RELAXED))) {
        vlapic_take(&v->lapic);
        vmx_arm_apic(x);
    }
    vmx_inject(x);
    if (unlikely(!x->msrs_loaded))
        msrs_load(x);
    if (unlikely(xcr0))
        hw_xsetbv(v->xcr0);
    if (hw_read_cr2() != x->cr2)
        hw_write_cr2(x->cr2);
    const uint64_t start = hw_rdtsc();
    const uint32_t result = vmx_enter(x);
    const uint64_t spent = hw_rdtsc() - start;
    x->cr2 = hw_read_cr2();
    if (unlikely(xcr0))
        hw_xsetbv(cpu_features.host_xcr0);
    vcpu_left(v, spent);
    return result;
}

static enum virt_next step(struct vmx_vcpu *x)
{
    const uint32_t result = enter_guest(x);
    if (unlikely(result == VMX_FAILED))
        return vmx_refused(x, REASON_ENTRY_FAILED, vmcs_read(VMCS_INSN_ERROR));
    x->launched = 1;
    return result == FAST_EXIT ? vmx_exit(x) : VIRT_RESUME;
}

status_t vmx_run(struct vcpu *v)
{
    struct vmx_vcpu *x = v->vmx;
    enum virt_next next = vcpu_take_dirty(v) ? VIRT_RESUME : vcpu_to_user(v, EXIT_INVALID, ~0u, 0, 0);
    while (next == VIRT_RESUME) {
        if (unlikely(__atomic_load_n(&v->thread->attention, __ATOMIC_ACQUIRE)) && vcpu_attend(v))
            break;
        next = step(x);
        if (unlikely(__atomic_load_n(&percpu()->need_resched, __ATOMIC_RELAXED)))
            vcpu_attend_soon(v);
    }
    vmx_msrs_unload(x);
    return ST_OK;
}
