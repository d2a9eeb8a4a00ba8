/* SPDX-License-Identifier: BSD-2-Clause */
/* link: kernel/lib/fmt.c kernel/lib/str.c */
#include "kernel/lib/fmt.h"

#include "tests/unit/unit.h"

static char buf[64];

#define IS(want, ...) do { size_t n_ = fmt(buf, sizeof buf, __VA_ARGS__); CHECK_STR(buf, want); CHECK_EQ(n_, strlen(want)); } while (0)

static void numbers(void)
{
    IS("0", "%d", 0);
    IS("-1", "%d", -1);
    IS("-2147483648", "%d", (int)(-2147483647 - 1));
    IS("-9223372036854775808", "%ld", (long)(-9223372036854775807L - 1));
    IS("18446744073709551615", "%lu", ~0ul);
    IS("4294967295", "%u", ~0u);
    IS("deadbeef", "%x", 0xdeadbeefu);
    IS("ffffffffffffffff", "%lx", ~0ul);
    IS("123456789", "%lu", (size_t)123456789);
}

static void padding(void)
{
    IS("   42", "%5d", 42);
    IS("42   |", "%-5d|", 42);
    IS("00042", "%05d", 42);
    IS("-0042", "%05d", -42);
    IS("  -42", "%5d", -42);
    IS("0000:3c", "%04x:%02x", 0u, 0x3cu);
    IS("0000000000000000002a", "%020x", 42u);
    IS("     000000000000000000000042", "%029d", 42);     /* as many zeroes as there is room for */
    IS("12345", "%3d", 12345);
}

static void strings(void)
{
    const char *volatile null = NULL;     /* not known to the compiler */
    IS("abc", "%s", "abc");
    IS("(null)", "%s", null);
    IS("ab", "%.*s", 2, "abc");
    IS("  ab", "%4.*s", 2, "abc");
    IS("ab  |", "%-4.*s|", 2, "abc");
    IS("x%y", "x%%y");
    IS("c", "%c", 'c');
    IS("", "%s", "");
}

static void limits(void)
{
    char small[4];
    CHECK_EQ(fmt(small, sizeof small, "%s", "abcdef"), 3);
    CHECK_STR(small, "abc");
    CHECK_EQ(fmt(small, 1, "%d", 12345), 0);
    CHECK_STR(small, "");
    CHECK_EQ(fmt(small, sizeof small, "%9d", 1), 3);
    CHECK_STR(small, "   ");
}

int main(void)
{
    numbers();
    padding();
    strings();
    limits();
    return unit_done();
}
