/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where every loader ends: long mode, low 4 GiB one to one, the image at its link
 * address, rdi = struct bootinfo (physical, below 4 GiB), IF = 0. Nothing else is assumed.
 */
#define BOOT_STACK      0x8000          /* sizeof(struct boot_stack) */
#define BOOTINFO_GUARD  0x10            /* struct bootinfo */

        .text
        .globl  kernel_entry64
kernel_entry64:
        cli
        cld
        mov     $boot_stacks + BOOT_STACK, %rsp
        xor     %ebp, %ebp
        mov     BOOTINFO_GUARD(%rdi), %rax
        mov     %rax, __stack_chk_guard(%rip)
        call    kernel_main             /* void kernel_main(uint64_t bootinfo): does not return */
        ud2

        .section .data
        .globl  __stack_chk_guard
        .balign 8
__stack_chk_guard:
        .quad   0x2545f4914f6cdd00
        .section .note.GNU-stack, "", @progbits
