/* SPDX-License-Identifier: BSD-2-Clause */
/* Switching kernel stacks, and the first way of a thread into ring 3. */
        .text
/* void context_switch(uint64_t *save_sp, uint64_t next_sp). *save_sp is written last: another
 * CPU that sees it non-zero knows that this stack is no longer in use. */
        .globl  context_switch
        .balign 16
context_switch:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, %rax
        mov     %rsi, %rsp
        mov     %rax, (%rdi)
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

/* Top of a new thread's stack: argument, then what IRETQ takes. No kernel value leaves in a register. */
        .globl  context_first_user
        .balign 16
context_first_user:
        pop     %rdi
        xor     %eax, %eax
        xor     %ecx, %ecx
        xor     %edx, %edx
        xor     %ebx, %ebx
        xor     %ebp, %ebp
        xor     %esi, %esi
        xor     %r8d, %r8d
        xor     %r9d, %r9d
        xor     %r10d, %r10d
        xor     %r11d, %r11d
        xor     %r12d, %r12d
        xor     %r13d, %r13d
        xor     %r14d, %r14d
        xor     %r15d, %r15d
        swapgs
        iretq
        .section .note.GNU-stack, "", @progbits
