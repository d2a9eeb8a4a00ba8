/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * void rt_modes(uint32_t *results): from 64-bit mode through compatibility mode,
 * 32-bit without paging, 32-bit paging with 4 MiB pages, PAE, real mode, and back.
 * In each mode CPUID leaf 0 EBX, a port write and a read of the local APIC's
 * version register are done and stored; real mode takes INT 21h through its table.
 */
#define REAL_AT   0x7000
#define APIC_VER  0xfee00030
#define CR0_PG    0x80000000

        .text
        .code64
        .globl  rt_modes
rt_modes:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        pushf
        cli
        mov     %rsp, saved_rsp
        mov     %edi, %ebp              /* results */
        lea     real_code(%rip), %rsi
        mov     $REAL_AT, %edi
        mov     $real_code_end - real_code, %ecx
        rep movsb
        push    $0x18
        lea     compat(%rip), %rax
        push    %rax
        lretq

        .code32
probe:                                  /* leaf 0 EBX, APIC version */
        xor     %eax, %eax
        cpuid
        mov     %ebx, (%ebp)
        movb    $0x77, %al
        outb    %al, $0x80
        mov     APIC_VER, %eax
        mov     %eax, 4(%ebp)
        add     $8, %ebp
        ret

compat: mov     $0x10, %eax
        mov     %eax, %ss
        mov     %eax, %ds
        mov     %eax, %es
        mov     $small_stack_top, %esp
        call    probe
        mov     %cr0, %eax              /* leave long mode */
        and     $~CR0_PG, %eax
        mov     %eax, %cr0
        mov     $0xc0000080, %ecx
        rdmsr
        mov     %eax, (%ebp)            /* LMA must be 0 */
        add     $4, %ebp
        and     $~0x100, %eax
        wrmsr
        call    probe                   /* 32 bits, no paging */

        mov     %cr4, %eax              /* 4 MiB pages */
        and     $~0x20, %eax
        or      $0x10, %eax
        mov     %eax, %cr4
        mov     $pd32, %edi
        mov     $0x87, %eax
        mov     $1024, %ecx
1:      stosl
        add     $0x400000, %eax
        loop    1b
        mov     $pd32, %eax
        mov     %eax, %cr3
        mov     %cr0, %eax
        or      $CR0_PG, %eax
        mov     %eax, %cr0
        call    probe
        mov     %cr0, %eax
        and     $~CR0_PG, %eax
        mov     %eax, %cr0

        mov     %cr4, %eax              /* PAE: the four directories are the 64-bit mode's */
        or      $0x20, %eax
        mov     %eax, %cr4
        mov     $rt_pdpt, %esi
        mov     $pdpt_pae, %edi
        mov     $4, %ecx
2:      lodsl
        and     $~0x1e6, %eax           /* reserved in PAE's, A among them [SDM3 4.4.1] */
        stosl
        lodsl
        stosl
        loop    2b
        mov     $pdpt_pae, %eax
        mov     %eax, %cr3
        mov     %cr0, %eax
        or      $CR0_PG, %eax
        mov     %eax, %cr0
        call    probe
        mov     %cr0, %eax
        and     $~CR0_PG, %eax
        mov     %eax, %cr0

        ljmp    $0x20, $REAL_AT         /* 16-bit protected, then real */
from_real:
        mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $small_stack_top, %esp
        mov     %ecx, (%ebp)            /* CPUID in real mode */
        mov     %edx, 4(%ebp)           /* INT 21h seen */
        add     $8, %ebp
        mov     $rt_pml4, %eax
        mov     %eax, %cr3
        mov     $0x620, %eax
        mov     %eax, %cr4
        mov     $0xc0000080, %ecx
        rdmsr
        or      $0x100, %eax
        wrmsr
        mov     %cr0, %eax
        or      $CR0_PG, %eax
        mov     %eax, %cr0
        ljmp    $0x08, $3f
        .code64
3:      mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     saved_rsp, %rsp
        call    rt_load_tables
        popf
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

        .code16
real_code:
        mov     $0x28, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     %cr0, %eax
        and     $~1, %eax
        mov     %eax, %cr0
        ljmp    $0, $REAL_AT + (4f - real_code)
4:      xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %ss
        mov     $REAL_AT - 16, %sp
        lidtl   REAL_AT + (real_idt - real_code)
        movw    $REAL_AT + (5f - real_code), 0x84    /* INT 21h */
        movw    $0, 0x86
        xor     %edx, %edx
        int     $0x21
        push    %edx
        xor     %eax, %eax
        cpuid
        mov     %ebx, %ecx
        movb    $0x16, %al
        outb    %al, $0x80
        pop     %edx
        lgdtl   REAL_AT + (real_gdt - real_code)
        mov     %cr0, %eax
        or      $1, %eax
        mov     %eax, %cr0
        ljmpl   $0x18, $from_real
5:      mov     $0x2121, %dx
        iret
        .balign 4
real_idt: .word 0x3ff
        .long   0
real_gdt: .word 10 * 8 - 1
        .long   rt_gdt
real_code_end:

        .bss
        .balign 4096
pd32:   .skip   4096
pdpt_pae: .skip 64
        .skip   4096
small_stack_top:
saved_rsp: .skip 8
