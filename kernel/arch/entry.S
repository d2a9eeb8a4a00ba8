/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways into the kernel from ring 3, exceptions and interrupts, and out again.
 * Offsets are struct cpu_area's (boot.h, percpu.h) and struct trap_frame's (upcall.h).
 */
#define PC_USER_RSP     0x08
#define PC_NEED_RESCHED 0x20
#define PC_TSS_RSP0     0x74
#define TF_CS           (18 * 8)        /* gpr[15], vector, error, rip, cs */
#define STUB_CS         (3 * 8)         /* vector, error, rip, cs */
#define MSR_GS_BASE     0xc0000101

/*
 * SYSCALL: rcx = user rip, r11 = user rflags, IF DF TF AC clear (SFMASK), still the
 * user's rsp and GS. Arguments rdi rsi rdx r10 r8 r9, number rax. All but rax rdx rcx
 * r11 come back as they were; the callee-saved ones C keeps.
 */
        .globl  entry_syscall, entry_stubs
        .balign 64
entry_syscall:
        swapgs
        mov     %rsp, %gs:PC_USER_RSP
        mov     %gs:PC_TSS_RSP0, %rsp
        push    %gs:PC_USER_RSP
        .irp    reg, r11, rcx, rdi, rsi, r8, r9, r10
        push    %\reg
        .endr
        mov     %r10, %rcx
        push    %rax                    /* keeps the stack aligned */
        push    %rax                    /* seventh argument */
        call    upcall_syscall
        cmpl    $0, %gs:PC_NEED_RESCHED
        je      1f
        mov     %rax, (%rsp)            /* result over the two copies of the number */
        mov     %rdx, 8(%rsp)
        call    upcall_resched
        mov     (%rsp), %rax
        mov     8(%rsp), %rdx
1:      add     $16, %rsp
        .irp    reg, r10, r9, r8, rsi, rdi, rcx, r11
        pop     %\reg
        .endr
        /* SYSRET with a non-canonical rcx faults in ring 0 with the user's stack. USER_TOP
         * already keeps code away from the edge; this makes it local. */
        bt      $47, %rcx
        jc      2f
        pop     %rsp
        swapgs
        sysretq
2:      ud2

/* One stub of 16 bytes for each vector; those without an error code push 0. */
        .balign 16
entry_stubs:
        .set    vec, 0
        .rept   256
        .balign 16
        .if     ((vec == 8) || ((vec >= 10) && (vec <= 14)) || (vec == 17) || (vec == 21) || (vec == 29) || (vec == 30)) == 0
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

/* Registers into struct trap_frame, whose address is the argument of the call. Interrupts
 * leave AC and DF as the interrupted code had them. */
        .macro  PUSH_GPRS
        .irp    reg, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
        push    %\reg
        .endr
        cld
        cmpb    $0, cpu_features(%rip)  /* smap */
        je      .Lno_smap\@
        clac
.Lno_smap\@:
        xor     %ebp, %ebp
        mov     %rsp, %rdi
        .endm

/* NMI, #DF, #MC: any moment, own stack; GS may be the user's although CS is the kernel's.
 * The user cannot choose a GS base in the upper half (no FSGSBASE), so its sign tells. */
trap_own_stack:
        PUSH_GPRS
        mov     $MSR_GS_BASE, %ecx
        rdmsr
        xor     %ebx, %ebx
        test    %edx, %edx
        js      1f
        swapgs
        inc     %ebx
1:      lfence
        call    trap_dispatch
        test    %ebx, %ebx
        jnz     trap_leave_user
        jmp     trap_leave

        .balign 64
trap_common:
        testb   $3, STUB_CS(%rsp)
        jz      1f
        swapgs
1:      lfence                          /* the swapgs is not to be guessed (CVE-2019-1125) */
        PUSH_GPRS
        call    trap_dispatch
        testb   $3, TF_CS(%rsp)
        jz      trap_leave
        cmpl    $0, %gs:PC_NEED_RESCHED
        je      trap_leave_user
        call    upcall_resched
trap_leave_user:
        swapgs
trap_leave:
        .irp    reg, r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax
        pop     %\reg
        .endr
        add     $16, %rsp               /* vector, error */
        iretq
