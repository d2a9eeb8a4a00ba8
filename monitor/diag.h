/* SPDX-License-Identifier: BSD-2-Clause */
/* A refusal or warning with its place in the manifest, and its printed form. Pure. */
#pragma once

#include "kernel/lib/base.h"
#include "monitor/codes.h"

/* A piece of the manifest. line 0 = no place. Columns count characters from 1. */
struct span {
    uint32_t off, len;
    uint32_t line, col;
};

enum diag_kind { DIAG_ERROR, DIAG_WARNING };

#define DIAG_TEXT  400u
#define DIAG_ALL   0xffffu     /* vm: concerns the file, not one guest */

struct diag {
    enum code code;
    enum diag_kind kind;
    uint32_t vm;               /* index in the manifest or DIAG_ALL */
    uint32_t line, col, len;   /* where, as a person counts */
    struct span at, also;      /* also: a second line to quote, line 0 = none */
    char text[DIAG_TEXT];      /* what: fact -> meaning -> what to do */
};

/* A list of fixed size; what does not fit is counted. */
struct diag_list {
    struct diag *item;
    uint32_t count, max, lost;
};

/* Adds an entry; text by printf rules. at and also may be NULL. */
void diag_add(struct diag_list *list, enum code code, enum diag_kind kind, uint32_t vm,
              const struct span *at, const struct span *also, const char *format, ...) PRINTF(7, 8);

/* "CODE file:line:col: text", the line and a caret, then the second line if any;
 * lines end with \n. text/len is the manifest. Returns bytes written, size > 0. */
size_t diag_format(const struct diag *d, const char *text, size_t len, char *buf, size_t size);

/* The line that holds off: its start and length without the line end. */
void diag_line_at(const char *text, size_t len, size_t off, size_t *start, size_t *line_len);

