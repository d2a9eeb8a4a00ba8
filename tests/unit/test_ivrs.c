/* SPDX-License-Identifier: BSD-2-Clause */
/* link: drivers/iommu/amdvi/ivrs.c */
#include "drivers/iommu/amdvi/ivrs.h"

#include <dirent.h>
#include <stdlib.h>

#include "tests/unit/unit.h"

static uint8_t t[16384];
static size_t len, block_at;
static struct ivrs v;

static void word(size_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        t[at + i] = (uint8_t)(value >> (8 * i));
}

static void grow(size_t bytes)
{
    len += bytes;
    word(4, len, 4);
    if (block_at)
        word(block_at + 2, len - block_at, 2);
}

static void begin(void)
{
    memset(t, 0, sizeof t);
    memcpy(t, "IVRS", 4);
    len = block_at = 0;
    word(36, 0x203043, 4);
    grow(48);
}

/* A block of size bytes, to which entries may be added; returns its offset. */
static size_t block(unsigned type, unsigned flags, unsigned size)
{
    block_at = len;
    t[len] = (uint8_t)type;
    t[len + 1] = (uint8_t)flags;
    grow(size);
    return block_at;
}

static size_t ivhd(unsigned type, unsigned rid, uint64_t base)
{
    size_t at = block(type, 0xb0, type == 0x10 ? 24 : 40);
    word(at + 4, rid, 2);
    word(at + 6, 0x40, 2);
    word(at + 8, base, 8);
    return at;
}

static void entry(unsigned type, unsigned rid, unsigned setting)
{
    t[len] = (uint8_t)type;
    word(len + 1, rid, 2);
    t[len + 3] = (uint8_t)setting;
    grow(4u << (type >> 6));
}

static void special(unsigned handle, unsigned rid, unsigned variety, unsigned setting)
{
    entry(0x48, 0, setting);
    t[len - 4] = (uint8_t)handle;
    word(len - 3, rid, 2);
    t[len - 1] = (uint8_t)variety;
}

static void alias(unsigned type, unsigned rid, unsigned source)
{
    entry(type, rid, 0);
    word(len - 3, source, 2);
}

static void named(unsigned rid, const char *uid)
{
    size_t n = strlen(uid);
    t[len] = 0xf0;
    word(len + 1, rid, 2);
    t[len + 3] = 0x40;
    memcpy(t + len + 4, "AMDI0020", 8);
    t[len + 20] = 2;
    t[len + 21] = (uint8_t)n;
    memcpy(t + len + 22, uid, n);
    grow(22 + n);
}

static size_t ivmd(unsigned type, unsigned flags, unsigned rid, unsigned aux, uint64_t base, uint64_t bytes)
{
    size_t at = block(type, flags, 32);
    word(at + 4, rid, 2);
    word(at + 6, aux, 2);
    word(at + 16, base, 8);
    word(at + 24, bytes, 8);
    return at;
}

/* Parses a copy of exactly len bytes, so that the sanitizer sees any overrun. */
static status_t parse(void)
{
    uint8_t *copy = malloc(len ? len : 1);
    memcpy(copy, t, len);
    status_t st = ivrs_parse(copy, len, &v);
    free(copy);
    return st;
}

static bool noted(const char *text)
{
    for (uint32_t i = 0; i < v.notes.count && i < FW_NOTES; i++)
        if (strstr(v.notes.at[i].text, text) != NULL)
            return true;
    return false;
}

static void check_entry(uint32_t i, unsigned type, unsigned first, unsigned last)
{
    CHECK(i < v.entries);
    CHECK_EQ(v.entry[i].type, type);
    CHECK_EQ(v.entry[i].first, first);
    CHECK_EQ(v.entry[i].last, last);
}

static void every_entry(void)
{
    begin();
    size_t a = ivhd(0x11, 2, 0xfeb80000);
    word(a + 16, 3, 2);
    word(a + 18, 0x1234, 2);
    word(a + 20, 0x00048000, 4);
    word(a + 24, 0x246577efa22254da, 8);
    word(a + 32, 0x10, 8);
    entry(0, 0, 0);
    entry(1, 0x77, 0x01);
    entry(2, 0x10, 0x02);
    entry(3, 0x18, 0x04);
    entry(4, 0xfffe, 0);
    alias(0x42, 0x200, 0x100);
    alias(0x43, 0xff00, 0xa5);
    entry(4, 0xffff, 0);
    entry(0x46, 0x300, 0);
    word(len - 4, 0x80000000, 4);
    entry(0x47, 0x400, 0);
    entry(4, 0x4ff, 0);
    special(0x21, 0xa0, 1, 0xd7);
    special(0, 0xa1, 2, 0);
    ivmd(0x20, 3, 5, 6, 0x1000, 0x1000);
    ivmd(0x21, 7, 0x300, 0x400, 0x713f0000, 0x2600000);
    a = ivmd(0x22, 8, 0, 0xfff, 0x80000000, 0x100000000);
    word(a + 8, 7, 2);
}

static void test_good(void)
{
    every_entry();
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(v.notes.count, 0);
    CHECK_EQ(v.lost, ST_OK);
    CHECK_EQ(v.info, 0x203043);
    CHECK_EQ(v.units, 1);
    CHECK_EQ(v.unit[0].base, 0xfeb80000);
    CHECK_EQ(bdf_u32(v.unit[0].fn), 0x30002);
    CHECK_EQ(v.unit[0].cap, 0x40);
    CHECK_EQ(v.unit[0].info, 0x1234);
    CHECK_EQ(v.unit[0].features, 0x00048000);
    CHECK_EQ(v.unit[0].efr, 0x246577efa22254da);
    CHECK_EQ(v.unit[0].efr2, 0x10);
    CHECK(v.unit[0].type == 0x11 && v.unit[0].flags == 0xb0 && !v.unit[0].broken);
    CHECK(v.unit[0].entry == 0 && v.unit[0].end == 9);
    CHECK_EQ(v.entries, 9);
    check_entry(0, IVHD_ALL, 0, 0xffff);
    CHECK_EQ(v.entry[0].setting, IVHD_INIT_PASS);
    check_entry(1, IVHD_SELECT, 0x10, 0x10);
    CHECK_EQ(v.entry[1].setting, IVHD_EINT_PASS);
    check_entry(2, IVHD_START, 0x18, 0xfffe);
    CHECK_EQ(v.entry[2].setting, IVHD_NMI_PASS);
    check_entry(3, IVHD_ALIAS, 0x200, 0x200);
    CHECK_EQ(v.entry[3].alias, 0x100);
    check_entry(4, IVHD_ALIAS_START, 0xff00, 0xffff);
    CHECK_EQ(v.entry[4].alias, 0xa5);
    check_entry(5, IVHD_EXT, 0x300, 0x300);
    CHECK_EQ(v.entry[5].extended, IVHD_ATS_OFF);
    check_entry(6, IVHD_EXT_START, 0x400, 0x4ff);
    CHECK_EQ(v.entry[6].extended, 0);
    check_entry(7, IVHD_SPECIAL, 0xa0, 0xa0);
    CHECK(v.entry[7].handle == 0x21 && v.entry[7].variety == IVHD_IOAPIC && v.entry[7].setting == 0xd7);
    CHECK(v.entry[8].variety == IVHD_HPET && v.entry[8].first == 0xa1);
    CHECK_EQ(v.entry[1].offset, 48 + 40 + 8);
    CHECK_EQ(v.regions, 3);
    CHECK(v.region[0].first == 0 && v.region[0].last == 0xffff && v.region[0].flags == (IVMD_UNITY | IVMD_READ));
    CHECK(v.region[1].first == 0x300 && v.region[1].last == 0x300);
    CHECK(v.region[1].base == 0x713f0000 && v.region[1].len == 0x2600000);
    CHECK(v.region[2].last == 0xfff && v.region[2].seg == 7 && v.region[2].flags == IVMD_EXCLUDED);
    CHECK(v.region[2].base == 0x80000000 && v.region[2].len == 0x100000000);
}

/* Of the blocks for one unit the highest type counts, whatever the order, per unit. */
static void test_types(void)
{
    static const uint8_t orders[][3] = { { 0x10, 0x11, 0x40 }, { 0x40, 0x11, 0x10 }, { 0x11, 0x40, 0x10 } };
    for (unsigned i = 0; i < 3; i++) {
        begin();
        for (unsigned k = 0; k < 3; k++) {
            ivhd(orders[i][k], 2, 0xfeb80000);
            entry(2, orders[i][k], 0);
            if (orders[i][k] == 0x40)
                named(0xa5, "\\_SB.FUR0");
        }
        ivhd(0x10, 0x4002, 0xfeb90000);
        entry(2, 0x4000, 0);
        CHECK_EQ(parse(), ST_OK);
        CHECK_EQ(v.notes.count, 0);
        CHECK_EQ(v.units, 2);
        CHECK_EQ(v.unit[0].type, 0x40);
        CHECK_EQ(v.entries, 3);
        check_entry(0, IVHD_SELECT, 0x40, 0x40);
        check_entry(1, IVHD_NAMED, 0xa5, 0xa5);
        CHECK_EQ(v.entry[1].setting, 0x40);
        CHECK(v.unit[1].type == 0x10 && v.unit[1].entry == 2 && v.unit[1].end == 3);
        CHECK(v.unit[1].efr == 0 && v.unit[1].efr2 == 0);
    }
    begin();                                       /* 11h without 40h */
    ivhd(0x10, 2, 0xfeb80000);
    ivhd(0x11, 2, 0xfeb80000);
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.units == 1 && v.unit[0].type == 0x11);
    begin();                                       /* twice the same type is not a choice */
    ivhd(0x10, 2, 0xfeb80000);
    entry(2, 8, 0);
    ivhd(0x10, 2, 0xfeb80000);
    entry(2, 9, 0);
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.units == 1 && v.entries == 1 && v.entry[0].first == 8);
    CHECK(noted("unit listed twice") && v.lost == ST_OK);
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
    CHECK_EQ(parse(), ST_CORRUPT);
    begin();
    word(4, 47, 4);
    CHECK_EQ(parse(), ST_CORRUPT);
    begin();
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.units == 0 && v.notes.count == 0);
    begin();
    ivhd(0x10, 2, 0xfeb80000);
    word(4, 48, 4);                                /* what the header leaves out is not read */
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(v.units, 0);
    len = 0;
    CHECK_EQ(parse(), ST_CORRUPT);
}

static void test_lengths(void)
{
    static const unsigned wrong[] = { 0, 3, 25, 0xffff };
    for (unsigned i = 0; i < 4; i++) {             /* what follows is lost: a unit may be in it; said once */
        begin();
        ivhd(0x10, 2, 0xfeb80000);
        size_t a = ivhd(0x10, 3, 0xfeb90000);
        word(a + 2, wrong[i], 2);
        CHECK_EQ(parse(), ST_OK);
        CHECK_EQ(v.units, 1);
        CHECK_EQ(v.notes.count, 1);
        CHECK_EQ(v.notes.at[0].offset, a);
        CHECK(noted("block length is wrong") && v.lost == ST_CORRUPT);
    }
    begin();                                       /* zeros at the end are harmless */
    ivhd(0x10, 2, 0xfeb80000);
    block_at = 0;
    grow(13);
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.units == 1 && v.notes.count == 0 && v.lost == ST_OK);
    static const uint8_t types[] = { 0x10, 0x11, 0x40, 0x20, 0x21, 0x22 };
    for (unsigned i = 0; i < 6; i++) {             /* a short block costs itself; a unit's may hide a unit */
        begin();
        block(types[i], 0, types[i] == 0x10 ? 23 : i < 3 ? 39 : 31);
        ivhd(0x10, 9, 0xfeb90000);
        CHECK_EQ(parse(), ST_OK);
        CHECK_EQ(v.units, 1);
        CHECK(v.notes.count == 1 && noted("too short for its type"));
        CHECK_EQ(v.lost, i < 3 ? ST_CORRUPT : ST_OK);
    }
    begin();
    block(0x51, 0, 32);
    block(0, 0, 4);
    ivhd(0x11, 9, 0xfeb90000);
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.units == 1 && v.notes.count == 2 && noted("unknown block type") && v.lost == ST_OK);
}

static void test_units(void)
{
    static const uint64_t bad[] = { 0, 0xfed92000, ~0ull, 1ull << 52 };
    for (unsigned i = 0; i < 4; i++) {
        begin();
        ivhd(0x10, 2, bad[i]);
        entry(2, 0x10, 0);
        ivhd(0x10, 3, 0xfeb80000);
        CHECK_EQ(parse(), ST_OK);
        CHECK(v.units == 2 && v.unit[0].broken && !v.unit[1].broken);
        CHECK(v.unit[0].end - v.unit[0].entry == 1 && noted("not an address") && v.lost == ST_OK);
    }
    begin();
    ivhd(0x10, 2, 0xfeb80000);
    ivhd(0x10, 3, 0xfeb80000);
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.units == 2 && v.unit[1].broken && !v.unit[0].broken && noted("base listed twice"));
    begin();
    for (unsigned i = 0; i <= IOMMU_UNITS; i++)
        ivhd(0x10, 0x100 * i + 2, 0xfe000000 + i * 0x4000);
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.units == IOMMU_UNITS && noted("more entries") && v.lost == ST_UNSUPP);
}

static void test_entries(void)
{
    begin();
    ivhd(0x10, 2, 0xfeb80000);
    entry(4, 0x20, 0);                             /* end of nothing */
    entry(3, 0x30, 0);                             /* no end before the next start */
    entry(3, 0x40, 0);
    entry(2, 0x77, 0);                             /* in between: both count */
    entry(4, 0x48, 0);
    entry(3, 0x60, 0);
    entry(4, 0x5f, 0);                             /* backwards */
    entry(5, 0, 0);                                /* nobody knows these, but their length */
    entry(0x41, 0, 0);
    entry(0x80, 0, 0);
    entry(0xf0, 0, 0);                             /* a name is a thing of type 40h */
    special(1, 0xa0, 3, 0);
    entry(2, 0x99, 0);
    entry(3, 0xa0, 0);                             /* no end at all */
    CHECK_EQ(parse(), ST_OK);
    CHECK_EQ(v.entries, 3);
    check_entry(0, IVHD_SELECT, 0x77, 0x77);
    check_entry(1, IVHD_START, 0x40, 0x48);
    check_entry(2, IVHD_SELECT, 0x99, 0x99);
    CHECK_EQ(v.notes.count, 9);
    CHECK(noted("range without an end") && noted("did not begin") && noted("unknown device entry"));
    CHECK(noted("unknown variety") && v.lost == ST_OK);
    CHECK_EQ(v.unit[0].end, 3);
    for (unsigned cut = 1; cut < 8; cut++) {       /* an entry that is cut costs the rest of its block */
        begin();
        size_t a = ivhd(0x10, 2, 0xfeb80000);
        entry(2, 0x10, 0);
        entry(0x42, 0x20, 0);
        word(a + 2, 24 + 4 + cut, 2);
        len -= 8 - cut;
        block_at = 0;
        grow(0);
        ivhd(0x10, 3, 0xfeb90000);
        entry(2, 0x30, 0);
        CHECK_EQ(parse(), ST_OK);
        CHECK(v.units == 2 && v.entries == 2 && v.notes.count == 1 && noted("device entry is cut") && v.lost == ST_OK);
    }
    for (unsigned cut = 1; cut < 31; cut++) {      /* so does a name that is longer than its block */
        begin();
        ivhd(0x40, 2, 0xfeb80000);
        named(0xa5, "\\_SB.FUR0");
        len -= cut;
        grow(0);
        CHECK_EQ(parse(), ST_OK);
        CHECK(v.units == 1 && v.entries == 0 && noted("device entry is cut"));
    }
    begin();
    ivhd(0x11, 2, 0xfeb80000);
    for (unsigned i = 0; i < IVRS_ENTRIES + 5; i++)
        entry(2, i, 0);
    entry(3, 1, 0);
    entry(4, 2, 0);
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.entries == IVRS_ENTRIES && v.notes.count == 6 && noted("more entries") && v.unit[0].end == IVRS_ENTRIES);
}

static void test_regions(void)
{
    begin();
    ivmd(0x21, 1, 0, 0, 0x1000, 0);
    ivmd(0x21, 1, 0, 0, 0x1000, ~0ull);
    ivmd(0x21, 1, 0, 0, (1ull << 52) - 0x1000, 0x1001);
    ivmd(0x22, 1, 8, 7, 0x1000, 0x1000);
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.regions == 0 && v.notes.count == 4 && noted("ends before it begins") && v.lost == ST_OK);
    begin();
    ivmd(0x21, 1, 0, 0, 0x1800, 0xfff);
    ivmd(0x21, 1, 0, 0, (1ull << 52) - 0x1000, 0x1000);
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.regions == 2 && v.region[0].base == 0x1000 && v.region[0].len == 0x2000 && noted("widened"));
    CHECK(v.region[1].base == (1ull << 52) - 0x1000 && v.region[1].len == 0x1000 && v.notes.count == 1);
    begin();
    for (unsigned i = 0; i <= IVRS_REGIONS; i++)
        ivmd(0x20, 1, 0, 0, 0x1000 * i, 0x1000);
    CHECK_EQ(parse(), ST_OK);
    CHECK(v.regions == IVRS_REGIONS && v.notes.count == 1 && noted("more entries") && v.lost == ST_OK);
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
        block_at = 0;
        fclose(f);
        CHECK_EQ(parse(), ST_OK);
        CHECK(v.units >= 1 && v.lost == ST_OK && !v.unit[0].broken && v.entries > 0);
        bool ioapic = false;
        for (uint32_t i = 0; i < v.entries; i++)
            ioapic |= v.entry[i].type == IVHD_SPECIAL && v.entry[i].variety == IVHD_IOAPIC;
        CHECK(ioapic);
        notes += v.notes.count != 0;
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
    CHECK(tables >= 80);
}

int main(void)
{
    test_good();
    test_types();
    test_header();
    test_lengths();
    test_units();
    test_entries();
    test_regions();
    test_corpus("../shared/acpi-corpus/IVRS");
    return unit_done();
}
