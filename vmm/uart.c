/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 16550A. Bytes leave at once, so the transmitter is always empty. Bytes come from
 * the channel in bursts, so the receive time-out is immediate: what lies in the
 * FIFO below the trigger level is reported without waiting for more.
 */
#include "vmm/uart.h"

#include "vmm/guest_hw.h"
#include "vmm/host.h"

enum { R_DATA, R_IER, R_IIR_FCR, R_LCR, R_MCR, R_LSR, R_MSR, R_SCR };

#define IER_RDA     0x01u
#define IER_THRE    0x02u
#define IER_LINE    0x04u
#define IER_MODEM   0x08u
#define IIR_NONE    0x01u
#define IIR_MODEM   0x00u
#define IIR_THRE    0x02u
#define IIR_RDA     0x04u
#define IIR_LINE    0x06u
#define IIR_TIMEOUT 0x0cu
#define IIR_FIFO    0xc0u
#define FCR_ENABLE  0x01u
#define FCR_CLEAR_RX 0x02u
#define FCR_KEPT    0xc9u
#define LCR_DLAB    0x80u
#define MCR_DTR     0x01u
#define MCR_RTS     0x02u
#define MCR_OUT1    0x04u
#define MCR_OUT2    0x08u
#define MCR_LOOP    0x10u
#define MCR_BITS    0x1fu
#define LSR_DR      0x01u
#define LSR_OE      0x02u
#define LSR_THRE    0x20u
#define LSR_TEMT    0x40u
#define MSR_CTS     0x10u
#define MSR_DSR     0x20u
#define MSR_RI      0x40u
#define MSR_DCD     0x80u
#define MSR_CABLE   (MSR_CTS | MSR_DSR | MSR_DCD)

static unsigned capacity(const struct uart *uart) { return uart->fcr & FCR_ENABLE ? UART_FIFO : 1; }

static unsigned trigger(const struct uart *uart)
{
    static const uint8_t level[4] = { 1, 4, 8, 14 };

    return uart->fcr & FCR_ENABLE ? level[uart->fcr >> 6] : 1;
}

/* The pending interrupt of the highest priority. */
static uint8_t cause(const struct uart *uart)
{
    if ((uart->ier & IER_LINE) && uart->overrun)
        return IIR_LINE;
    if ((uart->ier & IER_RDA) && uart->count >= trigger(uart))
        return IIR_RDA;
    if ((uart->ier & IER_RDA) && uart->count)
        return IIR_TIMEOUT;
    if ((uart->ier & IER_THRE) && uart->thre_pending)
        return IIR_THRE;
    if ((uart->ier & IER_MODEM) && uart->msr_delta)
        return IIR_MODEM;
    return IIR_NONE;
}

/* OUT2 connects the interrupt to the line on a PC; in loopback it is cut off. */
static void update(struct uart *uart)
{
    bool connected = (uart->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

    line_set(uart->lines, GHW_IRQ_COM1, connected && cause(uart) != IIR_NONE);
}

void uart_init(struct uart *uart, struct line_bus *lines)
{
    memset(uart, 0, sizeof *uart);
    uart->lines = lines;
    uart->lcr = 0x03;               /* 8n1, 115200 */
    uart->divisor = 1;
    uart->msr_lines = MSR_CABLE;
    uart->thre_pending = true;
}

static void receive(struct uart *uart, uint8_t byte)
{
    if (uart->count >= capacity(uart)) {
        uart->overrun = true;
        return;
    }
    uart->fifo[(uart->head + uart->count) % UART_FIFO] = byte;
    uart->count++;
}

void uart_poll_input(struct uart *uart)
{
    uint8_t bytes[UART_FIFO];
    unsigned room, got = 0;

    if (uart->mcr & MCR_LOOP)
        return;                     /* waits in the channel */
    room = capacity(uart) - MIN(uart->count, capacity(uart));
    if (room)
        got = host_console_get(bytes, room);
    for (unsigned i = 0; i < got && i < room; i++)
        receive(uart, bytes[i]);
    update(uart);
}

static uint8_t read_data(struct uart *uart)
{
    uint8_t byte = 0;

    if (uart->count) {
        byte = uart->fifo[uart->head];
        uart->head = (uint8_t)((uart->head + 1) % UART_FIFO);
        uart->count--;
    }
    uart_poll_input(uart);
    update(uart);
    return byte;
}

static uint8_t read_iir(struct uart *uart)
{
    uint8_t value = cause(uart);

    if (value == IIR_THRE) {
        uart->thre_pending = false;
        update(uart);
    }
    return (uint8_t)(value | (uart->fcr & FCR_ENABLE ? IIR_FIFO : 0));
}

static uint8_t read_lsr(struct uart *uart)
{
    uint8_t value = LSR_THRE | LSR_TEMT;

    if (uart->count)
        value |= LSR_DR;
    if (uart->overrun)
        value |= LSR_OE;
    uart->overrun = false;
    update(uart);
    return value;
}

static uint8_t modem_lines(const struct uart *uart)
{
    uint8_t value = 0;

    if (!(uart->mcr & MCR_LOOP))
        return MSR_CABLE;
    if (uart->mcr & MCR_RTS)
        value |= MSR_CTS;
    if (uart->mcr & MCR_DTR)
        value |= MSR_DSR;
    if (uart->mcr & MCR_OUT1)
        value |= MSR_RI;
    if (uart->mcr & MCR_OUT2)
        value |= MSR_DCD;
    return value;
}

static void modem_changed(struct uart *uart)
{
    uint8_t now = modem_lines(uart), changed = now ^ uart->msr_lines;
    uint8_t rose_or_fell = changed & (MSR_CTS | MSR_DSR | MSR_DCD);

    if (changed & uart->msr_lines & MSR_RI)
        rose_or_fell |= MSR_RI;             /* the ring bit reports the trailing edge only */
    uart->msr_delta |= rose_or_fell >> 4;
    uart->msr_lines = now;
}

uint8_t uart_reg_in(struct uart *uart, unsigned reg)
{
    uint8_t value;

    switch (reg) {
    case R_DATA: return uart->lcr & LCR_DLAB ? (uint8_t)uart->divisor : read_data(uart);
    case R_IER: return uart->lcr & LCR_DLAB ? (uint8_t)(uart->divisor >> 8) : uart->ier;
    case R_IIR_FCR: return read_iir(uart);
    case R_LCR: return uart->lcr;
    case R_MCR: return uart->mcr;
    case R_LSR: return read_lsr(uart);
    case R_MSR:
        value = (uint8_t)(uart->msr_lines | uart->msr_delta);
        uart->msr_delta = 0;
        update(uart);
        return value;
    default: return uart->scr;
    }
}

static void transmit(struct uart *uart, uint8_t byte)
{
    if (uart->mcr & MCR_LOOP)
        receive(uart, byte);
    else
        host_console_put(&byte, 1);
    uart->thre_pending = true;
    update(uart);
}

static void write_fcr(struct uart *uart, uint8_t value)
{
    if (((uart->fcr ^ value) & FCR_ENABLE) || (value & FCR_CLEAR_RX))
        uart->head = uart->count = 0;
    uart->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
    uart_poll_input(uart);
    update(uart);
}

static void write_ier(struct uart *uart, uint8_t value)
{
    uint8_t on = (uint8_t)(value & ~uart->ier);

    if (on & IER_THRE)
        uart->thre_pending = true;          /* enabling it reports the empty transmitter again */
    uart->ier = value & 0x0fu;
    update(uart);
}

static void write_mcr(struct uart *uart, uint8_t value)
{
    uart->mcr = value & MCR_BITS;
    modem_changed(uart);
    uart_poll_input(uart);
    update(uart);
}

void uart_reg_out(struct uart *uart, unsigned reg, uint8_t value)
{
    switch (reg) {
    case R_DATA:
        if (uart->lcr & LCR_DLAB)
            uart->divisor = (uint16_t)((uart->divisor & 0xff00u) | value);
        else
            transmit(uart, value);
        break;
    case R_IER:
        if (uart->lcr & LCR_DLAB)
            uart->divisor = (uint16_t)((uart->divisor & 0x00ffu) | (uint32_t)value << 8);
        else
            write_ier(uart, value);
        break;
    case R_IIR_FCR:
        write_fcr(uart, value);
        break;
    case R_LCR:
        uart->lcr = value;
        break;
    case R_MCR:
        write_mcr(uart, value);
        break;
    case R_SCR:
        uart->scr = value;
        break;
    default:                                /* LSR and MSR are read-only */
        break;
    }
}
