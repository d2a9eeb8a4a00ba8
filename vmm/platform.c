/* SPDX-License-Identifier: BSD-2-Clause */
/* Adaptors between the buses and the devices, the wiring, and the one timer that they share. */
#include "vmm/platform.h"

#include "kernel/lib/fmt.h"
#include "vmm/guest_hw.h"
#include "vmm/host.h"

/* The PIT need not tick for anybody while its interrupt is masked everywhere. */
static bool is_pit_heard(const struct platform *p)
{
    return !pic_is_masked(&p->pic, GHW_IRQ_PIT) || !ioapic_is_masked(&p->ioapic, GHW_GSI_PIT);
}

uint64_t platform_next_deadline(const struct platform *p)
{
    uint64_t next = MIN(p->rtc.deadline, p->pm.deadline);

    return is_pit_heard(p) ? MIN(next, p->pit.deadline) : next;
}

static void rearm(struct platform *p)
{
    uint64_t next = platform_next_deadline(p);

    if (next == p->deadline)
        return;
    p->deadline = next;
    host_timer(next);
}

/* ---- INTx of assigned functions ---- */
#define PCI_PINS  MASK32(GHW_GSI_PCI + GHW_GSI_PCI_COUNT - 1, GHW_GSI_PCI)
_Static_assert(VMM_INTX_LINES == GHW_GSI_PCI_COUNT && GHW_IRQ_PCI >= 8, "a pin for each line; the second 8259 has them");

/* Lines that share an input of the 8259s. */
static uint32_t lines_of_irq(unsigned irq) { return irq == ghw_intx_irq(0) ? 0x55u : 0xaau; }

static bool is_heard(const struct platform *p, unsigned line)
{
    return !ioapic_is_masked(&p->ioapic, GHW_GSI_PCI + line) || !pic_is_masked(&p->pic, ghw_intx_irq(line));
}

/* After whatever the guest did to its interrupt controllers: what it has ended goes down, and is asked again in the host once
 * the guest listens, so that nothing waits here that is no longer true. */
static void intx_update(struct platform *p)
{
    uint32_t ended = p->ioapic.ended >> GHW_GSI_PCI;

    for (unsigned irq = GHW_IRQ_PCI; irq < GHW_IRQ_PCI + 2; irq++)
        if (p->pic.chip[1].ended & BIT32(irq - 8))
            ended |= lines_of_irq(irq);
    p->ioapic.ended = p->pic.chip[1].ended = 0;
    ended &= p->lines.level >> GHW_GSI_PCI;
    p->shut |= ended;
    for (unsigned line = 0; line < VMM_INTX_LINES && p->shut; line++) {
        if (ended & BIT32(line))
            line_set(&p->lines, GHW_GSI_PCI + line, false);
        if ((p->shut & BIT32(line)) && is_heard(p, line) && vpci_intx_open(&p->vpci, line) == ST_OK)
            p->shut &= ~BIT32(line);
    }
}

void platform_intx(struct platform *p, uint32_t lines)
{
    for (unsigned line = 0; line < VMM_INTX_LINES; line++) {
        if (!(lines & p->intx & ~p->shut & BIT32(line)))
            continue;
        if (is_heard(p, line))
            line_set(&p->lines, GHW_GSI_PCI + line, true);
        else
            p->shut |= BIT32(line);
    }
    intx_update(p);
}

static void intx_init(struct platform *p)
{
    for (uint32_t i = 0; i < p->vpci.count; i++)
        p->intx |= p->vpci.fn[i].pin ? BIT32(p->vpci.fn[i].line) : 0;
    p->shut = p->intx;
    if (!p->intx)
        return;
    p->ioapic.held = PCI_PINS;
    p->pic.chip[1].held = (uint8_t)MASK32(GHW_IRQ_PCI - 7, GHW_IRQ_PCI - 8);
    pic_port_out(&p->pic, GHW_ELCR + 1, p->pic.chip[1].held);    /* firmware's */
}

/* ---- ports ---- */
static uint32_t pic_in(void *dev, uint16_t port, unsigned size)
{
    struct platform *p = dev;
    uint32_t value;

    (void)size;
    pit_run(&p->pit);           /* its request may be read while it is masked and has no deadline */
    value = pic_port_in(&p->pic, port);
    intx_update(p);             /* a poll is an acknowledgement */
    rearm(p);
    return value;
}

static void pic_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    struct platform *p = dev;

    (void)size;
    pic_port_out(&p->pic, port, (uint8_t)value);
    intx_update(p);
    rearm(p);
}

static uint32_t pit_in(void *dev, uint16_t port, unsigned size)
{
    struct platform *p = dev;

    (void)size;
    return pit_port_in(&p->pit, port);
}

static void pit_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    struct platform *p = dev;

    (void)size;
    pit_port_out(&p->pit, port, (uint8_t)value);
    rearm(p);
}

static uint32_t rtc_in(void *dev, uint16_t port, unsigned size)
{
    struct platform *p = dev;
    uint32_t value = rtc_port_in(&p->rtc, port);

    (void)size;
    rearm(p);                   /* reading register C starts the next interrupt */
    return value;
}

static void rtc_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    struct platform *p = dev;

    (void)size;
    rtc_port_out(&p->rtc, port, (uint8_t)value);
    rearm(p);
}

static uint32_t uart_in(void *dev, uint16_t port, unsigned size)
{
    (void)size;
    return uart_reg_in(dev, port & 7u);
}

static void uart_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    (void)size;
    uart_reg_out(dev, port & 7u, (uint8_t)value);
}

static uint32_t block_in(void *dev, uint16_t port, unsigned size)
{
    struct platform *p = dev;
    uint32_t value = pm_block_in(&p->pm, port - GHW_PM1A_EVT, size);

    rearm(p);
    return value;
}

static void block_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    struct platform *p = dev;

    pm_block_out(&p->pm, port - GHW_PM1A_EVT, size, value);
    rearm(p);
}

static uint32_t reset_in(void *dev, uint16_t port, unsigned size)
{
    (void)size;
    return pm_port_in(dev, port);
}

static void reset_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    (void)size;
    pm_port_out(dev, port, (uint8_t)value);
}

static uint32_t cf8_in(void *dev, uint16_t port, unsigned size) { return hostbridge_port_in(dev, port, size); }

static void cf8_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    hostbridge_port_out(dev, port, size, value);
}

static uint32_t post_in(void *dev, uint16_t port, unsigned size)
{
    const struct platform *p = dev;

    (void)port;
    (void)size;
    return p->post;
}

static void post_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    struct platform *p = dev;

    (void)port;
    (void)size;
    p->post = value;
}

static uint32_t ports_in(void *dev, uint16_t port, unsigned size) { return vpci_port_in(dev, port, size); }

static void ports_out(void *dev, uint16_t port, unsigned size, uint32_t value) { vpci_port_out(dev, port, size, value); }

static const struct bus_port_ops pic_ops = { pic_in, pic_out, 1 };
static const struct bus_port_ops pit_ops = { pit_in, pit_out, 1 };
static const struct bus_port_ops rtc_ops = { rtc_in, rtc_out, 1 };
static const struct bus_port_ops uart_ops = { uart_in, uart_out, 1 };
static const struct bus_port_ops block_ops = { block_in, block_out, 4 };
static const struct bus_port_ops reset_ops = { reset_in, reset_out, 1 };
static const struct bus_port_ops cf8_ops = { cf8_in, cf8_out, 4 };
static const struct bus_port_ops post_ops = { post_in, post_out, 1 };
static const struct bus_port_ops bar_port_ops = { ports_in, ports_out, 4 };

static void attach_ports(struct platform *p)
{
    struct bus *bus = &p->bus;

    bus_attach_port(bus, GHW_PIC1, 2, &pic_ops, p);
    bus_attach_port(bus, GHW_PIC2, 2, &pic_ops, p);
    bus_attach_port(bus, GHW_ELCR, 2, &pic_ops, p);
    bus_attach_port(bus, GHW_PIT, 4, &pit_ops, p);
    bus_attach_port(bus, GHW_PORT61, 1, &pit_ops, p);
    bus_attach_port(bus, GHW_CMOS, 2, &rtc_ops, p);
    bus_attach_port(bus, GHW_COM1, 8, &uart_ops, &p->uart);
    bus_attach_port(bus, GHW_PM1A_EVT, GHW_PM_LEN, &block_ops, p);
    bus_attach_port(bus, 0x64, 1, &reset_ops, &p->pm);
    bus_attach_port(bus, 0x92, 1, &reset_ops, &p->pm);
    bus_attach_port(bus, GHW_RESET, 1, &reset_ops, &p->pm);
    bus_attach_port(bus, GHW_CF8, 1, &cf8_ops, &p->bridge);
    bus_attach_port(bus, GHW_CF8 + 2, 6, &cf8_ops, &p->bridge);
    bus_attach_port(bus, 0x80, 1, &post_ops, p);
    bus_attach_rest(bus, &bar_port_ops, &p->vpci);
}

/* ---- MMIO ---- */
static bool ioapic_mmio_read(void *dev, uint64_t gpa, unsigned size, uint64_t *value)
{
    const struct platform *p = dev;
    unsigned off = (unsigned)(gpa - GHW_IOAPIC_BASE);

    (void)size;
    *value = ioapic_read(&p->ioapic, off & ~3u) >> (8 * (off & 3u));
    return true;
}

/* Registers are dwords; the select register also takes a byte. */
static bool ioapic_mmio_write(void *dev, uint64_t gpa, unsigned size, uint64_t value)
{
    struct platform *p = dev;
    unsigned off = (unsigned)(gpa - GHW_IOAPIC_BASE);

    if (size < 4 && off != 0)
        return true;
    ioapic_write(&p->ioapic, off, (uint32_t)value);
    intx_update(p);
    rearm(p);
    return true;
}

static bool ecam_read(void *dev, uint64_t gpa, unsigned size, uint64_t *value)
{
    *value = hostbridge_ecam_read(dev, (uint32_t)(gpa - GUEST_ECAM_BASE), size);
    return true;
}

static bool ecam_write(void *dev, uint64_t gpa, unsigned size, uint64_t value)
{
    hostbridge_ecam_write(dev, (uint32_t)(gpa - GUEST_ECAM_BASE), size, value);
    return true;
}

static bool bar_read(void *dev, uint64_t gpa, unsigned size, uint64_t *value)
{
    return vpci_mmio_read(dev, gpa, size, value);
}

static bool bar_write(void *dev, uint64_t gpa, unsigned size, uint64_t value)
{
    return vpci_mmio_write(dev, gpa, size, value);
}

static const struct bus_mmio_ops ioapic_ops = { ioapic_mmio_read, ioapic_mmio_write };
static const struct bus_mmio_ops ecam_ops = { ecam_read, ecam_write };
static const struct bus_mmio_ops bar_ops = { bar_read, bar_write };

static void attach_mmio(struct platform *p)
{
    bus_attach_mmio(&p->bus, GHW_IOAPIC_BASE, GHW_IOAPIC_SIZE, &ioapic_ops, p);
    bus_attach_mmio(&p->bus, GUEST_MMIO32_BASE, GUEST_MMIO32_END - GUEST_MMIO32_BASE, &bar_ops, &p->vpci);
    bus_attach_mmio(&p->bus, GUEST_MMIO64_BASE, GUEST_MMIO64_END - GUEST_MMIO64_BASE, &bar_ops, &p->vpci);
    bus_attach_mmio(&p->bus, GUEST_ECAM_BASE, 0x100000, &ecam_ops, &p->bridge);
}

/* ---- config space ---- */
static uint32_t bridge_cfg_read(void *dev, uint8_t devfn, unsigned off, unsigned size)
{
    return hostbridge_cfg_read(dev, devfn, off, size);
}

static void bridge_cfg_write(void *dev, uint8_t devfn, unsigned off, unsigned size, uint32_t value)
{
    hostbridge_cfg_write(dev, devfn, off, size, value);
}

static uint32_t fn_cfg_read(void *dev, uint8_t devfn, unsigned off, unsigned size)
{
    return vpci_cfg_read(dev, devfn, off, size);
}

static void fn_cfg_write(void *dev, uint8_t devfn, unsigned off, unsigned size, uint32_t value)
{
    vpci_cfg_write(dev, devfn, off, size, value);
}

static const struct bus_cfg_ops bridge_ops = { bridge_cfg_read, bridge_cfg_write };
static const struct bus_cfg_ops fn_ops = { fn_cfg_read, fn_cfg_write };

static void attach_cfg(struct platform *p)
{
    bus_attach_cfg(&p->bus, HOSTBRIDGE_DEVFN, &bridge_ops, &p->bridge);
    bus_attach_cfg(&p->bus, LPC_DEVFN, &bridge_ops, &p->bridge);
    for (uint32_t i = 0; i < p->vpci.count; i++)
        bus_attach_cfg(&p->bus, p->vpci.fn[i].devfn, &fn_ops, &p->vpci);
}

/* ---- lines ---- */
static void line_changed(void *sink, unsigned line, bool level)
{
    struct platform *p = sink;

    if (line < 16)
        pic_set_line(&p->pic, line, level);
    else
        pic_set_line(&p->pic, ghw_intx_irq(line - GHW_GSI_PCI),
                     p->lines.level >> GHW_GSI_PCI & lines_of_irq(ghw_intx_irq(line - GHW_GSI_PCI)));
    ioapic_set_pin(&p->ioapic, line == GHW_IRQ_PIT ? GHW_GSI_PIT : line, level);
}

status_t platform_init(struct platform *p, const struct vmm_start *start)
{
    unsigned bad = 0;
    status_t st;

    bus_init(&p->bus);
    clock_init(&p->clock, start->tsc_hz);
    p->lines = (struct line_bus){ .sink = p, .changed = line_changed };
    p->deadline = CLOCK_NEVER;
    p->post = p->intx = 0;
    p->reason[0] = 0;
    pic_init(&p->pic);
    ioapic_init(&p->ioapic);
    pit_init(&p->pit, &p->clock, &p->lines);
    rtc_init(&p->rtc, &p->clock, &p->lines, start->epoch, start->epoch_tsc,
             start->ram_at != 0 ? 0x100000 : start->ram);
    uart_init(&p->uart, &p->lines);
    pm_init(&p->pm, &p->clock, &p->lines);
    hostbridge_init(&p->bridge, &p->bus);
    st = vpci_init(&p->vpci, start, &bad);
    if (st != ST_OK) {
        (void)fmt(p->reason, sizeof p->reason, "assigned function %u at slot %02x.%x: %s", bad,
                  start->device[bad].devfn >> 3, start->device[bad].devfn & 7u, status_text(st));
        return st;
    }
    intx_init(p);
    attach_ports(p);
    attach_mmio(p);
    attach_cfg(p);
    return ST_OK;
}

void platform_timer(struct platform *p)
{
    uint64_t now = host_now_tsc();

    p->deadline = CLOCK_NEVER;          /* the host's timer is spent */
    pit_run(&p->pit);
    if (p->rtc.deadline <= now)
        rtc_run(&p->rtc);
    if (p->pm.deadline <= now)
        pm_run(&p->pm);
    rearm(p);
}

void platform_console(struct platform *p) { uart_poll_input(&p->uart); }

void platform_request(struct platform *p, uint32_t request)
{
    if (request == VMM_REQ_POWER_BUTTON) {
        pm_power_button(&p->pm);
        rearm(p);
    } else if (request == VMM_REQ_DUMP) {
        const struct pic_chip *chip = p->pic.chip;

        host_log("board: lines %x post %x pic irr %x/%x imr %x/%x isr %x/%x pm1 %x/%x", p->lines.level,
                 p->post, chip[0].irr, chip[1].irr, chip[0].imr, chip[1].imr, chip[0].isr, chip[1].isr,
                 p->pm.status, p->pm.enable);
    }
}

void platform_eoi(struct platform *p, uint8_t vector)
{
    ioapic_eoi(&p->ioapic, vector);
    intx_update(p);
}

uint8_t platform_extint_ack(struct platform *p)
{
    uint8_t vector = pic_ack(&p->pic);

    intx_update(p);             /* automatic EOI */
    return vector;
}
