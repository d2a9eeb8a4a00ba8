/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/lib/str.c */
#include "kernel/lib/str.h"

#include "kernel/lib/base.h"
#include "tests/unit/unit.h"

static void strings(void)
{
    char dst[4];
    CHECK_EQ(str_len(""), 0);
    CHECK_EQ(str_len("abc"), 3);
    CHECK_EQ(str_nlen("abc", 2), 2);
    CHECK_EQ(str_nlen("abc", 9), 3);
    CHECK(str_eq("", "") && str_eq("ab", "ab"));
    CHECK(!str_eq("ab", "a") && !str_eq("a", "ab") && !str_eq("ab", "ac"));
    CHECK(str_starts("abc", "ab") && str_starts("abc", "") && !str_starts("ab", "abc"));
    CHECK_EQ(str_copy(dst, sizeof dst, "abcdef"), 3);
    CHECK_STR(dst, "abc");
    CHECK_EQ(str_copy(dst, 1, "x"), 0);
    CHECK_STR(dst, "");
}

static void fields(void)
{
    CHECK_EQ(BIT64(63), 0x8000000000000000ull);
    CHECK_EQ(MASK64(63, 0), ~0ull);
    CHECK_EQ(MASK64(51, 12), 0x000ffffffffff000ull);
    CHECK_EQ(MASK32(31, 31), 0x80000000u);
    CHECK_EQ(FIELD_GET(MASK64(15, 8), 0xab12cd), 0x12);
    CHECK_EQ(FIELD_PREP(MASK64(15, 8), 0x12), 0x1200);
    CHECK_EQ(FIELD_PREP(MASK64(15, 8), 0x312), 0x1200);
    CHECK(FIELD_FITS(MASK64(15, 8), 0xff) && !FIELD_FITS(MASK64(15, 8), 0x100));
}

static void ranges(void)
{
    CHECK(range_ok(0, 1, 1));
    CHECK(!range_ok(0, 0, 1));
    CHECK(!range_ok(1, 1, 1));
    CHECK(!range_ok(~0ull, 2, ~0ull));
    CHECK(!range_ok(2, ~0ull, ~0ull));
    CHECK(range_ok(0, ~0ull, ~0ull));
    CHECK(range_overlaps(0, 2, 1, 2) && !range_overlaps(0, 2, 2, 2) && !range_overlaps(2, 2, 0, 2));
    CHECK(range_contains(10, 10, 10, 10) && range_contains(10, 10, 19, 1));
    CHECK(!range_contains(10, 10, 9, 1) && !range_contains(10, 10, 19, 2));
    for (uint64_t i = 0; i < 8; i++)
        CHECK_EQ(index_clamp(i, 5), i < 5 ? i : 0);
    CHECK_EQ(index_clamp(~0ull, 5), 0);
    CHECK_EQ(index_clamp(0, 0), 0);
}

static void names(void)
{
    struct bdf b = bdf_make(3, 0x1f, 7);
    CHECK_EQ(bdf_rid(b), 0x03ff);
    CHECK(bdf_eq(bdf_of_rid(0x03ff), b));
    CHECK_EQ(bdf_dev(b), 0x1f);
    CHECK_EQ(bdf_fn(b), 7);
    CHECK_EQ(PAGE_UP(1), 4096);
    CHECK_EQ(PAGE_UP(4096), 4096);
    CHECK_EQ(PAGE_DOWN(8191), 4096);
}

int main(void)
{
    strings();
    fields();
    ranges();
    names();
    return unit_done();
}
