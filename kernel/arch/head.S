/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where every loader ends: long mode, low 4 GiB one to one, the image at its link
 * address, rdi = struct bootinfo (physical, below 4 GiB), IF = 0. Nothing else is assumed.
 */
#define CPUID1_ECX_RDRAND   30
#define BOOT_STACK          0x8000      /* sizeof(struct boot_stack) */

        .text
        .globl  kernel_entry64
kernel_entry64:
        cli
        cld
        mov     $boot_stacks + BOOT_STACK, %rsp
        xor     %ebp, %ebp
        mov     %rdi, %r13

        /* The stack protector's guard: the time stamp, and RDRAND where there is one. */
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        movabs  $0x9e3779b97f4a7c15, %rcx
        imul    %rcx, %rax
        mov     %rax, %r12
        mov     $1, %eax
        xor     %ecx, %ecx
        cpuid
        bt      $CPUID1_ECX_RDRAND, %ecx
        jnc     1f
        rdrand  %rax
        jnc     1f
        xor     %rax, %r12
1:      xor     %r12b, %r12b            /* a string copy cannot write it */
        mov     %r12, __stack_chk_guard(%rip)

        mov     %r13, %rdi
        call    kernel_main             /* void kernel_main(uint64_t bootinfo): does not return */
        ud2

        .section .data
        .globl  __stack_chk_guard
        .balign 8
__stack_chk_guard:
        .quad   0x2545f4914f6cdd00
        .section .note.GNU-stack, "", @progbits
