/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory and string functions; the four mem* names are what compilers call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

size_t str_len(const char *s);
size_t str_nlen(const char *s, size_t max);
bool str_eq(const char *a, const char *b);
bool str_starts(const char *s, const char *prefix);
/* Copies at most size-1 bytes and always ends with NUL; returns bytes copied. size > 0. */
size_t str_copy(char *dst, size_t size, const char *src);

