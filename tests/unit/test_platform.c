/* link: vmm/platform.c vmm/bus.c vmm/pic.c vmm/pit.c vmm/rtc.c vmm/uart.c vmm/ioapic.c vmm/pm.c vmm/hostbridge.c vmm/vpci.c vmm/vpci_image.c vmm/vpci_bar.c vmm/vmsi.c kernel/lib/fmt.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole board: wiring, the shared timer, config space by both mechanisms, fuzz of all ports. */
#include "vmm/platform.h"

#include "tests/unit/fake/vmm_host.h"
#include "tests/unit/unit.h"
#include "vmm/guest_hw.h"

static struct platform p;
static struct vmm_start boot;

static void start(void)
{
    memset(&fake, 0, sizeof fake);
    memset(&boot, 0, sizeof boot);
    fake.now = 1000;
    boot.tsc_hz = 1000000000;
    boot.ram = 256 << 20;
    boot.epoch = 1700000000;
    boot.devices = 1;
    boot.device[0] = (struct vmm_device){ .devfn = 0x28, .irqs = 1, .msix = 1 };
    fake.info[0] = (struct dev_info){ .vendor = 0x8086, .device = 0x10d3, .msix_off = 0xa0, .msix_count = 1,
        .bar = { { 0xfeb00000, 0x4000, 0, 0 } } };
    CHECK_EQ(platform_init(&p, &boot), ST_OK);
    CHECK_EQ(p.reason[0], 0);
}

static uint32_t in(uint16_t port, unsigned size)
{
    uint32_t v;

    (void)bus_port_in(&p.bus, port, size, &v);
    return v;
}
static void out(uint16_t port, unsigned size, uint32_t v) { (void)bus_port_out(&p.bus, port, size, v); }
static uint32_t rd(uint64_t gpa, unsigned size)
{
    uint64_t v;

    (void)bus_mmio_read(&p.bus, gpa, size, &v);
    return (uint32_t)v;
}

static void pic_on(uint8_t imr)
{
    out(0x20, 1, 0x11); out(0x21, 1, 0x20); out(0x21, 1, 4); out(0x21, 1, 1);
    out(0xa0, 1, 0x11); out(0xa1, 1, 0x28); out(0xa1, 1, 2); out(0xa1, 1, 1);
    out(0x21, 1, imr); out(0xa1, 1, 0);
}

static void timer(void)
{
    start();
    CHECK_EQ(platform_next_deadline(&p), CLOCK_NEVER);
    CHECK_EQ(fake.timer_calls, 0);
    out(0x43, 1, 0x34);
    out(0x40, 1, 0x9c);
    out(0x40, 1, 0x2e);                     /* 100 Hz */
    CHECK_EQ(fake.timer_calls, 0);          /* nobody listens: no tick */
    pic_on(0xff);
    CHECK_EQ(p.deadline, CLOCK_NEVER);
    fake.timer_calls = 0;
    out(0x21, 1, 0xfe);
    CHECK_EQ(fake.timer_calls, 1);
    CHECK(fake.timer > 9000000 && fake.timer < 11000000);
    fake.now = fake.timer;
    platform_timer(&p);
    CHECK(platform_extint_pending(&p) && fake.extint);
    CHECK_EQ(platform_extint_ack(&p), 0x20);
    CHECK_EQ(fake.timer_calls, 2);
    platform_timer(&p);                     /* too early: armed again, no interrupt */
    CHECK_EQ(fake.timer_calls, 3);
    out(0x20, 1, 0x20);
    CHECK(!platform_extint_pending(&p));
    out(0x21, 1, 0xff);
    CHECK_EQ(fake.timer, CLOCK_NEVER);
    CHECK(bus_mmio_write(&p.bus, GHW_IOAPIC_BASE, 4, 0x14));
    CHECK(bus_mmio_write(&p.bus, GHW_IOAPIC_BASE + 0x10, 4, 0x30));   /* IRQ 0 = pin 2 */
    CHECK(fake.timer != CLOCK_NEVER);
    fake.now = fake.timer;
    fake.msis = 0;
    platform_timer(&p);
    CHECK_EQ(fake.msi_data & 0xff, 0x30);
    CHECK_EQ(fake.msis, 1);
    out(0x70, 1, 0x0b);
    out(0x71, 1, 0x12);                     /* RTC update interrupts share the timer */
    CHECK_EQ(platform_next_deadline(&p), MIN(p.rtc.deadline, p.pit.deadline));
    CHECK_EQ(fake.timer, platform_next_deadline(&p));
}

static void lines(void)
{
    start();
    pic_on(0);
    out(0x3fc, 1, 0x0b);
    out(0x3f9, 1, 0x01);
    memcpy(fake.in, "hi", fake.in_len = 2);
    platform_console(&p);
    CHECK_EQ(platform_extint_ack(&p), 0x24);
    CHECK_EQ(in(0x3f8, 1), 'h');
    CHECK_EQ(in(0x3f8, 1), 'i');
    out(0x20, 1, 0x20);
    out(0x4d0, 2, 0x0200);                  /* IRQ 9 level, both registers in one word */
    CHECK_EQ(in(0x4d0, 2), 0x0200);
    CHECK(bus_mmio_write(&p.bus, GHW_IOAPIC_BASE, 1, 0x10 + 18));
    CHECK(bus_mmio_write(&p.bus, GHW_IOAPIC_BASE + 0x10, 4, 0x8039));
    out(0x602, 2, 0x100);
    platform_request(&p, VMM_REQ_POWER_BUTTON);
    CHECK_EQ(fake.msi_data, 0xc039);
    CHECK_EQ(platform_extint_ack(&p), 0x29);
    fake.msis = 0;
    platform_eoi(&p, 0x39);
    CHECK_EQ(fake.msis, 1);
    out(0x600, 2, 0x100);
    platform_eoi(&p, 0x39);
    CHECK_EQ(fake.msis, 1);
    platform_request(&p, VMM_REQ_DUMP);
    CHECK_EQ(fake.logs, 1);
    platform_request(&p, 12345);
    CHECK_EQ(platform_outcome(&p), PM_RUNNING);
    out(0x604, 2, 0x3401);
    CHECK_EQ(platform_outcome(&p), PM_OFF);
    start();
    out(0xcf9, 1, 6);
    CHECK_EQ(platform_outcome(&p), PM_RESET);
    start();
    out(0x64, 1, 0xfe);
    CHECK_EQ(platform_outcome(&p), PM_RESET);
}

/* Two functions on one line of the host, one on another. */
static void start_intx(void)
{
    start();
    boot.devices = 3;
    for (unsigned i = 0; i < 3; i++) {
        boot.device[i] = (struct vmm_device){ .devfn = (uint8_t)(0x28 + 8 * i), .pin = 1, .line = i == 2 };
        fake.info[i] = (struct dev_info){ .vendor = 0x8086, .device = 0x100e, .pin = 1 };
    }
    memset(&fake.intx_opens, 0, sizeof fake.intx_opens);
    CHECK_EQ(platform_init(&p, &boot), ST_OK);
}

static void rte(unsigned pin, uint32_t low)
{
    (void)bus_mmio_write(&p.bus, GHW_IOAPIC_BASE, 4, 0x10 + 2 * pin);
    (void)bus_mmio_write(&p.bus, GHW_IOAPIC_BASE + 0x10, 4, low);
}

static void intx_ioapic(void)
{
    start_intx();
    platform_intx(&p, 3);
    CHECK(p.lines.level == 0 && fake.intx_opens[0] == 0);        /* it cannot have come: nobody has asked */
    rte(16, 0xa040);
    CHECK(fake.intx_opens[0] == 1 && fake.intx_opens[1] == 0 && fake.intx_opens[2] == 0);
    CHECK_EQ(fake.msis, 0);
    platform_intx(&p, 1);
    CHECK(fake.msis == 1 && fake.msi_data == 0xc040);
    platform_intx(&p, 1);
    CHECK(fake.msis == 1 && fake.intx_opens[0] == 1);
    platform_eoi(&p, 0x40);
    CHECK(fake.intx_opens[0] == 2 && p.lines.level == 0 && fake.msis == 1);
    platform_eoi(&p, 0x40);                                      /* without an interrupt: nothing */
    CHECK_EQ(fake.intx_opens[0], 2);
    platform_intx(&p, 1);                                        /* still asserted */
    CHECK_EQ(fake.msis, 2);
    rte(16, 0x1a040);
    platform_eoi(&p, 0x40);                                      /* masked at the EOI, as by a threaded handler: */
    CHECK(fake.intx_opens[0] == 2 && p.lines.level == 0);        /* the host is asked when the guest listens again */
    rte(16, 0xa040);
    CHECK(fake.intx_opens[0] == 3 && fake.msis == 2);
    rte(16, 0x1a040);
    platform_intx(&p, 1);                                        /* comes while masked: asked again after that */
    CHECK(fake.msis == 2 && p.lines.level == 0 && fake.intx_opens[0] == 3);
    rte(16, 0xa040);
    CHECK(fake.msis == 2 && fake.intx_opens[0] == 4);
    platform_intx(&p, 1);
    CHECK_EQ(fake.msis, 3);
    fake.irq_status = ST_BUSY;
    platform_eoi(&p, 0x40);
    fake.irq_status = ST_OK;
    unsigned before = fake.intx_opens[0];
    rte(17, 0xa041);                                             /* what failed is tried again */
    CHECK(fake.intx_opens[0] == before + 1 && fake.intx_opens[2] == 1);
    CHECK_EQ(fake.bad, 0);
}

static void intx_pic(void)
{
    start_intx();
    CHECK_EQ(in(0x4d1, 1), 0x0c);
    CHECK_EQ(bus_cfg_read(&p.bus, 0x28, 0x3c, 2), 0x10a);
    CHECK_EQ(bus_cfg_read(&p.bus, 0x38, 0x3c, 2), 0x10b);
    CHECK_EQ(fake.intx_opens[0], 0);
    pic_on(0);
    CHECK(fake.intx_opens[0] == 1 && fake.intx_opens[2] == 1);
    platform_intx(&p, 1);
    CHECK(fake.extint);
    CHECK_EQ(platform_extint_ack(&p), 0x2a);
    out(0xa0, 1, 0x20);
    out(0x20, 1, 0x20);
    CHECK(!fake.extint && fake.intx_opens[0] == 2 && fake.intx_opens[2] == 1);
    platform_intx(&p, 2);
    CHECK_EQ(platform_extint_ack(&p), 0x2b);
    out(0xa1, 1, 0x08);
    out(0xa0, 1, 0x63);                                          /* specific EOI, while masked */
    out(0x20, 1, 0x20);
    CHECK_EQ(fake.intx_opens[2], 1);
    out(0xa1, 1, 0);
    CHECK_EQ(fake.intx_opens[2], 2);
    out(0xa0, 1, 0x11); out(0xa1, 1, 0x28); out(0xa1, 1, 2); out(0xa1, 1, 3); out(0xa1, 1, 0);    /* automatic EOI */
    platform_intx(&p, 1);
    CHECK_EQ(platform_extint_ack(&p), 0x2a);
    CHECK_EQ(fake.intx_opens[0], 3);
    CHECK_EQ(fake.bad, 0);
}

static void absent(void)
{
    static const uint16_t port[] = { 0x2e, 0x4e, 0x60, 0x64, 0x2e9, 0x2f9, 0x2f8, 0x3d4, 0x1f0, 0x278, 0xf4, 0x402,
                                     0x510, 0xb2, 0x72, 0x87, 0xffff };

    start();
    for (unsigned i = 0; i < ARRAY_LEN(port); i++) {
        CHECK_EQ(in(port[i], 1), 0xff);
        out(port[i], 1, 0);
    }
    CHECK_EQ(in(0x5658, 4), 0xffffffff);
    out(0x80, 1, 0x42);
    CHECK_EQ(in(0x80, 1), 0x42);
    CHECK_EQ(rd(0xfed00000, 4), 0xffffffff);
    CHECK_EQ(rd(0xc0001000, 4), 0xffffffff);
    CHECK_EQ(rd(0xa0000, 1), 0xff);
}

static uint32_t cf8(unsigned devfn, unsigned reg, unsigned size)
{
    out(0xcf8, 4, 0x80000000u | devfn << 8 | (reg & 0xfc));
    return in((uint16_t)(0xcfc + (reg & 3)), size);
}

static void config(void)
{
    start();
    out(0xcf8, 1, 0x55);                    /* bytes do not reach CONFIG_ADDRESS */
    out(0xcf8, 4, 0x80000000);
    CHECK_EQ(in(0xcf8, 4), 0x80000000);
    CHECK_EQ(cf8(0, 0, 4), 0x29c08086);
    CHECK_EQ(cf8(0, 2, 2), 0x29c0);
    CHECK_EQ(cf8(0, 0xb, 1), 0x06);
    CHECK_EQ(cf8(0xf8, 0, 4), 0x29188086);
    CHECK_EQ(cf8(0xf8, 0x40, 4), 0x601);
    CHECK_EQ(cf8(0xf9, 0, 4), 0xffffffff);
    CHECK_EQ(cf8(0x28, 0, 4), 0x10d38086);
    CHECK_EQ(cf8(0x28, 1, 2), 0xd380);      /* across, not aligned */
    CHECK_EQ(cf8(0x28, 2, 4), 0xffff10d3);  /* leaves the data port: cut, nothing behind */
    out(0xcf8, 4, 0x80010000);              /* bus 1 */
    CHECK_EQ(in(0xcfc, 4), 0xffffffff);
    out(0xcf8, 4, 0x00000000);              /* not enabled */
    CHECK_EQ(in(0xcfc, 2), 0xffff);
    out(0xcfc, 4, 1);
    CHECK_EQ(in(0xcfa, 4), 0xffffffff);

    for (unsigned devfn = 0; devfn < 256; devfn++) {
        uint64_t ecam = GUEST_ECAM_BASE + (devfn << 12);
        bool there = devfn == 0 || devfn == 0xf8 || devfn == 0x28;

        CHECK_EQ(rd(ecam, 4) != 0xffffffff, there);
        for (unsigned reg = 0; there && reg < 256; reg += 4) {
            CHECK_EQ(rd(ecam + reg, 4), cf8(devfn, reg, 4));
            CHECK_EQ(rd(ecam + reg + 1, 2), cf8(devfn, reg + 1, 2));
            CHECK_EQ(rd(ecam + reg + 3, 1), cf8(devfn, reg + 3, 1));
        }
        CHECK_EQ(rd(ecam + 0x100, 4), there ? 0 : 0xffffffff);
    }
    {
        uint64_t v;

        CHECK(bus_mmio_read(&p.bus, GUEST_ECAM_BASE + 0x28000, 8, &v));
        CHECK_EQ(v & 0xffffffff, 0x10d38086);
        CHECK_EQ(v >> 32 & 0xffff, 0);
        CHECK(bus_mmio_read(&p.bus, GUEST_ECAM_BASE + 0x28ffc, 8, &v));
        CHECK_EQ(v, 0xffffffff00000000ull);
        CHECK(!bus_mmio_read(&p.bus, GUEST_ECAM_BASE + 0x100000, 4, &v));
        CHECK(!bus_mmio_read(&p.bus, GUEST_ECAM_BASE + 0xffffe, 4, &v));
    }
    CHECK(bus_mmio_write(&p.bus, GUEST_ECAM_BASE + 0x28004, 8, 6));
    CHECK_EQ(cf8(0x28, 4, 2), 6);
    CHECK_EQ(fake.maps, 1);
    CHECK_EQ(rd(fake.map[0].gpa - 0x1000 + 0xc, 4), 1);    /* its MSI-X table answers on the bus */
    (void)cf8(0, 4, 4);
    out(0xcfc, 2, 0xffff);
    CHECK_EQ(cf8(0, 4, 2), 0x0547);
    (void)cf8(0, 0x3c, 4);
    out(0xcfc, 1, 0x0b);
    CHECK_EQ(cf8(0, 0x3c, 4), 0x0b);
    CHECK_EQ(cf8(0xf8, 0x3c, 4), 0);
}

static void refused(void)
{
    start();
    boot.device[0].devfn = 0;
    CHECK_EQ(platform_init(&p, &boot), ST_OVERLAP);
    CHECK_STR(p.reason, "assigned function 0 at slot 00.0: the range overlaps an existing one");
}

static void fuzz(void)
{
    uint64_t x = 1181783497276652981ull;

    start();
    for (unsigned i = 0; i < 600000; i++) {
        static const uint16_t base[] = { 0x20, 0x40, 0x60, 0x70, 0x80, 0x92, 0xa0, 0x3f8, 0x4d0, 0x600, 0x608, 0xcf8, 0xcfc };
        static const uint64_t mmio[] = { GHW_IOAPIC_BASE, GUEST_ECAM_BASE, GUEST_ECAM_BASE + 0x28000, GUEST_MMIO32_BASE };
        uint16_t port = (uint16_t)(base[(x & 0xffff) % 13] + (x >> 16 & 7));
        unsigned size = 1u << (x >> 20 & 3) % 3;
        uint64_t gpa = mmio[x >> 22 & 3] + (x >> 24 & 0xff) * (x >> 33 & 1 ? 16 : 1), v;

        x ^= x << 13; x ^= x >> 7; x ^= x << 17;
        fake.now += x >> 44;
        fake.out_len = 0;
        switch (x >> 61) {
        case 0: case 1: out(port, size, (uint32_t)(x >> 20)); break;
        case 2: case 3: (void)in(port, size); break;
        case 4: (void)bus_mmio_write(&p.bus, gpa, 1u << (x >> 20 & 3), x >> 8); break;
        case 5: (void)bus_mmio_read(&p.bus, gpa, 1u << (x >> 20 & 3), &v); break;
        case 6: platform_timer(&p); break;
        default: (void)platform_extint_ack(&p); platform_eoi(&p, (uint8_t)x); platform_console(&p);
        }
        if (p.deadline != platform_next_deadline(&p))
            unit_fail(__FILE__, __LINE__, "the host's timer is not the earliest deadline");
    }
    CHECK_EQ(fake.bad, 0);
}

int main(void)
{
    timer();
    lines();
    intx_ioapic();
    intx_pic();
    absent();
    config();
    refused();
    fuzz();
    return unit_done();
}
