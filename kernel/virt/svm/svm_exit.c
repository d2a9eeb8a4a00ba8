/* SPDX-License-Identifier: BSD-2-Clause */
/* Exits that left the fast path: handled here, or a record for the VMM. Host state, interrupts off. */
#include "kernel/virt/svm/svm.h"

/* What an exit leads to. From SKIP on the guest continues behind the instruction, whose length may have to
 * come from the VMM. STOP: this guest ends. */
enum action { NONE, STOP, HOST, HOST_IRQ, LOOK, IRET, CR, DR, SHUTDOWN, SKIP, CPUID, HALT, HYPERCALL, MSR, XSETBV };
#define RAISE(vector)  (0x80u | (vector))

/* What exits, and why. Not task switches: the CPU does them right under nested paging. Not RDTSC: tsc_offset. */
static const uint8_t actions[] = {
    [SVM_EXIT_CR_WRITE + 4] = CR,
    [SVM_EXIT_CR_WRITE + 8] = CR, [SVM_EXIT_VINTR] = LOOK, [SVM_EXIT_IRET] = IRET,     /* now and then: svm_event.c */
    /* A guest whose handler raises these again would keep the CPU in microcode for ever (CVE-2015-8104,
     * CVE-2015-5307). #MC is the machine's. */
    [SVM_EXIT_EXC + EXC_DB] = RAISE(EXC_DB), [SVM_EXIT_EXC + EXC_AC] = RAISE(EXC_AC), [SVM_EXIT_EXC + EXC_MC] = STOP,
    /* Physical events must reach the host, at STGI. INIT stays pending and hits the host after the exit. */
    [SVM_EXIT_INTR] = HOST_IRQ, [SVM_EXIT_NMI] = HOST, [SVM_EXIT_SMI] = HOST, [SVM_EXIT_INIT] = HOST,
    [SVM_EXIT_FERR_FREEZE] = STOP, [SVM_EXIT_SHUTDOWN] = SHUTDOWN,
    [SVM_EXIT_CPUID] = CPUID, [SVM_EXIT_HLT] = HALT, [SVM_EXIT_VMMCALL] = HYPERCALL, [SVM_EXIT_MSR] = MSR,
    [SVM_EXIT_XSETBV] = XSETBV, [SVM_EXIT_IOIO] = STOP /* svm_exit */,
    /* Caches are coherent; INVD would drop the host's dirty lines, a flush is not the guest's to order. */
    [SVM_EXIT_INVD] = SKIP, [SVM_EXIT_WBINVD] = SKIP,
    /* Not offered. MONITOR and MWAIT would sleep on the host's terms. */
    [SVM_EXIT_RDPMC] = RAISE(EXC_GP),
    [SVM_EXIT_RSM] = RAISE(EXC_UD), [SVM_EXIT_INVLPGA] = RAISE(EXC_UD), [SVM_EXIT_VMRUN] = RAISE(EXC_UD),
    [SVM_EXIT_VMLOAD] = RAISE(EXC_UD), [SVM_EXIT_VMSAVE] = RAISE(EXC_UD), [SVM_EXIT_STGI] = RAISE(EXC_UD),
    [SVM_EXIT_CLGI] = RAISE(EXC_UD), [SVM_EXIT_SKINIT] = RAISE(EXC_UD), [SVM_EXIT_MONITOR] = RAISE(EXC_UD),
    [SVM_EXIT_MWAIT] = RAISE(EXC_UD), [SVM_EXIT_MWAIT_ARMED] = RAISE(EXC_UD), [SVM_EXIT_RDPRU] = RAISE(EXC_UD),
    [SVM_EXIT_INVLPGB] = RAISE(EXC_UD), [SVM_EXIT_MCOMMIT] = RAISE(EXC_UD), [SVM_EXIT_TLBSYNC] = RAISE(EXC_UD),
};
_Static_assert(ARRAY_LEN(actions) <= 6 * 32, "each has an intercept bit");

void svm_init(struct svm_vcpu *s)
{
    struct vmcb *b = &s->vmcb;
    for (uint32_t code = 0; code < ARRAY_LEN(actions); code++)
        vmcb_intercept(b, code, actions[code] != NONE);
    b->icpt[ICPT_DR] = ICPT_DR_ALL;
    b->iopm_pa = svm_iopm_pa;
    b->msrpm_pa = svm_msrpm_pa;
    b->np_enable = 1;
    b->g_pat = PAT_RESET;
    s->xcr0 = 1;
    svm_reset(s->vcpu);
}

/* Groups that each reason needs. */
static const uint8_t exit_groups[EXIT_REASON_COUNT] = {
#define X(n, v, g, s) [v] = (g),
    VCPU_EXITS(X)
#undef X
};

enum svm_next svm_to_user(struct svm_vcpu *s, enum vcpu_exit_reason reason)
{
    struct vcpu_state *st = s->state;
    struct vcpu_exit *e = &st->exit;
    e->reason = reason;
    e->code = (uint32_t)s->vmcb.exit_code;
    st->valid = 0;
    if (exit_groups[reason]) {
        e->info1 = s->vmcb.exit_info1;
        e->info2 = s->vmcb.exit_info2;
        svm_state_get(s->vcpu, exit_groups[reason]);
    }
    s->vcpu->stats.by_exit[reason]++;
    return SVM_USER;
}

void svm_advance(struct svm_vcpu *s, uint32_t len)
{
    struct vmcb *b = &s->vmcb;
    svm_move_rip(b, len);
    if (unlikely(b->rflags & RFLAGS_TF)) {           /* the trap that the CPU would have taken */
        b->dr6 |= DR6_BS;
        svm_raise(s, EXC_DB);
    }
}

static enum svm_next port(struct svm_vcpu *s)
{
    struct vmcb *b = &s->vmcb;
    struct vcpu_exit *e = &s->state->exit;
    uint64_t info = b->exit_info1;
    uint32_t len = (uint32_t)(b->exit_info2 - b->rip);
    e->port = (uint16_t)FIELD_GET(IOIO_PORT, info);
    e->size = (uint8_t)FIELD_GET(IOIO_SIZE, info);
    e->in = (uint8_t)(info & IOIO_IN);
    if (unlikely(info & IOIO_STRING)) {
        e->insn_len = (uint8_t)len;
        return svm_to_user(s, EXIT_IO_STRING);
    }
    svm_advance(s, len);
    return svm_to_user(s, EXIT_IO);
}

static enum svm_next nested_fault(struct svm_vcpu *s)
{
    const struct vmcb *b = &s->vmcb;
    struct vcpu_exit *e = &s->state->exit;
    uint64_t info = b->exit_info1;
    if (unlikely(info & NPF_RESERVED) && (info & NPF_PRESENT))
        return svm_to_user(s, EXIT_UNHANDLED);
    e->gpa = b->exit_info2;
    e->access = (info & NPF_FETCH ? ACCESS_FETCH : 0) | (info & NPF_PT_WALK ? ACCESS_PT_WALK : 0);
    e->bytes_len = b->bytes_len;
    if (b->bytes_len)
        memcpy(e->bytes, b->bytes, sizeof e->bytes);
    return svm_to_user(s, EXIT_MMIO);
}

static enum svm_next control_register(struct svm_vcpu *s, uint32_t code)
{
    s->vcpu->stats.cr++;
    if (code == SVM_EXIT_CR_WRITE + 8) {
        svm_sync(s->vcpu);
        if (s->virq == VIRQ_NONE) {                  /* V_IRQ was taken meanwhile: it executes directly */
            vmcb_intercept(&s->vmcb, code, false);
            svm_attend(s->vcpu);
            return SVM_RESUME;
        }
    }
    s->state->exit.insn = INSN_CR;
    return svm_to_user(s, EXIT_INSN);
}

/* The IRET that ends an NMI is about to execute: NMIs open once rip has moved. */
static void iret(struct svm_vcpu *s)
{
    vmcb_intercept(&s->vmcb, SVM_EXIT_IRET, false);
    s->nmi = NMI_IRET;
    s->iret_rip = s->vmcb.rip;
}

void svm_cpuid(struct svm_vcpu *s, struct vcpu_state *st, uint32_t sub)
{
    struct vmcb *b = &s->vmcb;
    struct vcpu *v = s->vcpu;
    struct vm_cpuid r;
    vm_cpuid_get(v, (uint32_t)b->rax, sub, b->cr4, s->xcr0, &r);
    if ((uint32_t)b->rax == 1) {
        s->leaf1 = r;
        s->leaf1_cr4 = b->cr4;
        s->leaf1_base = v->lapic.base;
    }
    v->stats.cpuid++;
    b->rax = st->gpr[GPR_RAX] = r.eax;
    st->gpr[GPR_RBX] = r.ebx;
    st->gpr[GPR_RCX] = r.ecx;
    st->gpr[GPR_RDX] = r.edx;
}

/* [SDM3 2.6]: bit 0 set, AVX needs SSE, nothing that the host does not save. */
bool svm_xcr0_ok(uint64_t xcr0)
{
    uint64_t avx512 = xcr0 & 0xe0;
    return (xcr0 & 1) && !(xcr0 & ~cpu_features.host_xcr0 & ~UINT64_C(1)) && (!(xcr0 & 4) || (xcr0 & 2)) &&
           (avx512 == 0 || (avx512 == 0xe0 && (xcr0 & 4)));
}

static void xsetbv(struct svm_vcpu *s, uint32_t len)
{
    const struct vcpu_state *st = s->state;
    uint64_t value = st->gpr[GPR_RDX] << 32 | (uint32_t)s->vmcb.rax;
    if (!(s->vmcb.cr4 & CR4_OSXSAVE)) {
        svm_raise(s, EXC_UD);                        /* [APM2 11.5.2]; some CPUs check the intercept first */
    } else if (s->vmcb.cpl != 0 || svm_ecx(s) != 0 || !svm_xcr0_ok(value)) {
        svm_raise(s, EXC_GP);
    } else {
        s->xcr0 = value;
        svm_advance(s, len);
    }
}

static void halt(struct svm_vcpu *s)
{
    s->vcpu->stats.hlt++;
    s->vcpu->phase = VCPU_PHASE_HALT;
    svm_attend(s->vcpu);
}

static enum svm_next dispatch(struct svm_vcpu *s, uint32_t code)
{
    struct vcpu *v = s->vcpu;
    unsigned action = code / 32 == ICPT_DR ? DR : code < ARRAY_LEN(actions) ? actions[code] : STOP;
    uint32_t len = 0;
    if (action & RAISE(0)) {
        svm_raise(s, action & ~RAISE(0));
        return SVM_RESUME;
    }
    if (action >= SKIP) {
        len = svm_insn_len(s, code);
        if (unlikely(len == 0)) {
            s->want_len = 1;
            s->state->exit.insn = INSN_LENGTH;
            return svm_to_user(s, EXIT_INSN);
        }
        if (action <= HYPERCALL)
            svm_advance(s, len);
    }
    switch ((enum action)action) {
    case HOST_IRQ:  v->stats.intr++; break;
    case HOST:      v->stats.nmi++; break;
    case LOOK:      svm_attend(v); break;
    case IRET:      iret(s); break;
    case DR:        svm_dr_load(s); break;           /* the access executes again, on the real ones */
    case SKIP:      break;
    case CPUID:     svm_cpuid(s, s->state, svm_ecx(s)); break;
    case HALT:      halt(s); break;
    case XSETBV:    xsetbv(s, len); break;
    case MSR:       return svm_msr(s, len);
    case CR:        return control_register(s, code);
    case SHUTDOWN:  return svm_to_user(s, EXIT_SHUTDOWN);
    case HYPERCALL: return svm_to_user(s, EXIT_HYPERCALL);
    case NONE:
    case STOP:      return svm_to_user(s, EXIT_UNHANDLED);
    }
    return SVM_RESUME;
}

enum svm_next svm_exit(struct svm_vcpu *s)
{
    struct vmcb *b = &s->vmcb;
    uint32_t code = (uint32_t)b->exit_code;
    s->vcpu->stats.exits++;
    if (unlikely(code == SVM_EXIT_INVALID)) {
        /* The save area may hold the host's registers now (QEMU), so it is wiped. The vCPU never runs again. */
        memset(b->seg, 0, sizeof *b - offsetof(struct vmcb, seg));
        s->vcpu->stop = 1;
        return svm_to_user(s, EXIT_INVALID);
    }
    s->state->exit.insn_len = 0;
    s->state->gpr[GPR_RAX] = b->rax;
    svm_after_exit(s);
    if (likely(code == SVM_EXIT_IOIO))
        return port(s);
    return code == SVM_EXIT_NPF ? nested_fault(s) : dispatch(s, code);
}

enum svm_next svm_complete(struct svm_vcpu *s, uint32_t len)
{
    const struct vmcb *b = &s->vmcb;
    uint64_t linear = b->rip + b->seg[SEG_CS].base;
    *svm_insn_slot(s, linear ^ 1) = *svm_insn_slot(s, linear);       /* two that meet in a slot are both kept */
    *svm_insn_slot(s, linear) = (struct svm_insn){ linear, b->cr3, (uint32_t)b->exit_code, len };
    return dispatch(s, (uint32_t)b->exit_code);
}
