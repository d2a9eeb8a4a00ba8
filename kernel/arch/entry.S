/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways into the kernel from ring 3, exceptions and interrupts, and out again.
 * Offsets are struct percpu's (percpu.h) and struct trap_frame's (upcall.h).
 */
#define PC_KSTACK       0x08
#define PC_USER_RSP     0x10
#define PC_NEED_RESCHED 0x28
#define TF_CS           (18 * 8)        /* gpr[15], vector, error, rip, cs */
#define STUB_CS         (3 * 8)         /* vector, error, rip, cs */
#define MSR_GS_BASE     0xc0000101

        .text
/*
 * SYSCALL: rcx = user rip, r11 = user rflags, IF DF TF AC clear (SFMASK), still the
 * user's rsp and GS. Arguments rdi rsi rdx r10 r8 r9, number rax. All but rax rdx rcx
 * r11 come back as they were; the callee-saved ones C keeps.
 */
        .globl  entry_syscall
        .balign 64
entry_syscall:
        swapgs
        mov     %rsp, %gs:PC_USER_RSP
        mov     %gs:PC_KSTACK, %rsp
        push    %gs:PC_USER_RSP
        push    %r11
        push    %rcx
        push    %rdi
        push    %rsi
        push    %r8
        push    %r9
        push    %r10
        mov     %r10, %rcx
        push    %rax                    /* keeps the stack aligned */
        push    %rax                    /* seventh argument */
        call    upcall_syscall
        cmpl    $0, %gs:PC_NEED_RESCHED
        jne     syscall_resched
syscall_leave:
        add     $16, %rsp
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rsi
        pop     %rdi
        pop     %rcx
        pop     %r11
        /* SYSRET with a non-canonical rcx faults in ring 0 with the user's stack. USER_TOP
         * already keeps code away from the edge; this makes it local. */
        bt      $47, %rcx
        jc      syscall_bad_rip
        pop     %rsp
        swapgs
        sysretq

syscall_resched:
        mov     %rax, (%rsp)            /* result over the two copies of the number */
        mov     %rdx, 8(%rsp)
        call    upcall_resched
        mov     (%rsp), %rax
        mov     8(%rsp), %rdx
        jmp     syscall_leave

syscall_bad_rip:
        ud2

/* One stub of 16 bytes for each vector; those without an error code push 0. */
        .globl  entry_stubs
        .balign 16
entry_stubs:
        .set    vec, 0
        .rept   256
        .balign 16
        .if     (vec == 8) || ((vec >= 10) && (vec <= 14)) || (vec == 17) || (vec == 21) || (vec == 29) || (vec == 30)
        .else
        push    $0
        .endif
        push    $vec
        .if     (vec == 2) || (vec == 8) || (vec == 18)
        jmp     trap_own_stack
        .else
        jmp     trap_common
        .endif
        .set    vec, vec + 1
        .endr

        .macro  PUSH_GPRS
        push    %rax
        push    %rcx
        push    %rdx
        push    %rbx
        push    %rbp
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    %r11
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        .endm

        .macro  POP_GPRS_AND_CODES
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rbp
        pop     %rbx
        pop     %rdx
        pop     %rcx
        pop     %rax
        add     $16, %rsp
        .endm

/* Interrupts leave AC and DF as the interrupted code had them. */
        .macro  CLEAR_AC_DF
        cld
        cmpb    $0, cpu_smap_on(%rip)
        je      .Lno_smap\@
        clac
.Lno_smap\@:
        .endm

        .balign 64
trap_common:
        testb   $3, STUB_CS(%rsp)
        jz      1f
        swapgs
1:      lfence                          /* the swapgs is not to be guessed (CVE-2019-1125) */
        PUSH_GPRS
        CLEAR_AC_DF
        xor     %ebp, %ebp
        mov     %rsp, %rdi
        call    trap_dispatch
        testb   $3, TF_CS(%rsp)
        jz      2f
        cmpl    $0, %gs:PC_NEED_RESCHED
        jne     3f
4:      POP_GPRS_AND_CODES
        swapgs
        iretq
3:      call    upcall_resched
        jmp     4b
2:      POP_GPRS_AND_CODES
        iretq

/* NMI, #DF, #MC: any moment, own stack; GS may be the user's although CS is the kernel's.
 * The user cannot choose a GS base in the upper half (no FSGSBASE), so its sign tells. */
        .balign 64
trap_own_stack:
        PUSH_GPRS
        CLEAR_AC_DF
        mov     $MSR_GS_BASE, %ecx
        rdmsr
        xor     %ebx, %ebx
        test    %edx, %edx
        js      1f
        swapgs
        inc     %ebx
1:      lfence
        xor     %ebp, %ebp
        mov     %rsp, %rdi
        call    trap_dispatch
        test    %ebx, %ebx
        jz      2f
        swapgs
2:      POP_GPRS_AND_CODES
        iretq
        .section .note.GNU-stack, "", @progbits
