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
    s->vcpu->xcr0 = 1;
    vcpu_reset(s->vcpu, RESET_CS, RESET_CS_BASE, RESET_RIP);
}

enum virt_next svm_to_user(struct svm_vcpu *s, enum vcpu_exit_reason reason)
{
    return vcpu_to_user(s->vcpu, reason, (uint32_t)s->vmcb.exit_code, s->vmcb.exit_info1, s->vmcb.exit_info2);
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

static enum virt_next port(struct svm_vcpu *s)
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

static enum virt_next nested_fault(struct svm_vcpu *s)
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

static enum virt_next control_register(struct svm_vcpu *s, uint32_t code)
{
    s->vcpu->stats.cr++;
    if (code == SVM_EXIT_CR_WRITE + 8) {
        svm_sync(s->vcpu);
        if (s->virq == VIRQ_NONE) {                  /* V_IRQ was taken meanwhile: it executes directly */
            vmcb_intercept(&s->vmcb, code, false);
            vcpu_attend_soon(s->vcpu);
            return VIRT_RESUME;
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

static void cpuid(struct svm_vcpu *s)
{
    vcpu_cpuid(s->vcpu, (uint32_t)s->vmcb.rax, svm_ecx(s), s->vmcb.cr4);
    s->vmcb.rax = s->state->gpr[GPR_RAX];
}

static void xsetbv(struct svm_vcpu *s, uint32_t len)
{
    const struct vcpu_state *st = s->state;
    uint64_t value = st->gpr[GPR_RDX] << 32 | (uint32_t)s->vmcb.rax;
    if (!(s->vmcb.cr4 & CR4_OSXSAVE)) {
        svm_raise(s, EXC_UD);                        /* [APM2 11.5.2]; some CPUs check the intercept first */
    } else if (s->vmcb.cpl != 0 || svm_ecx(s) != 0 || !vcpu_xcr0_ok(value)) {
        svm_raise(s, EXC_GP);
    } else {
        s->vcpu->xcr0 = value;
        svm_advance(s, len);
    }
}

static enum virt_next dispatch(struct svm_vcpu *s, uint32_t code)
{
    struct vcpu *v = s->vcpu;
    unsigned action = code / 32 == ICPT_DR ? DR : code < ARRAY_LEN(actions) ? actions[code] : STOP;
    uint32_t len = 0;
    if (action & RAISE(0)) {
        svm_raise(s, action & ~RAISE(0));
        return VIRT_RESUME;
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
    case LOOK:      vcpu_attend_soon(v); break;
    case IRET:      iret(s); break;
    case DR:        svm_dr_load(s); break;           /* the access executes again, on the real ones */
    case SKIP:      break;
    case CPUID:     cpuid(s); break;
    case HALT:      vcpu_halt(v); break;
    case XSETBV:    xsetbv(s, len); break;
    case MSR:       return svm_msr(s, len);
    case CR:        return control_register(s, code);
    case SHUTDOWN:  return svm_to_user(s, EXIT_SHUTDOWN);
    case HYPERCALL: return svm_to_user(s, EXIT_HYPERCALL);
    case NONE:
    case STOP:      return svm_to_user(s, EXIT_UNHANDLED);
    }
    return VIRT_RESUME;
}

enum virt_next svm_exit(struct svm_vcpu *s)
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

enum virt_next svm_complete(struct svm_vcpu *s, uint32_t len)
{
    const struct vmcb *b = &s->vmcb;
    uint64_t linear = b->rip + b->seg[SEG_CS].base;
    *svm_insn_slot(s, linear ^ 1) = *svm_insn_slot(s, linear);       /* two that meet in a slot are both kept */
    *svm_insn_slot(s, linear) = (struct svm_insn){ linear, b->cr3, (uint32_t)b->exit_code, len };
    return dispatch(s, (uint32_t)b->exit_code);
}
