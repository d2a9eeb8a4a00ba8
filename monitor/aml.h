/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the firmware's AML says about interrupt lines and power-off: a bounded reader of the namespace and of the
 * methods that only choose among constants. Pure: no allocation beyond struct aml, a budget of steps, a
 * bound on depth; it never touches hardware, and a value that depends on a register is unknown, with the name
 * of what it depends on. The interrupt model is APIC, as \_PIC (1) tells the firmware.
 */
#pragma once

#include "kernel/lib/base.h"

#define AML_NAMES    32768u
#define AML_BRIDGES    256u
#define AML_ROUTES    4096u
#define AML_HOPS         8u      /* as in struct dev_info */
#define AML_CHANGES     64u
#define AML_NOTES       16u
#define AML_NONE     0xffffu

struct aml_name {
    uint32_t name;               /* four characters, the first in the low byte */
    uint32_t at, end;            /* where its value or body is, in the tables */
    uint16_t parent, next;       /* next in the same hash chain */
    uint8_t kind, args, flags;   /* enum aml_kind; of a method */
    uint8_t rsvd;
};
/* why NULL: known. Else what it depends on, if that has a name (AML_NONE). */
struct aml_reason { const char *why; uint16_t what; };

/* A bridge with a _PRT. The part of its path that is known; reason: the rest, its bus or its _PRT is not. */
struct aml_bridge {
    struct aml_reason reason;
    uint16_t node, seg;
    uint8_t bus, hops;           /* root bus; 0 hops: the root bridge */
    uint8_t path[AML_HOPS];      /* dev << 3 | fn of each bridge */
    bool rooted, placed;         /* segment and bus are known; the whole path is too */
    uint16_t first, end;         /* in route[] */
};
struct aml_route {
    struct aml_reason reason;
    uint32_t gsi;
    uint16_t irqs;               /* not known, but one of these ISA interrupts, as firmware set its router up */
    uint16_t link;               /* the link device, AML_NONE: wired */
    uint8_t dev, pin;            /* pin 0-3: INTA-INTD */
    bool high;                   /* active high: a link device's resource says so */
};
struct aml_note { uint32_t offset; const char *text; };
struct aml_change { uint16_t node; bool known; uint64_t n; };

struct aml {
    const uint8_t *base;         /* all tables, each at a multiple of 16 */
    uint32_t size, steps, depth;
    uint32_t names, fixed;       /* fixed: those of the tables, the others are a method's own */
    uint32_t bridges, routes, notes, changes;
    bool narrow;                 /* integers have 32 bits */
    uint16_t chain[2048];
    struct aml_change change[AML_CHANGES];       /* names whose value \_PIC or table code set */
    struct aml_note note[AML_NOTES];             /* notes may exceed this */
    struct aml_bridge bridge[AML_BRIDGES];
    struct aml_route route[AML_ROUTES];
    struct aml_name name[AML_NAMES];
};

/* tables: whole ACPI tables one behind the other, each at a multiple of 16; DSDT and SSDTs are read, the others
 * skipped. ST_NOTFOUND: no DSDT. ST_CORRUPT: lengths that do not add up. What is broken inside is in the notes. */
MUST_USE status_t aml_read(struct aml *a, const uint8_t *tables, size_t size);

/* SLP_TYPa and SLP_TYPb (0..7) of \_S5. ST_NOTFOUND: none, or none of constants. */
MUST_USE status_t aml_s5(struct aml *a, uint8_t *typ_a, uint8_t *typ_b);

/* Where INTx of a function goes: its path from the root bus (dev << 3 | fn of each hop, itself last), pin 0-3.
 * Bridges without a _PRT swizzle. line: its interrupt line register, for routes that firmware chose. high:
 * active high, which only link devices say; PCI's own lines are active low. */
struct aml_reason aml_intx(const struct aml *a, uint16_t seg, uint8_t bus, const uint8_t *path, unsigned hops,
                           unsigned pin, uint8_t line, uint32_t *gsi, bool *high);

/* A name from the root, as in \_SB.PCI0.RP01; cut when it does not fit. */
void aml_path(const struct aml *a, uint16_t node, char *out, size_t size);
