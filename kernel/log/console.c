/* SPDX-License-Identifier: BSD-2-Clause */
/* 16550 UART at an I/O port. Every wait for it has a bound. */
#include "kernel/log/console.h"

#include "kernel/arch/spinlock.h"
#include "kernel/lib/fmt.h"

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
#define   LSR_EMPTY 0x20          /* takes bytes */
#define   LSR_IDLE  0x40          /* has sent all of them */
#define   LSR_NONE  0xff          /* nothing answers */

#define COM1        0x3f8
#define UART_CLOCK  115200u       /* divisor 1 */
#define FIFO_BYTES  16u
#define WAIT_US    200000u        /* 16 bytes at 9600 baud take 17 ms; an emulator's reader may be slow */
#define RX_BYTES    1024u
#define LINE_BYTES  240u

static struct spinlock lock;
static uint16_t port;             /* lock; 0 = no UART yet */
static unsigned burst, room;      /* lock: bytes that an empty transmitter takes, and that it still takes now */
static bool stuck;                /* lock: waited in vain, so the next ones only look */
static char last = '\n';          /* lock: what was sent last */
static bool dying;                /* panic: no lock, its holder may be what panicked */
static char rx[RX_BYTES];         /* lock: ring */
static uint32_t rx_head, rx_tail; /* lock: free-running */

static uint8_t rd(unsigned reg) { return hw_in8((uint16_t)(port + reg)); }
static void wr(unsigned reg, uint8_t v) { hw_out8((uint16_t)(port + reg), v); }

static bool transmitter_is(uint8_t lsr, uint64_t us)
{
    struct deadline d = deadline_in(us);
    while (!(rd(UART_LSR) & lsr))
        if (!spin(&d))
            return (rd(UART_LSR) & lsr) != 0;        /* once more: the CPU may have been away meanwhile */
    return true;
}

/* False: no UART, or it does not take the byte in time. */
static bool put(char c)
{
    if (port != 0 && room == 0) {
        stuck = !transmitter_is(LSR_EMPTY, stuck ? 0 : WAIT_US);
        room = stuck ? 0 : burst;
    }
    if (port == 0 || room == 0)
        return false;
    room--;
    wr(UART_DATA, (uint8_t)c);
    last = c;
    return true;
}

/* A line begins at the left edge, whatever the monitor was in the middle of, and ends with CR LF. */
static void say(const char *s, size_t len)
{
    bool sent = last == '\n' || (put('\r') && put('\n'));
    for (; sent && len > 0; s++, len--)
        sent = (*s != '\n' || put('\r')) && put(*s);
}

void log_va(const char *kind, const char *format, va_list ap)
{
    char buf[LINE_BYTES];
    size_t n = fmt(buf, sizeof buf, "cordon: %s", kind);
    n += fmt_v(buf + n, sizeof buf - n - 1, format, ap);
    buf[n++] = '\n';
    if (!dying)
        spin_lock(&lock);
    say(buf, n);
    if (!dying)
        spin_unlock(&lock);
}

void log_line(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    log_va("", format, ap);
    va_end(ap);
}

void console_nmi_line(void)
{
    static const char text[] = "cordon: NMI ignored\n";
    uint32_t free = __atomic_load_n(&lock.serving, __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(&lock.next, &free, free + 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        say(text, sizeof text - 1);
        spin_unlock(&lock);
    }
}

void console_init(uint16_t at, uint32_t baud)
{
    uint32_t divisor = UART_CLOCK / MIN(MAX(baud, 2u), UART_CLOCK);
    port = at;
    if (rd(UART_LSR) == LSR_NONE) {
        port = 0;
        return;
    }
    wr(UART_IER, 0);
    wr(UART_LCR, LCR_DLAB | LCR_8N1);
    wr(UART_DATA, (uint8_t)divisor);
    wr(UART_IER, (uint8_t)(divisor >> 8));
    wr(UART_LCR, LCR_8N1);
    wr(UART_FCR, FCR_ON);
    wr(UART_MCR, MCR_ON);
    burst = (rd(UART_IIR) & IIR_FIFO) == IIR_FIFO ? FIFO_BYTES : 1;
    room = 0;
}

void console_last_words(void)
{
    dying = true;
    if (port == 0)
        console_init(COM1, UART_CLOCK);
}

size_t console_write(const char *bytes, size_t len)
{
    size_t done = 0;
    spin_lock(&lock);
    while (done < len && put(bytes[done]))
        done++;
    spin_unlock(&lock);
    return done;
}

void console_drain(void)
{
    spin_lock(&lock);
    if (port != 0 && !stuck)
        (void)transmitter_is(LSR_IDLE, WAIT_US);
    spin_unlock(&lock);
}

/* Bounded: a UART that is gone reads "data ready" for ever. */
bool console_poll(void)
{
    bool got = false;
    spin_lock(&lock);
    for (unsigned i = 0; port != 0 && i < RX_BYTES; i++) {
        uint8_t lsr = rd(UART_LSR);
        if (lsr == LSR_NONE || !(lsr & LSR_DATA))
            break;
        char c = (char)rd(UART_DATA);
        if (rx_head - rx_tail < RX_BYTES)
            rx[rx_head++ & (RX_BYTES - 1)] = c;
        got = true;
    }
    spin_unlock(&lock);
    return got;
}

size_t console_read(char *bytes, size_t max)
{
    size_t n = 0;
    (void)console_poll();
    spin_lock(&lock);
    while (n < max && rx_tail != rx_head)
        bytes[n++] = rx[rx_tail++ & (RX_BYTES - 1)];
    spin_unlock(&lock);
    return n;
}

void console_input_on(void)
{
    if (port != 0)
        wr(UART_IER, IER_RX);
}
