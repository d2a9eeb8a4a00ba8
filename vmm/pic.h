/* SPDX-License-Identifier: BSD-2-Clause */
/* The pair of 8259A interrupt controllers with the edge/level registers of a PC chipset. */
#pragma once

#include "kernel/lib/base.h"

struct pic_chip {
    uint8_t lines;           /* levels of the inputs */
    uint8_t elcr;            /* 1 = level-triggered */
    uint8_t irr, imr, isr;
    uint8_t held;            /* const: inputs whose sources wait for the EOI, which lowers them */
    uint8_t ended;           /* of those, the ones whose EOI has come; the board takes them */
    uint8_t base;            /* vector of input 0 */
    uint8_t lowest;          /* input with the lowest priority */
    uint8_t init;            /* ICW expected next: 2, 3, 4, 0 = none */
    bool want_icw4, single;
    bool auto_eoi, rotate_aeoi, special_mask, nested, read_isr, poll;
};

struct pic {
    struct pic_chip chip[2]; /* 0 = master */
    bool output;             /* INT to the CPU, as host_extint was told */
};

void pic_init(struct pic *pic);
/* irq 0..15 except 2. */
void pic_set_line(struct pic *pic, unsigned irq, bool level);
/* INTA: takes the highest request; 7 or 15 of the base when it went away. */
uint8_t pic_ack(struct pic *pic);
/* Ports 20h, 21h, a0h, a1h; 4d0h, 4d1h. */
uint32_t pic_port_in(struct pic *pic, uint16_t port);
void pic_port_out(struct pic *pic, uint16_t port, uint8_t value);
/* No controller state lets this line reach the CPU now. */
bool pic_is_masked(const struct pic *pic, unsigned irq);

