/* SPDX-License-Identifier: BSD-2-Clause */
/* Address spaces and PCI names as types, so that they cannot be mixed up. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct { uint64_t v; } hpa_t;    /* host-physical */
typedef struct { uint64_t v; } gpa_t;    /* guest-physical */
typedef struct { uint64_t v; } iova_t;   /* what a device puts on the bus */

static inline hpa_t hpa_add(hpa_t a, uint64_t off) { return (hpa_t){ a.v + off }; }
static inline gpa_t gpa_add(gpa_t a, uint64_t off) { return (gpa_t){ a.v + off }; }

/* A PCI function. Segment 0 is the only one supported; others are refused by name. */
struct bdf {
    uint16_t seg;
    uint8_t  bus;
    uint8_t  devfn;                      /* dev << 3 | fn */
};
static inline struct bdf bdf_make(unsigned bus, unsigned dev, unsigned fn)
{
    return (struct bdf){ 0, (uint8_t)bus, (uint8_t)((dev & 31u) << 3 | (fn & 7u)) };
}
static inline uint16_t bdf_rid(struct bdf b) { return (uint16_t)(b.bus << 8 | b.devfn); }
static inline struct bdf bdf_of_rid(uint16_t rid) { return (struct bdf){ 0, (uint8_t)(rid >> 8), (uint8_t)rid }; }
static inline unsigned bdf_dev(struct bdf b) { return b.devfn >> 3; }
static inline unsigned bdf_fn(struct bdf b) { return b.devfn & 7u; }
static inline uint32_t bdf_u32(struct bdf b) { return (uint32_t)b.seg << 16 | bdf_rid(b); }
static inline bool bdf_eq(struct bdf a, struct bdf b) { return bdf_u32(a) == bdf_u32(b); }
/* For printf: "%04x:%02x:%02x.%x", BDF_ARGS(b) */
#define BDF_FMT       "%04x:%02x:%02x.%x"
#define BDF_ARGS(b)   (b).seg, (b).bus, bdf_dev(b), bdf_fn(b)

