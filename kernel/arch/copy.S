/* SPDX-License-Identifier: BSD-2-Clause */
/* The only code that touches user addresses. */
        .text
/* uint64_t copy_user(void *dst, const void *src, uint64_t len): bytes not copied. */
        .globl  copy_user
        .balign 16
copy_user:
        mov     %rdx, %rcx
        cmpb    $0, cpu_smap_on(%rip)
        jne     1f
copy_plain:
        rep movsb
copy_plain_fault:
        mov     %rcx, %rax
        ret
1:      stac
copy_open:
        rep movsb
copy_open_fault:
        clac
        mov     %rcx, %rax
        ret

        .section .fixup, "a"
        .quad   copy_plain, copy_plain_fault
        .quad   copy_open, copy_open_fault
        .section .note.GNU-stack, "", @progbits
