/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/virt/svm/svm_state.c kernel/virt/svm/svm_event.c kernel/virt/svm/svm_exit.c kernel/virt/svm/svm_msr.c
   kernel/virt/svm/svm_fast.c kernel/virt/backend.c kernel/virt/vcpu_msr.c kernel/virt/vm_cpuid.c
   kernel/virt/vlapic.c kernel/virt/vlapic_reg.c
   kernel/virt/vlapic_icr.c kernel/virt/vlapic_timer.c tests/unit/fake/hw.c
   tests/unit/fake/svm_guest.c tests/unit/fake/no_vmx.c */
/* SVM without an SVM: exits, interrupts and MSRs, with the CPU played as the manual says and as QEMU does it. */
#include "tests/unit/fake/svm_guest.h"
#include "unit.h"

static void cr8(void)
{
    guest_long_mode(0x2000);
    CHECK(vlapic_post(&cpu.lapic, 0x39, false));
    CHECK(!svm_update(&cpu));
    block.int_ctl = (block.int_ctl & ~V_TPR) | 7;               /* the guest's MOV CR8 */
    svm_sync(&cpu);
    CHECK_EQ(cpu.lapic.page->tpr.v, 0x70);
    CHECK(!svm_wakes(&cpu));
    block.int_ctl = (block.int_ctl & ~V_TPR) | 2;
    svm_sync(&cpu);
    CHECK(svm_wakes(&cpu));
    block.rflags &= ~RFLAGS_IF;
    CHECK(!svm_wakes(&cpu));
    block.exit_code = SVM_EXIT_CR_WRITE + 8;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);                         /* V_IRQ is set: the VMM does it */
    CHECK_EQ(state.exit.reason, EXIT_INSN);
    CHECK_EQ(state.exit.insn, INSN_CR);
    guest_take_interrupt();
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);                       /* taken: the CPU does it */
    CHECK(!(exits(SVM_EXIT_CR_WRITE + 8)));
}

static void deliveries_cut_short(void)
{
    guest_long_mode(0x3000);
    CHECK(vlapic_post(&cpu.lapic, 0x60, false));
    CHECK(!svm_update(&cpu));
    block.exit_code = SVM_EXIT_NPF;
    block.exit_int_info = EVENT(EVENT_TYPE_EXCEPTION, 0x60);              /* as QEMU says it: V_IRQ still set */
    svm_after_exit(&svm);
    svm_sync(&cpu);
    CHECK((block.int_ctl & V_IRQ) && cpu.event == 0 && cpu.lapic.page->isr[3].v == 0);
    guest_take_interrupt();
    block.exit_int_info = EVENT(EVENT_TYPE_EXTINT, 0x60);             /* as a CPU says it */
    svm_after_exit(&svm);
    svm_sync(&cpu);
    CHECK((block.int_ctl & V_IRQ) && cpu.event == 0 && cpu.lapic.page->isr[3].v == 0);
    guest_take_interrupt();
    block.exit_int_info = 0x50;                                 /* stale, not valid */
    svm_after_exit(&svm);
    svm_sync(&cpu);
    CHECK_EQ(cpu.lapic.page->isr[3].v, BIT32(0));
    block.exit_int_info = EVENT(EVENT_TYPE_EXCEPTION, 14) | EVENT_HAS_ERROR | 6ull << 32;
    svm_after_exit(&svm);
    svm_inject(&svm);
    CHECK_EQ(block.event_inj, EVENT(EVENT_TYPE_EXCEPTION, 14) | EVENT_HAS_ERROR | 6ull << 32);
    CHECK_EQ(cpu.event, 0);
    block.event_inj = 0;
    block.exit_int_info = EVENT(4, 0x80);             /* INT n executes again */
    svm_after_exit(&svm);
    CHECK_EQ(cpu.event, 0);
    block.exit_int_info = EVENT(EVENT_TYPE_EXCEPTION, 3);
    svm_after_exit(&svm);
    CHECK_EQ(cpu.event, 0);
    block.exit_int_info = EVENT(EVENT_TYPE_NMI, 2);
    svm.nmi = NMI_BLOCKED;
    svm_after_exit(&svm);
    CHECK(cpu.nmi_pending == 1 && svm.nmi == NMI_OPEN);
    block.exit_int_info = EVENT(EVENT_TYPE_EXCEPTION, 8);
    block.exit_code = SVM_EXIT_SHUTDOWN;
    svm_after_exit(&svm);
    CHECK_EQ(cpu.event, 0);
}

static void nmis(void)
{
    guest_long_mode(0x3000);
    cpu.nmi_pending = 1;
    CHECK(svm_wakes(&cpu));
    svm_inject(&svm);
    CHECK_EQ(block.event_inj, EVENT(EVENT_TYPE_NMI, 2));
    CHECK(exits(SVM_EXIT_IRET));
    cpu.nmi_pending = 1;                                        /* another one: waits */
    block.event_inj = 0;
    svm_inject(&svm);
    CHECK_EQ(block.event_inj, 0);
    CHECK(!svm_wakes(&cpu));
    block.rip = 0x3100;
    block.exit_code = SVM_EXIT_IRET;
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
    CHECK(!(exits(SVM_EXIT_IRET)));
    svm_inject(&svm);                                           /* the IRET itself is not done yet */
    CHECK_EQ(block.event_inj, 0);
    CHECK_EQ(kicks, 1);
    block.rip = 0x3000;
    block.exit_code = SVM_EXIT_INTR;
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
    svm_inject(&svm);
    CHECK_EQ(block.event_inj, EVENT(EVENT_TYPE_NMI, 2));
}

static void shadows(void)
{
    guest_long_mode(0x4000);
    block.int_state = INT_SHADOW;
    block.exit_code = SVM_EXIT_INTR;
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
    CHECK(vlapic_post(&cpu.lapic, 0x60, false));
    CHECK(!svm_update(&cpu));
    CHECK(!(block.int_ctl & V_IRQ));                            /* QEMU would take it in the shadow */
    CHECK(kicks == 1 && svm.look_again);
    block.int_state = 0;                                        /* QEMU forgot; rip has not moved */
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
    CHECK(!svm_update(&cpu));
    CHECK(!(block.int_ctl & V_IRQ));
    block.rip = 0x4001;
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
    CHECK(!svm_update(&cpu));
    CHECK(block.int_ctl & V_IRQ);
    guest_long_mode(0x4000);                                       /* a jump to itself does not wait for ever */
    CHECK(vlapic_post(&cpu.lapic, 0x60, false));
    block.int_state = INT_SHADOW;
    block.exit_code = SVM_EXIT_INTR;
    unsigned rounds = 0;
    while (!(block.int_ctl & V_IRQ) && rounds < 20) {
        CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
        CHECK(!svm_update(&cpu));
        block.int_state = 0;
        rounds++;
    }
    CHECK(rounds > 1 && rounds < 10);
}

static void extint(void)
{
    guest_long_mode(0x5000);
    cpu.lapic.page->lvt[LVT_LINT0].v = 0x700;
    cpu.extint_line = 1;
    block.rflags &= ~RFLAGS_IF;
    CHECK(!svm_update(&cpu));
    CHECK((exits(SVM_EXIT_VINTR)) && (block.int_ctl & V_IRQ) && (block.int_ctl & V_IGN_TPR));
    block.rflags |= RFLAGS_IF;
    block.exit_code = SVM_EXIT_VINTR;
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
    CHECK_EQ(attention, 1);
    CHECK(svm_update(&cpu));                                    /* EXIT_EXTINT */
    CHECK(!(exits(SVM_EXIT_VINTR)) && !(block.int_ctl & V_IRQ));
    state.pending_event = EVENT(EVENT_TYPE_EXTINT, 0x08);
    CHECK(svm_state_set(&cpu, VS_EVENT));
    CHECK((block.int_ctl & V_IRQ) && block.int_vector == 8 && svm.virq == VIRQ_EXTINT);
    block.exit_int_info = EVENT(EVENT_TYPE_EXCEPTION, 8);                 /* QEMU again, vector below 32 */
    block.exit_code = SVM_EXIT_NPF;
    svm_after_exit(&svm);
    CHECK(cpu.event == 0 && (block.int_ctl & V_IRQ));
    block.exit_int_info = 0;
    cpu.extint_line = 0;
    CHECK(vlapic_post(&cpu.lapic, 0x91, false));
    CHECK(!svm_update(&cpu));                                   /* acknowledged at the PIC: goes first */
    CHECK_EQ(block.int_vector, 8);
    guest_take_interrupt();
    CHECK(!svm_update(&cpu));
    CHECK(block.int_vector == 0x91 && (block.int_ctl & V_IRQ) && !(block.int_ctl & V_IGN_TPR));
    cpu.lapic.page->lvt[LVT_LINT0].v = 0x10700;                         /* masked at LINT0 */
    cpu.extint_line = 1;
    CHECK(!svm_update(&cpu));
    CHECK_EQ(block.int_vector, 0x91);
}

static enum virt_next msr(bool write, uint32_t index, uint64_t value)
{
    block.exit_code = SVM_EXIT_MSR;
    block.exit_info1 = write;
    block.rax = state.gpr[GPR_RAX] = (uint32_t)value;
    state.gpr[GPR_RCX] = index;
    state.gpr[GPR_RDX] = value >> 32;
    cpu.event = 0;
    return svm_msr(&svm, 2);
}
static uint64_t msr_value(void) { return state.gpr[GPR_RDX] << 32 | (uint32_t)state.gpr[GPR_RAX]; }

static void msrs(void)
{
    guest_long_mode(0x6000);
    CHECK_EQ(msr(false, MSR_EFER, 0), VIRT_RESUME);
    CHECK_EQ(msr_value(), 0xd00);                               /* SVME is not the guest's */
    CHECK_EQ(block.rip, 0x6002);
    CHECK_EQ(msr(true, MSR_EFER, 0x1d00), VIRT_RESUME);
    CHECK_EQ(cpu.event, GP);
    CHECK_EQ(block.rip, 0x6002);                                /* faults stay at the instruction */
    CHECK_EQ(msr(true, MSR_EFER, 0xd01), VIRT_RESUME);
    CHECK_EQ(block.efer, EFER_SVME | 0xd01);
    CHECK_EQ(msr(true, MSR_EFER, 0xc01), VIRT_RESUME);           /* LME under paging */
    CHECK_EQ(cpu.event, GP);
    CHECK_EQ(msr(true, MSR_PAT, 0x0102), VIRT_RESUME);
    CHECK_EQ(cpu.event, GP);
    CHECK_EQ(msr(true, MSR_PAT, 0x0606060606060601ull), VIRT_RESUME);
    CHECK_EQ(block.g_pat, 0x0606060606060601ull);
    CHECK_EQ(msr(true, 0x10, 0x5000000000ull), VIRT_RESUME);
    CHECK_EQ(block.tsc_offset, cpu.tsc_offset);
    CHECK_EQ(msr(false, 0x10, 0), VIRT_RESUME);
    CHECK(msr_value() >= 0x5000000000ull && msr_value() < 0x5000100000ull);
    CHECK_EQ(msr(true, 0x3b, 0), VIRT_RESUME);
    CHECK_EQ(cpu.tsc_offset, 0);
    CHECK_EQ(msr(true, 0x808, 0x55), VIRT_RESUME);
    CHECK_EQ(block.int_ctl & V_TPR, 5);
    CHECK_EQ(cpu.lapic.page->tpr.v, 0x55);
    CHECK_EQ(msr(false, 0x808, 0), VIRT_RESUME);
    CHECK_EQ(msr_value(), 0x55);                                /* the low half is kept too */
    CHECK_EQ(msr(false, 0x80b, 0), VIRT_RESUME);
    CHECK_EQ(cpu.event, GP);
    uint64_t rip = block.rip;
    CHECK_EQ(msr(true, 0x8b, 7), VIRT_USER);
    CHECK_EQ(state.exit.reason, EXIT_WRMSR);
    CHECK_EQ(state.exit.msr, 0x8b);
    CHECK_EQ(state.exit.insn_len, 2);
    CHECK_EQ(state.rip, rip + 2);
    CHECK_EQ(msr(false, 0xc0000103, 0), VIRT_USER);              /* no RDTSCP here */
}

static void port_exits(void)
{
    guest_long_mode(0x7000);
    block.exit_code = SVM_EXIT_IOIO;
    block.exit_info1 = 0x3f8ull << 16 | 1 << 4 | IOIO_IN;
    block.exit_info2 = 0x7001;
    block.rax = 0x1234;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK_EQ(state.exit.reason, EXIT_IO);
    CHECK(state.exit.port == 0x3f8 && state.exit.size == 1 && state.exit.in == 1);
    CHECK_EQ(state.gpr[GPR_RAX], 0x1234);
    CHECK_EQ(block.rip, 0x7001);
    block.rflags |= RFLAGS_TF;
    block.exit_info1 = 0xcfcull << 16 | 4 << 4;
    block.exit_info2 = 0x7003;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK(state.exit.size == 4 && state.exit.in == 0);
    CHECK_EQ(cpu.event, EVENT(EVENT_TYPE_EXCEPTION, EXC_DB));
    CHECK(block.dr6 & DR6_BS);
    state.pending_event = EVENT_ERR(13, 0);                     /* the VMM knows better */
    CHECK(svm_state_set(&cpu, VS_EVENT));
    CHECK(cpu.event == GP && !(block.dr6 & DR6_BS));
    block.exit_info1 |= IOIO_STRING;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK_EQ(state.exit.reason, EXIT_IO_STRING);
    CHECK_EQ(state.valid, VS_RIP | VS_CR | VS_SEG);
}

static void other_exits(void)
{
    guest_long_mode(0x8000);
    static const uint32_t ud[] = { 0x80, 0x82, 0x83, 0x84, 0x85, 0x86, 0x73, 0x7a, 0x8a, 0x8b, 0x8c, 0x8e, 0xa0, 0xa3, 0xa4 };
    for (unsigned i = 0; i < sizeof ud / sizeof ud[0]; i++) {
        block.exit_code = ud[i];
        cpu.event = 0;
        CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
        CHECK_EQ(cpu.event, EVENT(EVENT_TYPE_EXCEPTION, EXC_UD));
        CHECK_EQ(block.rip, 0x8000);
    }
    block.exit_code = SVM_EXIT_RDPMC;
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
    CHECK_EQ(cpu.event, GP);
    block.exit_code = SVM_EXIT_EXC + EXC_AC;
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
    CHECK_EQ(cpu.event, EVENT(EVENT_TYPE_EXCEPTION, EXC_AC) | EVENT_HAS_ERROR);
    block.exit_code = SVM_EXIT_EXC + EXC_MC;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK_EQ(state.exit.reason, EXIT_UNHANDLED);
    block.exit_code = SVM_EXIT_DR_READ + 0x17;
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
    CHECK(loads == 1 && block.icpt[ICPT_DR] == 0);
    block.exit_code = SVM_EXIT_CR_WRITE + 4;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK(state.exit.reason == EXIT_INSN && state.exit.insn == INSN_CR);
    static const uint32_t unasked[] = { 0, 8, 0x10, 0x18 + 1, 0x40, 0x4e, 0x65, 0x6e, 0x7d, 0x87, 0xa5, 0xbf, 0x401 };
    for (unsigned i = 0; i < sizeof unasked / sizeof unasked[0]; i++) {
        block.exit_code = unasked[i];
        CHECK_EQ(svm_exit(&svm), VIRT_USER);
        CHECK_EQ(state.exit.reason, EXIT_UNHANDLED);
    }
    block.exit_code = SVM_EXIT_NPF;
    block.exit_info1 = BIT64(1) | 4 | 1ull << 32;
    block.exit_info2 = 0xfec00000;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK(state.exit.reason == EXIT_MMIO && state.exit.gpa == 0xfec00000 && state.exit.access == 0);
    block.exit_info1 = 4 | NPF_PT_WALK | BIT64(1);
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK_EQ(state.exit.access, ACCESS_PT_WALK);
    block.exit_info1 = 0x14 | 1ull << 32;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK_EQ(state.exit.access, ACCESS_FETCH);
    block.exit_code = 0x123;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK(state.exit.reason == EXIT_UNHANDLED && state.exit.code == 0x123);
    block.exit_code = SVM_EXIT_SHUTDOWN;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK_EQ(state.exit.reason, EXIT_SHUTDOWN);
}

static void lengths_from_the_vmm(void)
{
    guest_long_mode(0x9000);
    block.exit_code = SVM_EXIT_HLT;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK(state.exit.reason == EXIT_INSN && state.exit.insn == INSN_LENGTH && svm.want_len == 1);
    CHECK_EQ(svm_complete(&svm, 2), VIRT_RESUME);
    CHECK_EQ(cpu.phase, VCPU_PHASE_HALT);
    CHECK_EQ(block.rip, 0x9002);
    CHECK_EQ(attention, 1);
    cpu.phase = VCPU_PHASE_RUN;
    block.rip = 0x9000;
    CHECK_EQ(svm_exit(&svm), VIRT_RESUME);                       /* known now */
    CHECK_EQ(block.rip, 0x9002);
    block.rip = 0x9041;                                         /* meets 9000h in its slot: both stay known */
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK_EQ(svm_complete(&svm, 3), VIRT_RESUME);
    for (unsigned i = 0; i < 4; i++) {
        cpu.phase = VCPU_PHASE_RUN;
        block.rip = i % 2 ? 0x9041 : 0x9000;
        CHECK_EQ(svm_exit(&svm), VIRT_RESUME);
        CHECK_EQ(block.rip, i % 2 ? 0x9044 : 0x9002);
    }
    block.rip = 0xa000;
    block.exit_code = SVM_EXIT_VMMCALL;
    CHECK_EQ(svm_exit(&svm), VIRT_USER);
    CHECK_EQ(svm_complete(&svm, 3), VIRT_USER);
    CHECK_EQ(state.exit.reason, EXIT_HYPERCALL);
    CHECK_EQ(block.rip, 0xa003);
    block.rip = 0xb000;
    block.exit_code = SVM_EXIT_XSETBV;
    state.gpr[GPR_RCX] = state.gpr[GPR_RDX] = 0;
    block.rax = 7;
    block.cr4 &= ~(uint64_t)CR4_OSXSAVE;
    CHECK_EQ(svm_complete(&svm, 3), VIRT_RESUME);
    CHECK_EQ(cpu.event & 0xff, 6);                              /* #UD, whatever the operands; QEMU 10 exits first */
    CHECK(block.rip == 0xb000 && cpu.xcr0 != 7);
    block.cr4 |= CR4_OSXSAVE;
    cpu.event = 0;
    block.rax = 0x207;                                          /* PKRU: the host does not save it */
    CHECK_EQ(svm_complete(&svm, 3), VIRT_RESUME);
    CHECK_EQ(cpu.event, GP);
    block.rax = 7;
    CHECK_EQ(svm_complete(&svm, 3), VIRT_RESUME);
    CHECK(cpu.xcr0 == 7 && block.rip == 0xb003);
}

int main(void)
{
    cr8();
    deliveries_cut_short();
    nmis();
    shadows();
    extint();
    msrs();
    port_exits();
    other_exits();
    lengths_from_the_vmm();
    return unit_done();
}
