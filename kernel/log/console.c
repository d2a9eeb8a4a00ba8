/* SPDX-License-Identifier: BSD-2-Clause */
/* 16550 UART at an I/O port, and the log in memory. Every wait for the UART has a bound. */
#include "kernel/log/console.h"

#include <stdarg.h>

#include "kernel/arch/spinlock.h"
#include "kernel/config.h"
#include "kernel/lib/fmt.h"
#include "kernel/log/panic.h"

/* 16550 registers, offsets from the port [PC16550D 8.0] */
#define UART_DATA   0u
#define UART_IER    1u
#define   IER_RX    0x01
#define UART_IIR    2u
#define   IIR_FIFO  0xc0
#define UART_FCR    2u
#define   FCR_ON    0x07          /* enabled, both cleared, threshold 1 */
#define UART_LCR    3u
#define   LCR_8N1   0x03
#define   LCR_DLAB  0x80
#define UART_MCR    4u
#define   MCR_ON    0x0b          /* DTR, RTS, OUT2 (interrupt gate) */
#define UART_LSR    5u
#define   LSR_DATA  0x01
#define   LSR_EMPTY 0x20
#define   LSR_NONE  0xff          /* nothing answers */

#define COM1        0x3f8
#define BAUD        115200u
#define UART_CLOCK  115200u       /* divisor 1 */
#define FIFO_BYTES  16u
#define WAIT_US    200000u        /* 16 bytes at 9600 baud take 17 ms; an emulator's reader may be slow */
#define RX_BYTES    1024u
#define LINE_BYTES  240u

static struct spinlock lock;
static uint16_t port;             /* lock; 0 = no UART yet */
static unsigned burst = 1;        /* lock: bytes to write when empty */
static bool stuck;                /* lock: waited in vain, so the next ones only look */
static bool monitor_owns;         /* lock */
static char rx[RX_BYTES];         /* lock: ring */
static uint32_t rx_head, rx_tail; /* lock: free-running */
static char log_bytes[LOG_BYTES]; /* lock: ring */
static uint64_t log_end;          /* lock: bytes ever logged */
_Static_assert((LOG_BYTES & (LOG_BYTES - 1)) == 0 && (RX_BYTES & (RX_BYTES - 1)) == 0, "rings");

static uint8_t rd(unsigned reg) { return hw_in8((uint16_t)(port + reg)); }
static void wr(unsigned reg, uint8_t v) { hw_out8((uint16_t)(port + reg), v); }

static bool wait_empty(void)
{
    struct deadline d = deadline_in(stuck ? 0 : WAIT_US);
    bool empty = rd(UART_LSR) & LSR_EMPTY;
    while (!empty && spin(&d))
        empty = rd(UART_LSR) & LSR_EMPTY;
    stuck = !empty && !(rd(UART_LSR) & LSR_EMPTY);      /* once more: the CPU may have been away meanwhile */
    return !stuck;
}

static size_t uart_write(const char *s, size_t len)
{
    size_t done = 0;
    while (port != 0 && done < len) {
        if (!wait_empty())
            break;
        for (unsigned i = 0; i < burst && done < len; i++)
            wr(UART_DATA, (uint8_t)s[done++]);
    }
    return done;
}

/* Lines end with CR LF on the wire and with LF in the log. */
static void uart_text(const char *s, size_t len)
{
    size_t from = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] != '\n')
            continue;
        if (uart_write(s + from, i - from) < i - from || uart_write("\r\n", 2) < 2)
            return;
        from = i + 1;
    }
    (void)uart_write(s + from, len - from);
}

static void log_add(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        log_bytes[log_end++ & (LOG_BYTES - 1)] = s[i];
}

static void emit(const char *s, size_t len, bool uart)
{
    log_add(s, len);
    if (uart)
        uart_text(s, len);
}

/* The line with its prefix and end; the format's arguments are what the caller got. */
static size_t PRINTF(2, 0) make_line(char *buf, const char *format, va_list ap)
{
    size_t n = str_copy(buf, LINE_BYTES, "cordon: ");
    n += fmt_v(buf + n, LINE_BYTES - n - 1, format, ap);
    buf[n++] = '\n';
    return n;
}

void log_line(const char *format, ...)
{
    char buf[LINE_BYTES];
    va_list ap;
    va_start(ap, format);
    size_t n = make_line(buf, format, ap);
    va_end(ap);
    spin_lock(&lock);
    emit(buf, n, !monitor_owns);
    spin_unlock(&lock);
}

void console_panic_line(const char *format, ...)
{
    char buf[LINE_BYTES];
    va_list ap;
    va_start(ap, format);
    size_t n = make_line(buf, format, ap);
    va_end(ap);
    emit(buf, n, true);            /* no lock: its holder may be what panicked, and all others stop */
}

void console_nmi_line(void)
{
    static const char text[] = "cordon: NMI ignored\n";
    uint32_t free = __atomic_load_n(&lock.serving, __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(&lock.next, &free, free + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        emit(text, sizeof text - 1, !monitor_owns);
        spin_unlock(&lock);
    }
}

static bool uart_set_up(uint16_t at, uint32_t baud)
{
    uint32_t divisor = baud != 0 && baud <= UART_CLOCK ? UART_CLOCK / baud : UART_CLOCK / BAUD;
    port = at;
    if (rd(UART_LSR) == LSR_NONE) {
        port = 0;
        return false;
    }
    wr(UART_IER, 0);
    wr(UART_LCR, LCR_DLAB | LCR_8N1);
    wr(UART_DATA, (uint8_t)divisor);
    wr(UART_IER, (uint8_t)(divisor >> 8));
    wr(UART_LCR, LCR_8N1);
    wr(UART_FCR, FCR_ON);
    wr(UART_MCR, MCR_ON);
    burst = (rd(UART_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_BYTES : 1;
    return true;
}

void console_init(uint16_t at, uint32_t baud)
{
    spin_lock(&lock);
    bool again = port == (at != 0 ? at : COM1);
    if (uart_set_up(at != 0 ? at : COM1, baud) && !again) {
        uint64_t from = log_end > LOG_BYTES ? log_end - LOG_BYTES : 0;
        for (; from < log_end; from++)      /* what was said before */
            uart_text(&log_bytes[from & (LOG_BYTES - 1)], 1);
    }
    spin_unlock(&lock);
}

size_t console_write(const char *bytes, size_t len)
{
    spin_lock(&lock);
    size_t done = uart_write(bytes, len);
    spin_unlock(&lock);
    return done;
}

/* Receives what the FIFO holds: bounded, a UART that is gone reads "data ready" for ever. */
static bool receive(void)
{
    bool got = false;
    for (unsigned i = 0; port != 0 && i < RX_BYTES; i++) {
        uint8_t lsr = rd(UART_LSR);
        if (lsr == LSR_NONE || !(lsr & LSR_DATA))
            break;
        char c = (char)rd(UART_DATA);
        if (rx_head - rx_tail < RX_BYTES)
            rx[rx_head++ & (RX_BYTES - 1)] = c;
        got = true;
    }
    return got;
}

bool console_poll(void)
{
    spin_lock(&lock);
    bool got = receive();
    spin_unlock(&lock);
    return got;
}

size_t console_read(char *bytes, size_t max)
{
    size_t n = 0;
    spin_lock(&lock);
    (void)receive();
    while (n < max && rx_tail != rx_head)
        bytes[n++] = rx[rx_tail++ & (RX_BYTES - 1)];
    spin_unlock(&lock);
    return n;
}

void console_monitor_owns(void)
{
    spin_lock(&lock);
    monitor_owns = true;
    if (port != 0)
        wr(UART_IER, IER_RX);
    spin_unlock(&lock);
}

uint16_t console_port(void) { return port; }

size_t log_read(uint64_t offset, char *out, size_t max)
{
    size_t n = 0;
    spin_lock(&lock);
    uint64_t at = (log_end > LOG_BYTES ? log_end - LOG_BYTES : 0) + MIN(offset, LOG_BYTES);
    while (n < max && at < log_end)
        out[n++] = log_bytes[at++ & (LOG_BYTES - 1)];
    spin_unlock(&lock);
    return n;
}
