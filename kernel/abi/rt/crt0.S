/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry of monitor and vmm: rdi = thread argument, rsp set by THREAD_CREATE. */
        .text
        .globl _start
_start:
        endbr64
        xor     %ebp, %ebp
        and     $-16, %rsp
        call    user_main               /* void user_main(uint64_t arg), must not return */
        ud2

        .section .data
        .globl __stack_chk_guard
        .balign 8
__stack_chk_guard:
        .quad   0x9b31d5c20ae70f00
        .section .note.GNU-stack,"",@progbits
