/* SPDX-License-Identifier: BSD-2-Clause */
/* The BIOS loader's own parts: firmware calls, console, disk. Everything runs on the boot CPU with interrupts off. */
#pragma once

#include "kernel/boot/loader.h"

struct bios_regs { uint32_t eax, ebx, ecx, edx, esi, edi; uint16_t flags, pad; uint16_t es, pad2; };
#define BIOS_CF      1u
#define BIOS_BOUNCE  0x20000u                /* 32 KiB that real mode reaches, bios_low.S */
struct bios_packet { uint8_t size, zero; uint16_t count, offset, segment; uint64_t lba; };   /* [EDD 3.0] */
_Static_assert(sizeof(struct bios_regs) == 32 && sizeof(struct bios_packet) == 16, "as in bios_low.S");

/* bios_low.S: the software interrupt in real mode, registers from and to bios_regs. */
void bios_call(uint32_t interrupt);
extern struct bios_regs bios_regs;
extern struct bios_packet bios_packet;       /* in memory that real mode reaches */

/* bios_print.c: screen and COM1, 115200 baud. */
void bios_print_init(void);

/* bios_disk.c: the drive that the firmware booted. */
void bios_disk_init(uint8_t drive);

NORETURN void bios_main(uint32_t drive);
