/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits that left the fast path: handled here, or a record for the VMM. Host state, interrupts off. */
#include "kernel/arch/cpu.h"
#include "kernel/virt/svm/svm.h"
#include "kernel/virt/svm/svm_insn.h"

#define GUEST_CPL(b)  ((b)->ss.attr >> 5 & 3u)

/* Groups that each reason needs. */
static const uint8_t exit_groups[EXIT_REASON_COUNT] = {
#define X(n, v, g, s) [v] = (g),
    VCPU_EXITS(X)
#undef X
};

enum svm_next svm_to_user(struct svm_vcpu *s, enum vcpu_exit_reason reason)
{
    struct vcpu_state *st = s->state;
    const struct vmcb *b = s->vmcb;
    struct vcpu_exit *e = &st->exit;
    uint32_t groups = exit_groups[reason];
    e->reason = reason;
    e->code = (uint32_t)b->exit_code;
    e->insn_len = 0;
    st->valid = 0;
    if (groups) {
        e->info1 = b->exit_info1;
        e->info2 = b->exit_info2;
        svm_state_get(s->vcpu, groups);
    }
    s->vcpu->stats.by_exit[reason]++;
    return SVM_USER;
}

void svm_advance(struct svm_vcpu *s, uint32_t len)
{
    struct vmcb *b = s->vmcb;
    svm_move_rip(b, b->rip + len);
    if (unlikely(b->rflags & RFLAGS_TF)) {           /* the trap that the CPU would have taken */
        b->dr6 |= DR6_BS;
        svm_raise(s, EXC_DB);
    }
}

static enum svm_next port(struct svm_vcpu *s)
{
    struct vmcb *b = s->vmcb;
    struct vcpu_exit *e = &s->state->exit;
    uint64_t info = b->exit_info1;
    s->vcpu->stats.io++;
    e->port = (uint16_t)FIELD_GET(IOIO_PORT, info);
    e->size = (uint8_t)FIELD_GET(IOIO_SIZE, info);
    e->in = (uint8_t)(info & IOIO_IN);
    if (unlikely(info & IOIO_STRING)) {
        enum svm_next next = svm_to_user(s, EXIT_IO_STRING);
        e->insn_len = (uint8_t)(b->exit_info2 - b->rip);
        return next;
    }
    svm_advance(s, (uint32_t)(b->exit_info2 - b->rip));
    return svm_to_user(s, EXIT_IO);
}

static enum svm_next nested_fault(struct svm_vcpu *s)
{
    const struct vmcb *b = s->vmcb;
    struct vcpu_exit *e = &s->state->exit;
    uint64_t info = b->exit_info1;
    s->vcpu->stats.npf++;
    if (unlikely(info & NPF_RESERVED) && (info & 1))
        return svm_to_user(s, EXIT_UNHANDLED);
    e->gpa = b->exit_info2;
    e->access = (info & NPF_WRITE ? ACCESS_WRITE : 0) | (info & NPF_FETCH ? ACCESS_FETCH : 0) |
                (info & NPF_PT_WALK ? ACCESS_PT_WALK : 0);
    e->bytes_len = b->bytes_len <= sizeof e->bytes ? b->bytes_len : 0;
    if (e->bytes_len)
        memcpy(e->bytes, b->bytes, sizeof e->bytes);
    return svm_to_user(s, EXIT_MMIO);
}

/* [SDM3 2.6]: bit 0 set, AVX needs SSE, nothing that the host does not save. */
bool svm_xcr0_ok(uint64_t xcr0)
{
    uint64_t avx512 = xcr0 & 0xe0;
    return (xcr0 & 1) && !(xcr0 & ~cpu_features.host_xcr0 & ~UINT64_C(1)) && (!(xcr0 & 4) || (xcr0 & 2)) &&
           (avx512 == 0 || (avx512 == 0xe0 && (xcr0 & 4)));
}

static enum svm_next xsetbv(struct svm_vcpu *s, uint32_t len)
{
    const struct vcpu_state *st = s->state;
    uint64_t value = st->gpr[GPR_RDX] << 32 | (uint32_t)s->vmcb->rax;
    if (!(s->vmcb->cr4 & CR4_OSXSAVE)) {
        svm_raise(s, EXC_UD);                        /* [APM2 11.5.2]; some CPUs check the intercept first */
    } else if (GUEST_CPL(s->vmcb) != 0 || (uint32_t)st->gpr[GPR_RCX] != 0 || !svm_xcr0_ok(value)) {
        svm_raise_gp(s);
    } else {
        s->xcr0 = value;
        svm_advance(s, len);
    }
    return SVM_RESUME;
}

static enum svm_next cpuid(struct svm_vcpu *s, uint32_t len)
{
    struct vcpu_state *st = s->state;
    svm_cpuid(s, st, (uint32_t)__atomic_load_n(&st->gpr[GPR_RCX], __ATOMIC_RELAXED));
    st->gpr[GPR_RAX] = s->vmcb->rax;
    svm_advance(s, len);
    return SVM_RESUME;
}

static enum svm_next halt(struct svm_vcpu *s, uint32_t len)
{
    svm_advance(s, len);
    s->vcpu->stats.hlt++;
    s->vcpu->phase = VCPU_PHASE_HALT;
    __atomic_store_n(s->attention, 1, __ATOMIC_RELAXED);
    return SVM_RESUME;
}

/* Exits that continue behind the instruction; its length may have to come from the VMM. */
static enum svm_next with_length(struct svm_vcpu *s, uint32_t code)
{
    uint32_t len = svm_insn_len(s, code);
    if (unlikely(len == 0)) {
        s->want_len = 1;
        s->state->exit.insn = INSN_LENGTH;
        s->state->exit.index = 0xff;
        return svm_to_user(s, EXIT_INSN);
    }
    switch (code) {
    case SVM_EXIT_CPUID:
        s->vcpu->stats.cpuid++;
        return cpuid(s, len);
    case SVM_EXIT_MSR:
        s->vcpu->stats.msr++;
        return svm_msr(s, len);
    case SVM_EXIT_HLT: return halt(s, len);
    case SVM_EXIT_XSETBV: return xsetbv(s, len);
    case SVM_EXIT_VMMCALL:
        s->vcpu->stats.vmmcall++;
        svm_advance(s, len);
        return svm_to_user(s, EXIT_HYPERCALL);
    default:                       /* INVD, WBINVD: caches are coherent; a flush is not the guest's to order */
        svm_advance(s, len);
        return SVM_RESUME;
    }
}

static enum svm_next exception(struct svm_vcpu *s, unsigned vector)
{
    if (vector != EXC_DB && vector != EXC_AC)
        return svm_to_user(s, EXIT_UNHANDLED);       /* #MC: this guest stops */
    svm_raise(s, vector);
    if (vector == EXC_AC)
        s->event |= INJ_HAS_ERROR;                   /* always 0 [APM2 8.2.18] */
    return SVM_RESUME;
}

static enum svm_next control_register(struct svm_vcpu *s, uint32_t code)
{
    struct vcpu_exit *e = &s->state->exit;
    s->vcpu->stats.cr++;
    if (code == SVM_EXIT_CR_WRITE + 8) {
        svm_sync_hw(s);
        if (s->virq == VIRQ_NONE) {                  /* V_IRQ was taken meanwhile: it executes directly */
            s->vmcb->icpt_cr = SVM_ICPT_CR;
            __atomic_store_n(s->attention, 1, __ATOMIC_RELAXED);
            return SVM_RESUME;
        }
    }
    e->insn = code >= SVM_EXIT_CR_WRITE ? INSN_MOV_TO_CR : INSN_MOV_FROM_CR;
    e->index = code == SVM_EXIT_CR0_SEL ? 0 : (uint8_t)(code & 0xf);
    if (code == SVM_EXIT_CR_READ)
        e->index = 0xff;                             /* QEMU 10 says so for every register */
    return svm_to_user(s, EXIT_INSN);
}

static enum svm_next interrupt_window(struct svm_vcpu *s)
{
    __atomic_store_n(s->attention, 1, __ATOMIC_RELAXED);
    (void)s;
    return SVM_RESUME;
}

/* The IRET that ends an NMI is about to execute: NMIs open once rip has moved. */
static enum svm_next iret(struct svm_vcpu *s)
{
    s->vmcb->icpt_misc1 &= ~ICPT1_IRET;
    s->nmi = NMI_IRET;
    s->iret_rip = s->vmcb->rip;
    return SVM_RESUME;
}

static enum svm_next dispatch_rest(struct svm_vcpu *s, uint32_t code)
{
    switch (code) {
    case SVM_EXIT_VINTR: return interrupt_window(s);
    case SVM_EXIT_IRET: return iret(s);
    case SVM_EXIT_RDPMC:
        svm_raise_gp(s);
        return SVM_RESUME;
    case SVM_EXIT_RSM:
    case SVM_EXIT_INVLPGA:
    case SVM_EXIT_MONITOR:
    case SVM_EXIT_MWAIT:
    case SVM_EXIT_MWAIT_ARMED:
    case SVM_EXIT_RDPRU:
    case SVM_EXIT_INVLPGB:
    case SVM_EXIT_MCOMMIT:
    case SVM_EXIT_TLBSYNC:
        svm_raise(s, EXC_UD);
        return SVM_RESUME;
    case SVM_EXIT_SHUTDOWN: return svm_to_user(s, EXIT_SHUTDOWN);
    default:
        if (code >= SVM_EXIT_VMRUN && code <= SVM_EXIT_SKINIT) {
            svm_raise(s, EXC_UD);
            return SVM_RESUME;
        }
        if (code >= SVM_EXIT_DR_READ && code < SVM_EXIT_EXC) {
            svm_dr_load(s);                          /* the access executes again, on the real ones */
            return SVM_RESUME;
        }
        if (code >= SVM_EXIT_EXC && code < SVM_EXIT_INTR)
            return exception(s, code - SVM_EXIT_EXC);
        if (code < SVM_EXIT_DR_READ || code == SVM_EXIT_CR0_SEL)
            return control_register(s, code);
        return svm_to_user(s, EXIT_UNHANDLED);
    }
}

static enum svm_next dispatch(struct svm_vcpu *s, uint32_t code)
{
    switch (code) {
    case SVM_EXIT_INTR:
        s->vcpu->stats.intr++;
        return SVM_RESUME;
    case SVM_EXIT_NMI:
    case SVM_EXIT_SMI:
    case SVM_EXIT_INIT:
        s->vcpu->stats.nmi++;                        /* taken by the host at STGI */
        return SVM_RESUME;
    case SVM_EXIT_NPF: return nested_fault(s);
    case SVM_EXIT_CPUID:
    case SVM_EXIT_MSR:
    case SVM_EXIT_HLT:
    case SVM_EXIT_XSETBV:
    case SVM_EXIT_VMMCALL:
    case SVM_EXIT_INVD:
    case SVM_EXIT_WBINVD: return with_length(s, code);
    default:
        s->vcpu->stats.other++;
        return dispatch_rest(s, code);
    }
}

static void remember(struct svm_vcpu *s)
{
    const struct vmcb *b = s->vmcb;
    s->last = (struct svm_last){ b->rip, b->rsp, b->rflags, b->cr0, b->cr3, b->cr4, b->efer };
}

/* The save area may hold the host's registers now (QEMU): it is wiped, the record shows what was
 * last known, and the vCPU never runs again. */
static enum svm_next refused(struct svm_vcpu *s)
{
    struct vcpu_state *st = s->state;
    uint64_t code = s->vmcb->exit_code;
    memset(&s->vmcb->es, 0, sizeof *s->vmcb - offsetof(struct vmcb, es));
    s->vmcb->rip = s->last.rip;
    s->vmcb->rsp = s->last.rsp;
    s->vmcb->rflags = s->last.rflags;
    s->vmcb->cr0 = s->last.cr0;
    s->vmcb->cr3 = s->last.cr3;
    s->vmcb->cr4 = s->last.cr4;
    s->vmcb->efer = s->last.efer;
    s->vmcb->exit_info1 = s->vmcb->exit_info2 = 0;
    s->vcpu->stop = 1;
    enum svm_next next = svm_to_user(s, EXIT_INVALID);
    st->exit.code = (uint32_t)code;
    return next;
}

enum svm_next svm_exit(struct svm_vcpu *s)
{
    struct vmcb *b = s->vmcb;
    uint32_t code = (uint32_t)b->exit_code;
    s->vcpu->stats.exits++;
    if (unlikely(code == SVM_EXIT_INVALID))
        return refused(s);
    s->state->gpr[GPR_RAX] = b->rax;
    svm_after_exit(s);
    if (likely(code == SVM_EXIT_IOIO))
        return port(s);
    remember(s);
    return dispatch(s, code);
}

enum svm_next svm_complete(struct svm_vcpu *s, uint32_t len)
{
    struct vmcb *b = s->vmcb;
    uint64_t linear = b->rip + b->cs.base;
    *svm_insn_slot(s, linear) = (struct svm_insn){ linear, b->cr3, (uint32_t)b->exit_code, len };
    return with_length(s, (uint32_t)b->exit_code);
}
