/* SPDX-License-Identifier: BSD-2-Clause */
/* link: drivers/iommu/vtd/dmar.c */
#include "drivers/iommu/vtd/dmar.h"

#include <dirent.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static uint8_t t[8192];
static size_t len;
static struct dmar d;

static void word(size_t at, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        t[at + i] = (uint8_t)(v >> (8 * i));
}

static void begin(void)
{
    memset(t, 0, sizeof t);
    memcpy(t, "DMAR", 4);
    len = 48;
    t[36] = 45;
    t[37] = 5;
    word(4, len, 4);
}

/* An entry of size bytes, zero after the header; returns its offset. */
static size_t entry(unsigned type, unsigned size)
{
    size_t at = len;
    word(at, type, 2);
    word(at + 2, size, 2);
    len += size;
    word(4, len, 4);
    return at;
}

static size_t drhd(uint64_t base, unsigned flags, unsigned scope_bytes)
{
    size_t at = entry(0, 16 + scope_bytes);
    t[at + 4] = (uint8_t)flags;
    word(at + 8, base, 8);
    return at;
}

static void scope(size_t at, unsigned type, unsigned size, unsigned id, unsigned bus, unsigned dev, unsigned fn)
{
    t[at] = (uint8_t)type;
    t[at + 1] = (uint8_t)size;
    t[at + 4] = (uint8_t)id;
    t[at + 5] = (uint8_t)bus;
    if (size >= 8) {
        t[at + 6] = (uint8_t)dev;
        t[at + 7] = (uint8_t)fn;
    }
}

/* Parses a copy of exactly len bytes, so that the sanitizer sees any overrun. */
static status_t parse(void)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, t, len);
    status_t st = dmar_parse(copy, len, &d);
    free(copy);
    return st;
}

static bool noted(const char *text)
{
    for (uint32_t i = 0; i < d.notes.count && i < FW_NOTES; i++)
        if (strstr(d.notes.at[i].text, text) != NULL)
            return true;
    return false;
}

static void test_good(void)
{
    begin();
    size_t a = drhd(0xfed90000, 0, 8);
    scope(a + 16, 1, 8, 0, 0, 2, 0);
    a = drhd(0xfed91000, 1, 16 + 10);
    scope(a + 16, 3, 8, 2, 0xf0, 31, 0);
    scope(a + 24, 4, 8, 0, 0xf0, 15, 0);
    scope(a + 32, 2, 10, 0, 0, 0x1c, 4);
    t[a + 40] = 3;
    t[a + 41] = 1;
    a = entry(1, 24 + 8);
    word(a + 8, 0xdb800000, 8);
    word(a + 16, 0xdfffffff, 8);
    word(a + 6, 3, 2);
    scope(a + 24, 1, 8, 0, 0, 2, 0);
    a = entry(2, 8 + 8);
    scope(a + 8, 2, 8, 0, 0, 1, 0);
    a = entry(3, 20);
    word(a + 8, 0xfed90000, 8);
    word(a + 16, 1, 4);
    a = entry(4, 8 + 12);
    t[a + 7] = 3;
    memcpy(t + a + 8, "\\_SB.I2C0", 10);
    a = entry(5, 8 + 8);
    t[a + 4] = 1;
    scope(a + 8, 1, 8, 0, 0, 4, 1);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.notes.count, 0);
    CHECK(d.lost == ST_OK);
    CHECK_EQ(d.flags, DMAR_INTR_REMAP | 4);
    CHECK_EQ(d.units, 2);
    CHECK(!d.unit[0].include_all && d.unit[1].include_all);
    CHECK_EQ(d.unit[1].base, 0xfed91000);
    CHECK_EQ(d.unit[1].scopes.first, 1);
    CHECK_EQ(d.unit[1].scopes.end, 4);
    CHECK_EQ(d.scope[1].id, 2);
    CHECK_EQ(d.scope[1].start_bus, 0xf0);
    CHECK_EQ(d.scope[3].hops, 2);
    CHECK_EQ(d.scope[3].fn.seg, 0);
    CHECK_EQ(d.scope[4].fn.seg, 3);
    CHECK_EQ(d.scope[3].path[0], 0x1c << 3 | 4);
    CHECK_EQ(d.scope[3].path[1], 3 << 3 | 1);
    CHECK_EQ(d.regions, 1);
    CHECK_EQ(d.region[0].base, 0xdb800000);
    CHECK_EQ(d.region[0].len, 0x4800000);
    CHECK(d.region[0].scopes.first == 4 && d.region[0].scopes.end == 5);
    CHECK_EQ(d.scopes, 5);                         /* those of the types that decide nothing are not kept */
}

static void test_header(void)
{
    begin();
    len = 47;
    CHECK_EQ(parse(), ST_CORRUPT);
    begin();
    t[0] = 'X';
    CHECK_EQ(parse(), ST_CORRUPT);
    begin();
    word(4, 49, 4);
    CHECK_EQ(parse(), ST_CORRUPT);                 /* says more than there is */
    begin();
    word(4, 47, 4);
    CHECK_EQ(parse(), ST_CORRUPT);
    begin();
    CHECK_EQ(parse(), ST_OK);                      /* no entry at all */
    CHECK_EQ(d.units, 0);
    begin();
    drhd(0xfed90000, 1, 0);
    word(4, 48, 4);                                /* what the header leaves out is not read */
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.units, 0);
    len = 0;
    CHECK_EQ(parse(), ST_CORRUPT);
}

static void test_lengths(void)
{
    begin();                                       /* zero length, not padding: what follows is lost */
    drhd(0xfed90000, 1, 0);
    size_t a = entry(0, 16);
    word(a + 2, 0, 2);
    word(a + 8, 0xfed91000, 8);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.units, 1);
    CHECK(noted("entry length is wrong") && d.lost == ST_CORRUPT);

    begin();                                       /* zeros at the end are harmless */
    drhd(0xfed90000, 1, 0);
    len += 12;
    word(4, len, 4);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.units, 1);
    CHECK(d.notes.count == 0 && d.lost == ST_OK);

    begin();                                       /* beyond the end */
    a = drhd(0xfed90000, 1, 0);
    word(a + 2, 17, 2);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.units, 0);
    CHECK(noted("entry length is wrong") && d.lost == ST_CORRUPT);

    for (unsigned tail = 1; tail < 4; tail++) {    /* a stump of a header */
        begin();
        drhd(0xfed90000, 1, 0);
        memset(t + len, 0xee, tail);
        len += tail;
        word(4, len, 4);
        CHECK_EQ(parse(), ST_OK);
        CHECK_EQ(d.units, 1);
        CHECK(noted("entry length is wrong"));
    }

    begin();                                       /* too short for its type: a unit is hidden */
    entry(0, 15);
    drhd(0xfed91000, 1, 0);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.units, 1);
    CHECK(noted("too short for its type") && d.lost == ST_CORRUPT);

    for (unsigned type = 1; type <= 6; type++) {   /* the others cost only themselves */
        begin();
        entry(type, 7);
        drhd(0xfed91000, 1, 0);
        CHECK_EQ(parse(), ST_OK);
        CHECK_EQ(d.units, 1);
        CHECK(noted("too short for its type") && d.lost == ST_OK);
    }

    begin();
    entry(7, 12);
    entry(0xffff, 4);
    drhd(0xfed91000, 1, 0);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.units, 1);
    CHECK_EQ(d.notes.count, 2);
    CHECK_EQ(d.notes.at[1].type, 0xffff);
    CHECK(noted("unknown entry type") && d.lost == ST_OK);
}

static void test_units(void)
{
    static const uint64_t bad[] = { 0, 0xfed90800, ~0ull, 1ull << 52 };
    for (unsigned i = 0; i < 4; i++) {
        begin();
        size_t a = drhd(bad[i], 0, 8);
        scope(a + 16, 1, 8, 0, 0, 2, 0);
        drhd(0xfed91000, 1, 0);
        CHECK_EQ(parse(), ST_OK);
        CHECK_EQ(d.units, 2);
        CHECK(d.unit[0].broken && !d.unit[1].broken);
        CHECK_EQ(d.unit[0].scopes.end - d.unit[0].scopes.first, 1);       /* its devices are known and refused */
        CHECK(noted("not an address") && d.lost == ST_OK);
    }
    begin();
    drhd(0, 1, 0);                                 /* the unit for all the rest */
    CHECK_EQ(parse(), ST_OK);
    CHECK(d.unit[0].broken && d.unit[0].include_all && d.lost == ST_OK);
    begin();
    drhd(0xfed90000, 0, 0);
    drhd(0xfed90000, 0, 0);
    CHECK_EQ(parse(), ST_OK);
    CHECK(noted("listed twice") && d.unit[1].broken && !d.unit[0].broken);
    begin();
    for (unsigned i = 0; i < IOMMU_UNITS + 1; i++)
        drhd(0xfed00000 + i * 0x1000, 0, 0);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.units, IOMMU_UNITS);
    CHECK(noted("more entries of this type") && d.lost == ST_UNSUPP);
}

static void test_scopes(void)
{
    static const unsigned lengths[] = { 0, 1, 5, 7, 9, 255 };
    for (unsigned i = 0; i < 6; i++) {
        begin();
        size_t a = drhd(0xfed90000, 0, 16);
        scope(a + 16, 1, 8, 0, 0, 2, 0);
        scope(a + 24, 1, lengths[i], 0, 0, 3, 0);
        drhd(0xfed91000, 1, 0);
        CHECK_EQ(parse(), ST_OK);
        CHECK_EQ(d.units, 2);                      /* the entry after it is there */
        CHECK_EQ(d.unit[0].scopes.end - d.unit[0].scopes.first, 1);
        CHECK(noted("scope length is wrong") && d.lost == ST_OK);
    }
    for (unsigned odd = 7; odd < 11; odd += 2) {   /* it fits, but half a hop is none */
        begin();
        size_t at = drhd(0xfed90000, 0, odd);
        scope(at + 16, 1, odd, 0, 0, 2, 0);
        CHECK_EQ(parse(), ST_OK);
        CHECK_EQ(d.scopes, 0);
        CHECK_EQ(d.notes.count, 1);
        CHECK(noted("scope length is wrong"));
    }
    begin();
    size_t a = drhd(0xfed90000, 0, 6 + 8 + 8 + 8 + 8 + 24);
    scope(a + 16, 1, 6, 0, 0, 0, 0);               /* empty path */
    scope(a + 22, 1, 8, 0, 0, 32, 0);              /* no such device */
    scope(a + 30, 1, 8, 0, 0, 1, 8);
    scope(a + 38, 9, 8, 0, 0, 1, 0);               /* unknown type */
    scope(a + 46, 0, 8, 0, 0, 1, 0);
    scope(a + 54, 1, 24, 0, 0, 1, 0);              /* nine hops */
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.scopes, 0);
    CHECK_EQ(d.notes.count, 6);
    CHECK(noted("scope path") && noted("unknown device scope type"));
    begin();
    for (unsigned i = 0; i < 5; i++) {             /* more scopes than are kept */
        a = drhd(0xfed90000 + i * 0x1000, 0, 8 * 125);
        for (unsigned k = 0; k < 125; k++)
            scope(a + 16 + 8 * k, 1, 8, 0, (uint8_t)k, 1, 0);
    }
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.scopes, DMAR_SCOPES);
    CHECK_EQ(d.unit[4].scopes.end - d.unit[4].scopes.first, 12);
    CHECK(d.notes.count > FW_NOTES && noted("more entries of this type"));
    begin();
    a = drhd(0xfed90000, 0, 5);                    /* less than a scope */
    t[a + 17] = 5;
    CHECK_EQ(parse(), ST_OK);
    CHECK(noted("scope length is wrong"));
}

static void region(uint64_t first, uint64_t last)
{
    size_t a = entry(1, 24);
    word(a + 8, first, 8);
    word(a + 16, last, 8);
}

static void test_regions(void)
{
    begin();
    region(0x2000, 0x1fff);
    region(0, ~0ull);
    region(0x1000, (1ull << 52) + 0xfff);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.regions, 0);
    CHECK_EQ(d.notes.count, 3);
    CHECK(noted("ends before it begins"));
    begin();
    region(0x1800, 0x27fe);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.region[0].base, 0x1000);
    CHECK_EQ(d.region[0].len, 0x2000);
    CHECK(noted("not page-aligned"));
    begin();
    region(0x5000, 0x5fff);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.region[0].len, 0x1000);
    CHECK_EQ(d.notes.count, 0);
    begin();
    for (unsigned i = 0; i <= DMAR_REGIONS; i++)
        region(0x100000 * i, 0x100000 * i + 0xfff);
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(d.regions, DMAR_REGIONS);
    CHECK_EQ(d.notes.count, 1);
    CHECK(noted("more entries of this type") && d.lost == ST_OK);
}

/* Real tables: every one parses; none has what would refuse the machine. */
static void test_corpus(const char *dir)
{
    DIR *dp = opendir(dir);
    unsigned tables = 0, notes = 0;
    if (!dp) {
        printf("skip: no %s\n", dir);
        return;
    }
    for (struct dirent *e; (e = readdir(dp)) != NULL;) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        FILE *f = strstr(e->d_name, ".bin") ? fopen(path, "rb") : NULL;
        if (!f)
            continue;
        len = fread(t, 1, sizeof t, f);
        fclose(f);
        CHECK_EQ(parse(), ST_OK);
        CHECK(d.units >= 1 && d.lost == ST_OK);
        bool all = false;
        for (uint32_t i = 0; i < d.units; i++)
            all |= d.unit[i].include_all;
        CHECK(all);
        notes += d.notes.count != 0;
        tables++;
        size_t whole = len;                        /* every shorter length is refused or bounded */
        for (len = 0; len < whole; len += 1 + len / 16)
            CHECK_EQ(parse(), ST_CORRUPT);
        for (len = 48; len < whole; len++) {
            word(4, len, 4);
            CHECK_EQ(parse(), ST_OK);
        }
    }
    closedir(dp);
    printf("corpus: %u tables, %u with notes\n", tables, notes);
    CHECK(tables > 100);
}

int main(void)
{
    test_good();
    test_header();
    test_lengths();
    test_units();
    test_scopes();
    test_regions();
    test_corpus("../shared/acpi-corpus/DMAR");
    return unit_done();
}
