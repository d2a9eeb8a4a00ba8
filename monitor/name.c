/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of PCI functions: parsing, matching, printing. */
#include "monitor/name.h"

#include "kernel/lib/fmt.h"

struct cursor {
    const char *s;
    size_t len, at;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* 1 to max_digits digits of the base, value at most limit. */
static bool take_number(struct cursor *c, unsigned base, unsigned max_digits, uint32_t limit, uint32_t *out)
{
    uint32_t v = 0;
    size_t first = c->at;
    while (c->at < c->len && c->at - first < max_digits) {
        int d = hex_digit(c->s[c->at]);
        if (d < 0 || (unsigned)d >= base)
            break;
        v = v * base + (uint32_t)d;
        c->at++;
    }
    if (c->at == first)
        return false;
    if (v > limit) {
        c->at = first;
        return false;
    }
    *out = v;
    return true;
}

static bool take_char(struct cursor *c, char want)
{
    if (c->at >= c->len || c->s[c->at] != want)
        return false;
    c->at++;
    return true;
}

static bool at_end(const struct cursor *c) { return c->at == c->len; }

/* "1c.0" */
static bool take_devfn(struct cursor *c, uint8_t *devfn)
{
    uint32_t dev, fn;
    if (!take_number(c, 16, 2, 31, &dev) || !take_char(c, '.') || !take_number(c, 16, 1, 7, &fn))
        return false;
    *devfn = (uint8_t)(dev << 3 | fn);
    return true;
}

bool name_parse_path(const char *s, size_t len, struct fn_name *out, size_t *at)
{
    struct cursor c = { s, len, 0 };
    uint32_t bus;
    *out = (struct fn_name){ .kind = NAME_PATH };
    bool ok = take_number(&c, 16, 2, 255, &bus) && take_char(&c, ':');
    if (ok)
        out->bus = (uint8_t)bus;
    while (ok && out->hops < NAME_HOPS) {
        ok = take_devfn(&c, &out->path[out->hops]);
        if (!ok)
            break;
        out->hops++;
        if (at_end(&c))
            return true;
        ok = take_char(&c, '/');
    }
    *at = c.at;
    return false;
}

/* 3/0/0: decimal bus/device/function. */
static bool parse_triplet(struct cursor *c, struct fn_name *out)
{
    uint32_t bus, dev, fn;
    if (!take_number(c, 10, 3, 255, &bus) || !take_char(c, '/') ||
        !take_number(c, 10, 2, 31, &dev) || !take_char(c, '/') ||
        !take_number(c, 10, 1, 7, &fn) || !at_end(c))
        return false;
    out->bus = (uint8_t)bus;
    out->devfn = (uint8_t)(dev << 3 | fn);
    return true;
}

bool name_parse_address(const char *s, size_t len, struct fn_name *out, size_t *at)
{
    struct cursor c = { s, len, 0 };
    uint32_t first, bus;
    size_t colons = 0, slashes = 0;
    *out = (struct fn_name){ .kind = NAME_ADDRESS };
    for (size_t i = 0; i < len; i++) {
        colons += s[i] == ':';
        slashes += s[i] == '/';
    }
    if (colons == 0 && slashes > 0) {
        if (parse_triplet(&c, out))
            return true;
    } else if (colons == 2) {
        if (take_number(&c, 16, 4, 0xffff, &first) && take_char(&c, ':') &&
            take_number(&c, 16, 2, 255, &bus) && take_char(&c, ':') &&
            take_devfn(&c, &out->devfn) && at_end(&c)) {
            out->segment = (uint16_t)first;
            out->bus = (uint8_t)bus;
            return true;
        }
    } else if (take_number(&c, 16, 2, 255, &bus) && take_char(&c, ':') &&
               take_devfn(&c, &out->devfn) && at_end(&c)) {
        out->bus = (uint8_t)bus;
        return true;
    }
    *at = c.at;
    return false;
}

bool name_parse_id(const char *s, size_t len, uint16_t *vendor, uint16_t *device, size_t *at)
{
    struct cursor c = { s, len, 0 };
    uint32_t v, d;
    bool ok = take_number(&c, 16, 4, 0xffff, &v) && c.at == 4 && take_char(&c, ':') &&
              take_number(&c, 16, 4, 0xffff, &d) && c.at == 9 && at_end(&c);
    *at = c.at;
    if (!ok)
        return false;
    *vendor = (uint16_t)v;
    *device = (uint16_t)d;
    return true;
}

bool name_parse_slot(const char *s, size_t len, uint8_t *devfn, size_t *at)
{
    struct cursor c = { s, len, 0 };
    bool ok = take_devfn(&c, devfn) && at_end(&c);
    *at = c.at;
    return ok;
}

bool name_parse_any(const char *s, struct fn_name *out)
{
    size_t at, len;
    if (str_starts(s, "path="))
        return name_parse_path(s + 5, str_len(s + 5), out, &at);
    if (str_starts(s, "id=")) {
        *out = (struct fn_name){ .kind = NAME_ID };
        return name_parse_id(s + 3, str_len(s + 3), &out->vendor, &out->device, &at);
    }
    len = str_len(s);
    if (name_parse_address(s, len, out, &at) || name_parse_path(s, len, out, &at))
        return true;
    *out = (struct fn_name){ .kind = NAME_ID };
    return name_parse_id(s, len, &out->vendor, &out->device, &at);
}

unsigned name_path(const struct dev_info *dev, uint8_t path[NAME_HOPS], uint8_t *root)
{
    unsigned hops = 1;
    const struct dev_info *at;
    for (at = dev; at->up != 0; at -= at->up)
        hops++;
    *root = (uint8_t)(at->bdf >> 8);
    if (hops > NAME_HOPS)
        return NAME_HOPS + 1;
    at = dev;
    for (unsigned i = hops; i-- > 0; at -= at->up)
        path[i] = (uint8_t)at->bdf;
    return hops;
}

bool name_matches(const struct fn_name *name, const struct dev_info *dev)
{
    uint8_t path[NAME_HOPS], root;
    switch (name->kind) {
    case NAME_ADDRESS: return dev->bdf == ((uint32_t)name->segment << 16 | (uint32_t)name->bus << 8 | name->devfn);
    case NAME_ID: return dev->vendor == name->vendor && dev->device == name->device;
    case NAME_PATH:
        return dev->bdf >> 16 == 0 && name_path(dev, path, &root) == name->hops && root == name->bus &&
               memcmp(path, name->path, name->hops) == 0;
    case NAME_NONE:
    default: return false;
    }
}

void name_format_bdf(uint32_t bdf, char *buf, size_t size)
{
    fmt(buf, size, "%04x:%02x:%02x.%x", bdf >> 16, bdf >> 8 & 255, bdf >> 3 & 31, bdf & 7);
}

static void format_path(unsigned root, const uint8_t *path, unsigned hops, char *buf, size_t size)
{
    size_t n = fmt(buf, size, "%02x:", root);
    for (unsigned i = 0; i < hops && i < NAME_HOPS; i++)
        n += fmt(buf + n, size - n, "%s%02x.%x", i ? "/" : "", path[i] >> 3, path[i] & 7u);
}

void name_format_path(const struct dev_info *dev, char *buf, size_t size)
{
    uint8_t path[NAME_HOPS], root;
    const unsigned hops = name_path(dev, path, &root);
    if (hops > NAME_HOPS)
        str_copy(buf, size, "-");        /* deeper than a name can say */
    else
        format_path(root, path, hops, buf, size);
}

void name_format(const struct fn_name *name, char *buf, size_t size)
{
    size_t n;
    switch (name->kind) {
    case NAME_PATH:
        n = fmt(buf, size, "path=");
        format_path(name->bus, name->path, name->hops, buf + n, size - n);
        break;
    case NAME_ADDRESS:
        name_format_bdf((uint32_t)name->segment << 16 | (uint32_t)name->bus << 8 | name->devfn, buf, size);
        break;
    case NAME_ID:
        fmt(buf, size, "id=%04x:%04x", name->vendor, name->device);
        break;
    case NAME_NONE:
    default:
        fmt(buf, size, "(no name)");
        break;
    }
}

static const struct { uint16_t code, mask; const char *text; } class_name[] = {
    { 0x0106, 0xffff, "SATA controller" },     { 0x0108, 0xffff, "NVMe drive" },
    { 0x0101, 0xffff, "IDE controller" },      { 0x0104, 0xffff, "RAID controller" },
    { 0x0105, 0xffff, "ATA controller" },      { 0x0107, 0xffff, "SAS controller" },
    { 0x0100, 0xff00, "storage controller" },  { 0x0200, 0xffff, "Ethernet controller" },
    { 0x0280, 0xffff, "network controller" },  { 0x0200, 0xff00, "network controller" },
    { 0x0300, 0xffff, "VGA display" },         { 0x0300, 0xff00, "display controller" },
    { 0x0403, 0xffff, "audio device" },        { 0x0400, 0xff00, "multimedia device" },
    { 0x0500, 0xff00, "memory controller" },   { 0x0600, 0xffff, "host bridge" },
    { 0x0601, 0xffff, "ISA bridge" },          { 0x0604, 0xffff, "PCI bridge" },
    { 0x0600, 0xff00, "bridge" },              { 0x0700, 0xffff, "serial controller" },
    { 0x0700, 0xff00, "communication device" },{ 0x0805, 0xffff, "SD host controller" },
    { 0x0806, 0xffff, "IOMMU" },               { 0x0800, 0xff00, "system peripheral" },
    { 0x0900, 0xff00, "input device" },        { 0x0c03, 0xffff, "USB controller" },
    { 0x0c05, 0xffff, "SMBus" },               { 0x0c00, 0xff00, "serial bus" },
    { 0x0d00, 0xff00, "wireless controller" }, { 0x1000, 0xff00, "crypto device" },
    { 0x1200, 0xff00, "accelerator" },         { 0xff00, 0xff00, "unclassified device" },
};

const char *name_class(uint32_t class_rev)
{
    uint32_t code = class_rev >> 16;
    for (unsigned i = 0; i < ARRAY_LEN(class_name); i++)
        if ((code & class_name[i].mask) == class_name[i].code)
            return class_name[i].text;
    return "device";
}
