/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiboot 1 entry: 32-bit, paging off, image at its physical link address.
 * Builds early tables (low 4 GiB one to one, the image at KERNEL_VMA), enters
 * long mode, lets C fill struct bootinfo, and goes to kernel_entry64.
 */
#define KERNEL_VMA  0xffffffff80000000      /* linker/kernel.ld */
#define KERNEL_PMA  0x200000
#define PHYS(sym)   ((sym) + 0x80200000)    /* - KERNEL_VMA + KERNEL_PMA of kernel.ld */

#define MB_MAGIC    0x1badb002
#define MB_FLAGS    0x00010003      /* modules page-aligned, memory map, address fields */
#define MB_LOADER   0x2badb002

#define IMAGE_2M    16              /* 2 MiB pages of the image window: 32 MiB, as kernel.ld asserts */
#define PTE_P_W     0x003
#define PTE_PS_P_W  0x083

#define MSR_EFER    0xc0000080
#define EFER_LME    0x100
#define CR4_PAE     0x20
#define CR0_PG      0x80000000

        .section .mbhdr, "a", @progbits
        .balign 4
mb_header:
        .long   MB_MAGIC
        .long   MB_FLAGS
        .long   -(MB_MAGIC + MB_FLAGS)
        .long   mb_header
        .long   __phys_load
        .long   __phys_load_end
        .long   __phys_end
        .long   multiboot_entry

        .section .boot, "ax", @progbits
        .code32
        .globl  multiboot_entry
multiboot_entry:
        cli
        cld
        cmp     $MB_LOADER, %eax
        jne     no_multiboot
        mov     %ebx, %ebp              /* MBI; lives until long mode */

        mov     $PHYS(__bss_start), %edi
        mov     $PHYS(__bss_end), %ecx
        sub     %edi, %ecx
        shr     $2, %ecx
        xor     %eax, %eax
        rep stosl

        mov     $PHYS(mb_stack_top), %esp
        mov     $0x80000000, %eax       /* CPUID itself: every CPU since 1993; long mode [APM2 14.8] */
        cpuid
        cmp     $0x80000001, %eax
        jb      no_long_mode
        mov     $0x80000001, %eax
        cpuid
        bt      $29, %edx
        jnc     no_long_mode

        /* Low 4 GiB: 4 directories of 2 MiB pages, which lie one behind the other. */
        mov     $PHYS(mb_low_pd), %edi
        mov     $PTE_PS_P_W, %eax
        mov     $2048, %ecx
1:      mov     %eax, (%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    1b
        mov     $PHYS(mb_low_pdpt), %edi
        mov     $(PHYS(mb_low_pd) + PTE_P_W), %eax
        mov     $4, %ecx
2:      mov     %eax, (%edi)
        add     $0x1000, %eax
        add     $8, %edi
        loop    2b

        mov     $PHYS(mb_image_pd), %edi
        mov     $(KERNEL_PMA + PTE_PS_P_W), %eax
        mov     $IMAGE_2M, %ecx
3:      mov     %eax, (%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    3b
        movl    $(PHYS(mb_image_pd) + PTE_P_W), PHYS(mb_image_pdpt) + 510 * 8
        movl    $(PHYS(mb_low_pdpt) + PTE_P_W), PHYS(mb_pml4)
        movl    $(PHYS(mb_image_pdpt) + PTE_P_W), PHYS(mb_pml4) + 511 * 8

        mov     %cr4, %eax
        or      $CR4_PAE, %eax
        mov     %eax, %cr4
        mov     $PHYS(mb_pml4), %eax
        mov     %eax, %cr3
        mov     $MSR_EFER, %ecx
        rdmsr
        or      $EFER_LME, %eax
        wrmsr
        mov     %cr0, %eax
        or      $CR0_PG, %eax
        mov     %eax, %cr0
        lgdt    mb_gdt_ptr
        ljmp    $8, $mb_long

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
mb_gdt: .quad   0
        .quad   0x00af9a000000ffff      /* 64-bit code */
        .quad   0x00cf92000000ffff      /* data */
mb_gdt_ptr:
        .word   23
        .long   mb_gdt

        .code64
mb_long:
        mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $mb_stack_top, %rsp     /* link address from here on */
        push    $mb_high                /* too far for a direct jump, and no indirect ones */
        ret

        .text
mb_high:
        mov     %ebp, %edi              /* zero-extends: MBI, physical = identity */
        xor     %ebp, %ebp
        call    multiboot_start
        mov     %rax, %rdi              /* struct bootinfo, physical */
        jmp     kernel_entry64

        .section .bss.page_aligned, "aw", @nobits
        .balign 4096
mb_pml4:        .skip 4096
mb_low_pdpt:    .skip 4096
mb_low_pd:      .skip 4 * 4096
mb_image_pdpt:  .skip 4096
mb_image_pd:    .skip 4096
mb_stack:       .skip 8192
mb_stack_top:
        .section .note.GNU-stack, "", @progbits
