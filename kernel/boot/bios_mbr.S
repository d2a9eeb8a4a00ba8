/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The MBR: at 0000:7c00 in real mode, dl = drive. Reads the loader's low part, which lies right behind the partition
 * table, to 0000:8000 by INT 13h extensions and goes there with the drive in dl. At most 440 bytes. [BIOS: EDD 3.0]
 */
#define LOW_LBA   34                    /* linker/mkimage.h: GPT_FIRST_FREE */
#define LOW_AT    0x8000                /* linker/bios.ld */

        .section .mbr, "ax", @progbits
        .code16
        .globl  bios_mbr
bios_mbr:
        ljmp    $0, $1f
1:      xor     %ax, %ax
        mov     %ax, %ds
        mov     %ax, %es
        mov     %ax, %ss
        mov     $0x7c00, %sp
        sti
        cld
        mov     $0x41, %ah              /* extensions present? */
        mov     $0x55aa, %bx
        push    %dx
        int     $0x13
        pop     %dx
        mov     $text_old, %si
        jc      say
        cmp     $0xaa55, %bx
        jne     say
        test    $1, %cl
        jz      say
        mov     $3, %di                 /* tries */
2:      mov     $packet, %si
        movw    $bios_low_sectors, 2(%si)       /* a try may change it: sectors done */
        mov     $0x42, %ah
        push    %dx
        int     $0x13
        pop     %dx
        jnc     3f
        xor     %ah, %ah                /* reset, then once more */
        push    %dx
        int     $0x13
        pop     %dx
        dec     %di
        jnz     2b
        mov     $text_read, %si
        jmp     say
3:      cmpl    $0x44524f43, LOW_AT + 4 /* "CORD" behind the jump */
        mov     $text_lost, %si
        jne     say
        ljmp    $0, $LOW_AT

/* The text at si on the screen and on COM1 as the firmware left it; then nothing more. */
say:    lodsb
        test    %al, %al
        jz      6f
        push    %ax
        mov     $0x0e, %ah
        mov     $7, %bx
        int     $0x10
        mov     $0x3fd, %dx
        xor     %cx, %cx
5:      in      (%dx), %al
        test    $0x20, %al
        loopz   5b                      /* a bound: there may be no port */
        pop     %ax
        mov     $0x3f8, %dx
        out     %al, (%dx)
        jmp     say
6:      hlt
        jmp     6b

text_old:  .asciz "\r\ncordon: this firmware has no INT 13h extensions (EDD)\r\n"
text_read: .asciz "\r\ncordon: the boot disk cannot be read\r\n"
text_lost: .asciz "\r\ncordon: the loader behind the partition table is gone\r\n"

        .balign 4
packet: .byte   16, 0
        .word   0                       /* sectors, set above */
        .word   LOW_AT, 0               /* offset, segment */
        .long   LOW_LBA, 0
        .section .note.GNU-stack, "", @progbits
