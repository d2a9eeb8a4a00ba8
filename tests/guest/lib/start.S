/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Test guests: Multiboot 1 header with address fields, 32-bit entry to long mode,
 * interrupt stubs, and the trampoline of further CPUs (copied to AP_TRAMPOLINE).
 */
#define MB_MAGIC   0x1badb002
#define MB_FLAGS   0x00010003      /* page-aligned modules, memory map, address fields */
#define AP_AT      0x8000
#define CR0_ON     0x80010023      /* PG WP NE MP PE */
#define CR4_ON     0x620           /* PAE OSFXSR OSXMMEXCPT */
#define EFER       0xc0000080
#define EFER_ON    0x900           /* NXE LME */

        .section .mbhdr, "a"
        .balign 4
mbhdr:  .long   MB_MAGIC, MB_FLAGS, -(MB_MAGIC + MB_FLAGS)
        .long   mbhdr, __guest_start, __guest_data_end, __guest_end, _start

        .text
        .code32
        .globl  _start
_start:
        cli
        cld
        mov     $rt_stack_top, %esp
        mov     %eax, rt_mb_magic
        mov     %ebx, rt_mb_info
        /* PML4 -> PDPT -> four directories of 2 MiB pages: the low 4 GiB, one to one */
        movl    $rt_pdpt + 7, rt_pml4
        mov     $rt_pd + 7, %eax
        mov     $rt_pdpt, %edi
        mov     $4, %ecx
1:      mov     %eax, (%edi)
        add     $0x1000, %eax
        add     $8, %edi
        loop    1b
        mov     $rt_pd, %edi
        mov     $0x87, %eax
        mov     $2048, %ecx
2:      mov     %eax, (%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    2b
        call    to_long
        .code64
        mov     $rt_stack_top, %rsp
        xor     %ebp, %ebp
        call    rt_main
        ud2

        .code32
/* Enters long mode and returns, in 64-bit code, to its 32-bit caller. */
to_long:
        pop     %esi
        mov     $rt_pml4, %eax
        mov     %eax, %cr3
        mov     $CR4_ON, %eax
        mov     %eax, %cr4
        mov     $EFER, %ecx
        rdmsr
        or      $EFER_ON, %eax
        wrmsr
        mov     $CR0_ON, %eax
        mov     %eax, %cr0
        lgdt    rt_gdtr
        ljmp    $0x08, $3f
        .code64
3:      mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %esi, %esi
        jmp     *%rsi

/* Stubs of 16 bytes; those whose vector has no error code push 0. */
        .globl  rt_stubs
        .balign 16
rt_stubs:
        .set    vec, 0
        .rept   256
        .balign 16
        .if     (vec == 8) || ((vec >= 10) && (vec <= 14)) || (vec == 17) || (vec == 21)
        .else
        push    $0
        .endif
        push    $vec
        jmp     common
        .set    vec, vec + 1
        .endr

common:
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
        mov     %rsp, %rdi
        cld
        call    rt_trap
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
        iretq

/* int rt_catch(void (*fn)(void *), void *arg): 0, or vector + 1 of the exception in it. */
        .globl  rt_catch
rt_catch:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        pushf
        lea     4f(%rip), %rax
        mov     %rax, rt_catch_rip
        mov     %rsp, rt_catch_rsp
        mov     %rdi, %rax
        mov     %rsi, %rdi
        call    *%rax
        xor     %eax, %eax
4:      movq    $0, rt_catch_rip
        popf
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

/* ---- further CPUs: real mode at AP_AT ---- */
        .globl  rt_ap_start, rt_ap_end
        .code16
rt_ap_start:
        cli
        xor     %ax, %ax
        mov     %ax, %ds
        lgdtl   AP_AT + (ap_gdtr - rt_ap_start)
        mov     %cr0, %eax
        or      $1, %eax
        mov     %eax, %cr0
        ljmpl   $0x18, $ap32
        .balign 4
ap_gdtr: .word  rt_gdt_end - rt_gdt - 1
        .long   rt_gdt
rt_ap_end:
        .code32
ap32:   mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     rt_ap_stack, %esp
        call    to_long
        .code64
        mov     rt_ap_stack, %esp
        xor     %ebp, %ebp
        call    rt_ap_main
        ud2

        .data
        .balign 16
        .globl  rt_gdt
rt_gdt: .quad   0
        .quad   0x00af9b000000ffff     /* 08 code, 64 bits */
        .quad   0x00cf93000000ffff     /* 10 data */
        .quad   0x00cf9b000000ffff     /* 18 code, 32 bits */
        .quad   0x008f9b000000ffff     /* 20 code, 16 bits, 4 GiB */
        .quad   0x008f93000000ffff     /* 28 data, 16 bits, 4 GiB */
        .quad   0x00affb000000ffff     /* 30 code, 64 bits, ring 3 */
        .quad   0x00cff3000000ffff     /* 38 data, ring 3 */
        .quad   0, 0                   /* 40 TSS */
rt_gdt_end:
        .globl  rt_gdtr
rt_gdtr: .word  rt_gdt_end - rt_gdt - 1
        .quad   rt_gdt

        .bss
        .balign 4096
        .globl  rt_pml4, rt_pdpt, rt_mb_magic, rt_mb_info, rt_ap_stack
rt_pml4: .skip  4096
rt_pdpt: .skip  4096
rt_pd:  .skip   16384
        .skip   65536
rt_stack_top:
rt_mb_magic: .skip 8
rt_mb_info: .skip 8
rt_ap_stack: .skip 8
