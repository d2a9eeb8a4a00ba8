/* SPDX-License-Identifier: BSD-2-Clause */
/* A loader's last instructions, in a page below 4 GiB that both sets of page tables map one to one
 * (a loader that lies elsewhere copies them): rdi = bootinfo, rsi = cr3, rdx = kernel entry. No stack. */
        .text
        .globl jump_code, jump_code_end
        .hidden jump_code, jump_code_end
jump_code:
        cli
        cld
        mov     %cr4, %rax
        and     $~(1 << 7 | 1 << 17), %rax      /* no global pages, no PCID: the switch flushes all */
        mov     %rax, %cr4
        mov     %rsi, %cr3
        jmp     *%rdx
jump_code_end:
        .section .note.GNU-stack, "", @progbits
