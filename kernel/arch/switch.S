/* SPDX-License-Identifier: BSD-2-Clause */
/* Switching kernel stacks, and the first way of a thread into ring 3. */

/* void context_switch(uint64_t *save_sp, uint64_t next_sp). *save_sp is written last: another
 * CPU that sees it non-zero knows that this stack is no longer in use. */
        .globl  context_switch, context_first_user
        .balign 16
context_switch:
        .irp    reg, rbx, rbp, r12, r13, r14, r15
        push    %\reg
        .endr
        mov     %rsp, %rax
        mov     %rsi, %rsp
        mov     %rax, (%rdi)
        .irp    reg, r15, r14, r13, r12, rbp, rbx
        pop     %\reg
        .endr
        ret

/* Top of a new thread's stack: argument, then what IRETQ takes. No kernel value leaves in a register. */
context_first_user:
        pop     %rdi
        .irp    reg, eax, ecx, edx, ebx, ebp, esi, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d
        xor     %\reg, %\reg
        .endr
        swapgs
        iretq
