/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Into the guest and out of it [APM2 15.5, 15.6].
 *
 * uint32_t svm_enter(struct svm_vcpu *svm)
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
#define SVM_ATTENTION  0x18
#define GPR_RCX        0x08
#define GPR_RDX        0x10
#define GPR_RBX        0x18
#define GPR_RBP        0x28
#define GPR_RSI        0x30
#define GPR_RDI        0x38
#define GPR_R8         0x40
#define GPR_R9         0x48
#define GPR_R10        0x50
#define GPR_R11        0x58
#define GPR_R12        0x60
#define GPR_R13        0x68
#define GPR_R14        0x70
#define GPR_R15        0x78

        .text
        .globl  svm_enter
        .balign 64
svm_enter:
        push    %rbp
        push    %rbx
        push    %r12
        push    %r13
        push    %r14
        push    %r15
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
        mov     GPR_R12(%rsi), %r12
        mov     GPR_R13(%rsi), %r13
        mov     GPR_R14(%rsi), %r14
        mov     GPR_R15(%rsi), %r15

1:      mov     SVM_VMCB_PA(%rdi), %rax
        mov     GPR_RBX(%rsi), %rbx
        mov     GPR_RCX(%rsi), %rcx
        mov     GPR_RDX(%rsi), %rdx
        mov     GPR_R8(%rsi), %r8
        mov     GPR_R9(%rsi), %r9
        mov     GPR_R10(%rsi), %r10
        mov     GPR_R11(%rsi), %r11
        mov     GPR_RDI(%rsi), %rdi
        mov     GPR_RSI(%rsi), %rsi
        vmrun   %rax
        mov     (%rsp), %rax
        mov     %rbx, GPR_RBX(%rax)
        mov     %rcx, GPR_RCX(%rax)
        mov     %rdx, GPR_RDX(%rax)
        mov     %rsi, GPR_RSI(%rax)
        mov     %rdi, GPR_RDI(%rax)
        mov     %r8, GPR_R8(%rax)
        mov     %r9, GPR_R9(%rax)
        mov     %r10, GPR_R10(%rax)
        mov     %r11, GPR_R11(%rax)
        mov     %rax, %rsi
        mov     8(%rsp), %rdi
        call    svm_fast
        mov     (%rsp), %rsi
        mov     8(%rsp), %rdi
        test    %eax, %eax
        jz      1b

        mov     %rbp, GPR_RBP(%rsi)
        mov     %r12, GPR_R12(%rsi)
        mov     %r13, GPR_R13(%rsi)
        mov     %r14, GPR_R14(%rsi)
        mov     %r15, GPR_R15(%rsi)
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
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbx
        pop     %rbp
        ret
