/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Into the guest and out of it [SDM3 27, 28].
 *
 * uint32_t vmx_enter(struct vmx_vcpu *vmx)
 *
 * Called with IF = 0. An exit comes back at vmx_exit_point with the host's segments and this stack, and goes to
 * vmx_fast with rdx and rcx of the guest where C expects its third and fourth argument. C keeps rbp and r12-r15, so
 * while the fast path handles exits they are neither stored nor loaded. Its returns find the entries of its own calls;
 * behind it there are returns of calls that were made before the guest ran.
 */
#include "kernel/abi/spec.h"

#define X_HOST_RSP     0x08
#define X_LAUNCHED     0x10
#define VMCS_HOST_RSP  0x6c14
#define VMX_FAILED     3
/* struct vcpu_state: r8 to r15 are at 8 times their number */
#define GPR_RCX        0x08
#define GPR_RDX        0x10
#define GPR_RBX        0x18
#define GPR_RBP        0x28
#define GPR_RSI        0x30
#define GPR_RDI        0x38

        .text
        .globl  vmx_enter, vmx_exit_point
        .balign 64
vmx_enter:
        .irp    reg, rbp, rbx, r12, r13, r14, r15
        push    %\reg
        .endr
        sub     $8, %rsp                /* aligned at the call below */
        push    %rdi
        mov     (%rdi), %rsi
        push    %rsi                    /* (%rsp) = state, 8(%rsp) = vmx */
        cmp     %rsp, X_HOST_RSP(%rdi)
        je      1f
        mov     %rsp, X_HOST_RSP(%rdi)
        mov     $VMCS_HOST_RSP, %eax
        vmwrite %rsp, %rax
1:      mov     GPR_RBP(%rsi), %rbp
        .irp    n, 12, 13, 14, 15
        mov     8*\n(%rsi), %r\n
        .endr

        cmpl    $1, X_LAUNCHED(%rdi)
2:      mov     (%rsi), %rax            /* ZF stays: VMRESUME is next */
        mov     GPR_RBX(%rsi), %rbx
        mov     GPR_RCX(%rsi), %rcx
        mov     GPR_RDX(%rsi), %rdx
        .irp    n, 8, 9, 10, 11
        mov     8*\n(%rsi), %r\n
        .endr
        mov     GPR_RDI(%rsi), %rdi
        mov     GPR_RSI(%rsi), %rsi
        jne     3f
        vmresume
        jmp     4f
3:      vmlaunch
4:      mov     (%rsp), %rsi            /* nothing was entered */
        mov     $VMX_FAILED, %eax
        jmp     6f

        .balign 64
vmx_exit_point:
        push    %rax
        mov     8(%rsp), %rax
        mov     %rbx, GPR_RBX(%rax)
        mov     %rcx, GPR_RCX(%rax)
        mov     %rdx, GPR_RDX(%rax)
        mov     %rsi, GPR_RSI(%rax)
        mov     %rdi, GPR_RDI(%rax)
        .irp    n, 8, 9, 10, 11
        mov     %r\n, 8*\n(%rax)
        .endr
        pop     (%rax)
        mov     %rax, %rsi
        mov     8(%rsp), %rdi
        call    vmx_fast
        mov     (%rsp), %rsi
        mov     8(%rsp), %rdi
        test    %eax, %eax
        jz      2b

        testl   $SPEC_EXIT_FILL, spec_actions(%rip)
        jz      5f
        call    spec_fill_returns
5:      mov     %rbp, GPR_RBP(%rsi)
        .irp    n, 12, 13, 14, 15
        mov     %r\n, 8*\n(%rsi)
        .endr
6:      add     $24, %rsp
        .irp    reg, r15, r14, r13, r12, rbx, rbp
        pop     %\reg
        .endr
        ret
