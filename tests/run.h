/* SPDX-License-Identifier: BSD-2-Clause */
/* The test runner's parts: results, the case file, one case in QEMU. Host code. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum result { RESULT_PASS, RESULT_FAIL, RESULT_SKIP };

#define MAX_LINES 128

struct line { char *key, *value; int number; };   /* one "key = value" of cases.cfg, in order */
struct test_case {
    char *name;
    int count, number;
    struct line line[MAX_LINES];
};
struct case_file {
    struct test_case *item;
    int count;
    struct test_case all;                /* section [all]: lines that every case has */
};

/* Prints the error and exits with 2 when the file is wrong: a case that cannot be read is not a skip. */
void cfg_read(const char *path, struct case_file *cf);
/* First value of a key in the case or in [all], or fallback. */
const char *cfg_get(const struct case_file *cf, const struct test_case *c, const char *key, const char *fallback);

/* Runs one case; writes one line of explanation to why. Called in a process of its own. */
enum result case_run(const struct case_file *cf, const struct test_case *c, char *why, size_t size);

