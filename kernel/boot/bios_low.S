/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The BIOS loader below 1 MiB: brings its own high part up from the disk, enters long mode and calls C; afterwards the
 * one way back to real mode, bios_call. Interrupts are on in real mode only. [SDM3 11.8.5, 11.9; EDD 3.0]
 * Low memory: to 7c00 the real-mode stack, 8000 this, 20000-28000 bounce buffer.
 */
#define LOW_LBA     34
#define BOUNCE      0x20000
#define BOUNCE_SECT 64                  /* per read: 32 KiB, which no firmware refuses */
#define STACK16     0x7c00

#define SEL_CODE64  0x08
#define SEL_DATA    0x10
#define SEL_CODE32  0x18
#define SEL_CODE16  0x20
#define SEL_DATA16  0x28

#define MSR_EFER    0xc0000080
#define EFER_LME    0x100
#define CR4_PAE     0x20
#define CR0_PE      1
#define CR0_PG      0x80000000
#define PTE_P_W     3
#define PTE_PS_P_W  0x83

        .section .low, "awx", @progbits
        .code16
        .globl  bios_low
bios_low:
        jmp     start16
        .balign 4
        .ascii  "CORD"
start16:
        mov     %dl, bios_drive
        call    a20_on
        call    long_mode_check
        call    load_high
        mov     $bios_main_entry, %ebx
        jmp     to_long16               /* to %rbx, no way back */

/* ---- once ---- */
a20_on: call    a20_test
        jne     1f
        mov     $0x2401, %ax
        int     $0x15
        call    a20_test
        jne     1f
        in      $0x92, %al
        or      $2, %al
        and     $0xfe, %al              /* bit 0 would reset the machine */
        out     %al, $0x92
        call    a20_test
        mov     $text_a20, %si
        je      refuse
1:      ret

/* ZF: 1 MiB above the word at 0500 is the same word. */
a20_test:
        push    %ds
        mov     $0xffff, %ax
        mov     %ax, %ds
        mov     0x510, %ax              /* ffff:0510 = 100500 */
        notw    %es:0x500
        cmp     0x510, %ax              /* changed with it? */
        notw    %es:0x500
        pop     %ds
        jne     1f
        or      $1, %al                 /* it stayed: other memory, ZF = 0 */
        ret
1:      xor     %al, %al
        ret

long_mode_check:
        mov     $0x80000000, %eax       /* [APM2 14.8] */
        cpuid
        cmp     $0x80000001, %eax
        jb      1f
        mov     $0x80000001, %eax
        cpuid
        bt      $29, %edx
        jc      2f
1:      mov     $text_long, %si
        jmp     refuse
2:      ret

/* The high part: bios_high_sectors from behind the low part to bios_high, through the bounce buffer. */
load_high:
        mov     $bios_high_sectors, %ebp
        mov     $bios_high, %edi
        mov     $(LOW_LBA), %eax
        add     $bios_low_sectors, %eax
        mov     %eax, packet_lba
1:      mov     $BOUNCE_SECT, %ecx
        cmp     %ecx, %ebp
        jae     2f
        mov     %ebp, %ecx
2:      movw    %cx, packet_count
        push    %ecx
        push    %edi
        mov     $3, %bx                 /* tries */
3:      mov     $bios_packet, %si
        mov     $0x42, %ah
        mov     bios_drive, %dl
        push    %bx
        int     $0x13
        pop     %bx
        jnc     4f
        xor     %ah, %ah
        mov     bios_drive, %dl
        push    %bx
        int     $0x13
        pop     %bx
        dec     %bx
        jnz     3b
        mov     $text_read, %si
        jmp     refuse
4:      pop     %edi
        pop     %ecx
        add     %ecx, packet_lba
        sub     %ecx, %ebp
        shl     $7, %ecx                /* sectors to words of 4 bytes */
        mov     $BOUNCE, %esi
        call    copy_up
        test    %ebp, %ebp
        jnz     1b
        ret

/* ecx words from esi to edi, which moves on: in protected mode for as long as it takes. */
copy_up:
        cli
        lgdt    gdt_ptr
        mov     %cr0, %eax
        or      $CR0_PE, %al
        mov     %eax, %cr0
        mov     $SEL_DATA, %ax
        mov     %ax, %ds
        mov     %ax, %es
        addr32 rep movsl
        mov     $SEL_DATA16, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %cr0, %eax
        and     $0xfe, %al
        mov     %eax, %cr0
        xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %es
        sti
        ret

refuse: lodsb
        test    %al, %al
        jz      2f
        push    %ax
        mov     $0x0e, %ah
        mov     $7, %bx
        int     $0x10
        mov     $0x3fd, %dx
        xor     %cx, %cx
1:      in      (%dx), %al
        test    $0x20, %al
        loopz   1b
        pop     %ax
        mov     $0x3f8, %dx
        out     %al, (%dx)
        jmp     refuse
2:      hlt
        jmp     2b

/* ---- both ways ---- */
/* From real mode to 64-bit code at %rbx, which is below 4 GiB. */
to_long16:
        cli
        lgdt    gdt_ptr
        mov     %cr0, %eax
        or      $CR0_PE, %al
        mov     %eax, %cr0
        ljmpl   $SEL_CODE32, $to_long32
        .code32
to_long32:
        mov     $SEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        cmpb    $0, tables_made
        jne     3f
        movb    $1, tables_made
        mov     $bios_bss, %edi         /* the first time: .bss, which holds the tables and the stack */
        mov     $bios_bss_end, %ecx
        sub     %edi, %ecx
        xor     %eax, %eax
        rep stosb
        mov     $bios_pd, %edi          /* low 4 GiB: 4 directories of 2 MiB pages, one behind the other */
        mov     $PTE_PS_P_W, %eax
        mov     $2048, %ecx
1:      mov     %eax, (%edi)
        add     $0x200000, %eax
        add     $8, %edi
        loop    1b
        mov     $bios_pdpt, %edi
        mov     $(bios_pd + PTE_P_W), %eax
        mov     $4, %ecx
2:      mov     %eax, (%edi)
        add     $0x1000, %eax
        add     $8, %edi
        loop    2b
        movl    $(bios_pdpt + PTE_P_W), bios_pml4
3:      mov     %cr4, %eax
        or      $CR4_PAE, %eax
        mov     %eax, %cr4
        mov     $bios_pml4, %eax
        mov     %eax, %cr3
        mov     $MSR_EFER, %ecx
        rdmsr
        or      $EFER_LME, %eax
        wrmsr
        mov     %cr0, %eax
        or      $CR0_PG, %eax
        mov     %eax, %cr0
        ljmp    $SEL_CODE64, $long64
        .code64
long64: jmp     *%rbx                   /* the loader is not the kernel: an indirect jump is fine here */

/* void bios_call(uint32_t interrupt): registers from and to bios_regs, flags too; real mode in between. */
        .globl  bios_call
bios_call:
        push    %rbx
        push    %rbp
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, saved_rsp
        mov     %dil, call_number + 1
        lea     to_real32(%rip), %rax
        push    $SEL_CODE32
        push    %rax
        lretq
        .code32
to_real32:
        mov     $SEL_DATA, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     %cr0, %eax
        and     $~CR0_PG, %eax
        mov     %eax, %cr0
        mov     $MSR_EFER, %ecx
        rdmsr
        and     $~EFER_LME, %eax
        wrmsr
        xor     %eax, %eax
        mov     %eax, %cr3
        ljmp    $SEL_CODE16, $to_real16
        .code16
to_real16:
        mov     $SEL_DATA16, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        lidt    ivt_ptr
        mov     %cr4, %eax
        and     $~CR4_PAE, %eax
        mov     %eax, %cr4
        mov     %cr0, %eax
        and     $0xfe, %al
        mov     %eax, %cr0
        ljmp    $0, $in_real
in_real:
        xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %ss
        mov     $STACK16, %sp
        mov     bios_regs + 28, %ax
        mov     %ax, %es
        mov     bios_regs + 0, %eax
        mov     bios_regs + 4, %ebx
        mov     bios_regs + 8, %ecx
        mov     bios_regs + 12, %edx
        mov     bios_regs + 16, %esi
        mov     bios_regs + 20, %edi
        sti
call_number:
        int     $0x13                   /* its number is written above */
        cli
        cld
        push    %ds                     /* some firmware changes it */
        push    $0
        pop     %ds
        mov     %eax, bios_regs + 0
        pop     %ax
        mov     %ebx, bios_regs + 4
        mov     %ecx, bios_regs + 8
        mov     %edx, bios_regs + 12
        mov     %esi, bios_regs + 16
        mov     %edi, bios_regs + 20
        pushf
        pop     bios_regs + 24
        movw    %es, bios_regs + 28
        mov     $back64, %ebx
        jmp     to_long16
        .code64
back64: mov     saved_rsp, %rsp
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %rbp
        pop     %rbx
        ret

bios_main_entry:
        mov     $bios_stack_top, %esp
        movzbl  bios_drive, %edi
        xor     %ebp, %ebp
        call    bios_main               /* does not return */

text_a20:  .asciz "\r\ncordon: address line A20 cannot be switched on\r\n"
text_long: .asciz "\r\ncordon: refused: this CPU has no 64-bit mode\r\n"
text_read: .asciz "\r\ncordon: the boot disk cannot be read\r\n"

        .balign 8
gdt:    .quad   0
        .quad   0x00af9a000000ffff      /* 64-bit code */
        .quad   0x00cf92000000ffff      /* data, 4 GiB */
        .quad   0x00cf9a000000ffff      /* 32-bit code */
        .quad   0x00009a000000ffff      /* 16-bit code */
        .quad   0x000092000000ffff      /* data, 64 KiB */
gdt_ptr:
        .word   47
        .long   gdt, 0
ivt_ptr:
        .word   0x3ff
        .long   0
saved_rsp: .quad 0
bios_drive: .byte 0
tables_made: .byte 0

        .balign 4
        .globl  bios_regs, bios_packet
bios_regs:                              /* struct bios_regs, kernel/boot/bios.h */
        .skip   32
bios_packet:
        .byte   16, 0
packet_count: .word 0
        .word   0, BOUNCE >> 4          /* offset, segment */
packet_lba: .long 0, 0

        .section .bss.page_aligned, "aw", @nobits
        .balign 4096
bios_pml4: .skip 4096
bios_pdpt: .skip 4096
bios_pd:   .skip 4 * 4096
        .skip   32768
bios_stack_top:
        .section .note.GNU-stack, "", @progbits
