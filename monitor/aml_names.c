/* SPDX-License-Identifier: BSD-2-Clause */
/* AML: bytes, names, and the namespace [ACPI 5.3, 20.2]. Pure. */
#include "monitor/aml_internal.h"

#define ROOT_CHAR    0x5cu
#define PARENT_CHAR  0x5eu
#define DUAL_NAME    0x2eu
#define MULTI_NAME   0x2fu
#define ALIASES      8u          /* aliases of aliases */

bool aml_step(struct aml *a)
{
    if (a->steps == 0)
        return false;
    if (--a->steps == 0)
        aml_note(a, 0, "too much to read: the rest is not understood");
    return a->steps != 0;
}

void aml_note(struct aml *a, uint32_t offset, const char *text)
{
    if (a->notes++ < AML_NOTES)
        a->note[a->notes - 1] = (struct aml_note){ offset, text };
}

bool aml_peek(const struct aml *a, const struct span *c, uint8_t *byte)
{
    if (c->at >= c->end)
        return false;
    *byte = a->base[c->at];
    return true;
}

bool aml_get(struct aml *a, struct span *c, unsigned bytes, uint64_t *v)
{
    if (bytes > c->end - c->at || !aml_step(a))
        return false;
    *v = 0;
    for (unsigned i = 0; i < bytes; i++)
        *v |= (uint64_t)a->base[c->at + i] << (8 * i);
    c->at += bytes;
    return true;
}

bool aml_length(struct aml *a, struct span *c, uint32_t *n)
{
    uint64_t lead, more = 0;
    if (!aml_get(a, c, 1, &lead) || !aml_get(a, c, (unsigned)(lead >> 6), &more))
        return false;
    *n = (uint32_t)(lead >> 6 ? (lead & 0x0f) | more << 4 : lead & 0x3f);
    return true;
}

bool aml_package(struct aml *a, struct span *c, struct span *in)
{
    uint32_t start = c->at, n;
    if (!aml_length(a, c, &n) || n < c->at - start || n > c->end - start)
        return false;
    *in = (struct span){ c->at, start + n };
    c->at = start + n;
    return true;
}

bool aml_is_lead(uint8_t byte) { return (byte >= 'A' && byte <= 'Z') || byte == '_'; }

bool aml_is_name(uint8_t byte)
{
    return aml_is_lead(byte) || byte == ROOT_CHAR || byte == PARENT_CHAR || byte == DUAL_NAME || byte == MULTI_NAME;
}

bool aml_name_read(struct aml *a, struct span *c, struct name *n)
{
    uint64_t count = 1;
    uint8_t byte = 0;
    *n = (struct name){ .root = aml_peek(a, c, &byte) && byte == ROOT_CHAR };
    c->at += n->root;
    for (; !n->root && aml_peek(a, c, &byte) && byte == PARENT_CHAR; n->up++)
        c->at++;
    if (!aml_peek(a, c, &byte))
        return false;
    if (byte == 0) {                             /* no segments: the root or the parent itself */
        c->at++;
        return true;
    }
    if (byte == DUAL_NAME || byte == MULTI_NAME) {
        c->at++;
        count = 2;
        if (byte == MULTI_NAME && !aml_get(a, c, 1, &count))
            return false;
    }
    n->at = c->at;
    n->segs = (uint32_t)count;
    for (; count > 0; count--) {
        uint64_t seg;
        if (!aml_get(a, c, 4, &seg))
            return false;
        for (unsigned i = 0; i < 4; i++)
            if (!aml_is_lead((uint8_t)(seg >> (8 * i))) && (i == 0 || ((uint32_t)(seg >> (8 * i)) & 0xff) - '0' > 9))
                return false;
    }
    return true;
}

static uint32_t segment(const struct aml *a, const struct name *n, uint32_t i)
{
    const uint8_t *p = a->base + n->at + 4 * i;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint16_t *chain_of(struct aml *a, uint16_t parent, uint32_t seg)
{
    return &a->chain[((seg ^ parent * 0x85ebca6bu) * 0x9e3779b1u) >> 21];
}

static uint16_t find(struct aml *a, uint16_t parent, uint32_t seg)
{
    uint16_t i = *chain_of(a, parent, seg);
    while (i != AML_NONE && aml_step(a) && (a->name[i].name != seg || a->name[i].parent != parent))
        i = a->name[i].next;
    return a->steps != 0 ? i : AML_NONE;
}

uint16_t aml_child(struct aml *a, uint16_t parent, const char name[5])
{
    return find(a, parent, (uint32_t)(uint8_t)name[0] | (uint32_t)(uint8_t)name[1] << 8 |
                           (uint32_t)(uint8_t)name[2] << 16 | (uint32_t)(uint8_t)name[3] << 24);
}

/* Where the first segment is looked for. */
static uint16_t start_of(const struct aml *a, uint16_t scope, const struct name *n)
{
    uint16_t at = n->root ? 0 : scope;
    for (uint32_t i = 0; i < n->up && at != 0; i++)
        at = a->name[at].parent;
    return at;
}

static uint16_t lookup_plain(struct aml *a, uint16_t scope, const struct name *n, uint32_t segs)
{
    uint16_t at = start_of(a, scope, n);
    if (segs == 1 && !n->root && n->up == 0) {   /* a bare name: here, or in the scopes around */
        uint16_t found = find(a, at, segment(a, n, 0));
        while (found == AML_NONE && at != 0) {
            at = a->name[at].parent;
            found = find(a, at, segment(a, n, 0));
        }
        return found;
    }
    for (uint32_t i = 0; i < segs && at != AML_NONE; i++)
        at = find(a, at, segment(a, n, i));
    return at;
}

uint16_t aml_lookup(struct aml *a, uint16_t scope, const struct name *n)
{
    uint16_t at = lookup_plain(a, scope, n, n->segs);
    for (unsigned i = 0; at != AML_NONE && a->name[at].kind == AML_ALIAS; i++) {
        struct span c = { a->name[at].at, a->name[at].end };
        struct name target;
        if (i == ALIASES || !aml_name_read(a, &c, &target))
            return AML_NONE;
        at = lookup_plain(a, a->name[at].parent, &target, target.segs);
    }
    return at;
}

/* A second definition of a name: firmware's choice between the two may depend on hardware. */
static void again(struct aml *a, struct aml_name *old, enum aml_kind kind, uint8_t flags, uint32_t at)
{
    if (old->kind == AML_EXTERN || (old->kind == AML_SCOPE && kind != AML_EXTERN)) {
        *old = (struct aml_name){ .name = old->name, .parent = old->parent, .next = old->next, .kind = (uint8_t)kind,
                                  .flags = flags };
    } else if (kind == AML_EXTERN || kind == AML_SCOPE) {
        return;
    } else if ((flags | old->flags) & AML_MAYBE) {
        old->flags |= AML_DOUBT;
    } else {
        aml_note(a, at, "name is defined twice: the first counts");
    }
}

uint16_t aml_enter_seg(struct aml *a, uint16_t parent, uint32_t seg, enum aml_kind kind, uint8_t flags, uint32_t at)
{
    uint16_t i = find(a, parent, seg);
    bool own = a->fixed != 0;                    /* a method's own name hides one of the tables */
    if (i != AML_NONE && (!own || i >= a->fixed)) {
        again(a, &a->name[i], kind, flags, at);
        return i;
    }
    if (a->names == AML_NAMES || a->steps == 0) {
        if (a->names == AML_NAMES)
            aml_note(a, at, "more names than this build keeps");
        return AML_NONE;
    }
    uint16_t *chain = chain_of(a, parent, seg);
    a->name[a->names] = (struct aml_name){ .name = seg, .parent = parent, .next = *chain, .kind = (uint8_t)kind,
                                           .flags = flags };
    *chain = (uint16_t)a->names;
    return (uint16_t)a->names++;
}

uint16_t aml_enter(struct aml *a, uint16_t scope, const struct name *n, enum aml_kind kind, uint8_t flags)
{
    if (n->segs == 0)
        return start_of(a, scope, n);
    uint16_t parent = n->segs == 1 ? start_of(a, scope, n) : lookup_plain(a, scope, n, n->segs - 1);
    if (n->segs == 2 && !n->root && n->up == 0)  /* the first of two is not looked for around */
        parent = find(a, scope, segment(a, n, 0));
    if (parent == AML_NONE) {
        if (kind != AML_EXTERN)
            aml_note(a, n->at, "name lies in a scope that is in no table");
        return AML_NONE;
    }
    return aml_enter_seg(a, parent, segment(a, n, n->segs - 1), kind, flags, n->at);
}

void aml_forget(struct aml *a, uint32_t names)
{
    while (a->names > names) {
        const struct aml_name *last = &a->name[--a->names];
        *chain_of(a, last->parent, last->name) = last->next;
    }
    for (uint32_t i = 0; i < a->changes;)
        if (a->change[i].node >= names)
            a->change[i] = a->change[--a->changes];
        else
            i++;
}

void aml_path(const struct aml *a, uint16_t node, char *out, size_t size)
{
    uint16_t up[32];
    size_t n = 0, at = 0;
    for (; node != 0 && node < a->names && n < ARRAY_LEN(up); node = a->name[node].parent)
        up[n++] = node;
    if (size > 1)
        out[at++] = '\\';
    for (; n > 0 && at + 6 <= size; n--) {
        unsigned len = 4;
        for (; len > 1 && (uint8_t)(a->name[up[n - 1]].name >> (8 * (len - 1))) == '_'; )
            len--;                               /* padding is not shown */
        for (unsigned i = 0; i < len; i++)
            out[at++] = (char)(a->name[up[n - 1]].name >> (8 * i));
        if (n > 1)
            out[at++] = '.';
    }
    if (size > 0)
        out[at] = 0;
}
