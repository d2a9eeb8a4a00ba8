/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks for host unit tests: count, print failures, go on. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void unit_fail(const char *file, int line, const char *text);
void unit_fail_eq(const char *file, int line, const char *text, unsigned long long a, unsigned long long b);
extern unsigned unit_checks, unit_failures;
/* Prints the count; returns the exit code: 1 when anything failed or nothing ran. */
int unit_done(void);

#define CHECK(c) \
    do { unit_checks++; if (!(c)) unit_fail(__FILE__, __LINE__, #c); } while (0)
#define CHECK_EQ(a, b) \
    do { \
        unsigned long long x_ = (unsigned long long)(a), y_ = (unsigned long long)(b); \
        unit_checks++; \
        if (x_ != y_) unit_fail_eq(__FILE__, __LINE__, #a " == " #b, x_, y_); \
    } while (0)
#define CHECK_STR(a, b) \
    do { \
        const char *s_ = (a), *t_ = (b); \
        unit_checks++; \
        if (strcmp(s_, t_) != 0) { unit_fail(__FILE__, __LINE__, #a " == " #b); printf("    got  \"%s\"\n    want \"%s\"\n", s_, t_); } \
    } while (0)

