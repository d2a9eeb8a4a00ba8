/* SPDX-License-Identifier: BSD-2-Clause */
/* 8259A pair. Register layouts by the 8259A data sheet; ELCR as in ICH LPC bridges. */
#include "vmm/pic.h"

#include "vmm/host.h"

#define NONE        8u
#define CASCADE     2u              /* master input of the slave */

#define ICW1_IC4    0x01u           /* ICW4 follows */
#define ICW1_SNGL   0x02u           /* no slave: no ICW3 */
#define ICW1_INIT   0x10u
#define ICW4_AEOI   0x02u
#define ICW4_SFNM   0x10u
#define OCW2_EOI    0x20u
#define OCW2_SL     0x40u           /* bits 0-2 name the level */
#define OCW2_R      0x80u           /* rotate */
#define OCW3_SELECT 0x08u
#define OCW3_ESMM   0x40u
#define OCW3_SMM    0x20u
#define OCW3_POLL   0x04u
#define OCW3_RR     0x02u
#define OCW3_RIS    0x01u

/* Edge only on a PC: timer, keyboard, cascade; RTC and coprocessor. */
static const uint8_t elcr_mask[2] = { 0xf8, 0xde };

/* The end of service. A held source is quiet until it is asked again, so its line goes down with it. */
static void end(struct pic_chip *chip, unsigned input)
{
    uint8_t done = (uint8_t)(BIT32(input) & chip->held);

    chip->isr &= (uint8_t)~BIT32(input);
    chip->ended |= done;
    chip->lines &= (uint8_t)~done;
    chip->irr &= (uint8_t)~done;
}

/* Input of the highest priority in set, NONE if it is empty. */
static unsigned highest(const struct pic_chip *chip, uint8_t set)
{
    for (unsigned i = 1; i <= 8; i++) {
        unsigned input = (chip->lowest + i) & 7u;

        if (set & BIT32(input))
            return input;
    }
    return NONE;
}

static unsigned rank(const struct pic_chip *chip, unsigned input) { return (input + 7u - chip->lowest) & 7u; }

/* The input that INTA would take now, NONE if there is none. */
static unsigned request(const struct pic_chip *chip, bool is_master)
{
    uint8_t serving = chip->isr;
    unsigned input = highest(chip, chip->irr & (uint8_t)~chip->imr), busy;

    if (input == NONE)
        return NONE;
    if (chip->special_mask)
        serving &= (uint8_t)~chip->imr;
    if (is_master && chip->nested && input == CASCADE)
        serving &= (uint8_t)~BIT32(CASCADE);
    busy = highest(chip, serving);
    if (busy != NONE && rank(chip, input) >= rank(chip, busy))
        return NONE;
    return input;
}

static void chip_line(struct pic_chip *chip, unsigned input, bool level)
{
    uint8_t bit = (uint8_t)BIT32(input);
    bool was = chip->lines & bit;

    chip->lines = level ? chip->lines | bit : chip->lines & (uint8_t)~bit;
    if (chip->elcr & bit)
        chip->irr = level ? chip->irr | bit : chip->irr & (uint8_t)~bit;
    else if (level && !was)
        chip->irr |= bit;
}

/* Carries the slave's output to the master and the master's to the CPU. */
static void update(struct pic *pic)
{
    bool slave = request(&pic->chip[1], false) != NONE, out;
    uint8_t bit = (uint8_t)BIT32(CASCADE);

    /* The cascade input follows its line: nobody else can withdraw a slave's request. */
    pic->chip[0].irr = slave ? pic->chip[0].irr | bit : pic->chip[0].irr & (uint8_t)~bit;
    out = request(&pic->chip[0], true) != NONE;
    if (out == pic->output)
        return;
    pic->output = out;
    host_extint(out);
}

void pic_init(struct pic *pic)
{
    memset(pic, 0, sizeof *pic);
    for (unsigned i = 0; i < 2; i++) {
        pic->chip[i].lowest = 7;
        pic->chip[i].imr = 0xff;        /* until ICW1..ICW4 nothing is known */
    }
}

void pic_set_line(struct pic *pic, unsigned irq, bool level)
{
    chip_line(&pic->chip[irq >> 3 & 1u], irq & 7u, level);
    update(pic);
}

bool pic_is_masked(const struct pic *pic, unsigned irq)
{
    const struct pic_chip *chip = &pic->chip[irq >> 3 & 1u];
    bool cascade_off = irq >= 8 && (pic->chip[0].imr & BIT32(CASCADE));

    return cascade_off || (chip->imr & BIT32(irq & 7u));
}

/* INTA on one chip: the input, or 7 for a request that is gone. */
static unsigned chip_ack(struct pic_chip *chip, bool is_master)
{
    unsigned input = request(chip, is_master);
    uint8_t bit;

    if (input == NONE)
        return 7;
    bit = (uint8_t)BIT32(input);
    if (!(chip->elcr & bit))
        chip->irr &= (uint8_t)~bit;
    chip->isr |= bit;
    if (chip->auto_eoi)
        end(chip, input);
    if (chip->auto_eoi && chip->rotate_aeoi)
        chip->lowest = (uint8_t)input;
    return input;
}

uint8_t pic_ack(struct pic *pic)
{
    unsigned input = chip_ack(&pic->chip[0], true);
    uint8_t vector = (uint8_t)(pic->chip[0].base + input);

    if (input == CASCADE)
        vector = (uint8_t)(pic->chip[1].base + chip_ack(&pic->chip[1], false));
    update(pic);
    return vector;
}

/* EOI, rotation and priority; every pair of R, SL, EOI has its own meaning. */
static void write_ocw2(struct pic_chip *chip, uint8_t value)
{
    unsigned level = value & 7u;

    if (!(value & OCW2_SL)) {
        uint8_t serving = chip->special_mask ? chip->isr & (uint8_t)~chip->imr : chip->isr;

        level = highest(chip, serving);
    }
    if (value & OCW2_EOI) {
        if (level == NONE)
            return;
        if (chip->isr & BIT32(level))
            end(chip, level);
        if (value & OCW2_R)
            chip->lowest = (uint8_t)level;
    } else if (value & OCW2_SL) {
        if (value & OCW2_R)
            chip->lowest = (uint8_t)level;
    } else {
        chip->rotate_aeoi = value & OCW2_R;
    }
}

static void write_ocw3(struct pic_chip *chip, uint8_t value)
{
    if (value & OCW3_ESMM)
        chip->special_mask = value & OCW3_SMM;
    if (value & OCW3_RR)
        chip->read_isr = value & OCW3_RIS;
    chip->poll = value & OCW3_POLL;
}

static void write_icw1(struct pic_chip *chip, uint8_t value)
{
    chip->init = 2;
    chip->want_icw4 = value & ICW1_IC4;
    chip->single = value & ICW1_SNGL;
    chip->imr = chip->isr = 0;
    chip->irr = chip->lines & chip->elcr;       /* edge detectors start afresh */
    chip->lowest = 7;
    chip->auto_eoi = chip->rotate_aeoi = chip->special_mask = chip->nested = false;
    chip->read_isr = chip->poll = false;
}

static void write_data(struct pic_chip *chip, uint8_t value)
{
    switch (chip->init) {
    case 2:
        chip->base = value & 0xf8u;
        chip->init = !chip->single ? 3 : chip->want_icw4 ? 4 : 0;
        return;
    case 3:                                     /* the wiring is fixed */
        chip->init = chip->want_icw4 ? 4 : 0;
        return;
    case 4:
        chip->auto_eoi = value & ICW4_AEOI;
        chip->nested = value & ICW4_SFNM;
        chip->init = 0;
        return;
    default:
        chip->imr = value;
    }
}

static uint8_t chip_poll(struct pic_chip *chip, bool is_master)
{
    unsigned input = request(chip, is_master);

    chip->poll = false;
    if (input == NONE)
        return 7;
    return (uint8_t)(0x80u | chip_ack(chip, is_master));
}

static uint8_t chip_in(struct pic_chip *chip, bool is_master, bool data)
{
    if (chip->poll)
        return chip_poll(chip, is_master);
    if (data)
        return chip->imr;
    return chip->read_isr ? chip->isr : chip->irr;
}

uint32_t pic_port_in(struct pic *pic, uint16_t port)
{
    unsigned which = (port & 0xfffeu) == 0x4d0 ? port & 1u : (unsigned)(port >= 0xa0);
    uint8_t value;

    if ((port & 0xfffeu) == 0x4d0)
        return pic->chip[which].elcr;
    value = chip_in(&pic->chip[which], which == 0, port & 1u);
    update(pic);
    return value;
}

static void write_elcr(struct pic_chip *chip, uint8_t value)
{
    chip->elcr = value;
    chip->irr = (uint8_t)((chip->irr & ~value) | (chip->lines & value));
}

void pic_port_out(struct pic *pic, uint16_t port, uint8_t value)
{
    bool elcr = (port & 0xfffeu) == 0x4d0;
    unsigned which = elcr ? port & 1u : (unsigned)(port >= 0xa0);
    struct pic_chip *chip = &pic->chip[which];

    if (elcr)
        write_elcr(chip, value & elcr_mask[which]);
    else if (port & 1u)
        write_data(chip, value);
    else if (value & ICW1_INIT)
        write_icw1(chip, value);
    else if (value & OCW3_SELECT)
        write_ocw3(chip, value);
    else
        write_ocw2(chip, value);
    update(pic);
}
