/* SPDX-License-Identifier: BSD-2-Clause */
/* 16550A serial port COM1; the other end of the cable is the host console. */
#pragma once

#include "vmm/line.h"

#define UART_FIFO  16u

struct uart {
    struct line_bus *lines;
    uint8_t fifo[UART_FIFO]; /* received, not yet read */
    uint8_t head, count;
    uint8_t ier, fcr, lcr, mcr, scr;
    uint8_t msr_delta;       /* bits 0..3 */
    uint8_t msr_lines;       /* bits 4..7 as last reported */
    uint16_t divisor;
    bool overrun;
    bool thre_pending;       /* transmitter became empty since IIR was read */
};

void uart_init(struct uart *uart, struct line_bus *lines);
/* Takes console input as far as there is room. */
void uart_poll_input(struct uart *uart);
/* reg = port - base, 0..7 */
uint8_t uart_reg_in(struct uart *uart, unsigned reg);
void uart_reg_out(struct uart *uart, unsigned reg, uint8_t value);

