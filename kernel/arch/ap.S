/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What another CPU runs first: real mode, from a page below 1 MiB into which
 * [ap_code, ap_code_end) was copied, CS = page >> 4. Its parameters lie at the end of
 * the page (struct ap_params in kernel/smp.c). Goes straight from real to long mode.
 */
#define AP_CR3      0xfc0
#define AP_STACK    0xfc8
#define AP_AREA     0xfd0
#define AP_GO       0xfd8
#define AP_SELF     0xfdc

        .section .rodata
        .globl  ap_code, ap_code_end
        .balign 16
        .code16
ap_code:
        cli
        cld
        mov     %cs, %ax
        mov     %ax, %ds
        xor     %eax, %eax              /* a CPU that comes after its deadline finds 0 and stays out */
        xchg    %eax, AP_GO
        test    %eax, %eax
        jz      9f
        mov     AP_SELF, %ebx           /* linear address of this page */
        lea     ap_gdt - ap_code(%ebx), %eax
        mov     %eax, ap_gdt_ptr - ap_code + 2
        lea     ap_long - ap_code(%ebx), %eax
        mov     %eax, ap_far - ap_code
        mov     $0xa0, %eax             /* CR4: PAE, PGE */
        mov     %eax, %cr4
        mov     AP_CR3, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx       /* EFER: LME, NXE */
        mov     $0x900, %eax
        xor     %edx, %edx
        wrmsr
        lgdtl   ap_gdt_ptr - ap_code
        mov     $0x80010031, %eax       /* CR0: PG, WP, NE, ET, PE */
        mov     %eax, %cr0
        ljmpl   *(ap_far - ap_code)
9:      hlt
        jmp     9b

        .balign 8
ap_gdt: .quad   0
        .quad   0x00af9a000000ffff      /* 64-bit code */
ap_gdt_ptr:
        .word   15
        .long   0
ap_far: .long   0
        .word   8

        .code64
ap_long:
        mov     %ebx, %ebx
        mov     AP_STACK(%rbx), %rsp
        mov     AP_AREA(%rbx), %rdi
        xor     %ebp, %ebp
        push    %rbp                    /* void smp_entry(struct cpu_area *): nowhere to return to */
        push    $smp_entry              /* far away: a return instead of an indirect jump */
        ret
ap_code_end:
