/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot 1 entry: 32-bit, paging off. Maps the low 4 GiB one to one, enters long mode, goes to C.
 */
#define MB_MAGIC    0x1badb002
#define MB_FLAGS    0x00000003      /* modules page-aligned, memory map */
#define MB_LOADER   0x2badb002

#define PTE_P_W     0x003
#define PTE_PS_P_W  0x083

#define MSR_EFER    0xc0000080
#define EFER_LME    0x100
#define CR4_PAE     0x20
#define CR0_PG      0x80000000

        .section .mbhdr, "a", @progbits
        .balign 4
        .long   MB_MAGIC
        .long   MB_FLAGS
        .long   -(MB_MAGIC + MB_FLAGS)

        .text
        .code32
        .globl  mb_entry
mb_entry:
        cli
        cld
        cmp     $MB_LOADER, %eax
        jne     no_multiboot
        mov     %ebx, %ebp              /* MBI; lives until long mode */
        mov     $__bss_start, %edi
        mov     $__bss_end, %ecx
        sub     %edi, %ecx
        shr     $2, %ecx
        xor     %eax, %eax
        rep stosl
        mov     $stack_top, %esp
        mov     $0x80000000, %eax       /* CPUID itself: every CPU since 1993; long mode [APM2 14.8] */
        cpuid
        cmp     $0x80000001, %eax
        jb      no_long_mode
        mov     $0x80000001, %eax
        cpuid
        bt      $29, %edx
        jnc     no_long_mode

        /* Low 4 GiB: 4 directories of 2 MiB pages, which lie one behind the other. */
        mov     $low_pd, %edi
        mov     $PTE_PS_P_W, %eax
        mov     $2048, %ecx
1:      mov     %eax, (%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    1b
        mov     $low_pdpt, %edi
        mov     $low_pd + PTE_P_W, %eax
        mov     $4, %ecx
2:      mov     %eax, (%edi)
        add     $0x1000, %eax
        add     $8, %edi
        loop    2b
        movl    $low_pdpt + PTE_P_W, pml4

        mov     %cr4, %eax
        or      $CR4_PAE, %eax
        mov     %eax, %cr4
        mov     $pml4, %eax
        mov     %eax, %cr3
        mov     $MSR_EFER, %ecx
        rdmsr
        or      $EFER_LME, %eax
        wrmsr
        mov     %cr0, %eax
        or      $CR0_PG, %eax
        mov     %eax, %cr0
        lgdt    gdt_ptr
        ljmp    $8, $long_mode

no_multiboot:
        mov     $text_multiboot, %esi
        jmp     refuse
no_long_mode:
        mov     $text_long_mode, %esi
/* Says why on COM1 as the loader left it, with a bound per byte; then stops. */
refuse:
        lodsb
        test    %al, %al
        jz      2f
        mov     %al, %bl
        mov     $100000, %ecx
        mov     $0x3fd, %dx
1:      in      (%dx), %al
        test    $0x20, %al
        loopz   1b
        mov     $0x3f8, %dx
        mov     %bl, %al
        out     %al, (%dx)
        jmp     refuse
2:      hlt
        jmp     2b

text_multiboot:
        .asciz  "cordon: refused: not started by a Multiboot loader\r\n"
text_long_mode:
        .asciz  "cordon: refused: this CPU has no 64-bit mode\r\n"

        .balign 8
gdt:    .quad   0
        .quad   0x00af9a000000ffff      /* 64-bit code */
        .quad   0x00cf92000000ffff      /* data */
gdt_ptr:
        .word   23
        .long   gdt

        .code64
long_mode:
        mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $stack_top, %esp
        mov     %ebp, %edi              /* zero-extends */
        xor     %ebp, %ebp
        call    mb_main                 /* void mb_main(uint32_t mbi): does not return */
        ud2

        .section .bss, "aw", @nobits
        .balign 4096
pml4:       .skip 4096
low_pdpt:   .skip 4096
low_pd:     .skip 4 * 4096
stack:      .skip 16384
stack_top:
        .section .note.GNU-stack, "", @progbits
