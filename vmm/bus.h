/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The typed buses of the guest's board: I/O ports, MMIO and PCI config space of
 * bus 0. The platform attaches devices once; after that the tables are constant.
 * The caller holds the VMM's device lock around every access.
 */
#pragma once

#include "kernel/lib/base.h"

#define BUS_PORTS      0x10000u
#define BUS_MAX_PORT   24u      /* port devices; 0 is "nothing there" */
#define BUS_MAX_MMIO   8u
#define BUS_MAX_CFG    4u

/* A device gets only accesses that start and end in its own ports and are not
 * wider than max_size; the bus cuts others into bytes, as an ISA bridge does. */
struct bus_port_ops {
    uint32_t (*in)(void *dev, uint16_t port, unsigned size);
    void (*out)(void *dev, uint16_t port, unsigned size, uint32_t value);
    unsigned max_size;
};

/* false = not claimed. The bus bounds the access to the attached range; size is 1, 2, 4 or 8. */
struct bus_mmio_ops {
    bool (*read)(void *dev, uint64_t gpa, unsigned size, uint64_t *value);
    bool (*write)(void *dev, uint64_t gpa, unsigned size, uint64_t value);
};

/* off + size <= 4096, size 1, 2 or 4, any alignment. */
struct bus_cfg_ops {
    uint32_t (*read)(void *dev, uint8_t devfn, unsigned off, unsigned size);
    void (*write)(void *dev, uint8_t devfn, unsigned off, unsigned size, uint32_t value);
};

struct bus_port { const struct bus_port_ops *ops; void *dev; };
struct bus_mmio { const struct bus_mmio_ops *ops; void *dev; uint64_t base, len; };
struct bus_cfg  { const struct bus_cfg_ops *ops; void *dev; };

struct bus {                     /* const after the platform is wired */
    uint32_t ports, mmios, cfgs; /* entries in use; 0 of port and cfg are the absent device */
    struct bus_port port[BUS_MAX_PORT];
    struct bus_mmio mmio[BUS_MAX_MMIO];
    struct bus_cfg  cfg[BUS_MAX_CFG];
    uint8_t cfg_owner[256];      /* by devfn */
    uint8_t port_owner[BUS_PORTS];
};

void bus_init(struct bus *bus);
/* Attaching is for start-up code only: a wrong call is a bug of the platform. */
void bus_attach_port(struct bus *bus, uint16_t first, unsigned count,
                     const struct bus_port_ops *ops, void *dev);
/* Who answers on the ports of nobody else, at any width. */
void bus_attach_rest(struct bus *bus, const struct bus_port_ops *ops, void *dev);
void bus_attach_mmio(struct bus *bus, uint64_t base, uint64_t len,
                     const struct bus_mmio_ops *ops, void *dev);
void bus_attach_cfg(struct bus *bus, uint8_t devfn, const struct bus_cfg_ops *ops, void *dev);

bool bus_port_in_wide(struct bus *bus, uint16_t port, unsigned size, uint32_t *value);
bool bus_port_out_wide(struct bus *bus, uint16_t port, unsigned size, uint32_t value);

/* Ports. Absent ports read as ones and drop writes; the result tells whether a
 * device was there and need not be looked at. *value is zero-extended. */
static inline bool bus_port_in(struct bus *bus, uint16_t port, unsigned size, uint32_t *value)
{
    unsigned owner = bus->port_owner[port];
    const struct bus_port *slot = &bus->port[owner];

    if (unlikely(size != 1))
        return bus_port_in_wide(bus, port, size, value);
    *value = slot->ops->in(slot->dev, port, 1) & 0xffu;
    return owner != 0;
}

static inline bool bus_port_out(struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    unsigned owner = bus->port_owner[port];
    const struct bus_port *slot = &bus->port[owner];

    if (unlikely(size != 1))
        return bus_port_out_wide(bus, port, size, value);
    slot->ops->out(slot->dev, port, 1, value & 0xffu);
    return owner != 0;
}

/* MMIO, size 1, 2, 4, 8. false: no device claims it (and *value is all ones of
 * that size): the caller reads ones and drops the write. */
bool bus_mmio_read(struct bus *bus, uint64_t gpa, unsigned size, uint64_t *value);
bool bus_mmio_write(struct bus *bus, uint64_t gpa, unsigned size, uint64_t value);

/* Config space of bus 0; absent functions read as ones. off < 4096, size 1, 2, 4. */
uint32_t bus_cfg_read(struct bus *bus, uint8_t devfn, unsigned off, unsigned size);
void bus_cfg_write(struct bus *bus, uint8_t devfn, unsigned off, unsigned size, uint32_t value);

/* All ones of size bytes. */
static inline uint32_t bus_ones(unsigned size) { return size >= 4 ? ~UINT32_C(0) : (UINT32_C(1) << (8 * size)) - 1; }

