/* SPDX-License-Identifier: BSD-2-Clause */
/* The host environment of unit tests. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "kernel/lib/base.h"

unsigned unit_checks, unit_failures;

void unit_fail(const char *file, int line, const char *text)
{
    unit_failures++;
    printf("FAIL %s:%d: %s\n", file, line, text);
}

void unit_fail_eq(const char *file, int line, const char *text, unsigned long long a, unsigned long long b)
{
    unit_failures++;
    printf("FAIL %s:%d: %s (%llu = 0x%llx, %llu = 0x%llx)\n", file, line, text, a, a, b, b);
}

int unit_done(void)
{
    if (unit_checks == 0)
        printf("FAIL no check ran\n");
    else if (unit_failures == 0)
        printf("ok %u checks\n", unit_checks);
    else
        printf("FAIL %u of %u checks\n", unit_failures, unit_checks);
    return unit_checks == 0 || unit_failures != 0;
}

void kassert_fail(const char *condition, const char *file, int line)
{
    printf("FAIL assertion %s:%d: %s\n", file, line, condition);
    fflush(stdout);
    abort();
}
