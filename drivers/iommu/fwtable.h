/* SPDX-License-Identifier: BSD-2-Clause */
/* How DMAR and IVRS are read: pieces cut off what is left of a table, and notes about what was wrong. Pure. */
#pragma once

#include "kernel/lib/base.h"

#define FW_NOTES  32u
#define FW_FULL   "more entries of this type than this build keeps, dropped"

struct fw_note { uint32_t offset; uint16_t type; const char *text; };
struct fw_notes { uint32_t count; struct fw_note at[FW_NOTES]; };     /* count may exceed what is kept */

/* The bytes that are left of a table, an entry or a list in it; type is the entry's. */
struct cut { const uint8_t *at; uint32_t len, offset; uint16_t type; };

static inline uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t get32(const uint8_t *p) { return get16(p) | (uint32_t)get16(p + 2) << 16; }
static inline uint64_t get64(const uint8_t *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }

/* text NULL: nothing to say. */
static inline void fw_note(struct fw_notes *n, const struct cut *c, const char *text)
{
    if (text && n->count++ < FW_NOTES)
        n->at[n->count - 1] = (struct fw_note){ c->offset, c->type, text };
}

static inline struct cut cut_after(const struct cut *c, uint32_t skip)
{
    return (struct cut){ c->at + skip, c->len - skip, c->offset + skip, c->type };
}

/* Takes the first len bytes off; false when len is below the least or beyond what is left. */
static inline bool cut_take(struct cut *rest, uint32_t len, uint32_t least, struct cut *out)
{
    if (len < least || len > rest->len)
        return false;
    *out = *rest;
    out->len = len;
    *rest = cut_after(rest, len);
    return true;
}

/* The first byte is, and each equals the one before it. */
static inline bool cut_all_zero(const struct cut *c)
{
    return c->at[0] == 0 && memcmp(c->at, c->at + 1, c->len - 1) == 0;
}

/* The whole table behind its header of head bytes; false when it is not such a table or its length is impossible. */
static inline bool cut_table(const uint8_t *table, size_t len, const char sig[4], uint32_t head, struct cut *out)
{
    if (len < head || memcmp(table, sig, 4) != 0 || get32(table + 4) < head || get32(table + 4) > len)
        return false;
    *out = (struct cut){ table + head, get32(table + 4) - head, head, 0 };
    return true;
}

/* What the firmware reserves, first to last byte, in whole pages. False: it ends before it begins or is out of reach. */
static inline bool fw_pages(uint64_t first, uint64_t last, uint64_t *base, uint64_t *len)
{
    if (last < first || last >> 52 != 0)
        return false;
    *base = PAGE_DOWN(first);
    *len = PAGE_UP(last + 1) - *base;
    return true;
}
