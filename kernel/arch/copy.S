/* SPDX-License-Identifier: BSD-2-Clause */
/* The only code that touches user addresses. */

/* uint64_t copy_user(void *dst, const void *src, uint64_t len): bytes not copied. */
        .globl  copy_user, copy_user_access, copy_user_landing
        .balign 16
copy_user:
        mov     %rdx, %rcx
        cmpb    $0, cpu_features(%rip)      /* smap */
        je      copy_user_access
        stac
copy_user_access:
        rep movsb
copy_user_landing:                          /* trap.c: after a fault too, rcx bytes are left */
        mov     %rcx, %rax
        cmpb    $0, cpu_features(%rip)
        je      1f
        clac
1:      ret
