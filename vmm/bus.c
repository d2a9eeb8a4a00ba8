/* SPDX-License-Identifier: BSD-2-Clause */
/* Attaching devices, and the accesses that are not the one-byte fast path of bus.h. */
#include "vmm/bus.h"

static uint32_t absent_in(void *dev, uint16_t port, unsigned size)
{
    (void)dev;
    (void)port;
    return bus_ones(size);
}

static void absent_out(void *dev, uint16_t port, unsigned size, uint32_t value)
{
    (void)dev;
    (void)port;
    (void)size;
    (void)value;
}

static uint32_t absent_cfg_read(void *dev, uint8_t devfn, unsigned off, unsigned size)
{
    (void)dev;
    (void)devfn;
    (void)off;
    return bus_ones(size);
}

static void absent_cfg_write(void *dev, uint8_t devfn, unsigned off, unsigned size, uint32_t value)
{
    (void)dev;
    (void)devfn;
    (void)off;
    (void)size;
    (void)value;
}

static const struct bus_port_ops absent_port = { absent_in, absent_out, 4 };
static const struct bus_cfg_ops absent_cfg = { absent_cfg_read, absent_cfg_write };

void bus_init(struct bus *bus)
{
    memset(bus, 0, sizeof *bus);
    bus->port[0].ops = &absent_port;
    bus->cfg[0].ops = &absent_cfg;
    bus->ports = bus->cfgs = 1;
}

void bus_attach_port(struct bus *bus, uint16_t first, unsigned count,
                     const struct bus_port_ops *ops, void *dev)
{
    unsigned id = 1;

    KASSERT(range_ok(first, count, BUS_PORTS));
    while (id < bus->ports && (bus->port[id].ops != ops || bus->port[id].dev != dev))
        id++;
    KASSERT(id < BUS_MAX_PORT);
    bus->port[id] = (struct bus_port){ ops, dev };
    for (unsigned i = 0; i < count; i++) {
        KASSERT(bus->port_owner[first + i] == 0);
        bus->port_owner[first + i] = (uint8_t)id;
    }
    if (id == bus->ports)
        bus->ports++;
}

void bus_attach_rest(struct bus *bus, const struct bus_port_ops *ops, void *dev)
{
    KASSERT(ops->max_size == 4);
    bus->port[0] = (struct bus_port){ ops, dev };
}

void bus_attach_mmio(struct bus *bus, uint64_t base, uint64_t len,
                     const struct bus_mmio_ops *ops, void *dev)
{
    KASSERT(bus->mmios < BUS_MAX_MMIO && range_ok(base, len, UINT64_C(1) << 52));
    bus->mmio[bus->mmios++] = (struct bus_mmio){ ops, dev, base, len };
}

void bus_attach_cfg(struct bus *bus, uint8_t devfn, const struct bus_cfg_ops *ops, void *dev)
{
    unsigned i = 1;

    KASSERT(bus->cfg_owner[devfn] == 0);
    while (i < bus->cfgs && (bus->cfg[i].ops != ops || bus->cfg[i].dev != dev))
        i++;
    KASSERT(i < BUS_MAX_CFG);
    bus->cfg[i] = (struct bus_cfg){ ops, dev };
    bus->cfg_owner[devfn] = (uint8_t)i;
    if (i == bus->cfgs)
        bus->cfgs++;
}

/* One device owns the whole access and takes it at this width. */
static bool is_whole(const struct bus *bus, uint16_t port, unsigned size)
{
    unsigned owner = bus->port_owner[port];
    uint32_t last = (uint32_t)port + size - 1;

    return last < BUS_PORTS && bus->port_owner[last] == owner && size <= bus->port[owner].ops->max_size;
}

bool bus_port_in_wide(struct bus *bus, uint16_t port, unsigned size, uint32_t *value)
{
    bool any = false;
    uint32_t all = 0;

    if (size != 1 && size != 2 && size != 4) {
        *value = bus_ones(4);
        return false;
    }
    if (is_whole(bus, port, size)) {
        const struct bus_port *slot = &bus->port[bus->port_owner[port]];

        *value = slot->ops->in(slot->dev, port, size) & bus_ones(size);
        return bus->port_owner[port] != 0;
    }
    for (unsigned i = 0; i < size; i++) {
        uint32_t byte = 0xff;

        if ((uint32_t)port + i < BUS_PORTS)
            any |= bus_port_in(bus, (uint16_t)(port + i), 1, &byte);
        all |= byte << (8 * i);
    }
    *value = all;
    return any;
}

bool bus_port_out_wide(struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    bool any = false;

    if (size != 1 && size != 2 && size != 4)
        return false;
    if (is_whole(bus, port, size)) {
        const struct bus_port *slot = &bus->port[bus->port_owner[port]];

        slot->ops->out(slot->dev, port, size, value & bus_ones(size));
        return bus->port_owner[port] != 0;
    }
    for (unsigned i = 0; i < size && (uint32_t)port + i < BUS_PORTS; i++)
        any |= bus_port_out(bus, (uint16_t)(port + i), 1, value >> (8 * i));
    return any;
}

static uint64_t ones64(unsigned size) { return size >= 8 ? ~UINT64_C(0) : (UINT64_C(1) << (8 * size)) - 1; }

static const struct bus_mmio *mmio_find(const struct bus *bus, uint64_t gpa, unsigned size)
{
    if (size != 1 && size != 2 && size != 4 && size != 8)
        return NULL;
    for (uint32_t i = 0; i < bus->mmios; i++)
        if (range_contains(bus->mmio[i].base, bus->mmio[i].len, gpa, size))
            return &bus->mmio[i];
    return NULL;
}

bool bus_mmio_read(struct bus *bus, uint64_t gpa, unsigned size, uint64_t *value)
{
    const struct bus_mmio *slot = mmio_find(bus, gpa, size);

    *value = ones64(size);
    if (!slot || !slot->ops->read(slot->dev, gpa, size, value)) {
        *value = ones64(size);
        return false;
    }
    *value &= ones64(size);
    return true;
}

bool bus_mmio_write(struct bus *bus, uint64_t gpa, unsigned size, uint64_t value)
{
    const struct bus_mmio *slot = mmio_find(bus, gpa, size);

    return slot && slot->ops->write(slot->dev, gpa, size, value & ones64(size));
}

uint32_t bus_cfg_read(struct bus *bus, uint8_t devfn, unsigned off, unsigned size)
{
    const struct bus_cfg *slot = &bus->cfg[bus->cfg_owner[devfn]];

    if ((size != 1 && size != 2 && size != 4) || !range_ok(off, size, 4096))
        return bus_ones(size);
    return slot->ops->read(slot->dev, devfn, off, size) & bus_ones(size);
}

void bus_cfg_write(struct bus *bus, uint8_t devfn, unsigned off, unsigned size, uint32_t value)
{
    const struct bus_cfg *slot = &bus->cfg[bus->cfg_owner[devfn]];

    if ((size != 1 && size != 2 && size != 4) || !range_ok(off, size, 4096))
        return;
    slot->ops->write(slot->dev, devfn, off, size, value & bus_ones(size));
}
