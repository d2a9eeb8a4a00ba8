/* link: vmm/bus.c kernel/lib/str.c */
/* SPDX-License-Identifier: BSD-2-Clause */
/* Typed buses: dispatch, cutting of wide accesses, absent devices, limits. */
#include "vmm/bus.h"

#include "tests/unit/unit.h"

struct model { uint16_t port; unsigned size, calls; uint32_t value; uint64_t gpa; uint8_t devfn; unsigned off; bool claim; };
static struct bus bus;

static uint32_t m_in(void *dev, uint16_t port, unsigned size)
{
    struct model *m = dev;
    m->port = port; m->size = size; m->calls++;
    return 0xa1b2c300u + port;
}
static void m_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    struct model *m = dev;
    m->port = port; m->size = size; m->calls++; m->value = value;
}
static bool m_read(void *dev, uint64_t gpa, unsigned size, uint64_t *value)
{
    struct model *m = dev;
    m->gpa = gpa; m->size = size; m->calls++;
    *value = 0x1122334455667788ull;
    return m->claim;
}
static bool m_write(void *dev, uint64_t gpa, unsigned size, uint64_t value)
{
    struct model *m = dev;
    m->gpa = gpa; m->size = size; m->calls++; m->value = (uint32_t)value;
    return m->claim;
}
static uint32_t m_cfg_read(void *dev, uint8_t devfn, unsigned off, unsigned size)
{
    struct model *m = dev;
    m->devfn = devfn; m->off = off; m->size = size; m->calls++;
    return 0xfedcba98u;
}
static void m_cfg_write(void *dev, uint8_t devfn, unsigned off, unsigned size, uint32_t value)
{
    struct model *m = dev;
    m->devfn = devfn; m->off = off; m->size = size; m->calls++; m->value = value;
}
static const struct bus_port_ops byte_ops = { m_in, m_out, 1 }, wide_ops = { m_in, m_out, 4 };
static const struct bus_mmio_ops mmio_ops = { m_read, m_write };
static const struct bus_cfg_ops cfg_ops = { m_cfg_read, m_cfg_write };

static void ports(void)
{
    struct model a = { 0 }, b = { 0 };
    uint32_t v;

    bus_attach_port(&bus, 0x40, 4, &byte_ops, &a);
    bus_attach_port(&bus, 0x44, 4, &wide_ops, &b);
    CHECK(bus_port_in(&bus, 0x41, 1, &v));
    CHECK_EQ(v, 0x41);
    CHECK_EQ(a.calls, 1);
    CHECK(bus_port_in(&bus, 0x40, 4, &v));          /* cut into bytes */
    CHECK_EQ(v, 0x43424140);
    CHECK_EQ(a.calls, 5);
    CHECK_EQ(a.size, 1);
    CHECK(bus_port_in(&bus, 0x44, 4, &v));          /* whole */
    CHECK_EQ(v, 0xa1b2c344);
    CHECK_EQ(b.calls, 1);
    CHECK_EQ(b.size, 4);
    CHECK(bus_port_in(&bus, 0x44, 2, &v));
    CHECK_EQ(v, 0xc344);
    CHECK(bus_port_in(&bus, 0x42, 4, &v));          /* two devices */
    CHECK_EQ(v, 0x45444342);
    CHECK(bus_port_in(&bus, 0x46, 4, &v));          /* the end of one, nothing behind */
    CHECK_EQ(v, 0xffff4746);
    CHECK(!bus_port_in(&bus, 0x80, 1, &v));
    CHECK_EQ(v, 0xff);
    CHECK(!bus_port_in(&bus, 0x80, 2, &v));
    CHECK_EQ(v, 0xffff);
    CHECK(!bus_port_in(&bus, 0xffff, 4, &v));
    CHECK_EQ(v, 0xffffffff);
    CHECK(!bus_port_in(&bus, 0x40, 3, &v));
    CHECK_EQ(v, 0xffffffff);
    CHECK(!bus_port_in(&bus, 0x40, 0, &v));
    a.calls = b.calls = 0;
    CHECK(bus_port_out(&bus, 0x43, 1, 0x12345678));
    CHECK_EQ(a.value, 0x78);
    CHECK(bus_port_out(&bus, 0x43, 2, 0x5566));
    CHECK_EQ(a.value, 0x66);
    CHECK_EQ(b.value, 0x55);
    CHECK_EQ(b.port, 0x44);
    CHECK(bus_port_out(&bus, 0x44, 4, 0xdeadbeef));
    CHECK_EQ(b.value, 0xdeadbeef);
    CHECK(bus_port_out(&bus, 0x44, 2, 0xdeadbeef));
    CHECK_EQ(b.value, 0xbeef);
    CHECK(!bus_port_out(&bus, 0x90, 1, 0));
    CHECK(!bus_port_out(&bus, 0xfffe, 4, 0));
    CHECK(!bus_port_out(&bus, 0x44, 8, 0));
    CHECK_EQ(a.calls + b.calls, 5);
    /* the same device at two places is one owner: a hole inside does not cut it */
    bus_attach_port(&bus, 0xcf8, 1, &wide_ops, &b);
    bus_attach_port(&bus, 0xcf9, 1, &byte_ops, &a);
    bus_attach_port(&bus, 0xcfa, 6, &wide_ops, &b);
    CHECK(bus_port_out(&bus, 0xcf8, 4, 0x80000000));
    CHECK_EQ(b.value, 0x80000000);
    CHECK(bus_port_out(&bus, 0xcf9, 1, 6));
    CHECK_EQ(a.value, 6);
    CHECK_EQ(bus.ports, 3);
}

static void mmio(void)
{
    struct model a = { .claim = true };
    uint64_t v;

    bus_attach_mmio(&bus, 0x1000, 0x1000, &mmio_ops, &a);
    CHECK(bus_mmio_read(&bus, 0x1ff8, 8, &v));
    CHECK_EQ(v, 0x1122334455667788ull);
    CHECK(bus_mmio_read(&bus, 0x1ffe, 2, &v));
    CHECK_EQ(v, 0x7788);
    CHECK_EQ(a.calls, 2);
    CHECK(!bus_mmio_read(&bus, 0x1ffe, 4, &v));     /* leaves the range */
    CHECK_EQ(v, 0xffffffff);
    CHECK(!bus_mmio_read(&bus, 0xfff, 2, &v));
    CHECK(!bus_mmio_read(&bus, ~0ull, 4, &v));
    CHECK(!bus_mmio_read(&bus, 0x1000, 3, &v));
    CHECK(!bus_mmio_write(&bus, 0x2000, 4, 1));
    CHECK_EQ(a.calls, 2);
    CHECK(bus_mmio_write(&bus, 0x1004, 2, 0xabcdef));
    CHECK_EQ(a.value, 0xcdef);
    a.claim = false;
    CHECK(!bus_mmio_read(&bus, 0x1000, 1, &v));
    CHECK_EQ(v, 0xff);
    CHECK(!bus_mmio_write(&bus, 0x1000, 1, 0));
}

static void cfg(void)
{
    struct model a = { 0 };

    bus_attach_cfg(&bus, 0x28, &cfg_ops, &a);
    bus_attach_cfg(&bus, 0x30, &cfg_ops, &a);
    CHECK_EQ(bus.cfgs, 2);
    CHECK_EQ(bus_cfg_read(&bus, 0x28, 0, 4), 0xfedcba98);
    CHECK_EQ(bus_cfg_read(&bus, 0x30, 0xfff, 1), 0x98);
    CHECK_EQ(a.devfn, 0x30);
    CHECK_EQ(bus_cfg_read(&bus, 0x30, 0xffe, 4), 0xffffffff);
    CHECK_EQ(bus_cfg_read(&bus, 0x30, 0, 3), 0xffffff);
    CHECK_EQ(bus_cfg_read(&bus, 0x31, 0, 2), 0xffff);
    CHECK_EQ(a.calls, 2);
    bus_cfg_write(&bus, 0x28, 4, 2, 0x12345678);
    CHECK_EQ(a.value, 0x5678);
    CHECK_EQ(a.off, 4);
    bus_cfg_write(&bus, 0x28, 0xffd, 4, 0);
    bus_cfg_write(&bus, 0x10, 4, 2, 0);
    bus_cfg_write(&bus, 0x28, 4, 8, 0);
    CHECK_EQ(a.calls, 3);
}

static void rest(void)
{
    struct model a = { 0 }, b = { 0 };
    uint32_t v;

    bus_init(&bus);
    bus_attach_port(&bus, 0x44, 4, &byte_ops, &b);
    bus_attach_rest(&bus, &wide_ops, &a);
    (void)bus_port_in(&bus, 0xc002, 4, &v);         /* whole */
    CHECK_EQ(v, 0xa1b2c300 + 0xc002);
    CHECK_EQ(a.size, 4);
    (void)bus_port_in(&bus, 0xc001, 1, &v);
    CHECK_EQ(v, 0x01);
    (void)bus_port_out(&bus, 0xc001, 2, 0x12345678);
    CHECK_EQ(a.value, 0x5678);
    a.calls = 0;
    CHECK(bus_port_in(&bus, 0x46, 4, &v));          /* two bytes of a device, two of the rest */
    CHECK_EQ(v, 0x49484746);
    CHECK_EQ(a.calls, 2);
    CHECK_EQ(b.calls, 2);
    (void)bus_port_in(&bus, 0xfffe, 4, &v);         /* past the end: bytes, and nothing wraps */
    CHECK_EQ(v, 0xfffffffe);
    CHECK_EQ(a.calls, 4);
    bus_init(&bus);
}

int main(void)
{
    bus_init(&bus);
    ports();
    rest();
    mmio();
    cfg();
    return unit_done();
}
