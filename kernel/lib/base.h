/* SPDX-License-Identifier: BSD-2-Clause */
/* Words that every file uses. Pure: kernel, user and host builds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/abi/status.h"
#include "kernel/lib/str.h"

#define MUST_USE      __attribute__((warn_unused_result))
#define NORETURN      __attribute__((noreturn))
#define PRINTF(f, a)  __attribute__((format(printf, f, a)))
#define ALIGNED(n)    __attribute__((aligned(n)))
#define SECTION(s)    __attribute__((section(s)))
#define likely(x)     __builtin_expect(!!(x), 1)
#define unlikely(x)   __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a)  (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))
#define AT(type, member, off) _Static_assert(offsetof(type, member) == (off), #member " at " #off)

#define PAGE_SIZE     4096u
#define PAGE_SHIFT    12u
#define PAGE_2M       0x200000ull
#define PAGE_1G       0x40000000ull
#define PAGE_DOWN(x)  ((uint64_t)(x) & ~(uint64_t)0xfff)
#define PAGE_UP(x)    (((uint64_t)(x) + 0xfff) & ~(uint64_t)0xfff)   /* callers bound x first */

/* The environment supplies it: kernel panics, a task ends, a host test aborts. */
NORETURN void kassert_fail(const char *condition, const char *file, int line);

/* Compiled into every build. Never a side effect inside, never to check input. */
#define KASSERT(c)    ((void)(likely(c) ? 0 : (kassert_fail(#c, __FILE__, __LINE__), 0)))

/* For calls that return a status_t, in functions that do: what is not ST_OK goes up at once. The one macro
 * that returns. Where something must be undone first, it is the wrong tool. */
#define TRY(call) \
    do { \
        const status_t try_ = (call); \
        if (unlikely(try_ != ST_OK)) \
            return try_; \
    } while (0)

/* ---- bit fields by one mask; the shift is derived ---- */
#define BIT64(n)          (UINT64_C(1) << (n))
#define MASK64(hi, lo)    ((~UINT64_C(0) >> (63 - (hi))) & (~UINT64_C(0) << (lo)))
#define BIT32(n)          (UINT32_C(1) << (n))
#define MASK32(hi, lo)    ((~UINT32_C(0) >> (31 - (hi))) & (~UINT32_C(0) << (lo)))

/* The mask is a constant that is not zero. */
#define FIELD_SHIFT(mask)   ((unsigned)__builtin_ctzll(mask))
#define FIELD_GET(mask, v)  (((uint64_t)(v) & (mask)) >> FIELD_SHIFT(mask))
#define FIELD_PREP(mask, v) (((uint64_t)(v) << FIELD_SHIFT(mask)) & (mask))
#define FIELD_FITS(mask, v) (((uint64_t)(v) & ~((mask) >> FIELD_SHIFT(mask))) == 0)

/* t ticks of a clock of `from` Hz in those of one of `to`, rounded down. from * to < 2^64; the result fits. */
static inline uint64_t scale(uint64_t t, uint64_t from, uint64_t to) { return t / from * to + t % from * to / from; }

/* ---- untrusted ranges and indices are judged here only ---- */
/* [base, base+len) is not empty and lies in [0, limit). */
static inline bool range_ok(uint64_t base, uint64_t len, uint64_t limit)
{ return len != 0 && len <= limit && base <= limit - len; }

/* Both ranges are already known not to wrap. */
static inline bool range_overlaps(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{ return a < b + blen && b < a + alen; }

static inline bool range_contains(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{ return b >= a && blen <= alen && b - a <= alen - blen; }

/* i if i < n, else 0; also under misprediction: no branch. */
static inline uint64_t index_clamp(uint64_t i, uint64_t n)
{
    uint64_t m;
    __asm__ ("cmp %2, %1\n\tsbb %0, %0" : "=r"(m) : "r"(i), "r"(n) : "cc");
    return i & m;
}

/* ---- address spaces and PCI names as types, so that they cannot be mixed up ---- */
typedef struct { uint64_t v; } hpa_t;    /* host-physical */
typedef struct { uint64_t v; } gpa_t;    /* guest-physical */
typedef struct { uint64_t v; } iova_t;   /* what a device puts on the bus */

static inline hpa_t hpa_add(hpa_t a, uint64_t off) { return (hpa_t){ a.v + off }; }

/* A PCI function. Segment 0 is the only one supported; others are refused by name. */
struct bdf {
    uint16_t seg;
    uint8_t bus, devfn;                  /* dev << 3 | fn */
};
static inline struct bdf bdf_make(unsigned bus, unsigned dev, unsigned fn)
{ return (struct bdf){ 0, (uint8_t)bus, (uint8_t)((dev & 31u) << 3 | (fn & 7u)) }; }
static inline uint16_t bdf_rid(struct bdf b) { return (uint16_t)(b.bus << 8 | b.devfn); }
static inline struct bdf bdf_of_rid(uint16_t rid) { return (struct bdf){ 0, (uint8_t)(rid >> 8), (uint8_t)rid }; }
static inline unsigned bdf_dev(struct bdf b) { return b.devfn >> 3; }
static inline unsigned bdf_fn(struct bdf b) { return b.devfn & 7u; }
static inline uint32_t bdf_u32(struct bdf b) { return (uint32_t)b.seg << 16 | bdf_rid(b); }
static inline bool bdf_eq(struct bdf a, struct bdf b) { return bdf_u32(a) == bdf_u32(b); }
/* For printf: "%04x:%02x:%02x.%x", BDF_ARGS(b) */
#define BDF_FMT       "%04x:%02x:%02x.%x"
#define BDF_ARGS(b)   (b).seg, (b).bus, bdf_dev(b), bdf_fn(b)
