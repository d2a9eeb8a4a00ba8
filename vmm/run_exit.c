/* SPDX-License-Identifier: BSD-2-Clause */
/* The exits that are not port accesses. */
#include "kernel/abi/rt/sys.h"
#include "kernel/abi/vcpu_state.h"
#include "vmm/cr.h"
#include "vmm/emu.h"
#include "vmm/guest.h"
#include "vmm/log.h"
#include "vmm/run.h"
#include "vmm/state_check.h"

#define KVM_ENOSYS  1000u            /* [LINUX virt/kvm/x86/hypercalls.rst] */

/* ---- doorbell ---- */

static void channel_request(struct vmm *vmm, unsigned index)
{
    uint32_t request = __atomic_exchange_n(&vmm->channel->request, VMM_REQ_NONE, __ATOMIC_ACQ_REL);
    if (request == VMM_REQ_DUMP)
        log_registers(index, vmm_vcpu_state(index));
    if (request != VMM_REQ_NONE)
        platform_request(&vmm->platform, request);
}

static void exit_event(struct vmm *vmm, unsigned index)
{
    struct sys_ret ret = sys_call3(SYS_EVENT_WAIT, VMM_SLOT_DOORBELL + index, ~UINT64_C(0), 0);
    uint64_t bits = ret.st == ST_OK ? ret.value : 0;
    lock_take(&vmm->lock);
    if (bits & VMM_EV_CHANNEL) {
        channel_request(vmm, index);
        platform_console(&vmm->platform);
    }
    if (bits & VMM_EV_TIMER)
        platform_timer(&vmm->platform);
    if (bits >> VMM_EV_INTX != 0)
        platform_intx(&vmm->platform, (uint32_t)(bits >> VMM_EV_INTX));
    lock_drop(&vmm->lock);
}

/* ---- interrupts ---- */

static void exit_extint(struct vmm *vmm, struct vcpu_state *vs)
{
    lock_take(&vmm->lock);
    if (platform_extint_pending(&vmm->platform)) {
        vs->pending_event = EVENT(EVENT_TYPE_EXTINT, platform_extint_ack(&vmm->platform));
        vs->dirty |= VS_EVENT;
    }
    lock_drop(&vmm->lock);
}

static void exit_eoi(struct vmm *vmm, const struct vcpu_state *vs)
{
    lock_take(&vmm->lock);
    platform_eoi(&vmm->platform, vs->exit.vector);
    lock_drop(&vmm->lock);
}

/* ---- instructions ---- */

static NORETURN void fail_insn(const struct vmm *vmm, struct vcpu_state *vs, enum vmm_fail code, status_t st,
                               const char *what)
{
    uint8_t b[8] = { 0 };
    struct mem_paging paging = guest_paging(vs);
    uint64_t linear;
    uint32_t error;
    gpa_t gpa;
    if (guest_linear(vs, guest_mode(vs), SEG_CS, vs->rip, &linear)
        && mem_walk(&vmm->mem, &paging, linear, WALK_SYSTEM, &gpa, &error) == ST_OK) {
        const uint8_t *at = mem_ptr(&vmm->mem, gpa, MIN(sizeof b, PAGE_SIZE - (linear & 0xfff)));
        if (at != NULL)
            memcpy(b, at, MIN(sizeof b, PAGE_SIZE - (linear & 0xfff)));
    }
    vmm_fail(code, vs, "%s: rip %lx bytes %02x %02x %02x %02x %02x %02x %02x %02x gpa %lx (%s)", what,
             vs->rip, b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], vs->exit.gpa, status_name(st));
}

static void exit_memory(struct vmm *vmm, unsigned index, struct vcpu_state *vs)
{
    struct emu emu = { vs, &vmm->mem, &vmm->platform.bus, index };
    if (vs->exit.reason == EXIT_MMIO && (vs->exit.access & ACCESS_FETCH))
        fail_insn(vmm, vs, VMM_FAIL_NOWHERE, ST_RANGE, "the guest executes where it has no memory");
    if (vs->exit.reason == EXIT_MMIO && (vs->exit.access & ACCESS_PT_WALK))
        fail_insn(vmm, vs, VMM_FAIL_NOWHERE, ST_RANGE, "the guest's page tables lie where it has no memory");
    lock_take(&vmm->lock);
    status_t st = emu_run(&emu);
    lock_drop(&vmm->lock);
    if (st != ST_OK && vs->exit.reason == EXIT_MMIO && guest_stack_is_at(vs, &vmm->mem, (gpa_t){ vs->exit.gpa }))
        fail_insn(vmm, vs, VMM_FAIL_NOWHERE, st, "the guest's stack lies where it has no memory");
    if (st != ST_OK)
        fail_insn(vmm, vs, VMM_FAIL_INSN, st, "unsupported instruction on emulated memory");
}

static void exit_insn(struct vmm *vmm, unsigned index, struct vcpu_state *vs)
{
    struct insn insn;
    status_t st = guest_decode(vs, &vmm->mem, &insn);
    if (st == ST_FAULT || st == ST_INVAL)
        return;                                     /* an exception is queued */
    if (st == ST_OK && vs->exit.insn == INSN_LENGTH)
        vs->exit.insn_len = insn.len;
    else if (st == ST_OK)
        st = cr_emulate(vs, &insn, vmm->cr4_allowed, index);
    const gpa_t pdpt = { vs->cr3 & CR3_PDPT };
    if (st == ST_OK && cr_pdptes_in_use(vs) && mem_read(&vmm->mem, pdpt, vs->pdpte, sizeof vs->pdpte) != ST_OK)
        memset(vs->pdpte, 0, sizeof vs->pdpte);
    if (st != ST_OK)
        fail_insn(vmm, vs, VMM_FAIL_INSN, st, "unsupported instruction");
}

/* ---- MSRs ---- */

/* Where the instruction begins and its length, whether or not the CPU said so. */
static bool msr_locate(struct vmm *vmm, struct vcpu_state *vs, unsigned *len)
{
    struct insn insn;
    if (vs->exit.insn_len != 0) {
        *len = vs->exit.insn_len;
        vs->rip -= *len;
        return true;
    }
    status_t st = guest_decode(vs, &vmm->mem, &insn);
    if (st == ST_FAULT || st == ST_INVAL)
        return false;
    if (st != ST_OK)
        fail_insn(vmm, vs, VMM_FAIL_INSN, st, "RDMSR or WRMSR not found");
    *len = insn.len;
    return true;
}

static void msr_refused(struct vmm *vmm, unsigned index, struct vcpu_state *vs, bool write, uint64_t value)
{
    lock_take(&vmm->lock);
    bool first = msr_unknown_note(&vmm->msr, vs->exit.msr);
    lock_drop(&vmm->lock);
    if (first)
        log_line("vcpu %u: %s of MSR %x (%lx) refused with #GP at rip %lx", index, write ? "write" : "read",
                 vs->exit.msr, value, vs->rip);
    guest_inject_error(vs, EXC_GP, 0);
}

static void exit_msr(struct vmm *vmm, unsigned index, struct vcpu_state *vs)
{
    bool write = vs->exit.reason == EXIT_WRMSR, ok;
    uint64_t value = (uint64_t)(uint32_t)vs->gpr[GPR_RDX] << 32 | (uint32_t)vs->gpr[GPR_RAX];
    unsigned len;
    vs->dirty |= VS_RIP;
    if (!msr_locate(vmm, vs, &len))
        return;
    if (write)
        ok = msr_write(&vmm->msr, &vmm->msr_vcpu[index], vs->exit.msr, value);
    else
        ok = msr_read(&vmm->msr, &vmm->msr_vcpu[index], vs->exit.msr, &value);
    if (!ok) {
        msr_refused(vmm, index, vs, write, value);
        return;
    }
    if (!write) {
        vs->gpr[GPR_RAX] = (uint32_t)value;
        vs->gpr[GPR_RDX] = value >> 32;
    }
    guest_advance(vs, guest_mode(vs), len);
}

/* ---- the ends ---- */

static NORETURN void exit_fatal(const struct vmm *vmm, struct vcpu_state *vs, unsigned index)
{
    const char *check = vmm->msr.intel ? state_check(vs, vmm->msr.phys_bits) : NULL;
    if (vs->exit.reason == EXIT_SHUTDOWN)
        vmm_fail(VMM_FAIL_SHUTDOWN, vs, "vCPU %u: triple fault at rip %lx, cr2 %lx", index, vs->rip, vs->cr2);
    if (vs->exit.reason == EXIT_INVALID)
        vmm_fail(VMM_FAIL_STATE, vs, "vCPU %u: its state was refused: code %x info %lx %lx%s%s", index, vs->exit.code,
                 vs->exit.info1, vs->exit.info2, check ? ": " : "", check ? check : "");
    vmm_fail(VMM_FAIL_UNHANDLED, vs, "vCPU %u: exit %u code %x info %lx %lx at rip %lx", index, vs->exit.reason,
             vs->exit.code, vs->exit.info1, vs->exit.info2, vs->rip);
}

void run_exit(struct vmm *vmm, unsigned index, struct vcpu_state *vs)
{
    switch (vs->exit.reason) {
    case EXIT_NONE:
    case EXIT_INIT:      break;                     /* the kernel keeps it waiting for SIPI */
    case EXIT_EVENT:     exit_event(vmm, index); break;
    case EXIT_IO_STRING:
    case EXIT_MMIO:      exit_memory(vmm, index, vs); break;
    case EXIT_RDMSR:
    case EXIT_WRMSR:     exit_msr(vmm, index, vs); break;
    case EXIT_INSN:      exit_insn(vmm, index, vs); break;
    case EXIT_EXTINT:    exit_extint(vmm, vs); break;
    case EXIT_EOI:       exit_eoi(vmm, vs); break;
    case EXIT_HYPERCALL: vs->gpr[GPR_RAX] = (uint64_t)0 - KVM_ENOSYS; break;
    default:             exit_fatal(vmm, vs, index);
    }
    if (platform_outcome(&vmm->platform) != PM_RUNNING)
        run_outcome(platform_outcome(&vmm->platform));
}
