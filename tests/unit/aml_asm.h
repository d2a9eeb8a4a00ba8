/* SPDX-License-Identifier: BSD-2-Clause */
/* A little assembler for AML, and the reader asked about what it made. For the tests of the AML reader. */
#pragma once

#include <stdlib.h>

#include "monitor/aml.h"
#include "tests/unit/unit.h"

#define UNUSED __attribute__((unused))

static struct aml aml;
static uint8_t t[1 << 16], typ_a, typ_b;
static size_t len, table_at;

/* ---- a little assembler ---- */
static UNUSED void put(const void *bytes, size_t n)
{
    memcpy(t + len, bytes, n);
    len += n;
}
static UNUSED void byte(unsigned b) { t[len++] = (uint8_t)b; }
static UNUSED void text(const char *s) { put(s, strlen(s)); }
static UNUSED void integer(uint32_t n)
{
    byte(0x0c);
    put(&n, 4);
}
/* A package length of two bytes, filled in by close_at. */
static UNUSED size_t open_at(unsigned op)
{
    if (op > 0xff)
        byte(0x5b);
    byte(op);
    len += 2;
    return len - 2;
}
static UNUSED void close_at(size_t at)
{
    size_t n = len - at;
    t[at] = (uint8_t)(0x40 | (n & 15));
    t[at + 1] = (uint8_t)(n >> 4);
}
#define BLOCK(op)  for (size_t at_ = open_at(op), on_ = 1; on_; on_ = 0, close_at(at_))
#define SCOPE(n)   for (size_t at_ = (open_at(0x10)), on_ = (text(n), 1); on_; on_ = 0, close_at(at_))
#define DEVICE(n)  for (size_t at_ = (open_at(0x182)), on_ = (text(n), 1); on_; on_ = 0, close_at(at_))
#define METHOD(n, args) for (size_t at_ = (open_at(0x14)), on_ = (text(n), byte(args), 1); on_; on_ = 0, close_at(at_))
#define IF         BLOCK(0xa0)
#define ELSE       BLOCK(0xa1)

static UNUSED void name(const char *n)
{
    byte(8);
    text(n);
}
static UNUSED void table(const char *sig)
{
    len = (len + 15) & ~(size_t)15;
    table_at = len;
    memset(t + len, 0, 36);
    text(sig);
    t[table_at + 8] = 2;
    len = table_at + 36;
}
static UNUSED void begin(void)
{
    memset(t, 0, sizeof t);
    len = 0;
    table("DSDT");
}
static UNUSED void end_table(void)
{
    uint32_t n = (uint32_t)(len - table_at);
    memcpy(t + table_at + 4, &n, 4);
}
/* One route: source NULL is none, else a name. */
static UNUSED void route(unsigned dev, unsigned pin, const char *source, unsigned index)
{
    BLOCK(0x12) {
        byte(4);
        integer(dev << 16 | 0xffff);
        byte(0x0a);
        byte(pin);
        if (source)
            text(source);
        else
            byte(0);
        integer(index);
    }
}
/* A package of one route, of device 3, pin A. */
static UNUSED void routes(unsigned gsi)
{
    BLOCK(0x12) {
        byte(1);
        route(3, 0, NULL, gsi);
    }
}
static UNUSED void named_routes(const char *n, unsigned gsi)
{
    name(n);
    routes(gsi);
}
static UNUSED void pci_root(void)
{
    name("_HID");
    integer(0x080ad041);
}
static UNUSED void address(unsigned dev, unsigned fn)
{
    name("_ADR");
    integer(dev << 16 | fn);
}
static UNUSED void pic_method(void)
{
    name("PICM");
    byte(0);
    METHOD("_PIC", 1) {
        byte(0x70);
        byte(0x68);
        text("PICM");
    }
}
/* A field REGI in system memory. */
static UNUSED void reg_field(void)
{
    byte(0x5b); byte(0x80); text("REGS"); byte(0); integer(0x1000); byte(0x0a); byte(4);
    BLOCK(0x181) {
        text("REGS");
        byte(1);
        text("REGI");
        byte(0x20);
    }
}
static UNUSED void ret(const char *n)
{
    byte(0xa4);
    text(n);
}

static UNUSED status_t read_tables(void)
{
    uint8_t *copy;
    end_table();
    copy = malloc(len);
    memcpy(copy, t, len);
    status_t st = aml_read(&aml, copy, len);
    if (st == ST_OK && aml_s5(&aml, &typ_a, &typ_b) != ST_OK)
        typ_a = typ_b = 99;
    for (uint32_t i = 0; i < aml.notes && i < AML_NOTES; i++)
        CHECK(aml.note[i].text && aml.note[i].offset <= len);
    free(copy);
    return st;
}
static UNUSED bool noted(const char *what)
{
    for (uint32_t i = 0; i < aml.notes && i < AML_NOTES; i++)
        if (strstr(aml.note[i].text, what))
            return true;
    return false;
}

/* The line of a function on bus 0: its number, or ~0 with why it is not known. */
static const char *why;
static bool high;                /* active high */
static UNUSED uint32_t intx(const uint8_t *path, unsigned hops, unsigned pin, uint8_t line)
{
    uint32_t gsi = ~0u;
    struct aml_reason r = aml_intx(&aml, 0, 0, path, hops, pin, line, &gsi, &high);
    why = r.why ? r.why : "";
    return r.why ? ~0u : gsi;
}
static UNUSED uint32_t device_3(void) { return intx((const uint8_t[]){ 3 << 3 }, 1, 0, 0xff); }
