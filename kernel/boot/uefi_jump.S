/* SPDX-License-Identifier: BSD-2-Clause */
/* The last instructions of the loader, run from a page below 4 GiB that both sets of page tables map:
 * rdi = bootinfo, rsi = cr3, rdx = kernel entry. Uses no stack. */
        .section .rodata
        .globl uefi_jump_code, uefi_jump_code_end
        .hidden uefi_jump_code, uefi_jump_code_end
uefi_jump_code:
        cli
        cld
        mov     %cr4, %rax
        and     $~(1 << 7 | 1 << 17), %rax      /* no global pages, no PCID: the switch flushes all */
        mov     %rax, %cr4
        mov     %rsi, %cr3
        jmp     *%rdx
uefi_jump_code_end:
        .section .note.GNU-stack, "", @progbits
