/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/log/console.c kernel/lib/fmt.c kernel/lib/str.c tests/unit/fake/hw.c */
#include "kernel/log/console.h"

#include "kernel/arch/hw.h"
#include "tests/unit/unit.h"

static char sent[4096];
static size_t sent_len;
static uint8_t lcr, pending[3000];
static size_t pending_len, pending_at;
static bool absent, stuck;
static uint32_t divisor, ier;
static uint64_t idle_at;                 /* when the last byte is on the wire */

static uint32_t uart_in(uint16_t port, unsigned size)
{
    (void)size;
    if (absent || port < 0x2f8 || port > 0x2ff)
        return 0xff;
    switch (port & 7) {
    case 0: return pending_at < pending_len ? pending[pending_at++] : 0;
    case 2: return 0xc1;
    case 5: return (stuck ? 0u : fake_hw.now_us >= idle_at ? 0x60u : 0x20u) | (pending_at < pending_len ? 1u : 0u);
    default: return 0;
    }
}

static void uart_out(uint16_t port, unsigned size, uint32_t v)
{
    (void)size;
    if ((port & 7) == 3)
        lcr = (uint8_t)v;
    else if ((port & 7) <= 1 && (lcr & 0x80))
        divisor = (port & 7) == 0 ? (divisor & 0xff00u) | v : (divisor & 0xffu) | v << 8;
    else if ((port & 7) == 1)
        ier = v;
    else if ((port & 7) == 0 && sent_len < sizeof sent)
        sent[sent_len++] = (char)v;
}

static void before(void)
{
    log_line("no UART yet");
    absent = true;
    console_init(0x2f8, 9600);
    CHECK_EQ(console_write("x", 1), 0);
    absent = false;
    console_init(0x2f8, 9600);
    CHECK_EQ(divisor, 12);
    CHECK_EQ(lcr, 3);
    CHECK_EQ(sent_len, 0);
}

static void lines(void)
{
    sent_len = 0;
    log_line("two %s", "words");
    CHECK_EQ(console_write("raw\n", 4), 4);
    sent[sent_len] = 0;
    CHECK_STR(sent, "cordon: two words\r\nraw\n");
    stuck = true;
    uint64_t from = fake_hw.now_us;
    CHECK(console_write("0123456789abcdefXYZ", 19) < 16);    /* what the FIFO still takes */
    CHECK(fake_hw.now_us - from < 400000);           /* a dead transmitter costs a bounded time, once */
    from = fake_hw.now_us;
    log_line("nor this");
    CHECK(fake_hw.now_us - from < 1000);
    stuck = false;
    char longest[400];
    memset(longest, 'l', sizeof longest);
    longest[399] = 0;
    log_line("%s", longest);
}

static void input(void)
{
    char got[2000];
    CHECK(!console_poll());
    memset(pending, 'k', sizeof pending);
    pending_len = 5;
    CHECK(console_poll());
    CHECK_EQ(console_read(got, 3), 3);
    CHECK_EQ(console_read(got, 9), 2);
    CHECK_EQ(console_read(got, 9), 0);
    pending_at = 0;
    pending_len = sizeof pending;                    /* more than the buffer: the rest is dropped */
    while (console_poll())
        ;
    CHECK_EQ(console_read(got, sizeof got), 1024);
    absent = true;
    CHECK(!console_poll());                          /* all ones is "gone", not data for ever */
    absent = false;
}

/* The kernel's lines and the monitor's bytes on one wire. */
static void shared(void)
{
    static const char expected[] = "cordon: one 1\r\ncordon: two\r\n> he\r\ncordon: NMI ignored\r\n"
                                   "lp\r\n\r\r\ncordon: last words\r\n";
    sent_len = 0;
    console_input_on();
    CHECK_EQ(ier, 1);
    log_line("one %d", 1);
    log_line("two");
    CHECK_EQ(console_write("> he", 4), 4);
    console_nmi_line();
    CHECK_EQ(console_write("lp\r\n\r", 5), 5);
    console_last_words();
    log_line("last words");
    sent[sent_len] = 0;
    CHECK_STR(sent, expected);
}

/* Power goes only when the last byte is out, and in any case soon. */
static void drain(void)
{
    idle_at = fake_hw.now_us + 5000;
    console_drain();
    CHECK(fake_hw.now_us >= idle_at && fake_hw.now_us < idle_at + 100);
    uint64_t from = fake_hw.now_us;
    idle_at = ~0ull;
    console_drain();
    CHECK(fake_hw.now_us - from < 400000);
    idle_at = 0;
    absent = true;
    from = fake_hw.now_us;
    console_drain();
    CHECK(fake_hw.now_us - from < 100);
    absent = false;
}

int main(void)
{
    fake_hw_reset();
    fake_hw.in = uart_in;
    fake_hw.out = uart_out;
    before();
    lines();
    input();
    drain();
    shared();
    return unit_done();
}
