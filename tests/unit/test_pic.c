/* link: vmm/pic.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* 8259 pair: priorities, EOI kinds, cascade, level lines, spurious, poll, masks. */
#include "vmm/pic.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"

static struct pic pic;

static void start(uint8_t icw4)
{
    memset(&fake, 0, sizeof fake);
    pic_init(&pic);
    pic_port_out(&pic, 0x20, 0x11);
    pic_port_out(&pic, 0x21, 0x30);
    pic_port_out(&pic, 0x21, 0x04);
    pic_port_out(&pic, 0x21, icw4);
    pic_port_out(&pic, 0xa0, 0x11);
    pic_port_out(&pic, 0xa1, 0x38);
    pic_port_out(&pic, 0xa1, 0x02);
    pic_port_out(&pic, 0xa1, icw4);
}

static void pulse(unsigned irq)
{
    pic_set_line(&pic, irq, true);
    pic_set_line(&pic, irq, false);
}

static uint8_t read_isr(uint16_t port)
{
    pic_port_out(&pic, port, 0x0b);
    return (uint8_t)pic_port_in(&pic, port);
}

static uint8_t read_irr(uint16_t port)
{
    pic_port_out(&pic, port, 0x0a);
    return (uint8_t)pic_port_in(&pic, port);
}

static void basics(void)
{
    pic_init(&pic);
    pulse(0);
    CHECK(!pic.output);                     /* masked before it is programmed */
    CHECK_EQ(pic_port_in(&pic, 0x21), 0xff);
    start(1);
    CHECK_EQ(pic_port_in(&pic, 0x21), 0);
    pic_port_out(&pic, 0x21, 0xf0);
    CHECK_EQ(pic_port_in(&pic, 0x21), 0xf0);
    pulse(3);
    CHECK(pic.output && fake.extint);
    pulse(1);
    CHECK_EQ(fake.extint_calls, 1);
    CHECK_EQ(read_irr(0x20), 0x0a);
    CHECK_EQ(pic_ack(&pic), 0x31);
    CHECK_EQ(read_isr(0x20), 0x02);
    CHECK(!pic.output);                     /* 3 is below 1 */
    pulse(0);
    CHECK(pic.output);                      /* 0 is above 1 */
    CHECK_EQ(pic_ack(&pic), 0x30);
    pic_port_out(&pic, 0x20, 0x20);
    CHECK_EQ(read_isr(0x20), 0x02);
    pic_port_out(&pic, 0x20, 0x61);         /* specific EOI of 1 */
    CHECK(pic.output);
    CHECK_EQ(pic_ack(&pic), 0x33);
    pic_port_out(&pic, 0x20, 0x20);
    CHECK_EQ(read_isr(0x20), 0);
    pic_port_out(&pic, 0x20, 0x20);         /* EOI of nothing */
    CHECK(!pic.output);
    pulse(6);                               /* masked */
    CHECK(!pic.output);
    CHECK(pic_is_masked(&pic, 6) && !pic_is_masked(&pic, 3));
    pic_port_out(&pic, 0x21, 0xb0);
    CHECK(pic.output);
    pic_port_out(&pic, 0x21, 0xff);
    CHECK(!pic.output);
    CHECK_EQ(pic_ack(&pic), 0x37);          /* spurious */
    CHECK_EQ(read_isr(0x20), 0);
    CHECK_EQ(fake.bad, 0);
}

static void cascade(void)
{
    start(1);
    pic_port_out(&pic, 0x21, 0x00);
    pic_port_out(&pic, 0xa1, 0x00);
    pic_set_line(&pic, 12, true);
    CHECK(pic.output);
    pic_set_line(&pic, 8, true);
    CHECK_EQ(pic_ack(&pic), 0x38);
    CHECK_EQ(read_isr(0x20), 0x04);
    CHECK_EQ(read_isr(0xa0), 0x01);
    pic_port_out(&pic, 0xa0, 0x20);
    pic_port_out(&pic, 0x20, 0x20);
    CHECK_EQ(pic_ack(&pic), 0x3c);
    pic_port_out(&pic, 0xa0, 0x64);
    pic_port_out(&pic, 0x20, 0x62);
    CHECK(!pic.output);
    pic_set_line(&pic, 8, false);
    pic_set_line(&pic, 8, true);
    pic_port_out(&pic, 0xa1, 0xff);
    CHECK(!pic.output);
    CHECK(pic_is_masked(&pic, 8));
    pic_port_out(&pic, 0xa1, 0x00);
    CHECK(!pic_is_masked(&pic, 8));
    pic_port_out(&pic, 0x21, 0x04);
    CHECK(pic_is_masked(&pic, 8));
    CHECK(!pic.output);
    CHECK_EQ(fake.bad, 0);
}

static void level(void)
{
    start(1);
    pic_port_out(&pic, 0x4d0, 0xff);
    CHECK_EQ(pic_port_in(&pic, 0x4d0), 0xf8);
    pic_port_out(&pic, 0x4d1, 0xff);
    CHECK_EQ(pic_port_in(&pic, 0x4d1), 0xde);
    pic_set_line(&pic, 9, true);
    CHECK_EQ(pic_ack(&pic), 0x39);
    pic_port_out(&pic, 0xa0, 0x20);
    pic_port_out(&pic, 0x20, 0x20);
    CHECK(pic.output);                      /* still asserted */
    CHECK_EQ(pic_ack(&pic), 0x39);
    pic_set_line(&pic, 9, false);
    pic_port_out(&pic, 0xa0, 0x20);
    pic_port_out(&pic, 0x20, 0x20);
    CHECK(!pic.output);
    pic_set_line(&pic, 5, true);
    pic_set_line(&pic, 5, false);           /* withdrawn before INTA */
    CHECK_EQ(pic_ack(&pic), 0x37);
    /* a slave's request that vanishes between the two INTA cycles cannot happen here,
     * but one masked at the slave is no request at the master either */
    pic_set_line(&pic, 10, true);
    pic_port_out(&pic, 0xa1, 0x04);
    CHECK_EQ(pic_ack(&pic), 0x37);
    pic_port_out(&pic, 0x20, 0x11);         /* ICW1 keeps level requests */
    CHECK_EQ(pic.chip[0].irr & 0xfb, 0);
}

static void modes(void)
{
    start(3);                               /* automatic EOI */
    pulse(4);
    CHECK_EQ(pic_ack(&pic), 0x34);
    CHECK_EQ(read_isr(0x20), 0);
    pic_port_out(&pic, 0x20, 0x80);         /* rotate on automatic EOI */
    pulse(4);
    CHECK_EQ(pic_ack(&pic), 0x34);
    pulse(4);
    pulse(5);
    CHECK_EQ(pic_ack(&pic), 0x35);          /* 4 is the lowest now */
    CHECK_EQ(pic_ack(&pic), 0x34);

    start(1);
    pic_port_out(&pic, 0x20, 0xc3);         /* 3 is the lowest */
    pulse(3);
    pulse(4);
    CHECK_EQ(pic_ack(&pic), 0x34);
    pic_port_out(&pic, 0x20, 0xa0);         /* rotate: 4 becomes the lowest */
    pulse(4);
    CHECK_EQ(pic_ack(&pic), 0x33);
    pic_port_out(&pic, 0x20, 0x20);
    CHECK_EQ(pic_ack(&pic), 0x34);
    pic_port_out(&pic, 0x20, 0xe4);         /* specific rotate */
    CHECK_EQ(pic.chip[0].lowest, 4);

    start(1);
    pulse(1);
    CHECK_EQ(pic_ack(&pic), 0x31);
    pulse(6);
    CHECK(!pic.output);
    pic_port_out(&pic, 0x21, 0x02);
    CHECK(!pic.output);
    pic_port_out(&pic, 0x20, 0x68);         /* special mask: 1 masked, so 6 may come */
    CHECK(pic.output);
    pic_port_out(&pic, 0x20, 0x48);
    CHECK(!pic.output);

    start(1);
    pulse(5);
    pic_port_out(&pic, 0x20, 0x0c);         /* poll */
    CHECK_EQ(pic_port_in(&pic, 0x20), 0x85);
    CHECK_EQ(read_isr(0x20), 0x20);
    CHECK(!pic.output);
    pic_port_out(&pic, 0x20, 0x0c);
    CHECK_EQ(pic_port_in(&pic, 0x20) & 0x80, 0);
    pic_set_line(&pic, 14, true);
    pic_port_out(&pic, 0x20, 0x25);
    CHECK_EQ(fake.bad, 0);

    start(0x11);                            /* special fully nested: the slave may interrupt itself */
    pic_set_line(&pic, 14, true);
    CHECK_EQ(pic_ack(&pic), 0x3e);
    CHECK(!pic.output);
    pic_set_line(&pic, 8, true);
    CHECK(pic.output);
    CHECK_EQ(pic_ack(&pic), 0x38);
}

static void fuzz(void)
{
    static const uint16_t port[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1 };
    uint32_t x = 12345;

    start(1);
    for (unsigned i = 0; i < 300000; i++) {
        x = x * 1664525 + 1013904223;
        switch (x >> 29) {
        case 0: case 1: pic_port_out(&pic, port[(x >> 8) % 6], (uint8_t)(x >> 16)); break;
        case 2: (void)pic_port_in(&pic, port[(x >> 8) % 6]); break;
        case 3: (void)pic_ack(&pic); break;
        default: pic_set_line(&pic, (x >> 8 & 15) == 2 ? 3 : x >> 8 & 15, x >> 16 & 1);
        }
        if (pic.output != fake.extint)
            unit_failures++;
    }
    CHECK_EQ(fake.bad, 0);
}

int main(void)
{
    basics();
    cascade();
    level();
    modes();
    fuzz();
    return unit_done();
}
