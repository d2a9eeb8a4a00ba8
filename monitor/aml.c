/* SPDX-License-Identifier: BSD-2-Clause */
/* Reader for Name (_S5, Package () { a, b, ... }) [ACPI 7.4.2]. */
#include "monitor/aml.h"

#define HEADER       36u       /* [ACPI 5.2.6] */
#define OP_ZERO    0x00u       /* [ACPI 20.2] */
#define OP_ONE     0x01u
#define OP_NAME    0x08u
#define OP_BYTE    0x0au
#define OP_WORD    0x0bu
#define OP_DWORD   0x0cu
#define OP_PACKAGE 0x12u

/* A package length: bytes that its own encoding takes, 0 when it is cut. */
static size_t package_length(const uint8_t *p, size_t left, size_t *length)
{
    size_t more, value;
    if (left == 0)
        return 0;
    more = p[0] >> 6;
    if (more >= left)
        return 0;
    value = more ? p[0] & 0x0fu : p[0] & 0x3fu;
    for (size_t i = 0; i < more; i++)
        value |= (size_t)p[1 + i] << (4 + 8 * i);
    *length = value;
    return 1 + more;
}

/* An integer constant; bytes that it takes, 0 when it is none or cut. */
static size_t integer(const uint8_t *p, size_t left, uint32_t *value)
{
    size_t bytes;
    if (left == 0)
        return 0;
    switch (p[0]) {
    case OP_ZERO:  *value = 0; return 1;
    case OP_ONE:   *value = 1; return 1;
    case OP_BYTE:  bytes = 1; break;
    case OP_WORD:  bytes = 2; break;
    case OP_DWORD: bytes = 4; break;
    default:       return 0;
    }
    if (left < 1 + bytes)
        return 0;
    *value = 0;
    for (size_t i = 0; i < bytes; i++)
        *value |= (uint32_t)p[1 + i] << (8 * i);
    return 1 + bytes;
}

/* What stands behind the name: PackageOp length count elements. */
static bool package(const uint8_t *p, size_t left, uint8_t *typ_a, uint8_t *typ_b)
{
    size_t length = 0, used, count;
    uint32_t a, b;
    if (left < 2 || p[0] != OP_PACKAGE)
        return false;
    used = package_length(p + 1, left - 1, &length);
    if (used == 0 || length < used + 1 || length > left - 1)
        return false;
    p += 1 + used;
    left = length - used;
    count = p[0];
    p++;
    left--;
    used = integer(p, left, &a);
    if (used == 0 || count == 0)
        return false;
    if (count == 1) {               /* both in one: low byte a, next byte b */
        b = a >> 8 & 0xff;
        a &= 0xff;
    } else if (integer(p + used, left - used, &b) == 0) {
        return false;
    }
    if (a > 7 || b > 7)
        return false;
    *typ_a = (uint8_t)a;
    *typ_b = (uint8_t)b;
    return true;
}

status_t aml_s5(const uint8_t *table, size_t size, uint8_t *typ_a, uint8_t *typ_b)
{
    size_t length;
    if (size < HEADER)
        return ST_CORRUPT;
    length = (size_t)table[4] | (size_t)table[5] << 8 | (size_t)table[6] << 16 | (size_t)table[7] << 24;
    if (length < HEADER || length > size)
        return ST_CORRUPT;
    for (size_t i = HEADER; i + 5 <= length; i++) {
        bool named;
        if (memcmp(table + i, "_S5_", 4) != 0)
            continue;
        /* NameOp, or NameOp and the root character before the name */
        named = (i > HEADER && table[i - 1] == OP_NAME) ||
                (i > HEADER + 1 && table[i - 1] == '\\' && table[i - 2] == OP_NAME);
        if (named && package(table + i + 4, length - i - 4, typ_a, typ_b))
            return ST_OK;
    }
    return ST_NOTFOUND;
}
