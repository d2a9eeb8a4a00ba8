/* SPDX-License-Identifier: BSD-2-Clause */
/* A first process for Linux: says at which TSC it came to life, then powers the machine off. */
#define SYS_WRITE   1
#define SYS_REBOOT  169
#define REBOOT_OFF  0x4321fedc

        .text
        .globl  _start
_start:
        rdtsc
        shl     $32, %rdx
        or      %rax, %rdx
        lea     digits+16(%rip), %rdi
        mov     $16, %ecx
1:      mov     %edx, %eax
        and     $15, %eax
        cmp     $10, %eax
        jb      2f
        add     $('a' - '0' - 10), %eax
2:      add     $'0', %eax
        dec     %rdi
        mov     %al, (%rdi)
        shr     $4, %rdx
        dec     %ecx
        jnz     1b
        mov     $SYS_WRITE, %eax
        mov     $1, %edi
        lea     text(%rip), %rsi
        mov     $text_end - text, %edx
        syscall
        mov     $SYS_REBOOT, %eax
        mov     $0xfee1dead, %edi
        mov     $672274793, %esi
        mov     $REBOOT_OFF, %edx
        syscall
3:      jmp     3b

        .data
text:   .ascii  "bench boot init_tsc=0x"
digits: .ascii  "0000000000000000\n"
text_end:
        .section .note.GNU-stack, "", @progbits
