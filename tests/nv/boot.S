/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot block of the carrier's disk (rig NV): loads a Linux kernel and an initramfs by INT 13h and starts the kernel by
 * its 16-bit protocol. Sector 0 this block, sector 1 the command line, from sector 2 the kernel, from INITRD_LBA the
 * initramfs of INITRD_SIZE bytes; both numbers come from setup.sh. An error stops here, and setup.sh's time runs out.
 */
#define SECTOR      512
#define CHUNK       64                  /* sectors of one INT 13h */
#define SETUP       0x10000             /* the kernel's real-mode part, its heap and stack */
#define STACK       0xe000              /* behind it, in the same segment: the command line */
#define BUFFER      0x20000
#define KERNEL      0x100000
#define INITRD      0x8000000           /* far above what the kernel unpacks itself into */

    .code16
    .globl start
start:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $start, %sp
    ljmp $0, $1f
1:  movb %dl, drive
    cld

    movl $1, lba                        /* the command line */
    movw $1, count
    movw $((SETUP + STACK) >> 4), segment
    call read
    movl $2, lba                        /* the real-mode part, and more behind it */
    movw $CHUNK, count
    movw $(SETUP >> 4), segment
    call read

    movw $(SETUP >> 4), %ax
    movw %ax, %fs
    movzbl %fs:0x1f1, %eax              /* setup_sects */
    addl $3, %eax
    movl %eax, lba
    movl %fs:0x1f4, %ebp                /* syssize, in 16 bytes */
    addl $(SECTOR / 16 - 1), %ebp
    shrl $5, %ebp
    movl $KERNEL, %edi
    call load
    movl $INITRD_LBA, lba
    movl $((INITRD_SIZE + SECTOR - 1) / SECTOR), %ebp
    movl $INITRD, %edi
    call load

    movb $0xff, %fs:0x210               /* type_of_loader */
    orb $0x80, %fs:0x211                /* loadflags: there is a heap */
    movw $(STACK - 0x200), %fs:0x224    /* its end */
    movl $(SETUP + STACK), %fs:0x228    /* command line */
    movl $INITRD, %fs:0x218
    movl $INITRD_SIZE, %fs:0x21c
    movw %fs, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %gs
    movw %ax, %ss
    movw $STACK, %sp
    ljmp $((SETUP >> 4) + 0x20), $0

/* %ebp sectors from lba to the physical address %edi. */
load:
    movw $(BUFFER >> 4), segment
    movw $CHUNK, count
    cmpl $CHUNK, %ebp
    jae 1f
    movw %bp, count
1:  call read
    movl %edi, to + 2                   /* bits 24-31 have their place in the last byte */
    movb $0x93, to + 5
    movl %edi, %eax
    shrl $24, %eax
    movb %al, to + 7
    movzwl count, %ecx
    movl %ecx, %edx
    addl %edx, lba
    subl %edx, %ebp
    shlw $8, %cx                        /* words */
    shll $9, %edx
    addl %edx, %edi
    movw $gdt, %si
    movb $0x87, %ah
    int $0x15
    jc stop
    testl %ebp, %ebp
    jnz load
    ret

read:
    movw $packet, %si
    movb drive, %dl
    movb $0x42, %ah
    int $0x13
    jc stop
    ret

stop:
    cli
    hlt
    jmp stop

    .balign 8
packet:
    .word 16
count:
    .word 0
    .word 0
segment:
    .word 0
lba:
    .quad 0
/* What INT 15h AH=87h wants: it fills in the first two and the last two descriptors. */
gdt:
    .quad 0, 0
    .word 0xffff, BUFFER & 0xffff
    .byte BUFFER >> 16, 0x93, 0, 0
to: .word 0xffff
    .byte 0, 0, 0, 0x93, 0, 0
    .quad 0, 0
drive:
    .byte 0

    .org start + SECTOR - 2
    .word 0xaa55
