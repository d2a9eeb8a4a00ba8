/* SPDX-License-Identifier: BSD-2-Clause */
/* AML: PCI root bridges, the bridges below them, what their _PRT says, link devices [ACPI 6.2.13, 6.4]. Pure. */
#include "monitor/aml_internal.h"

#define EISA_PNP0A03   0x030ad041u
#define EISA_PNP0A08   0x080ad041u
#define ITEM_LARGE     0x80u     /* [ACPI 6.4.2, 6.4.3] */
#define ITEM_IRQ       0x04u
#define ITEM_END       0x0fu
#define   IRQ_LOW        0x08u
#define ITEM_EXT_IRQ   0x89u
#define   EXT_IRQ_LOW    0x04u

static struct aml_reason because(const char *why, uint16_t what) { return (struct aml_reason){ why, what }; }
static const struct aml_reason known = { NULL, AML_NONE };

/* Why it is not of this kind. */
static struct aml_reason not_kind(const struct value *v, uint16_t node, const char *else_why)
{
    return v->kind == V_UNKNOWN ? because(v->why, v->node != AML_NONE ? v->node : node) : because(else_why, node);
}

static bool is_pci_id(const struct aml *a, const struct value *v)
{
    if (v->kind == V_INT)
        return v->n == EISA_PNP0A03 || v->n == EISA_PNP0A08;
    return v->kind == V_STRING && v->in.end - v->in.at == 7 &&
           (memcmp(a->base + v->in.at, "PNP0A03", 7) == 0 || memcmp(a->base + v->in.at, "PNP0A08", 7) == 0);
}

/* An id as the table has it: firmware may swap the two that a PCI bus can have. */
static struct value id_of(struct aml *a, uint16_t device, const char name[5])
{
    uint16_t node = aml_child(a, device, name);
    struct value v = { .kind = V_NONE };
    if (node != AML_NONE && a->name[node].kind == AML_VALUE) {
        struct span c = { a->name[node].at, a->name[node].end };
        return aml_datum(a, device, &c, &v) ? v : (struct value){ .kind = V_NONE };
    }
    return aml_child_value(a, device, name);
}

static bool is_root_bridge(struct aml *a, uint16_t device)
{
    struct value hid = id_of(a, device, "_HID"), cid = id_of(a, device, "_CID");
    bool is = is_pci_id(a, &hid) || is_pci_id(a, &cid);
    for (uint32_t i = 0; !is && cid.kind == V_PACKAGE && i < MIN(cid.count, 8u); i++) {
        struct value v = aml_element(a, &cid, i);
        is = is_pci_id(a, &v);
    }
    return is;
}

/* A number that the device has, or the one that holds without; false: not known, and why. */
static bool number_of(struct aml *a, uint16_t device, const char name[5], uint64_t most, uint64_t *n,
                      struct aml_reason *why)
{
    struct value v = aml_child_value(a, device, name);
    *n = v.kind == V_INT ? v.n : 0;
    if (v.kind == V_NONE || (v.kind == V_INT && v.n <= most))
        return true;
    *why = not_kind(&v, aml_child(a, device, name), "is no number that can be");
    return false;
}

/* Segment, root bus and path of the device: from itself up to a root bridge. False: it is below none. */
static bool place(struct aml *a, uint16_t device, struct aml_bridge *b)
{
    uint16_t up[AML_HOPS];
    unsigned hops = 0;
    uint64_t n;
    uint16_t root = device;
    b->reason = known;
    while (!is_root_bridge(a, root)) {
        if (root == 0 || a->name[root].kind != AML_DEVICE || hops == AML_HOPS)
            return false;
        up[hops++] = root;
        root = a->name[root].parent;
    }
    b->rooted = number_of(a, root, "_SEG", 0xffff, &n, &b->reason);
    b->seg = (uint16_t)n;
    b->rooted = b->rooted && number_of(a, root, "_BBN", 0xff, &n, &b->reason);
    b->bus = (uint8_t)n;
    b->placed = b->rooted;
    while (b->placed && hops > 0) {
        uint16_t at = up[--hops];
        b->placed = number_of(a, at, "_ADR", 31u << 16 | 7, &n, &b->reason);
        if (b->placed && (aml_child(a, at, "_ADR") == AML_NONE || (n & 0xffff) > 7)) {
            b->reason = because("has no PCI address", at);
            b->placed = false;
        }
        if (b->placed)
            b->path[b->hops++] = (uint8_t)(n >> 16 << 3 | (n & 7));
    }
    return true;
}

/* The interrupts of the index-th interrupt descriptor in a resource template: none, one or more. In r the lowest or
 * first of them, its polarity, and, of an ISA descriptor, all [ACPI 6.4.2.1, 6.4.3.6]. */
static unsigned irqs_in(struct aml *a, const struct value *template, uint64_t index, struct aml_route *r)
{
    struct span c = template->in;
    uint64_t tag, len, n, count = 0;
    r->irqs = 0;
    while (aml_get(a, &c, 1, &tag)) {
        bool large = (tag & ITEM_LARGE) != 0;
        if (large && !aml_get(a, &c, 2, &len))
            return 0;
        len = large ? len : tag & 7;
        if (len > c.end - c.at || tag >> 3 == ITEM_END)
            return 0;
        struct span item = { c.at, c.at + (uint32_t)len };
        c.at = item.end;
        if ((tag != ITEM_EXT_IRQ && (large || tag >> 3 != ITEM_IRQ)) || index-- != 0)
            continue;
        if (tag == ITEM_EXT_IRQ) {
            uint64_t how;
            if (!aml_get(a, &item, 1, &how) || !aml_get(a, &item, 1, &count) || !aml_get(a, &item, 4, &n))
                return 0;
            r->high = (how & EXT_IRQ_LOW) == 0;
            r->gsi = (uint32_t)n;
            return (unsigned)count;
        }
        uint64_t how = 0;            /* without a third byte: edge, active high */
        if (!aml_get(a, &item, 2, &n))
            return 0;
        r->high = !aml_get(a, &item, 1, &how) || (how & IRQ_LOW) == 0;
        r->irqs = (uint16_t)n;
        r->gsi = n ? (uint32_t)__builtin_ctzll(n) : 0;
        return n == 0 ? 0 : (n & (n - 1)) == 0 ? 1 : 2;
    }
    return 0;
}

/* Where a link device leads: what it is set to, else its only possibility, else what it may be set to. */
static void follow_link(struct aml *a, struct aml_route *r, uint64_t index)
{
    struct value now = aml_child_value(a, r->link, "_CRS"), may = aml_child_value(a, r->link, "_PRS");
    if (now.kind == V_BUFFER && irqs_in(a, &now, index, r) == 1)
        return;
    unsigned count = may.kind == V_BUFFER ? irqs_in(a, &may, index, r) : 0;
    if (count != 1)
        r->reason = now.kind == V_BUFFER ? because("is a link device that is off", r->link)
                                         : not_kind(&now, r->link, "is a link device without a setting");
    if (r->reason.why == NULL)
        r->irqs = 0;
}

/* One entry: address, pin, source, source index [ACPI 6.2.13.1]. */
static struct aml_route route_of(struct aml *a, const struct value *entry, uint16_t prt)
{
    struct aml_route r = { .reason = known, .link = AML_NONE };
    struct value v[4];
    for (unsigned i = 0; i < 4; i++) {
        v[i] = aml_element(a, entry, i);
        if (v[i].kind == V_NAME && a->name[v[i].node].kind == AML_VALUE)
            v[i] = aml_value(a, v[i].node);
    }
    r.dev = v[0].kind == V_INT ? (uint8_t)(v[0].n >> 16 & 31) : 0xff;
    r.pin = v[1].kind == V_INT && v[1].n < 4 ? (uint8_t)v[1].n : 0xff;
    if (v[0].kind != V_INT || v[0].n >> 21 != 0)
        r.reason = not_kind(&v[0], prt, "has an entry without a device");
    else if (r.pin == 0xff)
        r.reason = not_kind(&v[1], prt, "has an entry without a pin");
    else if (v[3].kind != V_INT || v[3].n > 0xffff)
        r.reason = not_kind(&v[3], prt, "has an entry without an interrupt");
    else if (v[2].kind == V_INT && v[2].n == 0)
        r.gsi = (uint32_t)v[3].n;
    else if (v[2].kind == V_NAME && a->name[v[2].node].kind == AML_DEVICE) {
        r.link = v[2].node;
        follow_link(a, &r, v[3].n);
    } else {
        r.reason = not_kind(&v[2], prt, "has an entry whose source is no link device");
    }
    return r;
}

static void read_prt(struct aml *a, uint16_t prt, struct aml_bridge *b)
{
    struct value table = aml_value(a, prt);
    if (table.kind != V_PACKAGE) {
        b->reason = not_kind(&table, prt, "is no list of routes");
        return;
    }
    for (uint32_t i = 0; i < table.count; i++) {
        struct value entry = aml_element(a, &table, i);
        if (entry.kind == V_NONE)
            break;
        if (entry.kind == V_NAME)
            entry = aml_value(a, entry.node);
        if (a->routes == AML_ROUTES) {
            aml_note(a, a->name[prt].at, "more routes than this build keeps");
            break;
        }
        a->route[a->routes] = route_of(a, &entry, prt);
        if (entry.kind != V_PACKAGE)
            a->route[a->routes].reason = not_kind(&entry, prt, "has an entry that is no list");
        a->routes++;
    }
}

void aml_find_routes(struct aml *a)
{
    uint32_t names = a->names;
    for (uint32_t i = 1; i < names; i++) {
        struct aml_bridge b = { .node = a->name[i].parent };
        if (memcmp(&a->name[i].name, "_PRT", 4) != 0)
            continue;
        if (!place(a, b.node, &b)) {
            aml_note(a, a->name[i].at, "_PRT is of no device below a PCI root bridge");
            continue;
        }
        if (a->bridges == AML_BRIDGES) {
            aml_note(a, a->name[i].at, "more bridges with a _PRT than this build keeps");
            return;
        }
        b.first = (uint16_t)a->routes;
        struct aml_reason why = b.reason;
        read_prt(a, (uint16_t)i, &b);            /* also of one that is nowhere: for who wants to see it */
        b.reason = why.why ? why : b.reason;
        b.end = (uint16_t)a->routes;
        a->bridge[a->bridges++] = b;
    }
}

/* A bridge's answer for a device on its bus. */
static struct aml_reason answer(const struct aml *a, const struct aml_bridge *b, unsigned dev, unsigned pin,
                                uint8_t line, uint32_t *gsi, bool *high)
{
    if (b->reason.why)
        return b->reason;
    for (const struct aml_route *r = a->route + b->first; r < a->route + b->end; r++) {
        if (r->dev != dev || r->pin != pin)
            continue;
        *gsi = r->gsi;
        *high = r->high;
        if (r->reason.why && line < 16 && (r->irqs & 1u << line) != 0) {
            *gsi = line;
            return known;
        }
        return r->reason;
    }
    return because("has no entry for this device and pin", b->node);
}

struct aml_reason aml_intx(const struct aml *a, uint16_t seg, uint8_t bus, const uint8_t *path, unsigned hops,
                           unsigned pin, uint8_t line, uint32_t *gsi, bool *high)
{
    const struct aml_bridge *lost = NULL;
    for (unsigned above = hops; above-- > 0;) {  /* the bridges above this hop, the nearest _PRT first */
        const struct aml_bridge *found = NULL, *doubt = NULL;
        for (const struct aml_bridge *b = a->bridge; b < a->bridge + a->bridges; b++) {
            if (!b->rooted)
                lost = b;
            if (!b->rooted || b->seg != seg || b->bus != bus || b->hops > above || memcmp(b->path, path, b->hops) != 0)
                continue;
            if (!b->placed && b->hops < above)
                doubt = b;                       /* it may be this bridge */
            if (b->placed && b->hops == above && found)
                return because("is one of two bridges with the same address", b->node);
            if (b->placed && b->hops == above)
                found = b;
        }
        if (found)
            return answer(a, found, path[above] >> 3, pin, line, gsi, high);
        if (doubt)
            return doubt->reason;
        pin = (pin + (path[above] >> 3)) & 3;    /* [PCI 2.2.6] what a bridge's card does */
    }
    return lost ? lost->reason : because("no _PRT is above the function", AML_NONE);
}
