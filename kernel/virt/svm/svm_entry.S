/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Into the guest and out of it [APM2 15.5, 15.6].
 *
 * uint32_t svm_enter(struct svm_vcpu *svm)
 * uint32_t svm_enter_guarded(struct svm_vcpu *svm): where spec_actions & SPEC_AT_EXIT
 *
 * Called with IF = 0. CLGI holds back interrupts; IF = 1 behind it lets VMRUN exit
 * on them (V_INTR_MASKING). An exit comes back with GIF = 0 and the guest's FS, GS,
 * TR, LDTR and system call registers, and goes to svm_fast with rdx and rcx of the
 * guest where C expects its third and fourth argument. C keeps rbp and r12-r15, so
 * while the fast path handles exits they are neither stored nor loaded. STGI with
 * IF = 1 takes what is pending, as the host.
 */
#define SVM_STATE      0x00
#define SVM_VMCB_PA    0x08
#define SVM_HOST_PA    0x10
/* struct vcpu_state: r8 to r15 are at 8 times their number */
#define GPR_RCX        0x08
#define GPR_RDX        0x10
#define GPR_RBX        0x18
#define GPR_RBP        0x28
#define GPR_RSI        0x30
#define GPR_RDI        0x38

        .macro  ENTER name, guarded
        .globl  \name
        .balign 64
\name:
        .irp    reg, rbp, rbx, r12, r13, r14, r15
        push    %\reg
        .endr
        sub     $8, %rsp                /* aligned at the call below */
        push    %rdi
        mov     SVM_STATE(%rdi), %rsi
        push    %rsi                    /* (%rsp) = state, 8(%rsp) = svm */
        clgi
        sti
        mov     SVM_HOST_PA(%rdi), %rax
        vmsave  %rax
        mov     SVM_VMCB_PA(%rdi), %rax
        vmload  %rax
        mov     GPR_RBP(%rsi), %rbp
        .irp    n, 12, 13, 14, 15
        mov     8*\n(%rsi), %r\n
        .endr

1:      mov     SVM_VMCB_PA(%rdi), %rax
        mov     GPR_RBX(%rsi), %rbx
        mov     GPR_RCX(%rsi), %rcx
        mov     GPR_RDX(%rsi), %rdx
        .irp    n, 8, 9, 10, 11
        mov     8*\n(%rsi), %r\n
        .endr
        mov     GPR_RDI(%rsi), %rdi
        mov     GPR_RSI(%rsi), %rsi
        vmrun   %rax
        mov     (%rsp), %rax
        mov     %rbx, GPR_RBX(%rax)
        mov     %rcx, GPR_RCX(%rax)
        mov     %rdx, GPR_RDX(%rax)
        mov     %rsi, GPR_RSI(%rax)
        mov     %rdi, GPR_RDI(%rax)
        .irp    n, 8, 9, 10, 11
        mov     %r\n, 8*\n(%rax)
        .endr
        .if     \guarded
        call    spec_exit_barrier
        mov     (%rsp), %rax
        mov     GPR_RCX(%rax), %rcx
        mov     GPR_RDX(%rax), %rdx
        .endif
        mov     %rax, %rsi
        mov     8(%rsp), %rdi
        call    svm_fast
        mov     (%rsp), %rsi
        mov     8(%rsp), %rdi
        test    %eax, %eax
        jz      1b
        .if     \guarded
        call    spec_fill_returns
        .endif
        mov     %rbp, GPR_RBP(%rsi)
        .irp    n, 12, 13, 14, 15
        mov     %r\n, 8*\n(%rsi)
        .endr
        mov     %eax, %ebx
        mov     SVM_VMCB_PA(%rdi), %rax
        vmsave  %rax
        mov     SVM_HOST_PA(%rdi), %rax
        vmload  %rax
        stgi                            /* pending interrupts are taken here */
        nop
        cli
        mov     %ebx, %eax
        add     $24, %rsp
        .irp    reg, r15, r14, r13, r12, rbx, rbp
        pop     %\reg
        .endr
        ret
        .endm

        .text
        ENTER   svm_enter, 0
        ENTER   svm_enter_guarded, 1
