/* link: vmm/uart.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* 16550: output, input FIFO, interrupt priorities, loopback, probes that drivers make. */
#include "vmm/uart.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"
#include "vmm/guest_hw.h"

static struct line_bus lines;
static struct uart uart;
static unsigned edges;

static void changed(void *sink, unsigned line, bool level)
{
    (void)sink;
    CHECK_EQ(line, GHW_IRQ_COM1);
    edges += level;
}

static void start(void)
{
    memset(&fake, 0, sizeof fake);
    lines = (struct line_bus){ .changed = changed };
    edges = 0;
    uart_init(&uart, &lines);
}

static uint8_t in(unsigned reg) { return uart_reg_in(&uart, reg); }
static void out(unsigned reg, uint8_t value) { uart_reg_out(&uart, reg, value); }
static bool irq(void) { return lines.level != 0; }

static void type(const char *s)
{
    while (*s)
        fake.in[fake.in_len++] = (uint8_t)*s++;
    uart_poll_input(&uart);
}

static void transmit(void)
{
    start();
    CHECK_EQ(in(5), 0x60);
    out(0, 'A');
    CHECK_EQ(fake.out_len, 1);
    CHECK_EQ(fake.out[0], 'A');
    CHECK(!irq());
    out(4, 0x0b);
    out(1, 0x02);
    CHECK(irq());
    CHECK_EQ(in(2), 0x02);
    CHECK(!irq());                          /* reading IIR takes the THRE interrupt */
    CHECK_EQ(in(2), 0x01);
    out(0, 'B');
    CHECK(irq());
    CHECK_EQ(edges, 2);
    (void)in(2);
    out(1, 0);
    out(1, 2);                              /* enabling reports the empty transmitter again */
    CHECK(irq());
    out(4, 0x03);                           /* OUT2 off: no line, but IIR still says so */
    CHECK(!irq());
    CHECK_EQ(in(2), 0x02);
    CHECK_EQ(fake.out_len, 2);
}

static void receive(void)
{
    start();
    out(2, 0xc7);                           /* FIFO on, trigger 14 */
    CHECK_EQ(in(2), 0xc1);
    out(4, 0x0b);
    out(1, 0x01);
    type("hello");
    CHECK(irq());
    CHECK_EQ(in(2), 0xcc);                  /* below the trigger: time-out */
    CHECK_EQ(in(5), 0x61);
    CHECK_EQ(in(0), 'h');
    CHECK(irq());
    CHECK_EQ(in(0), 'e'); CHECK_EQ(in(0), 'l'); CHECK_EQ(in(0), 'l'); CHECK_EQ(in(0), 'o');
    CHECK(!irq());
    CHECK_EQ(in(5), 0x60);
    CHECK_EQ(in(0), 0);
    type("0123456789abcdefghijklmnopqrstuvwxyz");   /* more than the FIFO: flows on as it is read */
    CHECK_EQ(in(2), 0xc4);
    for (const char *s = "0123456789abcdefghijklmnopqrstuvwxyz"; *s; s++)
        CHECK_EQ(in(0), (uint8_t)*s);
    CHECK(!irq());
    CHECK_EQ(in(5) & 2, 0);                 /* no overrun */
    type("xyz");
    out(2, 0xc3);                           /* clear the receiver */
    CHECK_EQ(in(5), 0x60);
    CHECK(!irq());
    out(2, 0x00);                           /* no FIFO: one byte at a time */
    type("pq");
    CHECK_EQ(in(2), 0x04);
    CHECK_EQ(in(0), 'p');
    CHECK_EQ(in(0), 'q');
    CHECK_EQ(in(5), 0x60);
}

static void priorities(void)
{
    start();
    out(2, 0x01);
    out(4, 0x1b);                           /* loopback: send 17 to oneself */
    for (unsigned i = 0; i < 17; i++)
        out(0, (uint8_t)i);
    CHECK_EQ(fake.out_len, 0);
    out(1, 0x0f);
    CHECK(!irq());                          /* loopback cuts the line off */
    (void)in(6);
    out(4, 0x1a);                           /* DTR falls: modem status changes */
    CHECK_EQ(in(2), 0xc6);                  /* overrun first */
    CHECK_EQ(in(5), 0x63);
    CHECK_EQ(in(2), 0xc4);                  /* then data */
    for (unsigned i = 0; i < 16; i++)
        CHECK_EQ(in(0), i);
    CHECK_EQ(in(2), 0xc2);                  /* then the transmitter */
    CHECK_EQ(in(2), 0xc0);                  /* then the modem */
    CHECK_EQ(in(6), 0x92);
    CHECK_EQ(in(2), 0xc1);
}

static void probes(void)
{
    start();
    out(1, 0xff);
    CHECK_EQ(in(1), 0x0f);
    out(1, 0);
    out(7, 0x5a);
    CHECK_EQ(in(7), 0x5a);
    out(3, 0x83);
    out(0, 0x01);
    out(1, 0x02);
    CHECK_EQ(in(0), 0x01);
    CHECK_EQ(in(1), 0x02);
    CHECK_EQ(in(3), 0x83);
    out(3, 0x03);
    CHECK_EQ(in(1), 0x00);
    out(4, 0xff);
    CHECK_EQ(in(4), 0x1f);
    out(4, 0x1a);                           /* the loopback test of drivers */
    CHECK_EQ(in(6) & 0xf0, 0x90);
    out(4, 0x1f);
    CHECK_EQ(in(6) & 0xf0, 0xf0);
    out(4, 0x0b);
    CHECK_EQ(in(6) & 0xf0, 0xb0);
    out(2, 0xe1);                           /* a 16750 would show 64-byte mode */
    CHECK_EQ(in(2) >> 4, 0x0c);
    out(5, 0xff);
    out(6, 0xff);
    CHECK_EQ(in(5), 0x60);
    type("x");
    out(4, 0x1b);
    type("y");                              /* waits in the channel during loopback */
    CHECK_EQ(in(0), 'x');
    CHECK_EQ(in(5) & 1, 0);
    out(4, 0x0b);
    CHECK_EQ(in(0), 'y');
}

static void fuzz(void)
{
    uint32_t x = 8;

    start();
    for (unsigned i = 0; i < 300000; i++) {
        x = x * 1664525 + 1013904223;
        if (x >> 31)
            out(x >> 8 & 7, (uint8_t)(x >> 16));
        else
            (void)in(x >> 8 & 7);
        if (fake.in_at == fake.in_len)
            fake.in_at = fake.in_len = 0;
        if (x % 7 == 0 && fake.in_len < sizeof fake.in)
            type("z");
        fake.out_len = 0;
        if (uart.count > UART_FIFO)
            unit_failures++;
    }
    CHECK(true);
}

int main(void)
{
    transmit();
    receive();
    priorities();
    probes();
    fuzz();
    return unit_done();
}
