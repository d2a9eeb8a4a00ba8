/* SPDX-License-Identifier: BSD-2-Clause */
/* Text on the firmware's screen and on COM1. */
#include "kernel/boot/bios.h"

#define COM1       0x3f8u
#define LSR_EMPTY  0x20u
#define PATIENCE   100000u                   /* polls per byte: there may be no port */

static bool serial_works = true;

static void out8(uint16_t port, uint8_t v) { __asm__ volatile ("outb %0, %1" : : "a"(v), "Nd"(port)); }
static uint8_t in8(uint16_t port)
{
    uint8_t v;
    __asm__ volatile ("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

void bios_print_init(void)
{
    static const uint8_t setup[][2] = { { 1, 0 }, { 3, 0x83 }, { 0, 1 }, { 1, 0 }, { 3, 3 }, { 2, 7 }, { 4, 3 } };   /* 115200 8N1 */
    for (unsigned i = 0; i < ARRAY_LEN(setup); i++)
        out8((uint16_t)(COM1 + setup[i][0]), setup[i][1]);
    serial_works = in8(COM1 + 5) != 0xff;
}

static void serial_put(char c)
{
    unsigned left = PATIENCE;
    while (serial_works && (in8(COM1 + 5) & LSR_EMPTY) == 0)
        serial_works = --left != 0;
    if (serial_works)
        out8(COM1, (uint8_t)c);
}

static void screen_put(char c)
{
    bios_regs = (struct bios_regs){ .eax = 0x0e00u | (uint8_t)c, .ebx = 7 };
    bios_call(0x10);
}

void loader_text(const char *s)
{
    for (; *s; s++) {
        if (*s == '\n') {
            serial_put('\r');
            screen_put('\r');
        }
        serial_put(*s);
        screen_put(*s);
    }
}
