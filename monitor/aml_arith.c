/* SPDX-License-Identifier: BSD-2-Clause */
/* AML: integers and logic [ACPI 19.6, 20.2.5.4]. Pure. */
#include "monitor/aml_internal.h"

static uint64_t lowest(uint64_t x) { return x ? (uint64_t)__builtin_ctzll(x) + 1 : 0; }
static uint64_t highest(uint64_t x) { return x ? 64 - (uint64_t)__builtin_clzll(x) : 0; }

bool aml_arith(uint64_t op, uint64_t x, uint64_t y, uint64_t *out)
{
    switch (op) {
    case 0x72: *out = x + y; return true;
    case 0x74: *out = x - y; return true;
    case 0x77: *out = x * y; return true;
    case 0x79: *out = y < 64 ? x << y : 0; return true;
    case 0x7a: *out = y < 64 ? x >> y : 0; return true;
    case 0x7b: *out = x & y; return true;
    case 0x7c: *out = ~(x & y); return true;
    case 0x7d: *out = x | y; return true;
    case 0x7e: *out = ~(x | y); return true;
    case 0x7f: *out = x ^ y; return true;
    case 0x80: *out = ~x; return true;
    case 0x81: *out = highest(x); return true;
    case 0x82: *out = lowest(x); return true;
    case 0x85: *out = y ? x % y : 0; return y != 0;
    case 0x90: *out = x && y; return true;
    case 0x91: *out = x || y; return true;
    case 0x92: *out = !x; return true;
    case 0x93: *out = x == y; return true;
    case 0x94: *out = x > y; return true;
    case 0x95: *out = x < y; return true;
    default: return false;
    }
}
