/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INTx of an assigned function, by the I/O APIC and by the 8259s: level semantics, again after EOI while the device asserts,
 * none while masked, none lost, none too many. An e1000 or e1000e (its cause set register) or edu. The word `plain`: the
 * device has no INTx disable and no interrupt status in its config space (Bochs).
 */
#include "tests/guest/lib/rt.h"

#include "vmm/guest_hw.h"

#define E1000     0x100e8086u
#define E1000E    0x10d38086u
#define EDU       0x11e81234u
#define ICR       0xc0u          /* e1000: a read clears */
#define ICS       0xc8u
#define IMS       0xd0u
#define IMC       0xd8u
#define   CAUSE     0x10u
#define EDU_RAISE 0x60u
#define EDU_ACK   0x64u

#define PIN       GHW_GSI_PCI    /* the first line of the guest */
#define VECTOR    0x50u
#define PIC_BASE  0x30u
#define RTE       (0x10u + 2 * PIN)
#define LOW       0x2000u
#define REMOTE    0x4000u
#define LEVEL     0x8000u
#define MASKED    0x10000u
#define ROUNDS    200u
#define AGAIN     5u             /* deliveries before the handler quiets the device */

static unsigned devfn;
static uint32_t id;
static uintptr_t bar;
static bool x2;
static volatile unsigned taken, again;
static volatile uint32_t rte_inside, rte_after;
#define NAME(n) (x2 ? "x2-" n : "x-" n)

static uint16_t select(unsigned off)
{
    outl(GHW_CF8, 0x80000000u | devfn << 8 | (off & 0xfcu));
    return (uint16_t)(GHW_CF8 + 4 + (off & 3u));
}

static uint32_t rd(unsigned off) { return inl(select(off)); }
static void command(uint16_t v) { outw(select(4), v); }
static bool status_bit(void) { return inw(select(6)) & 8; }

static bool find(void)
{
    for (devfn = 8; devfn < 0xf8; devfn++) {
        id = rd(0);
        if (id == E1000 || id == E1000E || id == EDU)
            return true;
    }
    return false;
}

static void raise(void) { mmio_wr32(bar + (id == EDU ? EDU_RAISE : ICS), CAUSE); }

static void quiet(void)
{
    if (id == EDU)
        mmio_wr32(bar + EDU_ACK, CAUSE);
    else
        (void)mmio_rd32(bar + ICR);
}

static uint32_t pin_rd(void)
{
    mmio_wr32(GHW_IOAPIC_BASE, RTE);
    return mmio_rd32(GHW_IOAPIC_BASE + 0x10);
}

static void pin_wr(uint32_t low)
{
    mmio_wr32(GHW_IOAPIC_BASE, RTE);
    mmio_wr32(GHW_IOAPIC_BASE + 0x10, low);
}

static void on(struct rt_frame *f)
{
    taken++;
    if (again != 0 && --again == 0)
        quiet();
    if (f->vector == VECTOR) {
        rte_inside = pin_rd();
        lapic_eoi();
        rte_after = pin_rd();
    } else {
        outb(GHW_PIC2, 0x20);
        outb(GHW_PIC1, 0x20);
    }
}

static bool wait(unsigned want)
{
    uint64_t end = rdtsc() + 4000000000ull;
    while (taken < want && rdtsc() < end)
        sti_nop_cli();
    return taken >= want;
}

/* How many come in 20 ms, at the TSC's rate in kHz. */
static unsigned count(void)
{
    unsigned before = taken;
    uint64_t end = rdtsc() + 20ull * cpuid(0x40000010, 0).eax;
    sti();
    while (rdtsc() < end)
        pause();
    cli();
    return taken - before;
}

/* The device asserts until it has been taken so often; what came. */
static unsigned deliver(unsigned times)
{
    unsigned before = taken;
    again = times;
    raise();
    wait(before + times);
    return taken - before;
}

static unsigned many(void)
{
    unsigned wrong = 0;
    for (unsigned i = 0; i < ROUNDS; i++)
        wrong += deliver(1) != 1;
    return wrong;
}

static void by_ioapic(void)
{
    const uint32_t open = VECTOR | LEVEL | LOW;
    mmio_wr32(GHW_IOAPIC_BASE, RTE + 1);
    mmio_wr32(GHW_IOAPIC_BASE + 0x10, 0);
    pin_wr(MASKED | open);
    raise();
    rt_equal(NAME("none-while-masked"), count(), 0);
    quiet();
    pin_wr(open);
    rt_equal(NAME("none-without-a-cause"), count(), 0);
    rt_equal(NAME("one"), deliver(1), 1);
    rt_equal(NAME("remote-irr"), rte_inside & REMOTE, REMOTE);
    rt_equal(NAME("remote-irr-after-eoi"), rte_after & REMOTE, 0);
    rt_equal(NAME("none-more"), count(), 0);
    rt_equal(NAME("again-while-asserted"), deliver(AGAIN), AGAIN);
    rt_equal(NAME("quiet-when-it-is"), count(), 0);
    rt_equal(NAME("one-for-each"), many(), 0);
    rt_equal(NAME("none-too-many"), count(), 0);
    pin_wr(MASKED | open);
    again = 1;
    unsigned before = taken;
    raise();
    rt_equal(NAME("masked-again"), count(), 0);
    pin_wr(open);
    rt_check(wait(before + 1), NAME("comes-when-unmasked"));
    rt_equal(NAME("once"), count(), 0);
}

static void by_config(void)
{
    rt_check(!status_bit(), "status-bit-clear");
    command(0x402);
    unsigned before = taken;
    again = 1;
    raise();
    rt_check(status_bit(), "status-bit-shows-the-device");
    rt_equal("none-while-intx-is-off", count(), 0);
    command(2);
    rt_check(wait(before + 1), "comes-when-intx-is-on");
    rt_equal("that-once", count(), 0);
    rt_check(!status_bit(), "status-bit-clear-again");
}

static void by_pic(void)
{
    unsigned irq = rd(0x3c) & 0xff;
    pin_wr(MASKED);
    if (irq < 8 || irq > 15) {
        rt_fail("pic-line", "the line register says %u", irq);
        return;
    }
    rt_on(PIC_BASE + irq, on);
    outb(GHW_PIC1, 0x11);
    outb(GHW_PIC1 + 1, PIC_BASE);
    outb(GHW_PIC1 + 1, 4);
    outb(GHW_PIC1 + 1, 1);
    outb(GHW_PIC2, 0x11);
    outb(GHW_PIC2 + 1, PIC_BASE + 8);
    outb(GHW_PIC2 + 1, 2);
    outb(GHW_PIC2 + 1, 1);
    outb(GHW_PIC1 + 1, 0xfb);
    outb(GHW_PIC2 + 1, 0xff);
    rt_equal("pic-line-is-level", inb(GHW_ELCR + 1) >> (irq - 8) & 1, 1);
    raise();
    rt_equal("pic-none-while-masked", count(), 0);
    quiet();
    outb(GHW_PIC2 + 1, (uint8_t)~(1u << (irq - 8)));
    rt_equal("pic-none-without-a-cause", count(), 0);
    rt_equal("pic-one", deliver(1), 1);
    rt_equal("pic-none-more", count(), 0);
    rt_equal("pic-again-while-asserted", deliver(AGAIN), AGAIN);
    rt_equal("pic-quiet-when-it-is", count(), 0);
    rt_equal("pic-one-for-each", many(), 0);
    outb(GHW_PIC2 + 1, 0xff);
}

void guest_main(void)
{
    if (!find()) {
        rt_fail("function", "no e1000, e1000e or edu is here");
        return;
    }
    command(2);
    bar = rd(0x10) & ~15u;
    rt_print("note: %02x.%x is %08x at %lx, pin and line %04x\n", devfn >> 3, devfn & 7, id, bar, rd(0x3c) & 0xffff);
    rt_equal("interrupt-pin", rd(0x3c) >> 8 & 0xff, 1);
    if (id != EDU) {
        mmio_wr32(bar + IMC, ~0u);
        quiet();
        mmio_wr32(bar + IMS, CAUSE);
    }
    rt_on(VECTOR, on);
    by_pic();
    lapic_wr(0xf, 0x1ff);
    for (unsigned n = 0; n < 2; n++) {
        by_ioapic();
        x2 = lapic_x2_on();
        if (n == 0 && !x2)
            rt_fail("x2apic", "is missing");
    }
    if (!rt_option("plain"))
        by_config();
}
