/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory and string functions. */
#include "kernel/lib/str.h"

#include <stdint.h>

#ifndef CORDON_HOST    /* the host's libc has the mem* names already */
void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    void *d = dst;
    __asm__ volatile ("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    void *d = dst;
    __asm__ volatile ("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    if ((uintptr_t)d - (uintptr_t)s >= n)
        return memcpy(dst, src, n);
    while (n-- > 0)
        d[n] = s[n];
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    size_t i = 0;
    while (i < n && x[i] == y[i])
        i++;
    return i < n ? x[i] - y[i] : 0;
}
#endif

size_t str_nlen(const char *s, size_t max)
{
    size_t n = 0;
    while (n < max && s[n])
        n++;
    return n;
}

size_t str_len(const char *s) { return str_nlen(s, SIZE_MAX); }
bool str_eq(const char *a, const char *b) { return str_len(a) == str_len(b) && memcmp(a, b, str_len(a)) == 0; }

bool str_starts(const char *s, const char *prefix)
{
    size_t n = str_len(prefix);
    return str_nlen(s, n) == n && memcmp(s, prefix, n) == 0;
}

size_t str_copy(char *dst, size_t size, const char *src)
{
    size_t n = str_nlen(src, size - 1);
    memcpy(dst, src, n);
    dst[n] = 0;
    return n;
}
