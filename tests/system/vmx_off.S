/* SPDX-License-Identifier: BSD-2-Clause */
/* The option ROM of an e1000 in Bochs under SeaBIOS: firmware that locks VT-x off, IA32_FEATURE_CONTROL = 1. */
    .code16
start:
    .byte 0x55, 0xaa, 1             /* signature; length in units of 512 */
    mov $0x3a, %ecx                 /* the BIOS calls offset 3 */
    xor %edx, %edx
    mov $1, %eax
    wrmsr
    lret
    .org 0x18
    .word pcir - start
    .balign 4
pcir:
    .ascii "PCIR"
    .word 0x8086, 0x100e, 0, 0x18   /* whose; no vital data; length of this */
    .byte 0, 0, 0, 2                /* revision; class: network */
    .word 1, 0                      /* image length, its revision */
    .byte 0, 0x80                   /* x86 code, the last image */
    .org 511
    .byte 0x16                       /* all bytes add up to 0 */
